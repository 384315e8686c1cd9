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
from rich.table import Column
from rich.text import Text

__all__ = ["make_bar"]

_WIDE = 110  # columns of a terminal with room for everything
_BAR = 40
_FIGURES = 68  # columns that a short bar and all figures take
_SHORTEST = 8


class _Rate(ProgressColumn):
    """Frames per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f} frames/s")


def make_bar(console: Console, source: str, frames: int | None) -> Progress:
    """A bar with one task, not started yet; its field ``updates`` is text that ends the line.

    Args:
        console: Where it is shown.
        source: Name of the video.
        frames: How many frames are expected; None: unknown.
    """
    known = frames is not None
    # Where there is little room the name gives way, not the figures.
    room = max(console.width - (_FIGURES if known else _FIGURES // 2), _SHORTEST)
    name = Column(no_wrap=True, overflow="ellipsis", max_width=room)
    columns: list[ProgressColumn | str] = [SpinnerColumn(), TextColumn("{task.description}", markup=False, table_column=name)]
    columns += [BarColumn(_BAR if console.width >= _WIDE else _BAR // 4), TextColumn("{task.percentage:>3.0f}%")] if known else []
    columns += [MofNCompleteColumn() if known else TextColumn("{task.completed} frames"), _Rate()]
    columns += [TimeRemainingColumn()] if known else []
    columns += [TextColumn("{task.fields[updates]}")]
    bar = Progress(*columns, console=console, transient=True)
    bar.add_task(source, total=frames, updates="")
    return bar
