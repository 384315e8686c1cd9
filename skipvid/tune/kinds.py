"""Which channels of a network's output are of one kind.

A detector joins boxes in pixels with confidences below one into a single tensor. An error that is small beside the boxes may be
large beside the confidences, so they must be judged apart. The joints are read from the graph: an output is followed back through
operators that keep its channels apart, to the Concat that joined them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import onnx
from onnx import helper

__all__ = ["Kind", "kinds"]

_POINTWISE = frozenset({"Add", "Cast", "Clip", "Div", "Exp", "Identity", "Mul", "Relu", "Sigmoid", "Sub"})
_MOST = 16  # parts: more than that are anchors or levels, not kinds


@dataclass(frozen=True)
class Kind:
    """Channels ``first <= c < end`` along one axis of an output."""

    axis: int
    first: int
    end: int


def kinds(model: onnx.ModelProto) -> dict[str, Sequence[Kind]]:
    """The channel groups of every output by name; empty where all channels are of one kind.

    Args:
        model: A model of fixed input size.
    """
    graph = onnx.shape_inference.infer_shapes(model).graph
    trace = _Trace(graph)
    found: dict[str, Sequence[Kind]] = {}
    for output in graph.output:
        shape = trace.shapes.get(output.name, ())
        axes = sorted({1, len(shape) - 1}, key=lambda axis: shape[axis]) if len(shape) >= 3 else []
        # Of anchors and channels, channels are the fewer.
        axes = axes[:1] if len(shape) == 3 else axes
        parts = [(axis, sizes) for axis in axes if 1 < len(sizes := trace.parts(output.name, axis)) <= _MOST]
        found[output.name] = _ranges(*parts[0]) if parts else ()
    return found


def _ranges(axis: int, sizes: Sequence[int]) -> list[Kind]:
    edges = [sum(sizes[:i]) for i in range(len(sizes) + 1)]
    return [Kind(axis, first, end) for first, end in pairwise(edges)]


class _Trace:
    def __init__(self, graph: onnx.GraphProto) -> None:
        self.shapes: Mapping[str, tuple[int, ...]] = {
            v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim)
            for v in (*graph.input, *graph.value_info, *graph.output)
        }
        self._writers = {name: node for node in graph.node for name in node.output}

    def parts(self, name: str, axis: int) -> tuple[int, ...]:
        """Sizes of the parts that were joined along an axis of a tensor; one part where nothing was."""
        shape = self.shapes.get(name, ())
        node = self._writers.get(name)
        if not 0 <= axis < len(shape) or shape[axis] <= 0:
            return ()
        alone = (shape[axis],)
        if node is None:
            return alone
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        if node.op_type == "Transpose":
            order = attributes.get("perm", list(range(len(shape)))[::-1])
            return self.parts(node.input[0], order[axis])
        if node.op_type in ("Reshape", "Flatten", "Squeeze", "Unsqueeze"):
            before = self._axis_before(node.input[0], shape, axis)
            return alone if before is None else self.parts(node.input[0], before)
        if node.op_type == "Concat":
            return self._joined(node, int(attributes["axis"]) % len(shape), axis) or alone
        if node.op_type in _POINTWISE:
            same = [i for i in node.input if self.shapes.get(i) == shape]
            return self.parts(same[0], axis) if same else alone
        return alone

    def _joined(self, node: onnx.NodeProto, joint: int, axis: int) -> tuple[int, ...]:
        inner = [self.parts(i, axis) for i in node.input]
        if joint != axis:
            return inner[0] if all(parts == inner[0] for parts in inner) else ()
        return tuple(size for parts in inner for size in parts) if all(inner) else ()

    def _axis_before(self, name: str, shape: tuple[int, ...], axis: int) -> int | None:
        """The axis of a tensor that a reshape to ``shape`` left whole and made ``axis``."""
        source = self.shapes.get(name, ())
        for i, size in enumerate(source):
            if size == shape[axis] and prod(source[:i]) == prod(shape[:axis]):
                return i
        return None
