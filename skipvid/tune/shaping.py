"""Thresholds per layer from measured sensitivities.

Each group of gates in turn is made coarser, and the time that saves and the quality it loses are measured. A group's worth is
the ratio of the two, relative to the others'. Where all ratios are equal no exchange between two groups pays any more. So
thresholds of above-average worth are raised and the others lowered, by a power of the worth that is searched for, and all of
them scaled back to equal quality; and again, until that gains little. Then single groups are moved, the worthiest first, as
long as that pays.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skipvid.gates.policies import Truncation
from skipvid.plan import Plan
from skipvid.tune.groups import groups
from skipvid.tune.search import Search

__all__ = ["moves", "sensitivities", "shape", "worth"]

Group = tuple[str, ...]
Sensitivities = Mapping[Group, tuple[float, float]]

_COARSER = 2.0
_STRENGTHS = (0.3, 0.6, 1.0)
_LIMIT = 6.0  # a threshold moves by no more than this factor in one round
_ROUNDS = 2
_LEAST = 0.015  # relative gain of a round below which there is no other
_MOVE = 1.5
_PAYS = 0.004  # relative gain of a single move that is kept
_PATIENCE = 4  # moves in succession that do not pay before the search ends


def sensitivities(search: Search, start: Truncation, plan: Plan) -> Sensitivities:
    """What making each group of gates coarser saves, in ms per frame, and loses, in units of `Trial.loss`."""
    basis = search.compare(start)
    shares = start.shares(plan)
    result: dict[Group, tuple[float, float]] = {}
    for group in groups(plan):
        trial = search.compare(start.with_layers({name: shares[name] * _COARSER for name in group}))
        result[group] = (basis.ms - trial.ms, trial.loss - basis.loss)
    return result


def worth(found: Sensitivities) -> dict[Group, float]:
    """Time saved per quality lost, relative to the geometric mean; noise in either is damped by a tenth of its typical size."""
    if not found:
        return {}
    saved = np.array([max(s, 0.0) for s, _ in found.values()])
    lost = np.array([max(q, 0.0) for _, q in found.values()])
    ratio = (saved + 0.1 * saved.mean() + 1e-9) / (lost + 0.1 * lost.mean() + 1e-9)
    ratio /= np.exp(np.log(ratio).mean())
    return dict(zip(found, ratio.tolist(), strict=True))


def shape(search: Search, start: Truncation, plan: Plan) -> tuple[Truncation, Sensitivities]:
    """Rounds of raising thresholds by their worth; the policy they end with, and the last sensitivities."""
    policy = start
    found: Sensitivities = {}
    for _ in range(_ROUNDS):
        level = search.level(policy)
        before = level.score(policy)[1]
        found = sensitivities(search, policy, plan)
        values = worth(found)
        tried = [level.score(_powered(policy, plan, values, strength)) for strength in _STRENGTHS]
        better, score = min(tried, key=lambda t: t[1])
        if score > before * (1 - _LEAST):
            break
        confirmed = search.confirmed(better, policy)
        if confirmed == policy:
            break
        policy = confirmed
    return policy, found


def _powered(policy: Truncation, plan: Plan, values: Mapping[Group, float], strength: float) -> Truncation:
    shares = policy.shares(plan)
    factors = {name: float(np.clip(value**strength, 1 / _LIMIT, _LIMIT)) for group, value in values.items() for name in group}
    return policy.with_layers({name: shares[name] * factor for name, factor in factors.items()})


def moves(search: Search, start: Truncation, plan: Plan, found: Sensitivities) -> Truncation:
    """Move single groups while that pays: the worthiest coarser, the least worthy finer, all scaled back to one level.

    Args:
        search: The search.
        start: Where to start.
        plan: The network.
        found: `sensitivities`.
    """
    ranked = sorted(worth(found).items(), key=lambda item: -abs(np.log(item[1])))
    level = search.level(start)
    policy, score = level.score(start)
    failures = 0
    for group, value in ranked:
        shares = policy.shares(plan)
        factor = _MOVE if value > 1 else 1 / _MOVE
        tried, scored = level.score(policy.with_layers({name: shares[name] * factor for name in group}))
        failures += 1
        if scored < score * (1 - _PAYS):
            policy, score, failures = tried, scored, 0
        if failures == _PATIENCE:
            break
    return search.confirmed(policy, start)
