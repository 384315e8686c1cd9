"""Arithmetic of two tensors, and its variadic relatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.graph.lowering import Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.ops.resample import emit_tables
from skipvid.graph.registry import LowerFunction, Rule
from skipvid.graph.values import Dense, Dim, Known, NotIncrementalError, Value, View, as_constant, view_of
from skipvid.plan import Binary, BinaryKind, Constant, TensorSpec

__all__ = ["RULES", "combine", "with_constant"]


def with_constant(low: Lowering, view: View, array: NDArray[Any], kind: BinaryKind, first: bool, output: str) -> View:
    """A map and a constant that broadcasts to it."""
    spec = low.spec(view)
    array = np.asarray(array, np.float32)
    shape = np.broadcast_shapes(view.shape, array.shape)
    if shape != view.shape:
        if len(shape) == len(view.shape) and spec.is_vector:
            message = "broadcasts a pooled vector over a constant"
            raise NotIncrementalError(message)
        if int(np.prod(shape)) != int(np.prod(view.shape)):
            message = f"broadcasts the map to {list(shape)}"
            raise NotIncrementalError(message)
        view = replace(view, dims=((),) * (len(shape) - len(view.dims)) + view.dims)
    constant = Constant(as_constant(array, view, spec))
    plain = view.dims == view_of(spec).dims
    size = (spec.height, spec.width, spec.channels)
    y = low.emit(Binary, [spec.name], size, output if plain else "", kind=kind, constant=constant, constant_first=first)
    return View(y.base, view.dims)


def _lift(view: View, rank: int) -> View:
    return replace(view, dims=((),) * (rank - len(view.dims)) + view.dims)


def _spread(low: Lowering, spec: TensorSpec, height: int, width: int) -> TensorSpec:
    """Repeats the single row or column of a map, so that it broadcasts."""
    if spec.is_vector or (spec.height, spec.width) == (height, width):
        return spec
    rows = np.zeros(height, np.int32) if spec.height == 1 else np.arange(height, dtype=np.int32)
    cols = np.zeros(width, np.int32) if spec.width == 1 else np.arange(width, dtype=np.int32)
    return low.spec(emit_tables(low, view_of(spec), rows, cols))


def _merged(a: View, b: View) -> tuple[Dim, ...] | None:
    """The dimensions of two views of equal rank together, where each runs through its map like the other or not at all."""
    dims = []
    for x, y in zip(a.dims, b.dims, strict=True):
        if x and y and x != y:
            return None
        dims.append(x or y)
    return tuple(dims)


def combine(low: Lowering, a: View, b: View, kind: BinaryKind, output: str) -> View:
    """Two maps, broadcast as ONNX does."""
    rank = max(len(a.dims), len(b.dims))
    dims = _merged(_lift(a, rank), _lift(b, rank))
    left, right = low.spec(a), low.spec(b)
    if dims is None or not _broadcast(left, right):
        if rank > 4 and not a.dims[0] and not b.dims[0]:
            message = f"combines tensors of shapes {list(a.shape)} and {list(b.shape)}"
            raise NotIncrementalError(message)
        left, right = (low.spec(low.plain(_lift(v, max(rank, 4)))) for v in (a, b))
        dims = None
    if not _broadcast(left, right):
        message = f"combines tensors of shapes {list(a.shape)} and {list(b.shape)}"
        raise NotIncrementalError(message)
    height, width, channels = (max(m, n) for m, n in zip(_size(left), _size(right), strict=True))
    if height * width > 1:
        left, right = _spread(low, left, height, width), _spread(low, right, height, width)
    if left.is_vector and right.is_vector and (height, width) != (1, 1):
        message = "combines a row and a column"
        raise NotIncrementalError(message)
    plain = rank == 4 and (dims is None or dims == view_of(TensorSpec("", height, width, channels)).dims)
    y = low.emit(Binary, [left.name, right.name], (height, width, channels), output if plain else "", kind=kind)
    return View(y.base, y.dims[max(4 - rank, 0) :] if dims is None else dims)


def _broadcast(a: TensorSpec, b: TensorSpec) -> bool:
    """Whether two maps agree along every axis, or one of them has size 1 there."""
    return all(m == n or 1 in (m, n) for m, n in zip(_size(a), _size(b), strict=True))


def _size(spec: TensorSpec) -> tuple[int, int, int]:
    return spec.height, spec.width, spec.channels


def _operand(low: Lowering, name: str) -> View | Known:
    value = low.values[name]
    return value if isinstance(value, Known) else low.view(name)


def _fold(low: Lowering, names: Sequence[str], kind: BinaryKind, output: str) -> Value:
    if any(isinstance(low.values[n], Dense) for n in names) and not any(isinstance(low.values[n], View) for n in names):
        message = "follows a part that is not incremental"
        raise NotIncrementalError(message)
    result = _operand(low, names[0])
    for i, name in enumerate(names[1:], 1):
        operand = _operand(low, name)
        label = output if i == len(names) - 1 else ""
        if isinstance(result, Known):
            if isinstance(operand, Known):
                message = "combines constants with a map last"
                raise NotIncrementalError(message)
            result = with_constant(low, operand, result.array, kind, True, label)
        elif isinstance(operand, Known):
            result = with_constant(low, result, operand.array, kind, False, label)
        else:
            result = combine(low, result, operand, kind, label)
    return result


def arithmetic(kind: BinaryKind) -> LowerFunction:
    def lower(node: Node, low: Lowering) -> Sequence[Value]:
        return [_fold(low, node.inputs, kind, node.outputs[0])]

    return lower


_RULE = "operands that broadcast to one map"
RULES = (
    Rule("Add", arithmetic(BinaryKind.ADD), "Binary", _RULE),
    Rule("Sub", arithmetic(BinaryKind.SUB), "Binary", _RULE),
    Rule("Mul", arithmetic(BinaryKind.MUL), "Binary", _RULE),
    Rule("Div", arithmetic(BinaryKind.DIV), "Binary", _RULE),
    Rule("Pow", arithmetic(BinaryKind.POW), "Binary", _RULE),
    Rule("Max", arithmetic(BinaryKind.MAX), "Binary", _RULE),
    Rule("Min", arithmetic(BinaryKind.MIN), "Binary", _RULE),
    Rule("Sum", arithmetic(BinaryKind.ADD), "Binary", _RULE),
)
