"""What a plan consists of, in rows: for the table that loading a model prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from skipvid.graph.gates import is_copy
from skipvid.plan import Act, Binary, Island, Op, Plan

__all__ = ["PlanReport", "PlanRow", "describe"]

How = Literal["incremental", "island", "tail"]


@dataclass(frozen=True)
class PlanRow:
    """One operator.

    Attributes:
        op: Name in the plan.
        kind: What it does, its fused activation included.
        how: ``incremental``; ``island`` (dense, by ONNX Runtime, between maps); ``tail`` (dense, behind the last maps).
        reason: Why it is not incremental, or what it shares with the one in front.
        shape: ``(height, width, channels)`` written; empty for the tail.
        macs: Multiply-accumulates of a full pass.
        gate: Name of its gate point, or None.
    """

    op: str
    kind: str
    how: How
    reason: str
    shape: tuple[int, ...]
    macs: int
    gate: str | None


@dataclass(frozen=True)
class PlanReport:
    """A plan in rows.

    Attributes:
        rows: Operators in execution order, the tail last.
        input: ``(height, width, channels)``.
        macs: Multiply-accumulates of a full pass, the tail included.
        incremental_macs: Those that can be skipped pixel by pixel.
        gates: Number of gate points.
        stream_bytes: Memory of the maps of one stream.
        weight_bytes: Memory of the weights.
        notes: Remarks of the loader.
    """

    rows: tuple[PlanRow, ...]
    input: tuple[int, int, int]
    macs: int
    incremental_macs: int
    gates: int
    stream_bytes: int
    weight_bytes: int
    notes: tuple[str, ...]


def _kind(op: Op) -> str:
    kind = type(op).__name__
    if isinstance(op, Island):
        return f"Island({_counted(op.nodes)})"
    if isinstance(op, Binary):
        kind = f"{kind} {op.kind.value}"
    kernel = getattr(op, "kernel", None)
    if kernel is not None:
        kind = f"{kind} {kernel[0]}x{kernel[1]}"
    activation = getattr(op, "activation", None)
    if activation is not None and activation.kind is not Act.IDENTITY:
        kind = f"{kind} + {activation.kind.value}"
    return kind


def _counted(nodes: Sequence[str]) -> str:
    return ", ".join(f"{nodes.count(n)} {n}" if nodes.count(n) > 1 else n for n in dict.fromkeys(nodes))


def _weights(op: Op) -> int:
    return sum(4 * prod(a.shape) for a in (getattr(op, "weight", None), getattr(op, "bias", None)) if a is not None)


def describe(plan: Plan) -> PlanReport:
    """The rows of a plan's table and its totals."""
    gates = {g.tensor: g.name for g in plan.gates}
    rows = []
    for op in plan.ops:
        spec = plan.tensors[op.output]
        how: How = "island" if isinstance(op, Island) else "incremental"
        reason = op.reason if isinstance(op, Island) else "a copy" if is_copy(op) else ""
        shape = (spec.height, spec.width, spec.channels)
        rows.append(PlanRow(op.name, _kind(op), how, reason, shape, plan.op_macs[op.name], gates.get(op.output)))
    if plan.tail is not None:
        reason = "lays out and decodes the last maps; runs only when one of them changed"
        rows.append(PlanRow("tail", _counted(plan.tail.nodes), "tail", reason, (), plan.tail.macs, None))
    skippable = sum(plan.op_macs[op.name] for op in plan.ops if not isinstance(op, Island))
    return PlanReport(
        rows=tuple(rows),
        input=(plan.input.height, plan.input.width, plan.input.channels),
        macs=plan.dense_macs + (0 if plan.tail is None else plan.tail.macs),
        incremental_macs=skippable,
        gates=len(plan.gates),
        stream_bytes=plan.stream_bytes,
        weight_bytes=sum(_weights(op) for op in plan.ops),
        notes=plan.notes,
    )
