"""The model store: a folder of downloaded weights, each checked by its digest every time it is used."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from skipvid.errors import ModelError
from skipvid.models.card import Card, Source

__all__ = ["Entry", "Progress", "Store", "cache_folder", "offline_by_environment"]

Progress = Callable[[int, int], None]
"""Called with the bytes so far and the bytes in all (0: unknown)."""


@dataclass(frozen=True)
class Entry:
    """What the store recorded about a file when it was fetched.

    Attributes:
        sha256: Digest of the file.
        size: Bytes.
        source: Where it came from, in words.
        published: Whether the digest was published beforehand; if not, the first download was trusted.
        fetched: When, ISO 8601 UTC.
    """

    sha256: str
    size: int
    source: str
    published: bool
    fetched: str


class Store:
    """Weights of the registry on this machine.

    Args:
        folder: Cache folder; None for the user's own.
        offline: Never touch the network; None to do as ``SKIPVID_OFFLINE`` says.
    """

    def __init__(self, folder: Path | None = None, offline: bool | None = None) -> None:
        self.folder = folder or cache_folder()
        self.offline = offline_by_environment() if offline is None else offline

    def path(self, card: Card) -> Path:
        """Where the weights of a registry entry are kept, present or not."""
        return self.folder / "models" / _source(card).file

    def entry(self, card: Card) -> Entry | None:
        """What was recorded when the weights were fetched."""
        try:
            return Entry(**self._index()[card.name])
        except (KeyError, TypeError):
            return None

    def get(self, card: Card, progress: Progress | None = None) -> Path:
        """The weights of a registry entry, fetched if they are not there.

        Raises:
            ModelError: They cannot be fetched, or the file in the cache is not what it was.
        """
        path = self.path(card)
        if not path.exists():
            return self.pull(card, progress)
        self.check(card)
        return path

    def pull(self, card: Card, progress: Progress | None = None) -> Path:
        """Fetch the weights of a registry entry, replacing what is there, and record their digest. Offline, only check them.

        Raises:
            ModelError: No network, a wrong digest (the download is removed), a full disk, or offline mode.
        """
        source, path = _source(card), self.path(card)
        if self.offline and path.is_file():
            self.check(card)
            return path
        if self.offline:
            message = f"The weights of {card.name!r} are not on this machine, and offline mode forbids fetching them."
            raise ModelError(message, f"Run `skipvid models pull {card.name}` with a network, or put the file at {path}.")
        from skipvid.models.fetch import fetch

        recorded = self.entry(card)
        trusted = source.sha256 or (recorded.sha256 if recorded else "")
        digest = fetch(card.name, source, path, trusted, progress)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self._record(card, Entry(digest, path.stat().st_size, source.where, bool(source.sha256), now))
        return path

    def check(self, card: Card) -> str:
        """The digest of the weights in the cache, compared with the published one, else with the recorded one.

        Raises:
            ModelError: There are none, or they differ.
        """
        path, source = self.path(card), _source(card)
        if not path.is_file():
            message = f"The weights of {card.name!r} are not on this machine ({path})."
            raise ModelError(message, f"Run `skipvid models pull {card.name}`.")
        recorded = self.entry(card)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        expected = source.sha256 or (recorded.sha256 if recorded else "")
        if not expected:  # put there by hand, nothing published: from now on it must stay what it is
            now = datetime.now(UTC).isoformat(timespec="seconds")
            self._record(card, Entry(digest, path.stat().st_size, "put there by hand", False, now))
        elif digest != expected:
            message = f"The weights of {card.name!r} are damaged or changed: {path} has sha256 {digest}, not {expected}."
            raise ModelError(message, f"Run `skipvid models pull {card.name}` to fetch them again.")
        return digest

    def _index(self) -> dict[str, dict[str, Any]]:
        try:
            index = json.loads((self.folder / "index.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return index if isinstance(index, dict) else {}

    def _record(self, card: Card, entry: Entry) -> None:
        path = self.folder / "index.json"
        part = path.with_name(f"index.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps({**self._index(), card.name: asdict(entry)}, indent=1), "utf-8")
            os.replace(part, path)
        except OSError as error:
            message = f"The record of downloaded models {path} cannot be written: {error.strerror}."
            raise ModelError(message, "Free some space, or set SKIPVID_CACHE to a folder that can be written.") from error


def cache_folder() -> Path:
    """The folder for downloads: ``SKIPVID_CACHE``, else ``skipvid`` in the platform's cache folder."""
    if own := os.environ.get("SKIPVID_CACHE"):
        return Path(own).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "skipvid"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "skipvid" / "Cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skipvid"


def offline_by_environment() -> bool:
    """Whether ``SKIPVID_OFFLINE`` is set to anything but 0, no or false."""
    return os.environ.get("SKIPVID_OFFLINE", "").lower() not in ("", "0", "no", "false")


def _source(card: Card) -> Source:
    if card.source is None:
        message = f"The model {card.name!r} is not one of the registry: nothing says where its weights come from."
        raise ModelError(message, "Give the path of its .onnx file.")
    return card.source
