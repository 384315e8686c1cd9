"""Tensors that join the positions of several maps, as detectors join their levels before they decode.

They are no maps, so that what follows would be left to ONNX Runtime, whole, whenever anything changed. But most of it is done to
each position on its own: then it is done to each part, on its own map, and the join moves behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import onnx
from onnx import helper

from skipvid.graph.lowering import DenseNode, Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.registry import Rule
from skipvid.graph.values import Joined, Known, NotIncrementalError, Value, View

__all__ = ["join", "lower_parts"]

Parts: TypeAlias = Sequence[Value]


def join(node: Node, low: Lowering) -> bool:
    """Whether a node that could not be lowered only joins views; its result then is known as `Joined`."""
    values = [low.values[name] for name in node.inputs] if node.op == "Concat" else []
    if not values or not all(isinstance(v, View | Joined) for v in values):
        return False
    rank = len(_shape(values[0]))
    axis = int(node.attr("axis")) % rank
    # A join of four dimensions may be a map for convolutions: it becomes one again where that pays.
    if rank == 4 or any(isinstance(v, Joined) and v.axis != axis for v in values):
        return False
    pieces = [
        (name, size)
        for given, value in zip(node.inputs, values, strict=True)
        for name, size in (
            zip(value.parts, value.sizes, strict=True) if isinstance(value, Joined) else [(given, _shape(value)[axis])]
        )
    ]
    _register(low, node.outputs[0], [name for name, _ in pieces], [size for _, size in pieces], axis, node)
    return True


def lower_parts(node: Node, low: Lowering, rule: Rule) -> Sequence[Value] | None:
    """The results of a node that reads joined tensors, done part by part; None where it reads none.

    Raises:
        NotIncrementalError: It does more than work on each position, or a part of it has no incremental form.
    """
    joined = [v for n in node.inputs if n and isinstance(v := low.values[n], Joined)]
    if not joined:
        return None
    first = joined[0]
    if any(v.sizes != first.sizes for v in joined) or node.op not in _AXES:
        message = "reads positions of several maps"
        raise NotIncrementalError(message)
    axis = _AXES[node.op](node, low, first)
    for k in range(len(first.sizes)):
        part = _part(node, low, first, k)
        low.begin(part)
        results = rule.lower(part, low)
        if not all(isinstance(value, View) for value in results):
            message = "a part of what it reads is not incremental"
            raise NotIncrementalError(message)
        low.values.update({name: value for name, value in zip(part.outputs, results, strict=False) if name})
    return [_register(low, name, _names(name, first), first.sizes, axis, node) for name in node.outputs if name]


def _names(name: str, like: Joined) -> list[str]:
    """Of the parts of a tensor that is joined as another one is."""
    return [f"{name}@part{k}" for k in range(len(like.sizes))]


def _register(low: Lowering, name: str, parts: Sequence[str], sizes: Sequence[int], axis: int, node: Node) -> Joined:
    """Makes a joined tensor known, and the node that writes it where it is read as a whole."""
    shape = list(_shape(low.values[parts[0]]))
    shape[axis] = sum(sizes)
    proto = helper.make_node("Concat", list(parts), [name], f"{name}@joined", axis=axis)
    low.dense[name] = DenseNode(Node(proto, node.opset, f"{name}@joined"), "joins positions of different maps")
    joined = Joined(tuple(shape), onnx.TensorProto.FLOAT, tuple(parts), tuple(sizes), axis)
    low.values[name] = joined
    return joined


def _part(node: Node, low: Lowering, like: Joined, k: int) -> Node:
    """The node as it works on part ``k``."""
    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    for i, name in enumerate(node.inputs):
        value = low.values[name] if name else None
        if isinstance(value, Joined):
            proto.input[i] = value.parts[k]
        elif isinstance(value, Known) and (cut := _cut(node, i, value, like, k)) is not value:
            proto.input[i] = f"{node.outputs[0]}@constant{i}@part{k}"
            low.values[proto.input[i]] = cut
        elif isinstance(value, View) or (value is not None and not isinstance(value, Known)):
            message = "reads positions of several maps, and another tensor"
            raise NotIncrementalError(message)
    for i, name in enumerate(node.outputs):
        proto.output[i] = f"{name}@part{k}" if name else ""
    return Node(proto, node.opset, node.name)


def _cut(node: Node, index: int, value: Known, like: Joined, k: int) -> Known:
    """What of a constant operand belongs to a part: the whole of it where it is the same for all positions."""
    start = sum(like.sizes[:k])
    if node.op == "Reshape" and index == 1:
        return Known(_reshaped(value, like, k))
    if node.op not in _ARITHMETIC:
        return value
    axis = like.axis - len(like.shape or ()) + value.array.ndim
    if axis < 0 or value.array.shape[axis] == 1:
        return value
    return Known(value.array.take(range(start, start + like.sizes[k]), axis=axis))


# -- where the dimension of the positions is in the result --------------------------------------------------------------


def _shape(value: Value) -> tuple[int, ...]:
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
    shapes = [_shape(low.values[name]) for name in node.inputs]
    rank = max(len(shape) for shape in shapes)
    behind = len(_shape(x)) - x.axis
    for name, shape in zip(node.inputs, shapes, strict=True):
        value = low.values[name]
        if isinstance(value, Joined) and len(shape) - value.axis != behind:
            return _refuse()
    return rank - behind


def _target(wanted: Known, x: Joined) -> tuple[list[int], int]:
    """The sizes that a reshape asks for, and which of them is the number of positions."""
    shape = _shape(x)
    sizes = [shape[i] if n == 0 else int(n) for i, n in enumerate(wanted.array.ravel())]
    if -1 in sizes:
        sizes[sizes.index(-1)] = prod(shape) // max(-prod(sizes), 1)
    for axis, size in enumerate(sizes):
        if size == shape[x.axis] and prod(sizes[:axis]) == prod(shape[: x.axis]) and prod(sizes) == prod(shape):
            return sizes, axis
    return sizes, _refuse()


def _reshaped(wanted: Known, x: Joined, k: int) -> np.ndarray:
    sizes, axis = _target(wanted, x)
    sizes[axis] = x.sizes[k]
    return np.asarray(sizes, np.int64)


def _reshape(node: Node, low: Lowering, x: Joined) -> int:
    wanted = low.values[node.inputs[1]]
    return _target(wanted, x)[1] if isinstance(wanted, Known) and not node.attr("allowzero", 0) else _refuse()


def _transpose(node: Node, low: Lowering, x: Joined) -> int:
    rank = len(_shape(x))
    return node.ints("perm", tuple(range(rank))[::-1]).index(x.axis)


def _axes(node: Node, low: Lowering) -> Sequence[int]:
    if node.has("axes"):
        return node.ints("axes", ())
    given = low.known(node, 1)
    return () if given is None else [int(v) for v in given.ravel()]


def _unsqueeze(node: Node, low: Lowering, x: Joined) -> int:
    axes = _axes(node, low)
    rank = len(_shape(x)) + len(axes)
    return [i for i in range(rank) if i not in {a % rank for a in axes}][x.axis]


def _squeeze(node: Node, low: Lowering, x: Joined) -> int:
    shape = _shape(x)
    gone = {a % len(shape) for a in _axes(node, low)} or {i for i, n in enumerate(shape) if n == 1}
    return _refuse() if x.axis in gone else x.axis - sum(a < x.axis for a in gone)


def _reduce(node: Node, low: Lowering, x: Joined) -> int:
    rank = len(_shape(x))
    axes = {a % rank for a in _axes(node, low)}
    if not axes or x.axis in axes:
        return _refuse()
    return x.axis if node.attr("keepdims", 1) else x.axis - sum(a < x.axis for a in axes)


def _along(default: int) -> Callable[[Node, Lowering, Joined], int]:
    """Operators with an ``axis`` that is another dimension than that of the positions."""

    def where(node: Node, low: Lowering, x: Joined) -> int:
        return _refuse() if int(node.attr("axis", default)) % len(_shape(x)) == x.axis else x.axis

    return where


def _softmax(node: Node, low: Lowering, x: Joined) -> int:
    if node.opset >= 13:
        return _along(-1)(node, low, x)
    # Before opset 13 all dimensions from ``axis`` on are one.
    return x.axis if x.axis < int(node.attr("axis", 1)) % len(_shape(x)) else _refuse()


def _concat(node: Node, low: Lowering, x: Joined) -> int:
    alike = all(isinstance(v := low.values[n], Joined) and v.axis == x.axis for n in node.inputs)
    return _along(0)(node, low, x) if alike else _refuse()


def _slice(node: Node, low: Lowering, x: Joined) -> int:
    given = node.ints("axes", ()) if node.has("axes") else low.known(node, 3)
    axes = range(len(_shape(x))) if given is None or not len(given) else [int(a) for a in given]
    return _refuse() if x.axis in {a % len(_shape(x)) for a in axes} else x.axis


def _gather(node: Node, low: Lowering, x: Joined) -> int:
    index = low.known(node, 1)
    gone = int(node.attr("axis", 0)) % len(_shape(x))
    if index is None or index.ndim > 1 or gone == x.axis:
        return _refuse()
    return x.axis - (index.ndim == 0 and gone < x.axis)


def _conv(node: Node, low: Lowering, x: Joined) -> int:
    weight = low.known(node, 1)
    alone = weight is not None and set(weight.shape[2:]) == {1} and set(node.ints("strides", (1, 1))) == {1}
    return x.axis if alone and x.axis >= 2 and not any(node.ints("pads", (0, 0, 0, 0))) else _refuse()


def _matmul(node: Node, low: Lowering, x: Joined) -> int:
    rank = len(_shape(x))
    left = isinstance(low.values[node.inputs[0]], Known)
    if x.axis == (rank - 2 if left else rank - 1):
        return _refuse()
    other = low.values[node.inputs[0 if left else 1]]
    return x.axis if isinstance(other, Known) and other.array.ndim <= 2 else _refuse()


Axis: TypeAlias = Callable[[Node, Lowering, Joined], int]
_ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Sum")
_POINTWISE = ("Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softplus", "Exp", "Sqrt", "Abs", "Neg")
_AXES: Mapping[str, Axis] = MappingProxyType(
    {
        **dict.fromkeys((*_POINTWISE, "Reciprocal", "Identity", "Dropout", "Cast"), _same),
        **dict.fromkeys(_ARITHMETIC, _broadcast),
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
"""By operator, which dimension of the result the positions are; an operator that works along them refuses."""
