"""Progress is a bar on a terminal, lines in a log, and nothing when quiet."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from skipvid.cli.progress import Reporter
from skipvid.pipeline.observer import FrameReport, RunResult, Started, Status

STARTED = Started("walk", 100, 96, 64, "tiny", (64, 96), "reference", "balanced", ("batch bound to 1",))
RESULT = RunResult(
    status=Status.COMPLETE,
    folder=Path("runs/walk"),
    frames=100,
    dropped=3,
    detections=150,
    macs=2 * 10**9,
    dense_macs=8 * 10**9,
    network_ms=500.0,
    refresh_ms=20.0,
    refreshes=4,
    seconds=2.0,
    ms={},
)


class Clock:
    """Ten frames take a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def _told(reporter: Reporter, clock: Clock, started: Started = STARTED) -> None:
    reporter.started(started)
    for done in range(1, 101):
        clock.now = done / 10
        reporter.frame(FrameReport(done, 0.25, 1))
    reporter.notice("something")
    reporter.notice("something")
    reporter.finished(RESULT)


def _text(started: Started = STARTED, *, terminal: bool = False, quiet: bool = False, verbose: bool = False) -> str:
    file, clock = io.StringIO(), Clock()
    console = Console(file=file, force_terminal=terminal, width=120)
    _told(Reporter(None if quiet else console, verbose=verbose, clock=clock), clock, started)
    return file.getvalue()


def test_a_log_gets_a_line_every_few_seconds_and_each_notice_once() -> None:
    lines = _text().splitlines()
    assert lines[0] == "walk: 96x64, tiny at 96x64, reference engine, balanced"
    assert lines[1] == "50/100 frames (50%), 10.0 frames/s, 5 s left, updates 25.4%"
    assert lines[2] == "100/100 frames (100%), 10.0 frames/s, 0 s left, updates 25.0%"
    assert lines[3] == "note: something"
    assert "note: something" not in lines[4:]


def test_a_source_of_unknown_length_shows_no_share() -> None:
    lines = _text(Started("cam", None, 96, 64, "tiny", (64, 96), "reference", "balanced")).splitlines()
    assert lines[1] == "50 frames, 10.0 frames/s, updates 25.4%"


def test_a_terminal_gets_a_bar_that_is_gone_at_the_end() -> None:
    text = _text(terminal=True)
    assert "100/100" in text
    assert "frames/s" in text
    assert "note: something" in text


def test_quiet_is_silent_and_verbose_tells_the_loaders_remarks() -> None:
    assert _text(quiet=True) == ""
    assert "batch bound to 1" in _text(verbose=True)
    assert "batch bound to 1" not in _text()


def test_the_summary_shows_what_was_saved_together_and_against_what() -> None:
    text = _text()
    assert "100 (3 dropped to keep up)" in text
    assert "150 (1.50 per frame)" in text
    assert "75.0% (2.0 G of 8.0 G done)" in text
    assert "75.0% (against the 20.0 ms of the 4 frames computed in full)" in text
    assert "2.0 s (50.0 frames/s; network 0.5 s)" in text
    assert text.splitlines()[-1] == "Results are in runs/walk/"
