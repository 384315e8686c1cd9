"""What a budget makes of the frames of one stream, if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skipvid.engine.counts import FrameStats
from skipvid.engine.executor import ByteArray
from skipvid.gates.budget import Budget, Rationed
from skipvid.gates.ration import Ration
from skipvid.gates.settings import GateSettings, Rect
from skipvid.gates.tiles import Compare
from skipvid.plan import Plan

__all__ = ["Budgeting"]


class Budgeting:
    """Keeps the frames of a stream within a budget, see `skipvid.gates.ration`; without one it does nothing.

    Args:
        plan: The network.
        ignore: Rectangles of the network input whose changes do not count.
        compare: Compares two pictures tile by tile.
        remembers: Whether gates inside the network can be asked again for what they turned down.
    """

    def __init__(self, plan: Plan, ignore: Sequence[Rect], compare: Compare, *, remembers: bool) -> None:
        self._compare, self._remembers = compare, remembers
        self._height, self._width = plan.input.height, plan.input.width
        self._ignore = ignore
        self._ration: Ration | None = None

    @property
    def budget(self) -> Budget | None:
        return None if self._ration is None else self._ration.budget

    def replace(self, budget: Budget | None) -> bool:
        """Another budget from the next frame on; whether that must be computed in full.

        It must be where nothing is known of what waits, and where thresholds fall that a budget had raised.
        """
        if budget is None:
            raised = self._ration is not None and self._ration.coarseness > 1
            self._ration = None
            return raised
        if self._ration is not None and _same_kind(budget, self._ration.budget):
            self._ration.budget = budget
            return False
        self._ration = Ration(budget, self._height, self._width, self._ignore, self._compare, remembers=self._remembers)
        return True

    @property
    def tight(self) -> bool:
        """Whether a full pass is more than fits."""
        return self._ration is not None and not self._ration.affords_all

    @property
    def wants_finer(self) -> bool:
        """Whether to compute the next frame in full, so that its thresholds can be finer."""
        return self._ration is not None and self._ration.wants_finer

    @property
    def notice(self) -> str | None:
        """What the user should know of a budget that cannot be held, or None."""
        return None if self._ration is None else self._ration.notice

    def show(
        self, picture: Any, rules: GateSettings, *, full: bool, calibrating: bool
    ) -> tuple[ByteArray | None, Rationed | None]:
        """The picture to execute in place of the frame, or None, and what the budget did to it.

        Args:
            picture: The frame; what is no image of the network's input size is left for the executor to refuse.
            rules: The commit rules as the policy has them: what care holds finer at the input in places is no reason to wait.
            full: Whether everything is recomputed.
            calibrating: Whether the frame is executed exactly.
        """
        if self._ration is None or picture is None:
            return None, None
        if picture.shape != (self._height, self._width, 3) or picture.dtype != np.uint8:
            return None, None
        if full or calibrating:
            return None, self._ration.show_all(picture, learn=full)
        return self._ration.show(picture, rules)

    def spent(self, last: FrameStats | None) -> None:
        """What the last frame did cost, now that its tail has been asked for, or was not."""
        if self._ration is not None and last is not None:
            self._ration.spent(sum(last.ms.values()), last.macs)

    def use_threads(self, threads: int) -> None:
        """Another number of threads has prices of its own."""
        if self._ration is not None:
            self._ration.use_threads(threads)

    def reset(self) -> None:
        """Forget the video."""
        if self._ration is not None:
            self._ration.reset()


def _same_kind(first: Budget, second: Budget) -> bool:
    """Whether what was learned under one budget holds under the other."""
    return (first.tile, first.coarsest) == (second.tile, second.coarsest)
