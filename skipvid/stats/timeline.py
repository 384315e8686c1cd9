"""Values over time, brought down to what a screen can show, and the chart of the update rate."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.stats.markup import Markup, tag
from skipvid.stats.moments import clock
from skipvid.stats.summary import RunSummary

__all__ = ["Bins", "bin_series", "chart_svg", "encode_cells", "strip_cells"]

_COLUMNS = 360
_WIDTH, _HEIGHT = 1000, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 14, 46
_PHONE_WIDTH, _PHONE_HEIGHT = 380, 230


@dataclass(frozen=True, eq=False)
class Bins:
    """Frames gathered into columns; ``edges[i]:edges[i + 1]`` are the frames of column ``i``.

    Attributes:
        edges: ``(columns + 1,)``.
        times: ``(columns,)`` s, of the first frame in each.
        frames: ``(columns,)`` its number in the source.
        mean: Mean update rate.
        peak: Highest update rate.
        found: Mean number of detections.
        network: Mean network time in ms.
        refresh: Reasons of the frames computed in full, or "".
        forced: Whether any frame was computed in full or exactly by order.
    """

    edges: NDArray[np.int64]
    times: NDArray[np.float64]
    frames: NDArray[np.int64]
    mean: NDArray[np.float64]
    peak: NDArray[np.float64]
    found: NDArray[np.float64]
    network: NDArray[np.float64]
    refresh: tuple[str, ...]
    forced: NDArray[np.bool_]

    def to_dict(self) -> dict[str, Any]:
        """For the page's script, rounded."""
        return {
            "times": self.times.round(3).tolist(),
            "frames": self.frames.tolist(),
            "mean": self.mean.round(5).tolist(),
            "peak": self.peak.round(5).tolist(),
            "found": self.found.round(2).tolist(),
            "network": self.network.round(2).tolist(),
            "refresh": list(self.refresh),
        }


def bin_series(summary: RunSummary, columns: int = _COLUMNS) -> Bins:
    """Gather a run into at most so many columns."""
    series = summary.series
    edges = np.unique(np.linspace(0, summary.frames, min(columns, summary.frames) + 1).round().astype(np.int64))
    start = edges[:-1]
    reasons = tuple(", ".join(sorted({r for r in series.refresh[a:b] if r})) for a, b in pairwise(edges))
    return Bins(
        edges=edges,
        times=series.pts[start],
        frames=series.frame[start],
        mean=_means(series.update_rate, edges),
        peak=np.maximum.reduceat(series.update_rate, start).astype(np.float64),
        found=_means(series.detections, edges),
        network=_means(series.network_ms, edges),
        refresh=reasons,
        forced=np.maximum.reduceat(series.forced, start),
    )


def _means(values: NDArray[Any], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """Means along the first axis over ``edges[i]:edges[i + 1]``."""
    count = np.diff(edges).reshape(-1, *[1] * (values.ndim - 1))
    means: NDArray[np.float64] = np.add.reduceat(values.astype(np.float64), edges[:-1], axis=0) / count
    return means


def strip_cells(summary: RunSummary, layers: Sequence[int], bins: Bins) -> NDArray[np.uint8]:
    """``(layers, columns)`` square roots of mean update rates times 255: the eye tells small shares apart by their roots."""
    rates = summary.rates[:, list(layers)]
    if not len(rates):
        return np.zeros((len(layers), 1), np.uint8)
    edges = np.unique(np.minimum(bins.edges, len(rates)))
    cells: NDArray[np.uint8] = np.rint(np.sqrt(np.clip(_means(rates, edges), 0, 1)) * 255).astype(np.uint8).T
    return cells


def encode_cells(cells: NDArray[np.uint8]) -> str:
    """For the page's script."""
    return base64.b64encode(np.ascontiguousarray(cells).tobytes()).decode()


def ceiling(bins: Bins) -> float:
    """A round upper end for the axis: frames computed in full by order may stick out of it."""
    free = bins.peak[~bins.forced]
    top = float(np.quantile(free, 0.995)) if free.size else 1.0
    steps = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)
    return next((step for step in steps if top * 1.05 <= step), 1.0)


def chart_svg(bins: Bins, *, phone: bool = False) -> Markup:
    """The update rate over time, with the detections below and a flag where a frame was computed in full."""
    width, height = (_PHONE_WIDTH, _PHONE_HEIGHT) if phone else (_WIDTH, _HEIGHT)
    inner_w, inner_h = width - _LEFT - _RIGHT, height - _TOP - _BOTTOM
    top = ceiling(bins)
    count = bins.mean.size
    x = _LEFT + (np.arange(count) + 0.5) / count * inner_w
    mean, peak = (_path(x, _TOP + inner_h * (1 - np.minimum(values, top) / top)) for values in (bins.mean, bins.peak))
    base = _TOP + inner_h
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Update rate over time">']
    parts += _axis(top, width, bins, base, ticks=4 if phone else 8)
    parts += _bands(bins, inner_w, base)
    parts.append(f'<path class="area" d="{mean} L{x[-1]:.1f} {base} L{x[0]:.1f} {base} Z"/>')
    parts.append(f'<path class="peak" d="{peak}"/><path class="mean" d="{mean}"/>')
    parts += _flags(bins, x, base)
    parts += _detections(bins, x, inner_w, base)
    parts.append(f'<line class="cursor" y1="{_TOP}" y2="{base}"/>')
    parts.append(f'<rect class="plot" x="{_LEFT}" y="{_TOP}" width="{inner_w}" height="{inner_h}" fill="transparent"/></svg>')
    return Markup("".join(parts))


def _path(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    return "M" + " L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def _axis(top: float, width: int, bins: Bins, base: int, ticks: int) -> list[str]:
    parts, inner_w = [], width - _LEFT - _RIGHT
    for share in (0, 0.25, 0.5, 0.75, 1):
        level, label = base - share * (base - _TOP), f"{100 * share * top:.3g} %"
        parts.append(f'<line class="gridline" x1="{_LEFT}" x2="{width - _RIGHT}" y1="{level:.1f}" y2="{level:.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{level + 4:.1f}" text-anchor="end">{label}</text>')
    for k in range(ticks + 1):
        column = min(round(k / ticks * (bins.times.size - 1)), bins.times.size - 1)
        place, anchor = _LEFT + inner_w * k / ticks, "start" if k == 0 else "end" if k == ticks else "middle"
        parts.append(f'<text x="{place:.1f}" y="{base + 34}" text-anchor="{anchor}">{clock(float(bins.times[column]))}</text>')
    return parts


def _bands(bins: Bins, inner_w: int, base: int) -> list[str]:
    """Grey where frames were computed exactly by order, as while thresholds are calibrated; single refreshes have their flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], bins.forced.astype(np.int8), [0]])))
    step = inner_w / bins.forced.size
    return [
        tag("rect", class_="band", x=f"{_LEFT + a * step:.1f}", width=f"{(b - a) * step:.1f}", y=_TOP, height=base - _TOP)
        for a, b in zip(edges[::2], edges[1::2], strict=True)
        if b - a > 1
    ]


def _flags(bins: Bins, x: NDArray[np.float64], base: int) -> list[str]:
    parts: list[str] = []
    for i, reason in enumerate(bins.refresh):
        if reason:
            place = f"{x[i]:.1f}"
            parts.append(tag("line", tag("title", reason), class_="refresh", x1=place, x2=place, y1=_TOP, y2=base))
            parts.append(f'<path class="flag" d="M{place} {_TOP} l-4 -7 h8 Z"/>')
    return parts


def _detections(bins: Bins, x: NDArray[np.float64], inner_w: int, base: int) -> list[str]:
    most = float(bins.found.max())
    if most == 0:
        return []
    w = max(inner_w / bins.found.size, 0.8)
    bars = []
    for place, found in zip(x, bins.found, strict=True):
        if found > 0:
            tall = max(1.5, 12 * math.sqrt(found / most))
            bars.append(f"M{place - w / 2:.1f} {base + 18:.1f}h{w:.2f}v-{tall:.1f}h-{w:.2f}Z")
    return [f'<path class="found" d="{"".join(bars)}"/>']
