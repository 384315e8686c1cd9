"""Concat, Split, Slice and Gather."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from skipvid.graph.lowering import Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.ops.resample import emit_tables
from skipvid.graph.registry import Rule
from skipvid.graph.values import Atom, Dense, Known, NotIncrementalError, Value, View, canonical, view_of
from skipvid.graph.views import channel_grid, with_channels
from skipvid.plan import Concat, IntArray

__all__ = ["RULES", "take"]


def take(low: Lowering, view: View, axis: int, index: IntArray, output: str = "") -> View:
    """The positions ``index`` of a dimension: channels, or whole rows or columns of the map."""
    size = view.shape[axis]
    if np.array_equal(index, np.arange(size)):
        return view
    if not index.size or index.min() < 0 or index.max() >= size:
        message = "selects nothing, or outside the tensor"
        raise NotIncrementalError(message)
    spec = low.spec(view)
    for letter, extent in (("h", spec.height), ("w", spec.width)):
        if view.dims[axis] and view.dims[axis] == canonical([Atom(letter, extent)]):  # type: ignore[arg-type]
            rows = index if letter == "h" else np.arange(spec.height, dtype=np.int32)
            cols = index if letter == "w" else np.arange(spec.width, dtype=np.int32)
            y = emit_tables(low, view_of(spec), rows, cols)
            dims = tuple(canonical([Atom(letter, len(index))]) if i == axis else d for i, d in enumerate(view.dims))  # type: ignore[arg-type]
            return View(y.base, dims)
    grid, where = channel_grid(view, axis)
    chosen = grid.take(index, axis=where)
    y = low.emit(
        Concat, [spec.name], (spec.height, spec.width, chosen.size), channels=np.ascontiguousarray(chosen.ravel(), np.int32)
    )
    return with_channels(view, axis, y.base, len(index))


def concat(node: Node, low: Lowering) -> Sequence[Value]:
    names = [n for n in node.inputs if n]
    if not any(isinstance(low.values[n], View) for n in names):
        message = "follows a part that is not incremental"
        raise NotIncrementalError(message)
    values = [low.values[n] if isinstance(low.values[n], Known) else low.view(n) for n in names]
    first = next(v for v in values if isinstance(v, View))
    axis = int(node.attr("axis")) % len(first.dims)
    views = [_constant_view(low, v, first, axis) if isinstance(v, Known) else v for v in values if not isinstance(v, Dense)]
    views = _comparable(low, views, axis)
    bases = [low.spec(v) for v in views]
    sizes = {(s.height, s.width) for s in bases}
    pattern = {_pattern(v, axis) for v in views}
    if len(sizes) != 1 or len(pattern) != 1:
        message = "joins tensors that lie differently in their maps"
        raise NotIncrementalError(message)
    offset, grids, where = 0, [], 0
    for view, spec in zip(views, bases, strict=True):
        grid, where = channel_grid(view, axis)
        grids.append(grid + np.int32(offset))
        offset += spec.channels
    joined = np.concatenate(grids, axis=where)
    channels = np.ascontiguousarray(joined.ravel(), np.int32)
    straight = np.array_equal(channels, np.arange(offset))
    height, width = sizes.pop()
    plain = len(first.dims) == 4 and axis == 1
    y = low.emit(
        Concat,
        [s.name for s in bases],
        (height, width, channels.size),
        node.outputs[0] if plain else "",
        channels=None if straight else channels,
    )
    return [with_channels(views[0], axis, y.base, joined.shape[where])]


def _pattern(view: View, axis: int) -> tuple[object, ...]:
    """What must agree between tensors that are joined along a dimension: the axes and sizes in all others."""
    return tuple(
        None if i == axis else tuple((a.axis, a.size, a.stride if a.axis != "c" else 0) for a in dim)
        for i, dim in enumerate(view.dims)
    )


def _comparable(low: Lowering, views: list[View], axis: int) -> list[View]:
    """Views that join as they are, or else as maps of their own."""
    pure = all(a.axis == "c" for v in views for a in v.dims[axis])
    if pure and len({_pattern(v, axis) for v in views}) == 1:
        return views
    if axis != 1 or any(len(v.dims) != 4 for v in views):
        message = "joins positions of different maps"
        raise NotIncrementalError(message)
    return [low.plain(v) for v in views]


def _constant_view(low: Lowering, value: Known, like: View, axis: int) -> View:
    if axis != 1 or len(like.dims) != 4 or value.array.ndim != 4:
        message = "joins a map and a constant"
        raise NotIncrementalError(message)
    plain = low.plain(like)
    spec = low.spec(plain)
    return low.constant_map(spec, np.ascontiguousarray(np.transpose(value.array[0], (1, 2, 0)), np.float32))


def split(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    axis = int(node.attr("axis", 0)) % len(view.dims)
    total = view.shape[axis]
    sizes = low.ints(node, "split", 1)
    if not sizes:
        each = -(-total // len(node.outputs))
        sizes = tuple(min(each, total - i * each) for i in range(len(node.outputs)))
    starts = np.cumsum((0, *sizes))
    return [take(low, view, axis, np.arange(a, b, dtype=np.int32)) for a, b in pairwise(starts)]


def slice_(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    rank = len(view.dims)
    if node.has("starts"):
        starts, ends = node.ints("starts", ()), node.ints("ends", ())
        axes, steps = node.ints("axes", tuple(range(len(starts)))), (1,) * len(starts)
    else:
        given = [low.known(node, i) for i in range(1, 5)]
        assert given[0] is not None
        assert given[1] is not None
        starts, ends = (tuple(int(v) for v in g.ravel()) for g in given[:2] if g is not None)
        axes = tuple(range(len(starts))) if given[2] is None else tuple(int(v) for v in given[2].ravel())
        steps = (1,) * len(starts) if given[3] is None else tuple(int(v) for v in given[3].ravel())
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = view.shape[axis % rank]
        index = np.arange(size, dtype=np.int32)[slice(start, None if step < 0 and end < -size else end, step)]
        view = take(low, view, axis % rank, index)
    return [view]


def gather(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    axis = int(node.attr("axis", 0)) % len(view.dims)
    index = low.known(node, 1)
    assert index is not None
    if index.ndim > 1:
        message = "gathers with an index of several dimensions"
        raise NotIncrementalError(message)
    flat = index.reshape(-1).astype(np.int32)
    flat = np.where(flat < 0, flat + view.shape[axis], flat).astype(np.int32)
    chosen = take(low, view, axis, flat)
    if index.ndim == 0:
        return [View(chosen.base, tuple(d for i, d in enumerate(chosen.dims) if i != axis))]
    return [chosen]


_WHERE = "along channels, or whole rows and columns"
RULES = (
    Rule("Concat", concat, "Concat", "along channels"),
    Rule("Split", split, "Concat, Resample", _WHERE),
    Rule("Slice", slice_, "Concat, Resample, SpaceToDepth (Focus)", _WHERE),
    Rule("Gather", gather, "Concat, Resample", f"{_WHERE}; constant index"),
)
