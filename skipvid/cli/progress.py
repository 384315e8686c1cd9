"""What a person at a terminal, or a log file, sees of a run."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from skipvid.errors import printable
from skipvid.pipeline.observer import FrameReport, RunResult, Started, Status
from skipvid.stats.checks import check_words
from skipvid.stats.words import savings_words, share, speed

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

__all__ = ["Reporter", "summary_table"]

_LINE_EVERY_S = 5.0
_SMOOTH = 0.9  # weight of the past in the update rate shown


class Reporter:
    """Shows a run: a live bar on a terminal, a plain line every few seconds elsewhere, nothing when quiet.

    Args:
        console: Where progress and notices go; None: nothing is shown.
        results: Where the summary goes; None: the same.
        verbose: Show the loader's remarks too.
        clock: Seconds that only rise.
    """

    def __init__(
        self,
        console: Console | None,
        results: Console | None = None,
        *,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._results = results or console
        self._verbose = verbose
        self._clock = clock
        self._bar: Progress | None = None
        self._total: int | None = None
        self._rate = 0.0
        self._began = self._said = 0.0
        self._said_before: set[str] = set()

    def started(self, facts: Started) -> None:
        self._total = facts.frames
        self._rate = 1.0
        self._began = self._said = self._clock()
        if self._console is None:
            return
        height, width = facts.network
        what = f"{facts.model} at {width}x{height}, {facts.engine} engine, {facts.gate}"
        self._print(f"{facts.source}: {facts.width}x{facts.height}, {what}")
        for note in facts.notes if self._verbose else ():
            self._print(f"  {note}")
        if self._console.is_terminal:
            from skipvid.cli.bar import make_bar

            self._bar = make_bar(self._console, printable(facts.source), facts.frames)
            self._bar.start()

    def frame(self, report: FrameReport) -> None:
        self._rate = _SMOOTH * self._rate + (1 - _SMOOTH) * report.update_rate
        if self._console is None:
            return
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=report.done, updates=f"updates {self._rate:.1%}")
        elif self._clock() - self._said >= _LINE_EVERY_S:
            self._said = self._clock()
            self._print(self._line(report.done))

    def _line(self, done: int) -> str:
        speed = done / max(self._said - self._began, 1e-9)
        if not self._total:
            return f"{done} frames, {speed:.1f} frames/s, updates {self._rate:.1%}"
        left = max(self._total - done, 0) / speed
        share = done / self._total
        return f"{done}/{self._total} frames ({share:.0%}), {speed:.1f} frames/s, {left:.0f} s left, updates {self._rate:.1%}"

    def notice(self, text: str) -> None:
        if text not in self._said_before:
            self._said_before.add(text)
            self._print(f"note: {text}")

    def finished(self, result: RunResult) -> None:
        self.close()
        if self._results is not None:
            self._results.print(summary_table(result))
            if result.folder is not None:
                self._results.print(printable(f"Results are in {result.folder}/"), markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Take the bar away, whatever happened."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _print(self, text: str) -> None:
        if self._console is not None:
            self._console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


def summary_table(result: RunResult) -> Table:
    """The run in a few lines. The three figures of what was saved always stand together."""
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    frames = f"{result.frames}" + (", interrupted" if result.status is Status.INTERRUPTED else "")
    if result.dropped:
        frames += f" ({result.dropped} dropped to keep up)"
    table.add_row("Frames", f"{frames}, {speed(result.savings)} per second")
    table.add_row("Detections", f"{result.detections} ({result.detections / max(result.frames, 1):.2f} per frame)")
    for title, value, details in savings_words(result.savings):
        table.add_row(title, Text(f"{share(value):>7}").append(f"  {details}", style="dim"))
    table.add_row("", Text(result.savings.basis, style="dim"))
    for title, text in check_words(result.checks):
        table.add_row(title, Text(text))
    return table
