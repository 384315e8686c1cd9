"""MaxPool, AveragePool and pooling over the whole map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skipvid.graph.lowering import Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.ops.conv import pair, window_pads
from skipvid.graph.registry import Rule
from skipvid.graph.values import NotIncrementalError, Value, View
from skipvid.graph.views import reshape
from skipvid.plan import Binary, BinaryKind, Concat, Constant, Conv, GlobalPool, Pool, PoolKind, TensorSpec

__all__ = ["RULES"]


def _extent(n: int, k: int, s: int, d: int, before: int, after: int, ceil: bool) -> int:
    room = n + before + after - (k - 1) * d - 1
    if not ceil:
        return room // s + 1
    size = -(-room // s) + 1
    # A window that starts beyond the map and its leading pad is dropped.
    return size - 1 if (size - 1) * s >= n + before else size


def _pool(node: Node, low: Lowering, kind: PoolKind) -> Sequence[Value]:
    if len(node.outputs) > 1 and node.outputs[1]:
        message = "its second output, the indices, is used"
        raise NotIncrementalError(message)
    x = low.map(node.inputs[0])
    kernel = pair(node.ints("kernel_shape", (1, 1)))
    stride, dilation = pair(node.ints("strides", (1, 1))), pair(node.ints("dilations", (1, 1)))
    pads = window_pads(node, (x.height, x.width), kernel, stride, dilation)
    ceil = bool(node.attr("ceil_mode", 0))
    height = _extent(x.height, kernel[0], stride[0], dilation[0], pads[0], pads[2], ceil)
    width = _extent(x.width, kernel[1], stride[1], dilation[1], pads[1], pads[3], ceil)
    if height < 1 or width < 1:
        message = f"its {kernel[0]}x{kernel[1]} window is larger than the map of {x.height}x{x.width}"
        raise NotIncrementalError(message)
    if kernel == (x.height, x.width) and not any(pads) and dilation == (1, 1):
        return [low.emit(GlobalPool, [x.name], (1, 1, x.channels), node.outputs[0], kind=kind)]
    y = low.emit(
        Pool,
        [x.name],
        (height, width, x.channels),
        node.outputs[0],
        kind=kind,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        pads=pads,
        count_pads=kind is PoolKind.AVERAGE and bool(node.attr("count_include_pad", 0)),
    )
    return [y]


def max_pool(node: Node, low: Lowering) -> Sequence[Value]:
    return _pool(node, low, PoolKind.MAX)


def average_pool(node: Node, low: Lowering) -> Sequence[Value]:
    return _pool(node, low, PoolKind.AVERAGE)


def global_average(node: Node, low: Lowering) -> Sequence[Value]:
    x = low.map(node.inputs[0])
    return [low.emit(GlobalPool, [x.name], (1, 1, x.channels), node.outputs[0], kind=PoolKind.AVERAGE)]


def global_max(node: Node, low: Lowering) -> Sequence[Value]:
    x = low.map(node.inputs[0])
    return [low.emit(GlobalPool, [x.name], (1, 1, x.channels), node.outputs[0], kind=PoolKind.MAX)]


def _axes(node: Node, low: Lowering, rank: int) -> tuple[int, ...]:
    return tuple(sorted(a % rank for a in low.ints(node, "axes", 1) or ())) or tuple(range(rank))


def _over_space(low: Lowering, view: View, axes: tuple[int, ...], kind: PoolKind) -> tuple[TensorSpec, View]:
    """Pools away whole spatial axes of a view; the view that is left keeps its dimensions, pooled ones of size 1."""
    spec = low.spec(view)
    gone = "".join(sorted({a.axis for i in axes for a in view.dims[i]}))
    kept = {a.axis for i, dim in enumerate(view.dims) if i not in axes for a in dim}
    if "c" in gone or kept & set(gone):
        message = "reduces a part of an axis"
        raise NotIncrementalError(message)
    dims = tuple(() if i in axes else dim for i, dim in enumerate(view.dims))
    if gone == "hw" or (gone == "h" and spec.width == 1) or (gone == "w" and spec.height == 1):
        y = low.emit(GlobalPool, [spec.name], (1, 1, spec.channels), kind=kind)
    else:
        height, width = (1, spec.width) if gone == "h" else (spec.height, 1)
        kernel = (spec.height, 1) if gone == "h" else (1, spec.width)
        y = low.emit(Pool, [spec.name], (height, width, spec.channels), kind=kind, kernel=kernel, stride=kernel)
    return low.spec(y), View(y.base, dims)


def _over_channels(low: Lowering, spec: TensorSpec, kind: PoolKind) -> str:
    """Reduces all channels of a map to one: the mean as a 1x1 convolution, the maximum by halving."""
    size = (spec.height, spec.width)
    if kind is PoolKind.AVERAGE:
        weight = np.full((1, spec.channels, 1, 1), 1.0 / spec.channels, np.float32)
        return low.emit(Conv, [spec.name], (*size, 1), weight=weight, bias=np.zeros(1, np.float32), gated=False).base
    name, channels = spec.name, spec.channels
    while channels > 1:
        half = -(-channels // 2)
        first, second = np.arange(half, dtype=np.int32), np.arange(channels - half, channels, dtype=np.int32)
        parts = [low.emit(Concat, [name], (*size, half), channels=part).base for part in (first, second)]
        name, channels = low.emit(Binary, parts, (*size, half), kind=BinaryKind.MAX).base, half
    return name


def _reduce(node: Node, low: Lowering, kind: PoolKind, scale: bool = False) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    if len(node.inputs) > 1 and node.inputs[1] and low.known(node, 1) is None:
        return [view]
    axes = _axes(node, low, len(view.dims))
    count = int(np.prod([view.shape[a] for a in axes]))
    atoms = {a.axis for i in axes for a in view.dims[i]}
    if not atoms:
        result = view
    elif atoms == {"c"} and all(a.axis != "c" for i, dim in enumerate(view.dims) if i not in axes for a in dim):
        result = View(
            _over_channels(low, low.spec(view), kind), tuple(() if i in axes else dim for i, dim in enumerate(view.dims))
        )
    else:
        _, result = _over_space(low, view, axes, kind)
    if scale:
        spec = low.spec(result)
        factor = Constant(np.full((1, 1, 1), count, np.float32))
        y = low.emit(Binary, [spec.name], (spec.height, spec.width, spec.channels), kind=BinaryKind.MUL, constant=factor)
        result = View(y.base, result.dims)
    if node.attr("keepdims", 1):
        return [result]
    return [reshape(result, [n for i, n in enumerate(result.shape) if i not in axes])]


def reduce_mean(node: Node, low: Lowering) -> Sequence[Value]:
    return _reduce(node, low, PoolKind.AVERAGE)


def reduce_max(node: Node, low: Lowering) -> Sequence[Value]:
    return _reduce(node, low, PoolKind.MAX)


def reduce_sum(node: Node, low: Lowering) -> Sequence[Value]:
    return _reduce(node, low, PoolKind.AVERAGE, scale=True)


_WHOLE = "over whole axes: height, width, both, or all channels"
RULES = (
    Rule("MaxPool", max_pool, "Pool, GlobalPool", "2-D; the indices not used"),
    Rule("AveragePool", average_pool, "Pool, GlobalPool", "2-D"),
    Rule("GlobalAveragePool", global_average, "GlobalPool"),
    Rule("GlobalMaxPool", global_max, "GlobalPool"),
    Rule("ReduceMean", reduce_mean, "GlobalPool, Pool, Conv", _WHOLE),
    Rule("ReduceMax", reduce_max, "GlobalPool, Pool, Binary", _WHOLE),
    Rule("ReduceSum", reduce_sum, "GlobalPool, Pool, Conv and Binary", _WHOLE),
)
