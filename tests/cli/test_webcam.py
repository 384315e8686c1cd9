"""``skipvid webcam``: live, with a file in the camera's place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.conftest import Skipvid
from skipvid.pipeline import process
from skipvid.pipeline.window import display_problem


@pytest.fixture(autouse=True)
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "display_problem", lambda: "there is no display")


def test_a_file_is_fed_at_its_own_pace_and_nothing_is_written_unasked(skipvid: Skipvid, model: Path, clip: Path) -> None:
    said = skipvid("webcam", clip, "--model", model)
    assert said.code == 0
    assert "note: no preview window: there is no display" in said.err
    assert not list(Path().iterdir())


def test_it_records_where_asked_to(skipvid: Skipvid, model: Path, clip: Path) -> None:
    assert skipvid("webcam", clip, "--model", model, "--record", "--max-frames", "6", "-q").code == 0
    facts = json.loads(Path("runs/walk/run.json").read_text())
    assert facts["source"]["live"]
    assert facts["totals"]["frames"] == 6
    assert Path("runs/walk/annotated.mp4").exists()


def test_no_camera_is_one_clear_line(skipvid: Skipvid) -> None:
    said = skipvid("webcam", "97")
    assert said.code == 1
    assert said.err.startswith("skipvid: There is no camera 97: /dev/video97 does not exist")
    assert said.err.count("\n") == 1


def test_a_machine_without_a_display_is_found_out_without_dying(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert display_problem() in ("there is no display", "this OpenCV has no windows (a headless build)", None)
