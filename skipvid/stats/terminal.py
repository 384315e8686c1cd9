"""A run summed up for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from skipvid.errors import printable
from skipvid.stats.checks import check_title, check_words
from skipvid.stats.moments import Moment, clock
from skipvid.stats.summary import RunSummary
from skipvid.stats.tuning import pareto_table
from skipvid.stats.words import giga, model_line, refresh_words, savings_words, share

__all__ = ["print_summary"]

_BAR = 28
_TOP_LAYERS = 12


def print_summary(summary: RunSummary, console: Console) -> None:
    """Print everything but the table of all layers, which is in the page and in JSON."""
    console.print(_heading(summary), soft_wrap=True)
    console.print(_headline(summary))
    for title, part in (
        (check_title(summary.checks), _checks(summary)),
        ("Time per frame", _stages(summary)),
        ("Layers that still cost most (update rate, MACs per frame)", _layers(summary)),
        ("Busiest and quietest moments (mean update rate)", _moments(summary)),
        ("Frames computed in full", _refreshes(summary)),
    ):
        if part is not None:
            console.print(Text(f"\n{title}", style="bold"))
            console.print(part)
    tuned = summary.fact("gate", "tuning", "measured")
    if isinstance(tuned, Mapping) and tuned.get("pareto"):
        console.print(Text("\nHow the thresholds were chosen", style="bold"))
        console.print(pareto_table(tuned))
    for note in summary.notes:
        console.print(Text(f"note: {note}", style="yellow"), soft_wrap=True)


def _heading(summary: RunSummary) -> RenderableType:
    text = Text(printable(summary.name), style="bold")
    counts = f"{summary.frames} {'frame' if summary.frames == 1 else 'frames'}, {summary.detections} detections, {summary.status}"
    return text.append(f"  {model_line(summary)}; {counts}", style="not bold")


def _headline(summary: RunSummary) -> RenderableType:
    saved = summary.savings
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right", style="bold")
    table.add_column(style="dim")
    for title, value, details in savings_words(saved):
        table.add_row(title, Text(share(value), style="" if value is None else "red" if value < 0 else "green"), details)
    return Group(table, Text(saved.basis, style="dim"))


def _checks(summary: RunSummary) -> RenderableType | None:
    words = check_words(summary.checks)
    if not words:
        return None
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title, text in words:
        table.add_row(title, Text(text))
    return table


def _bar(value: float, full: float, style: str) -> Text:
    """A bar of eighths of a character."""
    eighths = round(_BAR * 8 * value / full) if full > 0 else 0
    whole, rest = divmod(max(0, min(eighths, _BAR * 8)), 8)
    bar = "█" * whole + (" ▏▎▍▌▋▊▉"[rest] if rest else "")
    return Text(bar, style=style)


def _stages(summary: RunSummary) -> RenderableType | None:
    if not summary.stage_ms:
        return None
    table = _grid()
    longest = max(summary.stage_ms.values())
    for stage, ms in summary.stage_ms.items():
        table.add_row(escape(stage), f"{ms:.2f} ms", _bar(ms, longest, "cyan"))
    return table


def _layers(summary: RunSummary) -> RenderableType | None:
    costly = sorted((layer for layer in summary.layers if layer.macs), key=lambda layer: -layer.executed)
    if not costly:
        return None
    table = _grid()
    table.add_column(style="dim")
    for layer in costly[:_TOP_LAYERS]:
        table.add_row(
            Text(layer.name, overflow="ellipsis", no_wrap=True),
            share(layer.update_rate),
            _bar(layer.update_rate, max(other.update_rate for other in costly), "magenta"),
            f"{giga(layer.executed)} of {giga(layer.macs)}",
        )
    if len(costly) > _TOP_LAYERS:
        table.add_row(Text(f"and {len(costly) - _TOP_LAYERS} more", style="dim"), "", "", "")
    return table


def _moments(summary: RunSummary) -> RenderableType | None:
    if not summary.busiest:
        return None
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_row("busiest", Text(_list_moments(summary.busiest)))
    table.add_row("quietest", Text(_list_moments(summary.quietest)))
    return table


def _list_moments(moments: Sequence[Moment]) -> str:
    return "   ".join(f"{clock(m.start)}-{clock(m.end)} {share(m.update_rate)}" for m in moments)


def _refreshes(summary: RunSummary) -> RenderableType | None:
    if not summary.refreshes:
        return None
    return Text(refresh_words(summary.refreshes))


def _grid() -> Table:
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(max_width=44, no_wrap=True)
    table.add_column(justify="right")
    table.add_column(width=_BAR)
    return table
