"""What an executor is: the state of one video on one plan, and one call per frame.

Two classes implement this interface with the same semantics (see `skipvid.plan`): `skipvid.engine.reference.ReferenceExecutor`,
in torch, made to be read, and `skipvid.engine.native.NativeExecutor`, in C++, made to be fast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from skipvid.gates.settings import GateSettings
from skipvid.plan import FloatArray, Plan

__all__ = ["BoolArray", "ByteArray", "Executor", "PixelMap"]

BoolArray = NDArray[np.bool_]
ByteArray = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PixelMap:
    """How a uint8 image becomes the network's input: ``x[y, c, ...] = table[c, image[y, ..., order[c]]]``.

    Attributes:
        table: ``(channels, 256)`` float32: the value that channel ``c`` of the network gets for each grey level.
        order: For each channel of the network, the channel of the BGR image it reads: ``(0, 1, 2)`` for a BGR network,
            ``(2, 1, 0)`` for RGB.
        steps: ``(channels, 3)`` float32, or None: scale, mean and std that the table was made of. What it holds is what counts;
            where it is just that, pixels need not be looked up one by one.
    """

    table: FloatArray
    order: tuple[int, ...]
    steps: FloatArray | None = None

    @classmethod
    def normalised(cls, scale: float, mean: Sequence[float], std: Sequence[float], order: tuple[int, ...]) -> PixelMap:
        """``(level * scale - mean) / std``, each step rounded to float32 as array code in float32 rounds it."""
        steps = np.stack(
            np.broadcast_arrays(np.float32(scale), np.asarray(mean, np.float32), np.asarray(std, np.float32)), axis=1
        )
        by, less, over = (column[:, None] for column in steps.T)
        return cls((np.arange(256, dtype=np.float32) * by - less) / over, order, steps)

    @property
    def unit(self) -> FloatArray:
        """``(channels,)``: what one grey level is in units of the network's input."""
        unit: FloatArray = np.abs(self.table[:, 255] - self.table[:, 0]) / np.float32(255)
        return unit


class Executor(Protocol):
    """State of one video on one plan."""

    @property
    def plan(self) -> Plan: ...

    def configure(self, settings: GateSettings) -> None:
        """Use these commit rules from the next frame on. Maps and masks are kept."""

    def relieve(self, factors: FloatArray, common: float = 1.0) -> None:
        """Multiply thresholds in places, from the next frame on; at first by 1 everywhere.

        Pixel ``(y, x)`` of a map ``(H, W)`` lies in cell ``(y * rows // H, x * columns // W)``. An output of a convolution with
        an open gate opens where ``scale * n > threshold * factor * common``. Where that product is smaller than in the last
        frame, accumulating gates ask every pixel of the cell: it opens where what it remembers is above its limit now, even if
        this frame committed nothing in its window. At the network's input, ``InputGate.coarse`` holds where the factor is above
        1. Commit rules of other maps stay as they are: they remember nothing that could be asked. So do thresholds of 0.

        Args:
            factors: ``(rows, columns)`` float32 above 0.
            common: A factor on all of them, above 0, that makes nothing coarse at the network's input.
        """

    def use_threads(self, threads: int) -> None:
        """Use at most so many threads from the next frame on, and no more than the executor was made with."""

    def step(self, x: FloatArray, *, refresh: bool = False) -> None:
        """Advance by one frame.

        Args:
            x: Network input ``(1, C, H, W)`` float32, C-contiguous.
            refresh: Recompute and commit everything. The first frame is always a refresh.
        """

    def step_image(self, image: ByteArray, *, refresh: bool = False) -> None:
        """Advance by one frame given as an image of the network's input size.

        Args:
            image: ``(H, W, 3)`` uint8 BGR.
            refresh: As in `step`.
        """

    def tensor(self, name: str) -> FloatArray:
        """The map as its consumers see it, ``(H, W, C)`` float32.

        Aliases the stream's state: valid until the next step, not to be written.
        """

    def changed(self, name: str) -> BoolArray:
        """``(H, W)``: the pixels of a map that the last step committed. May alias the stream's state."""

    def put(self, name: str, places: NDArray[np.int64], step: int, out: FloatArray, *, everywhere: bool = False) -> None:
        """Write the values of a map into a flat array that holds them in another order.

        Args:
            name: The map, ``(H, W, C)``.
            places: ``(H * W,)``: where a pixel's first channel goes.
            step: From a channel to the next.
            out: ``(N,)`` float32, C-contiguous.
            everywhere: Write all pixels, not only those that the last step committed.
        """

    def any_changed(self, name: str) -> bool:
        """Whether the last step committed any pixel of a map; cheaper than to ask `changed`."""

    def active(self, op: str) -> BoolArray:
        """``(H, W)`` of the operator's output: the pixels that the last step recomputed. May alias the stream's state."""

    def active_counts(self) -> NDArray[np.int64]:
        """``(len(plan.ops),)``: recomputed pixels of the last step, per operator in plan order."""

    def heat(self, height: int, width: int) -> FloatArray:
        """``(height, width)`` float32 in 0 to 1: share of the network recomputed around each cell, see `skipvid.engine.heat`."""

    def apart(self, first: ByteArray, second: ByteArray, side: int) -> tuple[ByteArray, FloatArray]:
        """The largest and the total absolute difference of two images in each tile, as `skipvid.gates.tiles.apart`."""

    def op_ms(self) -> NDArray[np.float64]:
        """``(len(plan.ops),)``: time of each operator in the last step, in ms; zeros unless profiling is on."""

    def reset(self) -> None:
        """Forget everything; the next frame is a refresh, and the stream equals a fresh one."""
