"""The live bar of a run on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

__all__ = ["make_bar"]


class _Rate(ProgressColumn):
    """Frames per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} frames/s")


def make_bar(console: Console, source: str, frames: int | None) -> Progress:
    """A bar with one task, not started yet; its field ``updates`` is text.

    Args:
        console: Where it is shown.
        source: Name of the video.
        frames: How many frames are expected; None: unknown.
    """
    known = frames is not None
    columns: list[ProgressColumn | str] = [SpinnerColumn(), TextColumn("{task.description}", markup=False)]
    columns += [BarColumn(), TextColumn("{task.percentage:>3.0f}%")] if known else []
    columns += [MofNCompleteColumn() if known else TextColumn("{task.completed} frames"), _Rate()]
    columns += [TimeRemainingColumn()] if known else []
    columns += [TextColumn("updates {task.fields[updates]}")]
    bar = Progress(*columns, console=console, transient=True)
    bar.add_task(source, total=frames, updates="")
    return bar
