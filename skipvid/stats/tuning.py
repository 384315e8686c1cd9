"""What tuning thresholds came to: the trials that no other beats, for the terminal and for a run's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from skipvid.stats.markup import Markup, tag
from skipvid.stats.words import share

__all__ = ["pareto_section", "pareto_table"]

_TITLE = "What was tried: no other setting is better in both time and quality"
_COLUMNS = ("MACs", "ms / frame", "AP50", "AP75", "longest miss", "false / frame", "")


def pareto_table(measured: Mapping[str, Any]) -> Table:
    """The table for the terminal.

    Args:
        measured: ``measured`` of a thresholds file.
    """
    table = Table(title=_TITLE)
    for heading in _COLUMNS:
        table.add_column(heading, justify="right" if heading else "left")
    for row in _rows(measured):
        table.add_row(*row)
    return table


def pareto_section(tuning: Mapping[str, Any] | None) -> Markup:
    """The section of a page; nothing where the thresholds of the run were not tuned.

    Args:
        tuning: ``gate.tuning`` of ``run.json``.
    """
    measured = (tuning or {}).get("measured")
    rows = _rows(measured) if isinstance(measured, Mapping) else []
    if tuning is None or not rows:
        return Markup("")
    footage = ", ".join(str(item.get("name")) for item in tuning.get("footage", ()) if isinstance(item, Mapping))
    head = tag("thead", tag("tr", *(tag("th", heading) for heading in _COLUMNS)))
    body = tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in rows))
    table = tag("div", tag("table", head, body), class_="scroll")
    hint = f"Thresholds tuned on {footage}. {_held_out(measured)}{_TITLE}."
    return tag("section", tag("h2", "How the thresholds were chosen"), tag("p", hint, class_="hint"), table)


def _held_out(measured: Any) -> str:
    held = measured.get("held_out")
    if not isinstance(held, Mapping):
        return ""
    return f"On frames not searched on: {_percent(held.get('macs'))} of the MACs at AP50 {_figure(held.get('quality'), '.3f')}. "


def _rows(measured: Mapping[str, Any]) -> list[tuple[str, ...]]:
    pareto = measured.get("pareto")
    rows: Sequence[Any] = pareto if isinstance(pareto, list) else ()
    return [
        (
            _percent(row.get("macs")),
            _figure(row.get("ms"), ".2f"),
            _figure(row.get("quality"), ".3f"),
            _figure(row.get("quality75"), ".3f"),
            _figure(row.get("longest_miss"), ".0f"),
            _figure(row.get("false_detections"), ".2f"),
            "chosen" if row.get("chosen") else "",
        )
        for row in rows
        if isinstance(row, Mapping)
    ]


def _percent(value: object) -> str:
    return share(value) if isinstance(value, int | float) else "-"


def _figure(value: object, form: str) -> str:
    return format(value, form) if isinstance(value, int | float) else "-"
