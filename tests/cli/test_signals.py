"""Ctrl-C and SIGTERM finalise every file; after SIGKILL what was written so far plays and rows are whole."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pipeline.making import moving, read_clip, write_clip

from skipvid.stats import files, rows


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("long") / "long.mp4", moving(1500))


def _start(arguments: list[object], folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "skipvid", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)


def _wait_for_rows(path: Path, process: subprocess.Popen[str], count: int = 10) -> None:
    began = time.monotonic()
    while not path.exists() or path.read_bytes().count(b"\n") < count:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - began < 60
        time.sleep(0.02)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finalises_every_file(number: int, code: int, long_clip: Path, model: Path, tmp_path: Path) -> None:
    process = _start(["run", long_clip, "--model", model, "--engine", "reference"], tmp_path)
    folder = tmp_path / "runs" / "long"
    _wait_for_rows(folder / files.STATS, process)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    frames = len(list(rows.read_rows(folder / files.STATS)))
    assert said.splitlines()[-1] == (
        f"skipvid: interrupted after {frames} frames; the files in runs/long/ are finished and play."
    )
    assert len(read_clip(folder / files.ANNOTATED)) == len(read_clip(folder / files.HEATMAP)) == frames
    assert not list(folder.glob("*.part"))
    assert json.loads((folder / files.RUN).read_text())["status"] == "interrupted"


def test_what_a_killed_run_leaves_plays_and_is_whole(long_clip: Path, model: Path, tmp_path: Path) -> None:
    process = _start(["run", long_clip, "--model", model, "--engine", "reference"], tmp_path)
    folder = tmp_path / "runs" / "long"
    _wait_for_rows(folder / files.STATS, process, 100)
    process.kill()
    process.communicate(timeout=60)
    assert (folder / files.STATS).read_bytes().endswith(b"\n")
    assert len(list(rows.read_rows(folder / files.PREDICTIONS))) >= 100
    assert not list(folder.glob("*.mp4"))
    assert len(read_clip(folder / "annotated.mp4.part")) >= 20
    assert json.loads((folder / files.RUN).read_text())["status"] == "running"
