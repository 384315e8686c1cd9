"""Figures in words, the same in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Sequence

from skipvid.stats.savings import Savings
from skipvid.stats.summary import RunSummary

__all__ = ["giga", "model_line", "share", "times_fewer", "whole_time"]


def share(value: float | None) -> str:
    """``83.4 %``; a dash for None."""
    if value is None:
        return "-"
    return f"{100 * value:.2f} %" if 0 < abs(value) < 0.00095 else f"{100 * value:.1f} %"


def times_fewer(saved: float) -> str:
    """``6.0x fewer`` for a share of 0.834 saved."""
    return f"{1 / (1 - saved):.1f}x fewer" if saved < 0.9999 else "nearly all"


def giga(macs: float) -> str:
    """Multiply-accumulates with a unit."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if macs >= size:
            return f"{macs / size:.2f} {unit}"
    return f"{macs:.0f}"


def model_line(summary: RunSummary) -> str:
    """The model, its input size and the preset."""
    size, preset = summary.fact("model", "input"), summary.fact("config", "preset")
    line = str(summary.fact("model", "name") or "unknown model")
    if isinstance(size, Sequence) and len(size) == 2:
        line += f" at {size[1]}x{size[0]}"
    return line + (f", {preset} preset" if preset else "")


def whole_time(saved: Savings) -> str:
    """Wall time, and what it would have been."""
    instead = "" if saved.dense_seconds is None else f" instead of {saved.dense_seconds:.1f} s (estimated)"
    return f"{saved.seconds:.1f} s{instead}"
