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
from skipvid.graph.values import Joined, Known, NotIncrementalError, View

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
    parts = [p for name, v in zip(node.inputs, values, strict=True) for p in (v.parts if isinstance(v, Joined) else [name])]
    _register(low, node.outputs[0], parts, axis, node)
    return True


def lower_parts(node: Node, low: Lowering, rule: Rule) -> bool:
    """Whether a node reads joined tensors; it was done part by part then, and its results are joined in turn.

    Raises:
        NotIncrementalError: It does more than work on each position, or a part of it has no incremental form.
    """
    joined = [v for n in node.inputs if n and isinstance(v := low.values[n], Joined)]
    if not joined:
        return False
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
    for name in node.outputs:
        if name:
            _register(low, name, [_part_of(name, k) for k in range(len(first.sizes))], axis, node)
    return True


def _part_of(name: str, k: int) -> str:
    return f"{name}@part{k}"


def _register(low: Lowering, name: str, parts: Sequence[str], axis: int, node: Node) -> None:
    """Makes a joined tensor known, and the node that writes it where it is read as a whole."""
    shapes = [shape_of(low.values[part]) for part in parts]
    sizes = tuple(shape[axis] for shape in shapes)
    shape = (*shapes[0][:axis], sum(sizes), *shapes[0][axis + 1 :])
    proto = helper.make_node("Concat", list(parts), [name], f"{name}@joined", axis=axis)
    low.dense[name] = DenseNode(Node(proto, node.opset, f"{name}@joined"), "joins positions of different maps")
    low.values[name] = Joined(shape, onnx.TensorProto.FLOAT, tuple(parts), sizes, axis)


def _part(node: Node, low: Lowering, like: Joined, k: int) -> Node:
    """The node as it works on part ``k``."""
    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    for i, name in enumerate(node.inputs):
        value = low.values[name] if name else None
        if isinstance(value, Joined):
            proto.input[i] = value.parts[k]
        elif isinstance(value, Known) and (cut := _cut(node, i, value, like, k)) is not value:
            proto.input[i] = _part_of(f"{node.outputs[0]}@constant{i}", k)
            low.values[proto.input[i]] = cut
        elif value is not None and not isinstance(value, Known):
            message = "reads positions of several maps, and another tensor"
            raise NotIncrementalError(message)
    for i, name in enumerate(node.outputs):
        proto.output[i] = _part_of(name, k) if name else ""
    return Node(proto, node.opset, node.name)


def _cut(node: Node, index: int, value: Known, like: Joined, k: int) -> Known:
    """What of a constant operand belongs to a part: the whole of it where it is the same for all positions."""
    if node.op == "Reshape" and index == 1:
        return Known(reshaped(value, like, k))
    if node.op not in ARITHMETIC:
        return value
    axis = like.axis - len(shape_of(like)) + value.array.ndim
    if axis < 0 or value.array.shape[axis] == 1:
        return value
    start = sum(like.sizes[:k])
    return Known(value.array.take(range(start, start + like.sizes[k]), axis=axis))
