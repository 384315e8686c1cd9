"""Where recomputed pixels may be withheld from their consumers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skipvid.plan import (
    Binary,
    Concat,
    Conv,
    ConvTranspose,
    DepthToSpace,
    GatePoint,
    Op,
    Resample,
    SpaceToDepth,
    TensorSpec,
)

__all__ = ["gate_points", "is_copy"]


def is_copy(op: Op) -> bool:
    """Whether an operator moves values without computing any."""
    match op:
        case Concat() | SpaceToDepth() | DepthToSpace():
            return True
        case Resample():
            return bool(op.row_index.shape[1] == 1 and op.col_index.shape[1] == 1)
        case _:
            return False


def _broadcasts(op: Op, tensor: str, tensors: Mapping[str, TensorSpec]) -> bool:
    return isinstance(op, Binary) and tensors[tensor].is_vector and not tensors[op.output].is_vector


def gate_points(ops: Sequence[Op], tensors: Mapping[str, TensorSpec], input: str) -> tuple[GatePoint, ...]:
    """The maps that reach a gated convolution, or broadcast over another map, through nothing but copies; the input first.

    A convolution that only feeds a residual addition is none: the addition is.
    """
    gated: set[str] = set()
    for op in reversed(ops):
        for name in op.inputs:
            through = is_copy(op) and any(t in gated for t in op.outputs)
            multiplies = isinstance(op, ConvTranspose) or (isinstance(op, Conv) and op.gated)
            if multiplies or through or _broadcasts(op, name, tensors):
                gated.add(name)
    points = [GatePoint("input", input, tensors[input].is_vector)]
    for op in ops:
        if is_copy(op):
            continue
        for k, name in enumerate(op.outputs):
            if name in gated:
                points.append(GatePoint(f"{op.name}:{k}" if k else op.name, name, tensors[name].is_vector))
    return tuple(points)
