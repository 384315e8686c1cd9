"""The busiest and the quietest moments of a video."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.plan import FloatArray

__all__ = ["Moment", "clock", "extremes"]

_COUNT = 3


@dataclass(frozen=True)
class Moment:
    """A stretch of the video, seconds from its beginning, and the mean update rate in it, 0 to 1."""

    start: float
    end: float
    frame: int
    update_rate: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "frame": self.frame,
            "update_rate": round(self.update_rate, 6),
        }


def clock(seconds: float, *, whole: bool = False) -> str:
    """``m:ss.s``, or ``h:mm:ss`` from an hour on and ``m:ss`` where whole seconds will do."""
    tenths = round(max(seconds, 0.0) * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest // 10:02d}"
    return f"{minutes}:{rest // 10:02d}" if whole else f"{minutes}:{rest / 10:04.1f}"


def extremes(
    pts: NDArray[np.float64], frame: NDArray[np.int64], rate: FloatArray, counted: NDArray[np.bool_], *, highest: bool
) -> tuple[Moment, ...]:
    """Up to three stretches that do not overlap, the most extreme first.

    A stretch is a twelfth of the video, at least half a second and at most five.

    Args:
        pts: ``(frames,)`` times in s.
        frame: ``(frames,)`` numbers in the source.
        rate: ``(frames,)`` update rates.
        counted: ``(frames,)`` which frames count; those whose cost says nothing of the video would drown the others.
        highest: Busiest moments; else quietest.
    """
    use = np.flatnonzero(counted)
    if not use.size:
        return ()
    pts, frame, values = pts[use], frame[use], rate[use].astype(np.float64)
    window = float(np.clip((pts[-1] - pts[0]) / 12, 0.5, 5.0))
    end = np.searchsorted(pts, pts + window, side="left")
    total = np.concatenate([[0.0], np.cumsum(values)])
    mean = (total[end] - total[: pts.size]) / (end - np.arange(pts.size))
    # A window that the end of the video cuts short says little: it counts only where there is no other.
    whole = pts + window <= pts[-1] + 1e-9
    order = np.argsort(-mean if highest else mean, kind="stable")
    order = order[whole[order]] if whole.any() else order[:1]
    chosen: list[Moment] = []
    for i in order:
        start, stop = float(pts[i]), float(pts[end[i] - 1])
        if all(stop < other.start or start > other.end for other in chosen):
            chosen.append(Moment(start, stop, int(frame[i]), float(mean[i])))
        if len(chosen) == _COUNT:
            break
    return tuple(chosen)
