"""Operators that only lay a tensor out anew: they rewrite the view."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from skipvid.graph.lowering import Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.ops.resample import emit_tables
from skipvid.graph.registry import Rule
from skipvid.graph.values import NotIncrementalError, Value, View
from skipvid.graph.views import reshape, resolved, transpose

__all__ = ["RULES"]


def _reshape(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    wanted = low.known(node, 1)
    assert wanted is not None
    return [reshape(view, resolved(view.shape, wanted, bool(node.attr("allowzero", 0))))]


def _flatten(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    axis = int(node.attr("axis", 1))
    axis = axis + len(view.shape) if axis < 0 else axis
    return [reshape(view, [prod(view.shape[:axis]), prod(view.shape[axis:])])]


def _squeeze(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    axes = low.ints(node, "axes", 1)
    gone = {i for i, n in enumerate(view.shape) if n == 1} if axes is None else {a % len(view.shape) for a in axes}
    return [View(view.base, tuple(d for i, d in enumerate(view.dims) if i not in gone))]


def _unsqueeze(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    axes = low.ints(node, "axes", 1) or ()
    rank = len(view.dims) + len(axes)
    new = {a % rank for a in axes}
    rest = iter(view.dims)
    return [View(view.base, tuple(() if i in new else next(rest) for i in range(rank)))]


def _transpose(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    return [transpose(view, node.ints("perm", tuple(range(len(view.dims)))[::-1]))]


def _expand(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    wanted = low.known(node, 1)
    assert wanted is not None
    shape = np.broadcast_shapes(view.shape, tuple(int(v) for v in wanted.ravel()))
    if shape == view.shape:
        return [view]
    lifted = View(view.base, ((),) * (len(shape) - len(view.dims)) + view.dims)
    if lifted.shape == shape:
        return [lifted]
    plain = low.plain(lifted)
    spec = low.spec(plain)
    if len(shape) != 4 or shape[:2] != plain.shape[:2]:
        message = f"repeats a map to {list(shape)}"
        raise NotIncrementalError(message)
    rows = np.zeros(shape[2], np.int32) if spec.height == 1 else np.arange(shape[2], dtype=np.int32)
    cols = np.zeros(shape[3], np.int32) if spec.width == 1 else np.arange(shape[3], dtype=np.int32)
    return [emit_tables(low, plain, rows, cols, output=node.outputs[0])]


def _space_to_depth(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    block = int(node.attr("blocksize"))
    n, c, h, w = view.shape
    split = reshape(view, [n, c, h // block, block, w // block, block])
    moved = transpose(split, [0, 3, 5, 1, 2, 4])
    return [low.plain(reshape(moved, [n, c * block * block, h // block, w // block]))]


def _depth_to_space(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    block = int(node.attr("blocksize"))
    n, c, h, w = view.shape
    depth = c // block // block
    if node.attr("mode", "DCR") == "DCR":
        moved = transpose(reshape(view, [n, block, block, depth, h, w]), [0, 3, 4, 1, 5, 2])
    else:
        moved = transpose(reshape(view, [n, depth, block, block, h, w]), [0, 1, 4, 2, 5, 3])
    return [low.plain(reshape(moved, [n, depth, h * block, w * block]))]


_COPY = "what it does to channels or blocks of space is done by one copy; other results belong to the tail"
RULES = (
    Rule("Reshape", _reshape, "a view, Concat, SpaceToDepth, DepthToSpace", _COPY),
    Rule("Flatten", _flatten, "a view", _COPY),
    Rule("Squeeze", _squeeze, "a view"),
    Rule("Unsqueeze", _unsqueeze, "a view"),
    Rule("Transpose", _transpose, "a view, Concat, SpaceToDepth, DepthToSpace", _COPY),
    Rule("Expand", _expand, "Resample", "over space", "8-21"),
    Rule("SpaceToDepth", _space_to_depth, "SpaceToDepth"),
    Rule("DepthToSpace", _depth_to_space, "DepthToSpace"),
)
