"""What stands behind a gate: the arithmetic that a pixel it holds back saves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skipvid.gates.options import INPUT
from skipvid.plan import Plan

__all__ = ["macs_behind", "shaped"]

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
    """Factors on a common threshold, by gate name: ``(MACs behind the gate / their geometric mean) ** exponent``.

    Half is the exponent to expect. A threshold t lets an error of the order of t pass, and where the sizes of changes are spread
    over orders of magnitude the pixels that exceed it, hence the arithmetic c / t, fall about as 1 / t. The smallest sum of c / t
    for a given sum of t has t proportional to the square root of c. A depthwise convolution costs a hundredth of the pointwise
    one behind it: holding pixels back before it saves next to nothing, and costs as much quality.
    """
    gates = [gate for gate in plan.gates if gate.name != INPUT and not gate.broadcast]
    factors = dict.fromkeys((gate.name for gate in plan.gates if gate.name != INPUT), 1.0)
    if exponent == 0 or not gates:
        return factors
    behind = macs_behind(plan)
    logs = np.log([max(behind[gate.name], 1) for gate in gates])
    relative = np.clip(np.exp(exponent * (logs - logs.mean())), 1 / _FINER, _COARSER)
    return {**factors, **{gate.name: float(r) for gate, r in zip(gates, relative, strict=True)}}
