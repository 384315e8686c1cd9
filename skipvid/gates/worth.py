"""What stands behind a gate: the arithmetic that a pixel it holds back saves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skipvid.gates.options import INPUT
from skipvid.plan import Plan

__all__ = ["followed", "macs_behind", "shaped"]

_FINER, _COARSER = 8.0, 4.0  # how far a gate's threshold may be from the common one


def macs_behind(plan: Plan) -> dict[str, int]:
    """Multiply-accumulates of the operators that read each gate's map, by gate name, through those that have none."""
    return {gate.name: _behind(plan, gate.tensor) for gate in plan.gates if gate.name != INPUT}


def _behind(plan: Plan, tensor: str) -> int:
    total, seen, todo = 0, set[str](), [tensor]
    while todo:
        for op in plan.consumers(todo.pop()):
            if op.name not in seen:
                seen.add(op.name)
                total += plan.op_macs[op.name]
                if plan.op_macs[op.name] == 0:
                    todo += op.outputs
    return total


def shaped(plan: Plan, exponent: float) -> Mapping[str, float]:
    """Factors on a common threshold of truncation, by gate name, see `followed`; 1 for vectors."""
    gates = [gate for gate in plan.gates if gate.name != INPUT]
    behind = macs_behind(plan)
    factors = followed({gate.name: behind[gate.name] for gate in gates if not gate.broadcast}, exponent)
    return {gate.name: factors.get(gate.name, 1.0) for gate in gates}


def followed(macs: Mapping[str, int], exponent: float) -> Mapping[str, float]:
    """Factors on a common threshold, by name: ``(MACs that a gate saves / their geometric mean) ** exponent``.

    Half is the exponent to expect. A threshold t lets an error of the order of t pass, and where the sizes of changes are spread
    over orders of magnitude the pixels that exceed it, hence the arithmetic c / t, fall about as 1 / t. The smallest sum of c / t
    for a given sum of t has t proportional to the square root of c. A depthwise convolution costs a hundredth of the pointwise
    one behind it: holding pixels back before it saves next to nothing, and costs as much quality.
    """
    if exponent == 0 or not macs:
        return dict.fromkeys(macs, 1.0)
    logs = np.log([max(value, 1) for value in macs.values()])
    relative = np.clip(np.exp(exponent * (logs - logs.mean())), 1 / _FINER, _COARSER)
    return {name: float(factor) for name, factor in zip(macs, relative, strict=True)}
