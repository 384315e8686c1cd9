"""DeltaCNN's search: gate by gate from the input on, double the threshold until too much is lost, then step back once.

Source: the tuning procedure described with DeltaCNN (Parger et al., CVPR 2022). The allowed loss is shared out evenly over the
gates, so that the first ones do not use it up.
"""

from __future__ import annotations

from dataclasses import replace

from skipvid.gates.policies import INPUT, Truncation
from skipvid.plan import Plan
from skipvid.tune.search import Search

__all__ = ["front_to_back"]

_FIRST = 0.01
_DOUBLINGS = 7
_FIRST_INPUT = 1.0  # grey level


def front_to_back(search: Search, plan: Plan, most: float) -> Truncation:
    """Thresholds by gate, in execution order, for a loss of ``most``; gates not reached yet are exact."""
    policy = Truncation(threshold=0.0, norm=search.base.norm, input_noise=0.0, vector_threshold=0.0)
    for k, gate in enumerate(plan.usual_gates, start=1):
        allowed = most * k / len(plan.usual_gates)
        kept, threshold = policy, _FIRST_INPUT if gate.name == INPUT else _FIRST
        before = search.attempt(policy)
        for _ in range(_DOUBLINGS):
            coarser = _with(policy, gate.name, threshold)
            trial = search.attempt(coarser)
            if not search.goal.met(trial) or trial.drop > allowed or trial.ms > before.ms:
                break
            kept, threshold, before = coarser, threshold * 2, trial
        policy = kept
    return policy


def _with(policy: Truncation, gate: str, threshold: float) -> Truncation:
    return replace(policy, input_threshold=threshold) if gate == INPUT else policy.with_layers({gate: threshold})
