"""Periodic refresh, staggered: every frame looks at one band of rows of every map without any threshold.

The pixels of the band are recomputed and committed where any bit differs; what follows from that outside the band goes through
the gates as ever. Carrying it on without a threshold would recompute, in every frame, all that lies within the receptive field of
the band: most of a deep network.

In a still picture the input is exact after one round of bands, what reads it after two, and so on: each round settles one more
map of every path. Operators that read a whole map (global pools, dense islands) are looked at with the last band of a round.
"""

from __future__ import annotations

import torch
from torch import Tensor

from skipvid.engine.reference import masks
from skipvid.plan import GlobalPool, Island, Op, Plan

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
        spec = self._plan.input
        return masks.band(spec.height, spec.width, self._band, every) if every else None

    def look(self, op: Op) -> Tensor | None:
        """``(H, W)`` bool: the output pixels of an operator to recompute and commit without a threshold, or None for none."""
        if not self._count:
            return None
        spec = self._plan.tensors[op.output]
        if isinstance(op, GlobalPool | Island):
            return torch.full((spec.height, spec.width), self._band == self._count - 1)
        return masks.band(spec.height, spec.width, self._band, self._count)
