"""Values over time, brought down to what a screen can show."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.stats.moments import clock
from skipvid.stats.summary import RunSummary

__all__ = ["Bins", "bin_series", "encode_cells", "strip_cells", "time_ticks"]

_COLUMNS = 360
_RARE = 0.1  # share of the columns up to which it says something that one is marked
_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)  # s


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
        slowest: Longest network time in ms.
        refresh: Reasons of the frames computed in full, or "".
        forced: Whether any frame was computed in full or exactly by order.
        looked: Whether any frame was looked at finely all over, as care does now and then; left out where nearly all columns
            hold one.
    """

    edges: NDArray[np.int64]
    times: NDArray[np.float64]
    frames: NDArray[np.int64]
    mean: NDArray[np.float64]
    peak: NDArray[np.float64]
    found: NDArray[np.float64]
    network: NDArray[np.float64]
    slowest: NDArray[np.float64]
    refresh: tuple[str, ...]
    forced: NDArray[np.bool_]
    looked: NDArray[np.bool_]

    def to_dict(self) -> dict[str, Any]:
        """For the page's script, rounded."""
        return {
            "times": self.times.round(3).tolist(),
            "frames": self.frames.tolist(),
            "mean": self.mean.round(5).tolist(),
            "peak": self.peak.round(5).tolist(),
            "found": self.found.round(2).tolist(),
            "network": self.network.round(2).tolist(),
            "slowest": self.slowest.round(2).tolist(),
            "refresh": list(self.refresh),
            "looked": self.looked.tolist(),
        }


def bin_series(summary: RunSummary, columns: int = _COLUMNS) -> Bins:
    """Gather a run into at most so many columns."""
    series = summary.series
    edges = np.unique(np.linspace(0, summary.frames, min(columns, summary.frames) + 1).round().astype(np.int64))
    start = edges[:-1]
    looked = np.maximum.reduceat(series.looked, start)
    reasons = tuple(", ".join(sorted({r for r in series.refresh[a:b] if r})) for a, b in pairwise(edges))
    return Bins(
        edges=edges,
        times=series.pts[start],
        frames=series.frame[start],
        mean=_means(series.update_rate, edges),
        peak=np.maximum.reduceat(series.update_rate, start).astype(np.float64),
        found=_means(series.detections, edges),
        network=_means(series.network_ms, edges),
        slowest=np.maximum.reduceat(series.network_ms, start),
        refresh=reasons,
        forced=np.maximum.reduceat(series.forced, start),
        looked=looked & (looked.mean() <= _RARE),
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


def time_ticks(bins: Bins, most: int) -> list[tuple[float, str]]:
    """Places along the time axis, 0 to 1, with round times to write there; at most so many, at least one.

    Columns hold equal numbers of frames, so that places follow the frames where their rate varies.
    """
    first, last = float(bins.times[0]), float(bins.times[-1])
    step = next((step for step in _STEPS if (last - first) / step < most), (last - first) / most)
    times = [k * step for k in range(math.ceil(first / step - 1e-9), math.floor(last / step + 1e-9) + 1)] or [first]
    places = np.interp(times, bins.times, np.arange(bins.times.size) / bins.times.size)
    return [(float(place), clock(time, whole=step >= 1)) for place, time in zip(places, times, strict=True)]
