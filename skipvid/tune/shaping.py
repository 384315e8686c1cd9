"""Thresholds per layer from measured effects.

What each group of gates saves and loses when it is made coarser is measured (`skipvid.tune.screening`). Where the ratio of the
two is the same for all groups no exchange between them pays any more. So thresholds of groups that save more than they lose are
raised and the others lowered, as far as a search along that direction says, and all of them scaled back to equal quality; and
again, until that gains little. Then single groups are moved, the most unequal ratio first, as long as that pays.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp

import numpy as np
from numpy.typing import NDArray

from skipvid.plan import Plan
from skipvid.tune.groups import groups
from skipvid.tune.screening import Effects, Group, screen
from skipvid.tune.search import Search
from skipvid.tune.tunable import Tunable

__all__ = ["moves", "shape"]

_STRENGTHS = (0.7, 1.4, 2.1, 2.8)
_ROUNDS = 2
_LEAST = 0.015  # relative gain on the small bench below which a round is not tried on the whole one
_AGAIN = 0.2  # relative gain of a round above which another is made
_MOVE = 1.5
_PAYS = 0.004  # relative gain of a single move that is kept
_PATIENCE = 4  # moves in succession that do not pay before the search ends


def shape(search: Search, start: Tunable, plan: Plan) -> tuple[Tunable, Effects | None]:
    """Rounds of moving all thresholds by their effects; the policy they end with, and the effects measured last."""
    policy, found = start, None
    for _ in range(_ROUNDS):
        level = search.level(policy)
        before = level.score(policy)[1]
        found = screen(search.compare, policy, plan, groups(policy, plan))
        steps = found.steps()
        better, score = policy, before
        for strength in _STRENGTHS:
            tried, scored = level.score(_moved(policy, plan, found.groups, strength * steps))
            if scored >= score:
                break
            better, score = tried, scored
        if score > before * (1 - _LEAST):
            break
        confirmed = search.confirmed(better, policy)
        if confirmed == policy:
            break
        policy = confirmed
        if score > before * (1 - _AGAIN):
            break
    return policy, found


def _moved(policy: Tunable, plan: Plan, names: Sequence[Group], logs: NDArray[np.float64]) -> Tunable:
    """The policy with the thresholds of each group multiplied by the exponential of a number."""
    shares = policy.shares(plan)
    factors = {name: exp(step) for group, step in zip(names, logs, strict=True) for name in group}
    return policy.with_layers({name: shares[name] * factor for name, factor in factors.items()})


def moves(search: Search, start: Tunable, plan: Plan, found: Effects) -> Tunable:
    """Move single groups while that pays: coarser where that saves most for what it loses, finer where least, at one level.

    Args:
        search: The search.
        start: Where to start.
        plan: The network.
        found: From `shape`.
    """
    steps = found.steps()
    level = search.level(start)
    policy, score = level.score(start)
    failures = 0
    for k in np.argsort(-np.abs(steps)):
        if failures == _PATIENCE or steps[k] == 0:
            break
        only = np.where(np.arange(len(steps)) == k, np.sign(steps) * np.log(_MOVE), 0.0)
        tried, scored = level.score(_moved(policy, plan, found.groups, only))
        failures += 1
        if scored < score * (1 - _PAYS):
            policy, score, failures = tried, scored, 0
    return search.confirmed(policy, start)
