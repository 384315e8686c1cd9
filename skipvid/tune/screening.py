"""What each group of thresholds saves and loses, told from few trials in all of which every group is moved.

To make one group coarser, alone, and look what that changes drowns the change in what a few dozen frames vary by. In a two-level
design of Plackett and Burman (*The design of optimum multifactorial experiments*, Biometrika 33, 1946) every group is up in half
of the trials and down in the other half, and any two of them agree in half of the trials. So every trial says something of every
group: with 80 trials the effect of each of 79 is known as well as if it alone had been tried 40 times up and 40 times down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from math import exp, log, sinh

import numpy as np
from numpy.typing import NDArray

from skipvid.plan import Plan
from skipvid.tune.trial import Trial
from skipvid.tune.tunable import Tunable

__all__ = ["Effects", "Group", "design", "screen"]

Group = tuple[str, ...]

_STEP = log(1.6)  # up and down: far enough for pixels to change sides, near enough for effects to add up


@dataclass(frozen=True, eq=False)
class Effects:
    """What making each group of gates coarser does, all others as they are.

    Attributes:
        groups: The groups.
        saved: ``(groups,)`` relative fall of the time per relative rise of the group's thresholds: - d log ms / d log t.
        lost: ``(groups,)`` relative rise of the loss per the same: d log loss / d log t.
    """

    groups: Sequence[Group]
    saved: NDArray[np.float64]
    lost: NDArray[np.float64]

    def steps(self) -> NDArray[np.float64]:
        """``(groups,)`` how far, between -1 and 1, the logarithm of each group's thresholds should move.

        Where no exchange between two groups pays, time saved and quality lost are in one ratio for all groups. With time as
        ``c / t`` and loss as ``q * t``, a group whose ratio is ``r`` times the common one is ``log(r) / 2`` away from there. The
        step is the hyperbolic tangent of that, damped so that a group of which there is little to be had stays where it is.
        """
        saved, lost = np.maximum(self.saved, 0.0), np.maximum(self.lost, 0.0)
        if saved.sum() <= 0 or lost.sum() <= 0:
            return np.zeros(len(saved))
        lost = lost * saved.sum() / lost.sum()
        result: NDArray[np.float64] = (saved - lost) / (saved + lost + 0.1 * saved.mean())
        return result


def design(factors: int) -> NDArray[np.int8]:
    """``(trials, factors)`` of 1 and -1: the columns are orthogonal, and each has as many of one as of the other.

    Paley's construction: the quadratic residues of a prime of the form 4 k - 1, shifted cyclically, and a last row of -1.
    """
    prime = next(p for p in count(max(factors, 3)) if p % 4 == 3 and all(p % k for k in range(2, int(p**0.5) + 1)))
    squares = {k * k % prime for k in range(1, prime)}
    row = np.array([1 if k == 0 or k in squares else -1 for k in range(prime)], np.int8)
    whole = np.array([*(np.roll(row, k) for k in range(prime)), np.full(prime, -1)], np.int8)
    return whole[:, :factors]


def screen(run: Callable[[Tunable], Trial], policy: Tunable, plan: Plan, groups: Sequence[Group]) -> Effects:
    """Measure the effects of groups of thresholds around a policy.

    Args:
        run: Tries a policy.
        policy: Where to measure.
        plan: The network.
        groups: Names of gates, group by group.
    """
    signs = design(len(groups))
    shares = policy.shares(plan)
    figures = []
    for row in signs:
        moved = {name: shares[name] * exp(_STEP * s) for group, s in zip(groups, row, strict=True) for name in group}
        trial = run(policy.with_layers(moved))
        figures.append((trial.ms, trial.loss))
    means = np.maximum(np.mean(figures, axis=0), 1e-9)
    slopes = signs.T.astype(np.float64) @ np.array(figures) / (means * len(signs) * sinh(_STEP))
    return Effects(groups, -slopes[:, 0], slopes[:, 1])
