"""Thresholds per layer from measured sensitivities.

Each gate in turn is made coarser, and what that saves and what that loses is measured. A gate's worth is what it saves for what
it loses; gates of above-average worth get a threshold above the average, and the others one below. How strongly worth shapes
thresholds is one number, and how coarse all of them are is another; both are searched. Then single gates are moved, the worthiest
first, as long as that pays. A search over two numbers does not fit the noise of a hundred frames, as one over a hundred
thresholds would.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from skipvid.gates.policies import Truncation
from skipvid.plan import Plan
from skipvid.tune.search import Search
from skipvid.tune.trial import Trial

__all__ = ["moves", "sensitivities", "shape"]

_COARSER = 3.0
_STRENGTHS = (0.25, 0.5, 0.75)
_LIMIT = 8.0  # a gate's threshold stays within this factor of the uniform one
_FACTORS = (0.35, 0.5, 0.7, 0.85, 1.0, 1.2, 1.45, 1.75, 2.1, 2.5, 3.0)

Cost = Callable[[Trial], float]


def sensitivities(search: Search, start: Truncation, plan: Plan, cost: Cost) -> dict[str, tuple[float, float]]:
    """What making each gate coarser saves, in units of ``cost``, and loses, in units of `Agreement.loss`."""
    basis = search.attempt(start)
    result = {}
    for name, threshold in start.shares(plan).items():
        trial = search.attempt(start.with_layers({name: threshold * _COARSER}))
        result[name] = (cost(basis) - cost(trial), trial.agreement.loss - basis.agreement.loss)
    return result


def shape(search: Search, start: Truncation, plan: Plan, found: Mapping[str, tuple[float, float]]) -> Truncation:
    """The best thresholds of the form ``t * worth ** strength``; ``start`` where no strength beats it."""
    worth = _worth(found)
    best = search.attempt(start)
    policy = start
    for strength in _STRENGTHS:
        factors = {name: float(np.clip(value**strength, 1 / _LIMIT, _LIMIT)) for name, value in worth.items()}
        shaped = {name: share * factors[name] for name, share in start.shares(plan).items() if name in factors}
        trial = search.coarsest([start.with_layers({k: v * f for k, v in shaped.items()}) for f in _FACTORS])
        if trial is not None and trial.macs < best.macs and isinstance(trial.policy, Truncation):
            best, policy = trial, trial.policy
    return policy


def moves(
    search: Search, start: Truncation, plan: Plan, found: Mapping[str, tuple[float, float]], least: float = 0.01
) -> Truncation:
    """Move groups of gates while that pays: the worthiest quarter coarser, half of it, ... down to one gate.

    Args:
        search: The search.
        start: Where to start.
        plan: The network.
        found: `sensitivities`.
        least: Smallest relative saving for which a move is kept going.
    """
    order = sorted(_worth(found), key=lambda name: -_worth(found)[name])
    best, policy = search.attempt(start), start
    size = max(len(order) // 4, 1)
    while size:
        moved = False
        for at in range(0, len(order), size):
            group: Sequence[str] = order[at : at + size]
            shares = policy.shares(plan)
            coarser = policy.with_layers({name: 1.5 * shares[name] for name in group})
            trial = search.attempt(coarser)
            if search.goal.met(trial) and trial.macs < best.macs * (1 - least):
                best, policy, moved = trial, coarser, True
            elif at > len(order) // 2:
                break  # what is worth little did not pay at this size, and what follows is worth less
        size = size if moved and size > 4 else size // 2
        if size < max(len(order) // 16, 1):
            break
    return policy


def _worth(found: Mapping[str, tuple[float, float]]) -> dict[str, float]:
    """Savings per loss relative to the geometric mean; noise in either is damped by a tenth of its typical size."""
    if not found:
        return {}
    saved = np.array([max(s, 0.0) for s, _ in found.values()])
    lost = np.array([max(q, 0.0) for _, q in found.values()])
    ratio = (saved + 0.1 * saved.mean() + 1e-9) / (lost + 0.1 * lost.mean() + 1e-9)
    ratio /= np.exp(np.log(ratio).mean())
    return dict(zip(found, ratio.tolist(), strict=True))
