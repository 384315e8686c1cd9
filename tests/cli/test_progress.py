"""Progress is a bar on a terminal, lines in a log, and nothing when quiet."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from skipvid.cli.progress import Reporter
from skipvid.pipeline.observer import FrameReport, RunResult, Started, Status
from skipvid.stats.savings import Savings

STARTED = Started("walk", 100, 96, 64, "tiny", (64, 96), "reference", "balanced", ("batch bound to 1",))
RESULT = RunResult(
    status=Status.COMPLETE,
    folder=Path("runs/walk"),
    frames=100,
    dropped=3,
    detections=150,
    savings=Savings(
        frames=100,
        executed=2 * 10**9,
        dense=8 * 10**9,
        network=0.75,
        program=0.4,
        full_ms=20.0,
        full_frames=4,
        cold=False,
        network_ms=5.0,
        seconds=2.0,
        dense_seconds=3.5,
        live=False,
    ),
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
    assert "100 (3 dropped to keep up), 50.0 per second" in text
    assert "150 (1.50 per frame)" in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    start = lines.index("MACs saved 75.0 % 2.00 G of 8.00 G executed, 4.0x fewer")
    assert lines[start + 1] == "Network time saved 75.0 % 5.0 ms instead of 20.0 ms per frame"
    assert lines[start + 2] == "Whole-program time saved 40.0 % 2.0 s instead of 3.5 s (estimated)"
    assert lines[start + 3] == "Times are against 4 full passes (median 20.0 ms)."
    assert text.splitlines()[-1] == "Results are in runs/walk/"


def test_a_narrow_terminal_shortens_the_name_and_keeps_the_figures() -> None:
    file, clock = io.StringIO(), Clock()
    long = Started("a_street_by_night_seen_by_camera_12", 1081, 96, 64, "tiny", (64, 96), "reference", "balanced")
    reporter = Reporter(Console(file=file, force_terminal=True, width=80), clock=clock)
    reporter.started(long)
    reporter.frame(FrameReport(1080, 0.25, 1))
    reporter.close()
    text = file.getvalue()
    assert "1080/1081" in text
    assert "updates 92.5%" in text
    assert "a_stre" in text
