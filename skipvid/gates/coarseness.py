"""How much coarser than asked for a network's thresholds are while a budget demands it.

Choosing among tiles makes changes wait; it does not make them cheaper, and what waits is stale: an object that is looked at in
every eighth frame is found where it was. So where more changes than a budget affords, the thresholds inside the network rise,
until what all changes cost is near it, and fall again as soon as there is room.

They may fall between any two frames where gates remember what they turned down: those are asked again
(`skipvid.engine.executor.Executor.relieve`). Other gates look at nothing again before its inputs change, however fine the
threshold is by then. There thresholds fall with a full pass only, so they rise late: where something waits for long.
"""

from __future__ import annotations

import math
from collections import deque
from statistics import mean, median

__all__ = ["CHEAPER", "Coarseness"]

CHEAPER = -0.7
"""Power of the factor on thresholds that a load then costs, until that is measured."""

# With gates that remember.
_RECENT = 8  # frames that decide, and the least between two changes
_RANGE, _MIDDLE = (0.75, 0.95), 0.85  # of what fits: the mean of all that changed is kept in there
_MOST_NEED = 3.0  # a rush counts as no more than that
_STRIDE = 1.3  # by how much thresholds change at once: what they turned down comes back with them

# With gates that forget.
_LEAST_STEP, _STEP = 1.1, 1.5
_LONG = 8  # frames that something may wait
_PATIENCE = 6  # frames on end in which something has waited for longer, from which that is no passing rush
_MEMORY = 40  # frames that tell whether thresholds may be finer again
_ROOM = 0.6  # of the budget: where all that changes costs less on average, there is room
_RARELY = 4  # of the frames remembered in which something may have waited all the same


class Coarseness:
    """The state of one video under a budget.

    Args:
        most: The most that thresholds are multiplied by.
        remembers: Whether gates can be asked again for what they turned down, see `skipvid.gates.norms.remembers`.

    Attributes:
        factor: What they are multiplied by.
    """

    def __init__(self, most: float, *, remembers: bool) -> None:
        self._most, self._remembers = most, remembers
        self.reset()

    def reset(self) -> None:
        """Forget the video."""
        self.factor = 1.0
        self._late = 0
        self._needs: deque[float] = deque(maxlen=_MEMORY)

    def look(self, need: float, oldest: int) -> float:
        """Take note of a frame, and change the thresholds where that is due.

        Args:
            need: What all that changed would cost, over what the frame may cost; above 1 something has to wait.
            oldest: Frames for which something has been waiting.

        Returns:
            By how much the thresholds changed, 1 where they did not.
        """
        self._needs.append(need)
        self._late = self._late + 1 if need > 1 and oldest > _LONG else 0
        before = self.factor
        self.factor = min(max(before * (self._change() if self._remembers else self._rise()), 1.0), self._most)
        if self.factor != before:
            self._late = 0
            self._needs.clear()
        return self.factor / before

    def _change(self) -> float:
        """By how much thresholds should change so that what comes fits, and not more."""
        if len(self._needs) < _RECENT:
            return 1.0
        need = mean(min(need, _MOST_NEED) for need in list(self._needs)[-_RECENT:])
        if _RANGE[0] <= need <= _RANGE[1]:
            return 1.0
        return min(max(math.pow(need / _MIDDLE, -1 / CHEAPER), 1 / _STRIDE), _STRIDE)

    def _rise(self) -> float:
        """By how much thresholds that only a full pass lowers should rise."""
        if self._late < _PATIENCE:
            return 1.0
        return min(max(median(list(self._needs)[-_PATIENCE:]), _LEAST_STEP), _STEP)

    @property
    def wants_finer(self) -> bool:
        """Whether finer thresholds would fit that take a full pass: the next one may lower them, one for it is worth while."""
        if self._remembers or self.factor == 1.0 or len(self._needs) < _MEMORY:
            return False
        return sum(need > 1 for need in self._needs) <= _RARELY and mean(self._needs) < _ROOM

    def refine(self) -> None:
        """Lower the thresholds as far as there is room; the next frame must be computed in full."""
        self.factor = max(self.factor * min(mean(self._needs) / _ROOM, 1 / _STEP), 1.0)
        self._needs.clear()
