"""Gates that are moved together: a search over a hundred thresholds fits the noise of a hundred frames, and takes long."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skipvid.gates.options import INPUT
from skipvid.gates.worth import macs_behind
from skipvid.plan import Plan

__all__ = ["MOST_GROUPS", "groups"]

MOST_GROUPS = 83


def groups(plan: Plan, most: int = MOST_GROUPS) -> list[tuple[str, ...]]:
    """Names of gates, group by group, the input's left out; groups of one where there are few gates.

    A group are neighbours in execution order of one class: those with more arithmetic behind them than the median, or with less
    (neighbours often have little in common), or vectors.

    Args:
        plan: The network.
        most: Most groups, about.
    """
    behind = macs_behind(plan)
    gates = [gate for gate in plan.usual_gates if gate.name != INPUT]
    if len(gates) <= most:
        return [(gate.name,) for gate in gates]
    spatial = [gate.name for gate in gates if not gate.broadcast]
    median = float(np.median([behind[name] for name in spatial])) if spatial else 0.0
    classes: Sequence[list[str]] = (
        [name for name in spatial if behind[name] > median],
        [name for name in spatial if behind[name] <= median],
        [gate.name for gate in gates if gate.broadcast],
    )
    result: list[tuple[str, ...]] = []
    for names in classes:
        if names:
            count = max(round(len(names) * most / len(gates)), 1)
            result += [tuple(str(name) for name in part) for part in np.array_split(names, count)]
    position = {gate.name: k for k, gate in enumerate(gates)}
    return sorted(result, key=lambda group: position[group[0]])
