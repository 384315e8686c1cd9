"""How far what a run finds is from full passes, measured on some of its frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

import numpy as np

from skipvid.engine.stream import Stream
from skipvid.models.detection import Detections
from skipvid.pipeline.stages import Prepared
from skipvid.plan import FloatArray
from skipvid.stats.savings import pass_ms
from skipvid.tune.agreement import agreement
from skipvid.tune.matching import match, same_label
from skipvid.video.letterbox import Letterbox

__all__ = ["Auditor"]

_SAME = 0.5  # overlap from which two boxes show the same object


class Auditor:
    """Makes a full pass over every so many-th frame, on a stream of its own; that of the run is only looked at.

    Args:
        every: Frames from one audit to the next; the first frame is computed in full anyhow and is not audited.
        stream: Of the run.
        decode: Turns outputs and the letterbox of their frame into detections, as for the run.
    """

    def __init__(
        self,
        every: int,
        stream: Stream,
        decode: Callable[[Mapping[str, FloatArray], Letterbox], Detections],
    ) -> None:
        self._every, self._stream, self._decode = every, stream, decode
        self._dense = stream.ungated()
        self._frames = 0
        self._pairs: list[tuple[Detections, Detections]] = []

    def __call__(self, item: Prepared, found: Detections) -> Mapping[str, Any] | None:
        """The ``audit`` entry of the frame's row, or None where it is not audited; ``found`` are the run's detections in it."""
        self._frames += 1
        if self._frames % self._every:
            return None
        began = perf_counter()
        self._dense.refresh("audit")
        self._dense.step_image(item.image)
        true, held = self._dense.views(), self._stream.views()
        full_ms = pass_ms(self._dense.last.ms)  # the tail of the graph is in it once the outputs were asked for
        wanted = self._decode(true, item.box)
        self._pairs.append((wanted, found))
        outputs = {name: _error(array, held[name]) for name, array in true.items()}
        missed, false = _compare(wanted, found)
        ms = 1000 * (perf_counter() - began)
        return {
            "ms": round(ms, 3),
            "full_ms": round(full_ms, 3),
            "dense": len(wanted),
            "missed": missed,
            "false": false,
            "outputs": outputs,
        }

    def precision(self) -> dict[str, float]:
        """``ap50`` over all audited frames, of detections above the least confidence; nothing where a full pass finds none."""
        if not any(len(wanted) for wanted, _ in self._pairs):
            return {}
        return {"ap50": round(agreement([[pair] for pair in self._pairs], conf=-1.0).strict50, 5)}


def _error(true: FloatArray, held: FloatArray) -> dict[str, float]:
    """Largest and mean absolute difference, as shares of the largest magnitude of the full pass."""
    largest = float(np.abs(true).max(initial=0.0))
    difference = np.abs(true - held)
    scale = largest if largest > 0 else 1.0
    worst, mean = float(difference.max(initial=0.0)) / scale, float(difference.mean()) / scale if difference.size else 0.0
    return {"max": _plain(worst), "mean": _plain(mean)}


def _plain(value: float) -> float:
    """A number that JSON has: outputs that overflow differ by as much as can be said."""
    return float(f"{value:.4g}") if np.isfinite(value) else 1e30


def _compare(dense: Detections, found: Detections) -> tuple[int, int]:
    """How many of the full pass's detections are missed, and how many others were found."""
    overlap = same_label(dense, found)
    hit = int((match(overlap, _SAME) >= 0).sum()) if len(dense) and len(found) else 0
    return len(dense) - hit, len(found) - hit
