"""Figures in words, the same in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from skipvid.stats.savings import Savings

if TYPE_CHECKING:
    from skipvid.stats.summary import RunSummary

__all__ = ["error_share", "giga", "model_line", "refresh_words", "savings_words", "share", "speed"]

_REASONS = {
    "first": "first frame",
    "exposure": "step of exposure",
    "finer": "for finer thresholds",
    "moving": "moving camera",
    "size": "change of size",
}


def share(value: float | None) -> str:
    """``83.4 %``; a dash for None."""
    if value is None:
        return "-"
    return f"{100 * value:.2f} %" if 0 < abs(value) < 0.00095 else f"{100 * value:.1f} %"


def error_share(value: float) -> str:
    """``0.46 %``, ``12 %``, ``120 %``: two digits, or all in front of the point."""
    percent = 100 * value
    return f"{percent:.0f} %" if percent >= 9.95 else f"{percent:.2g} %"


def giga(macs: float) -> str:
    """Multiply-accumulates to three digits, with a unit."""
    for unit, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if macs >= 0.9995 * size:
            value = macs / size
            return f"{value:.{0 if value >= 99.95 else 1 if value >= 9.995 else 2}f} {unit}"
    return f"{macs:.0f}"


def savings_words(saved: Savings) -> list[tuple[str, float | None, str]]:
    """The three savings, which always stand together: title, share and details."""
    macs = f"{giga(saved.executed)} of {giga(saved.dense)} executed"
    macs += f", {1 / (1 - saved.macs):.1f}x fewer" if 0.01 < saved.macs < 0.9999 else ""
    network = (
        f"{saved.network_ms:.1f} ms" + ("" if saved.network is None else f" instead of {saved.full_ms:.1f} ms") + " per frame"
    )
    program = f"{saved.seconds:.1f} s"
    if saved.live:
        program += " at the pace of the camera"
    elif saved.dense_seconds is not None:
        program += f" instead of {saved.dense_seconds:.1f} s (estimated)"
    return [
        ("MACs saved", saved.macs, macs),
        ("Network time saved", saved.network, network),
        ("Whole-program time saved", saved.program, program),
    ]


def speed(saved: Savings) -> str:
    """Frames per second over the whole run."""
    return f"{saved.frames / saved.seconds:.1f}" if saved.seconds > 0 else "-"


def refresh_words(refreshes: Mapping[str, int]) -> str:
    """Why frames were computed in full: ``first frame, 3 x scene cut``."""
    named = ((_REASONS.get(reason, reason.replace("-", " ")), count) for reason, count in refreshes.items())
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in named)


def model_line(summary: RunSummary) -> str:
    """The model, its input size and the preset."""
    size, preset = summary.fact("model", "input"), summary.fact("config", "preset")
    line = str(summary.fact("model", "name") or "unknown model")
    if isinstance(size, Sequence) and len(size) == 2:
        line += f" at {size[1]}x{size[0]}"
    return line + (f", {preset} preset" if preset else "")
