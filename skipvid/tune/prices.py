"""What the operators of a network cost on this machine, from the engine's own clock.

A trial of thresholds must not be judged by a stopwatch: on a machine that does other things as well, two equal trials differ
by more than two thresholds do. So every operator is timed once, in full passes and in frames without change, and a trial is
priced by how many pixels of each operator it recomputed. The price says what multiply-accumulates do not: a depthwise
convolution and an activation cost time out of proportion to their arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skipvid.engine.stream import Stream
from skipvid.plan import Plan

__all__ = ["Prices", "measure_prices"]

_DENSE, _QUIET = 12, 7  # frames of each kind


@dataclass(frozen=True, eq=False)
class Prices:
    """Time as a linear function of recomputed pixels.

    Attributes:
        idle: Time of a frame without change, in ms.
        full: ``(operators,)`` what recomputing all of each operator adds, in ms.
        pixels: ``(operators,)`` pixels of each operator's output.
        dense: Time of a full pass as the clock has it, in ms.
    """

    idle: float
    full: NDArray[np.float64]
    pixels: NDArray[np.int64]
    dense: float

    def ms(self, counts: NDArray[np.int64] | NDArray[np.float64]) -> float:
        """Time of a frame that recomputed so many pixels of each operator (or of the mean of several frames), in ms."""
        return self.idle + float((self.full * counts / self.pixels).sum())


def measure_prices(stream: Stream, images: Sequence[NDArray[np.uint8]]) -> Prices:
    """Time the operators.

    The times of the operators are stretched so that together they make up the time of a whole full pass: operators that are timed
    run one by one, without what the engine gains by running chains of them.

    Args:
        stream: A fresh stream without a policy.
        images: Frames of the network's input size; a few will do.
    """
    executor = stream.executor
    dense, quiet, full = [], [], []
    for k in range(_DENSE + 1):
        stream.refresh()
        stream.step_image(images[k % len(images)])
        dense.append(stream.last.ms["network"])
    for _ in range(_QUIET):
        stream.step_image(images[_DENSE % len(images)])
        quiet.append(stream.last.ms["network"])
    if hasattr(executor, "profiling"):
        executor.profiling = True
        for k in range(_DENSE):
            stream.refresh()
            stream.step_image(images[k % len(images)])
            full.append(executor.op_ms())
        executor.profiling = False
    pixels = _pixels(stream.plan)
    whole = float(np.median(dense[1:]))  # the first touches its memory for the first time
    # Another program only ever adds to the time of an operator, and of a frame that does nothing: the least is nearest to it.
    idle, ops = float(np.min(quiet)), np.min(full, axis=0) if full else np.zeros(len(pixels))
    if ops.sum() <= 0:
        ops = _macs(stream.plan)
    return Prices(idle, ops * max(whole - idle, 1e-6) / ops.sum(), pixels, whole)


def _pixels(plan: Plan) -> NDArray[np.int64]:
    return np.array([plan.tensors[op.output].pixels for op in plan.ops], np.int64)


def _macs(plan: Plan) -> NDArray[np.float64]:
    macs = np.array([plan.op_macs[op.name] for op in plan.ops], np.float64)
    return macs if macs.sum() > 0 else np.ones(len(macs))
