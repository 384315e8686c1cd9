"""Tensors that join the positions of several maps, as detectors join their levels before they decode.

They are no maps, so that what follows would be left to ONNX Runtime, whole, whenever anything changed. But most of it is done to
each position on its own: then it is done to each part, on its own map, and the join moves behind it.
"""

from __future__ import annotations

from collections.abc import Sequence

import onnx
from onnx import helper

from skipvid.graph.lowering import DenseNode, Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.positions import ARITHMETIC, axis_behind, reshaped, shape_of
from skipvid.graph.registry import Rule
from skipvid.graph.values import Joined, Known, NotIncrementalError, Value, View

__all__ = ["join", "lower_parts"]


def join(node: Node, low: Lowering) -> bool:
    """Whether a node that could not be lowered only joins views; its result then is known as `Joined`."""
    values = [low.values[name] for name in node.inputs] if node.op == "Concat" else []
    if not values or not all(isinstance(v, View | Joined) for v in values):
        return False
    rank = len(shape_of(values[0]))
    axis = int(node.attr("axis")) % rank
    # A join of four dimensions may be a map for convolutions: it becomes one again where that pays.
    if rank == 4 or any(isinstance(v, Joined) and v.axis != axis for v in values):
        return False
    pieces = [
        (name, size)
        for given, value in zip(node.inputs, values, strict=True)
        for name, size in (
            zip(value.parts, value.sizes, strict=True) if isinstance(value, Joined) else [(given, shape_of(value)[axis])]
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
    if any(v.sizes != first.sizes for v in joined):
        message = "reads positions of several maps"
        raise NotIncrementalError(message)
    axis = axis_behind(node, low, first)
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
    shape = list(shape_of(low.values[parts[0]]))
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
    if node.op == "Reshape" and index == 1:
        return Known(reshaped(value, like, k))
    if node.op not in ARITHMETIC:
        return value
    axis = like.axis - len(like.shape or ()) + value.array.ndim
    if axis < 0 or value.array.shape[axis] == 1:
        return value
    start = sum(like.sizes[:k])
    return Known(value.array.take(range(start, start + like.sizes[k]), axis=axis))
