"""What a frame executed, from the recomputed pixels of each operator, and its cost; in less time than a quiet frame shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from skipvid.gates.budget import Rationed
from skipvid.plan import Plan

__all__ = ["Counter", "FrameStats", "Rates"]


class Rates(Mapping[str, float]):
    """Recomputed share of the output pixels, by operator name; worked out when it is looked at.

    Attributes:
        names: Position of each operator in ``shares``.
    """

    __slots__ = ("_counts", "_pixels", "names")

    def __init__(self, names: Mapping[str, int], counts: NDArray[np.int64], pixels: NDArray[np.int64]) -> None:
        self.names = names
        self._counts, self._pixels = counts, pixels

    @property
    def shares(self) -> NDArray[np.float64]:
        """``(operators,)`` in plan order."""
        return self._counts / self._pixels

    def __getitem__(self, name: str) -> float:
        index = self.names[name]
        return float(self._counts[index] / self._pixels[index])

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"Rates({dict(self)})"


@dataclass(frozen=True)
class FrameStats:
    """What one frame cost.

    Attributes:
        frame: Number of the frame in the stream, from 0.
        macs: Multiply-accumulates executed.
        dense_macs: Multiply-accumulates of a full pass.
        update_rate: Recomputed share of the output pixels, by operator name.
        ms: Wall-clock time by stage: ``gate`` (deciding), ``network``, ``tail`` (0 until `Stream.outputs` needed to run it).
        refresh: Why everything was recomputed, or None: ``first``, ``scene-cut``, ``exposure``, ``moving``, or as requested.
        calibrating: Whether the frame was executed exactly, to measure what the policy's relative thresholds refer to.
        budget: What the stream's budget did to the frame, or None without one.
        looked: Whether all of the picture was looked at as finely as what the network is not sure of, see `skipvid.gates.care`.
    """

    frame: int
    macs: int
    dense_macs: int
    update_rate: Mapping[str, float] = field(repr=False)
    ms: Mapping[str, float]
    refresh: str | None = None
    calibrating: bool = False
    budget: Rationed | None = None
    looked: bool = False

    @property
    def share(self) -> float:
        """Executed share of the multiply-accumulates of a full pass."""
        return self.macs / self.dense_macs if self.dense_macs else 0.0


class Counter:
    """Turns counts of pixels into multiply-accumulates and update rates.

    Args:
        plan: The network.
    """

    def __init__(self, plan: Plan) -> None:
        self._names = {op.name: index for index, op in enumerate(plan.ops)}
        self._pixels = np.array([plan.tensors[op.output].pixels for op in plan.ops], np.int64)
        self._macs = np.array([plan.op_macs[op.name] for op in plan.ops], np.int64)
        # Of one pixel each, where that is whole throughout, as with convolutions: then one product tells.
        self._of_pixel = self._macs // self._pixels if not (self._macs % self._pixels).any() else None

    def macs(self, counts: NDArray[np.int64]) -> int:
        """Multiply-accumulates of recomputing so many pixels of each operator's output; as `Plan.executed_macs`, summed."""
        if self._of_pixel is not None:
            return int(self._of_pixel.dot(counts))
        return int((self._macs * counts // self._pixels).sum())

    def rates(self, counts: NDArray[np.int64]) -> Rates:
        """Update rates; keeps ``counts``, which must not change any more."""
        return Rates(self._names, counts, self._pixels)
