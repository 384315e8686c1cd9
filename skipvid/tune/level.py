"""Comparing settings at one level: equal loss, or equal time.

Of two settings one is mostly both faster and worse, and says nothing. So the thresholds of each are scaled until the figure that
the goal holds is the same, and the other figure is compared there.
"""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, log

import numpy as np

from skipvid.tune.goals import Goal
from skipvid.tune.trial import Trial
from skipvid.tune.tunable import Tunable

__all__ = ["Level"]

_LEAST = 1e-4  # figures below it count as it: their logarithms are taken
_NEAR = 0.04  # relative error of the level that is good enough
_FAR = 0.2  # the same from which on trials on one side of the level say nothing about it
_SLOPES = {True: 1.2, False: -0.4}  # of the held figure in the factor, both as logarithms, before two trials tell: loss, time


class Level:
    """A level and how policies do on it.

    Args:
        trial: Tries a policy.
        goal: Says what is held and what is scored.
        held: The level.
        tries: At most so many trials of a policy.
    """

    def __init__(self, trial: Callable[[Tunable], Trial], goal: Goal, held: float, tries: int = 3) -> None:
        self._trial, self._goal, self._tries = trial, goal, tries
        self._target = log(max(held, _LEAST))

    def score(self, policy: Tunable) -> tuple[Tunable, float]:
        """The policy scaled to the level, and what it scores there; infinity where trials do not come near the level.

        The score is interpolated between the trials on the two sides of the level, where they are (both as logarithms).
        """
        at, points = 0.0, list[tuple[float, float, float]]()  # log factor, log held, log scored
        for _ in range(self._tries):
            trial = self._trial(policy.scaled(exp(at)))
            held, scored = (log(max(figure, _LEAST)) for figure in (self._goal.held(trial), self._goal.scored(trial)))
            points.append((at, held, scored))
            if abs(held - self._target) < _NEAR:
                break
            at = self._next(points)
        near = sorted(points, key=lambda p: abs(p[1] - self._target))[:2]
        sides = {held > self._target for _, held, _ in points}
        if len(sides) == 1 and abs(near[0][1] - self._target) > _FAR:
            return policy, inf
        if len(near) == 1 or abs(near[0][1] - near[1][1]) < 1e-6:
            return policy.scaled(exp(near[0][0])), exp(near[0][2])
        share = float(np.clip((self._target - near[0][1]) / (near[1][1] - near[0][1]), -1.0, 1.0))
        factor, scored = (near[0][i] + share * (near[1][i] - near[0][i]) for i in (0, 2))
        return policy.scaled(exp(factor)), exp(scored)

    def _next(self, points: list[tuple[float, float, float]]) -> float:
        slope = _SLOPES[self._goal.coarsest]
        at, held, _ = points[-1]
        if len(points) > 1:
            before = points[-2]
            measured = (held - before[1]) / (at - before[0]) if at != before[0] else 0.0
            slope = measured if measured * slope > 0.1 * slope * slope else slope
        return float(np.clip(at + np.clip((self._target - held) / slope, -1.0, 1.0), -2.5, 2.5))
