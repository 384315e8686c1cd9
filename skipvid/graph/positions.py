"""Where the dimension that counts positions is in the result of an operator which works on each position on its own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from math import prod
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from skipvid.graph.lowering import Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.ops.conv import stays_in_place
from skipvid.graph.values import Joined, Known, NotIncrementalError, Value
from skipvid.graph.views import resolved

__all__ = ["ARITHMETIC", "axis_behind", "reshaped", "shape_of"]

ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum")
"""Operators whose operands broadcast: constants among them may vary from position to position."""

_POINTWISE = (
    *("Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Mish", "Gelu", "Tanh", "Elu", "Softplus"),
    *("Exp", "Sqrt", "Abs", "Neg", "Reciprocal", "Identity", "Dropout", "Cast"),
)


def axis_behind(node: Node, low: Lowering, x: Joined) -> int:
    """Which dimension of a node's results the positions of a joined input are.

    Raises:
        NotIncrementalError: It works along the positions, or it is not known that it does not.
    """
    return _AXES[node.op](node, low, x) if node.op in _AXES else _refuse()


def shape_of(value: Value) -> tuple[int, ...]:
    """The shape of a tensor.

    Raises:
        NotIncrementalError: It is not known before the image is.
    """
    if value.shape is None:
        message = "reads a tensor of unknown size"
        raise NotIncrementalError(message)
    return value.shape


def _refuse() -> int:
    message = "works along positions of different maps"
    raise NotIncrementalError(message)


def _same(node: Node, low: Lowering, x: Joined) -> int:
    return x.axis


def _broadcast(node: Node, low: Lowering, x: Joined) -> int:
    shapes = [shape_of(low.values[name]) for name in node.inputs]
    rank = max(len(shape) for shape in shapes)
    behind = len(shape_of(x)) - x.axis
    for name, shape in zip(node.inputs, shapes, strict=True):
        value = low.values[name]
        if isinstance(value, Joined) and len(shape) - value.axis != behind:
            return _refuse()
    return rank - behind


def _target(wanted: Known, x: Joined) -> tuple[list[int], int]:
    """The sizes that a reshape asks for, and which of them is the number of positions."""
    shape = shape_of(x)
    sizes = resolved(shape, wanted.array, zeros=False)
    for axis, size in enumerate(sizes):
        if size == shape[x.axis] and prod(sizes[:axis]) == prod(shape[: x.axis]) and prod(sizes) == prod(shape):
            return sizes, axis
    return sizes, _refuse()


def reshaped(wanted: Known, x: Joined, k: int) -> NDArray[np.int64]:
    """The sizes that a reshape asks for, for part ``k`` of a joined tensor."""
    sizes, axis = _target(wanted, x)
    sizes[axis] = x.sizes[k]
    return np.asarray(sizes, np.int64)


def _reshape(node: Node, low: Lowering, x: Joined) -> int:
    wanted = low.values[node.inputs[1]]
    return _target(wanted, x)[1] if isinstance(wanted, Known) and not node.attr("allowzero", 0) else _refuse()


def _transpose(node: Node, low: Lowering, x: Joined) -> int:
    rank = len(shape_of(x))
    return node.ints("perm", tuple(range(rank))[::-1]).index(x.axis)


def _without(x: Joined, gone: Collection[int]) -> int:
    return _refuse() if x.axis in gone else x.axis - sum(a < x.axis for a in gone)


def _unsqueeze(node: Node, low: Lowering, x: Joined) -> int:
    axes = low.ints(node, "axes", 1) or ()
    rank = len(shape_of(x)) + len(axes)
    return [i for i in range(rank) if i not in {a % rank for a in axes}][x.axis]


def _squeeze(node: Node, low: Lowering, x: Joined) -> int:
    shape = shape_of(x)
    given = low.ints(node, "axes", 1) or [i for i, n in enumerate(shape) if n == 1]
    return _without(x, {a % len(shape) for a in given})


def _reduce(node: Node, low: Lowering, x: Joined) -> int:
    rank = len(shape_of(x))
    axes = {a % rank for a in low.ints(node, "axes", 1) or range(rank)}
    left = _without(x, axes)
    return x.axis if node.attr("keepdims", 1) else left


def _along(default: int) -> Callable[[Node, Lowering, Joined], int]:
    """Operators with an ``axis`` that is another dimension than that of the positions."""

    def where(node: Node, low: Lowering, x: Joined) -> int:
        return _refuse() if int(node.attr("axis", default)) % len(shape_of(x)) == x.axis else x.axis

    return where


def _softmax(node: Node, low: Lowering, x: Joined) -> int:
    if node.opset >= 13:
        return _along(-1)(node, low, x)
    # Before opset 13 all dimensions from ``axis`` on are one.
    return x.axis if x.axis < int(node.attr("axis", 1)) % len(shape_of(x)) else _refuse()


def _concat(node: Node, low: Lowering, x: Joined) -> int:
    alike = all(isinstance(v := low.values[n], Joined) and v.axis == x.axis for n in node.inputs)
    return _along(0)(node, low, x) if alike else _refuse()


def _slice(node: Node, low: Lowering, x: Joined) -> int:
    rank = len(shape_of(x))
    axes = low.ints(node, "axes", 3) or range(rank)
    return _refuse() if x.axis in {a % rank for a in axes} else x.axis


def _gather(node: Node, low: Lowering, x: Joined) -> int:
    index = low.known(node, 1)
    if index is None or index.ndim > 1:
        return _refuse()
    left = _without(x, {int(node.attr("axis", 0)) % len(shape_of(x))})
    return left if index.ndim == 0 else x.axis


def _conv(node: Node, low: Lowering, x: Joined) -> int:
    weight = low.known(node, 1)
    return x.axis if weight is not None and stays_in_place(node, weight) and x.axis >= 2 else _refuse()


def _matmul(node: Node, low: Lowering, x: Joined) -> int:
    rank = len(shape_of(x))
    left = isinstance(low.values[node.inputs[0]], Known)
    if x.axis == (rank - 2 if left else rank - 1):
        return _refuse()
    other = low.values[node.inputs[0 if left else 1]]
    return x.axis if isinstance(other, Known) and other.array.ndim <= 2 else _refuse()


_AXES: Mapping[str, Callable[[Node, Lowering, Joined], int]] = MappingProxyType(
    {
        **dict.fromkeys(_POINTWISE, _same),
        **dict.fromkeys(ARITHMETIC, _broadcast),
        **dict.fromkeys(("ReduceMax", "ReduceMean", "ReduceSum"), _reduce),
        "Concat": _concat,
        "Conv": _conv,
        "Gather": _gather,
        "LayerNormalization": _along(-1),
        "MatMul": _matmul,
        "Reshape": _reshape,
        "Slice": _slice,
        "Softmax": _softmax,
        "Split": _along(0),
        "Squeeze": _squeeze,
        "Transpose": _transpose,
        "Unsqueeze": _unsqueeze,
    }
)
