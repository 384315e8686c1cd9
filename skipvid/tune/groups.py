"""Gates that are moved together: a search over a hundred thresholds fits the noise of a hundred frames, and takes long."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skipvid.plan import Plan
from skipvid.tune.tunable import Tunable

__all__ = ["MOST_GROUPS", "groups"]

MOST_GROUPS = 43


def groups(policy: Tunable, plan: Plan, most: int = MOST_GROUPS) -> list[tuple[str, ...]]:
    """Names of a policy's gates, group by group, the input's left out; groups of one where there are few gates.

    A group are neighbours in execution order of one class: those that save more arithmetic than the median, or less (neighbours
    often have little in common), or those of vectors.

    Args:
        policy: Whose gates.
        plan: The network.
        most: Most groups, about.
    """
    worth = policy.worth(plan)
    if len(worth) <= most:
        return [(name,) for name in worth]
    vectors = {op.name for op in plan.ops if plan.tensors[op.output].is_vector}
    spatial = [name for name in worth if name not in vectors]
    median = float(np.median([worth[name] for name in spatial])) if spatial else 0.0
    classes: Sequence[list[str]] = (
        [name for name in spatial if worth[name] > median],
        [name for name in spatial if worth[name] <= median],
        [name for name in worth if name in vectors],
    )
    result: list[tuple[str, ...]] = []
    for names in classes:
        if names:
            count = max(round(len(names) * most / len(worth)), 1)
            result += [tuple(str(name) for name in part) for part in np.array_split(names, count)]
    position = {name: k for k, name in enumerate(worth)}
    return sorted(result, key=lambda group: position[group[0]])
