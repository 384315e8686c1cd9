"""Periodic refresh, staggered: every frame looks at one band of rows of every map without any threshold.

What such a look commits, however little it is, is carried through the network without a threshold too. So in a still picture a
pixel that was looked at once stays what its inputs say, and after one round of bands the stream equals a refreshed one.

Carrying on stops at operators that read a whole map (global pools, dense islands): behind them every pixel would be recomputed in
every frame. They are looked at with the last band of a round, by when what they read is exact.
"""

from __future__ import annotations

import torch
from torch import Tensor

from skipvid.engine.reference import masks
from skipvid.engine.reference.kernels import Kernel
from skipvid.plan import GlobalPool, Island, Plan

__all__ = ["Sweep"]


class Sweep:
    """Where the refresh of one stream stands.

    Args:
        plan: The network.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._next = 0
        self._band = 0
        self._count = 0
        self._changed: dict[str, Tensor] = {}  # what looking has committed to a map in this frame

    def begin(self, every: int) -> Tensor | None:
        """Begin a frame.

        Args:
            every: Bands of a round; 0 for none in this frame, and a new round after it.

        Returns:
            ``(H, W)`` bool: the pixels of the network's input to look at, or None.
        """
        self._count = every
        self._band = self._next % every if every else 0
        self._next = self._band + 1 if every else 0
        self._changed.clear()
        spec = self._plan.input
        return masks.band(spec.height, spec.width, self._band, every) if every else None

    def follow(self, k: Kernel) -> Tensor | None:
        """``(H, W)`` bool: the output pixels of an operator to recompute and commit without a threshold, or None for none."""
        if not self._count:
            return None
        spec = self._plan.tensors[k.op.output]
        if isinstance(k.op, (GlobalPool, Island)):
            last = self._band == self._count - 1
            return torch.full((spec.height, spec.width), last)
        exactly = masks.band(spec.height, spec.width, self._band, self._count)
        changed = [self._changed[name] for name in k.op.inputs]
        return exactly | k.footprint(*changed) if any(bool(mask.any()) for mask in changed) else exactly

    def committed(self, name: str, changed: Tensor, exactly: Tensor | None) -> None:
        """Note what was committed to a map, and which pixels of it were looked at."""
        if self._count:
            self._changed[name] = torch.zeros_like(changed) if exactly is None else changed & exactly
