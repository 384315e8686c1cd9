"""A budget for the time of a frame, and what it did to one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from skipvid.errors import UsageError

__all__ = ["COARSEST", "FINER", "MAX_AGE", "TOLERANCE", "Budget", "Rationed"]

MAX_AGE = 30
"""Frames that a change waits at most, unless asked for otherwise."""
COARSEST = 4.0
"""What thresholds inside the network are multiplied by at most, unless asked for otherwise; ``fast`` is 3 of ``balanced``."""
FINER = "finer"
"""Why a frame is computed in full: so that thresholds that were raised may fall."""
TOLERANCE = 1.15
"""A budget is held where 95 % of the frames stay within this multiple of it."""


@dataclass(frozen=True)
class Budget:
    """What a frame may cost.

    Attributes:
        ms: Network time per frame in ms: deciding what to compute, computing it, and the graph's tail.
        max_age: Frames that a pixel which differs by more than the input threshold waits at most.
        tile: Side in pixels of the tiles that wait or do not.
        cost: What a frame did cost, in the unit of ``ms``, from the time measured in ms and the multiply-accumulates executed;
            None: the time. ``lambda ms, macs: macs / 1e6`` makes it a budget of arithmetic, the same on every machine.
        coarsest: What the thresholds inside the network are multiplied by at most where changes wait for too long; 1 leaves them
            as they are.

    Raises:
        UsageError: A number makes no sense.
    """

    ms: float
    max_age: int = MAX_AGE
    tile: int = 16
    cost: Callable[[float, int], float] | None = field(default=None, repr=False, compare=False)
    coarsest: float = COARSEST

    def __post_init__(self) -> None:
        if isinstance(self.ms, bool) or not (isinstance(self.ms, int | float) and math.isfinite(self.ms) and self.ms > 0):
            message = f"The budget is {self.ms!r} ms; it is the time that the network may take per frame."
            raise UsageError(message, "Give a number above 0.")
        if not _counts(self.max_age, 1, 100_000):
            message = f"The most that a change may wait is {self.max_age!r}; it counts frames."
            raise UsageError(message, "Give a whole number, 1 or more.")
        if isinstance(self.coarsest, bool) or not (isinstance(self.coarsest, int | float) and 1 <= self.coarsest < math.inf):
            message = f"The coarsest that thresholds may become is {self.coarsest!r}; it is a factor on them."
            raise UsageError(message, "Give a number, 1 or more.")
        if not _counts(self.tile, 4, 256):
            message = f"The side of the budget's tiles is {self.tile!r}; it counts pixels."
            raise UsageError(message, "Give a whole number from 4 to 256.")


@dataclass(frozen=True)
class Rationed:
    """What a budget did to a frame.

    Attributes:
        ms: The budget of this frame.
        withheld: Share of the picture's tiles that wait with a change, 0 to 1.
        oldest: Frames for which the tile that waits longest has been waiting, this one included; 0 where none waits.
        forced: Whether what could not wait longer is more than fits.
        coarseness: What the thresholds inside the network are multiplied by.
    """

    ms: float
    withheld: float
    oldest: int
    forced: bool
    coarseness: float = 1.0


def _counts(value: object, least: int, most: int) -> bool:
    return not isinstance(value, bool) and isinstance(value, int) and least <= value <= most
