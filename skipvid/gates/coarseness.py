"""How much coarser than asked for a network's thresholds are while a budget demands it.

Choosing among tiles makes changes wait; it does not make them cheaper, and what waits for long is stale. So where much has to
wait for long, the thresholds inside the network are raised too, and more fits.

They may be raised between any two frames. They are lowered together with a full pass only: what a coarse threshold turned down is
not looked at again before its inputs change, however fine the threshold is by then.
"""

from __future__ import annotations

from collections import deque
from statistics import median

__all__ = ["Coarseness"]

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

    Attributes:
        factor: What they are multiplied by.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self.reset()

    def reset(self) -> None:
        """Forget the video."""
        self.factor = 1.0
        self._late = 0
        self._needs: deque[float] = deque(maxlen=_MEMORY)

    def look(self, need: float, oldest: int) -> float:
        """Take note of a frame, and raise the thresholds where things wait for too long.

        Args:
            need: What all that changed would cost, over what the frame may cost; above 1 something has to wait.
            oldest: Frames for which something has been waiting.

        Returns:
            By how much the thresholds rose, 1 where they did not.
        """
        self._needs.append(need)
        self._late = self._late + 1 if need > 1 and oldest > _LONG else 0
        if self._late < _PATIENCE or self.factor == self._most:
            return 1.0
        before = self.factor
        short = median(list(self._needs)[-_PATIENCE:])
        self.factor = min(before * min(max(short, _LEAST_STEP), _STEP), self._most)
        self._late = 0
        self._needs.clear()
        return self.factor / before

    @property
    def wants_finer(self) -> bool:
        """Whether finer thresholds would fit: the next full pass may lower them, and one for this purpose is worth while."""
        if self.factor == 1.0 or len(self._needs) < _MEMORY:
            return False
        return sum(need > 1 for need in self._needs) <= _RARELY and self._mean < _ROOM

    def refine(self) -> None:
        """Lower the thresholds as far as there is room; the next frame must be computed in full."""
        self.factor = max(self.factor * min(self._mean / _ROOM, 1 / _STEP), 1.0)
        self._needs.clear()

    @property
    def _mean(self) -> float:
        return sum(self._needs) / len(self._needs)
