"""Conv and ConvTranspose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.graph.lowering import Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.ops.runs import along_channels
from skipvid.graph.registry import Rule
from skipvid.graph.values import NotIncrementalError, Value, View
from skipvid.plan import Conv, ConvTranspose, FloatArray, Pads

__all__ = ["RULES", "stays_in_place", "window_pads"]


def window_pads(
    node: Node, size: tuple[int, int], kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]
) -> Pads:
    """Explicit pads (top, left, bottom, right) of a windowed operator, ``auto_pad`` resolved."""
    mode = node.attr("auto_pad", "NOTSET")
    if mode == "VALID":
        return (0, 0, 0, 0)
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        before, after = [], []
        for n, k, s, d in zip(size, kernel, stride, dilation, strict=True):
            total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
            less, more = total // 2, total - total // 2
            before.append(less if mode == "SAME_UPPER" else more)
            after.append(more if mode == "SAME_UPPER" else less)
        return (before[0], before[1], after[0], after[1])
    top, left, bottom, right = node.ints("pads", (0, 0, 0, 0))
    return (top, left, bottom, right)


def pair(values: Sequence[int]) -> tuple[int, int]:
    return int(values[0]), int(values[1])


def _weights(node: Node, low: Lowering, transposed: bool) -> tuple[FloatArray, FloatArray]:
    weight = low.known(node, 1)
    assert weight is not None
    bias = low.known(node, 2)
    out = weight.shape[1] * int(node.attr("group", 1)) if transposed else weight.shape[0]
    return weight.astype(np.float32), np.zeros(out, np.float32) if bias is None else bias.astype(np.float32).reshape(-1)


def _channel_conv(node: Node, low: Lowering, x: View, weight: FloatArray, bias: FloatArray) -> Sequence[Value]:
    """A 1-D convolution along the channels of a 1x1 map (efficient channel attention), as a banded 1x1 convolution."""
    spec = low.spec(x)
    taps = weight.shape[2]
    stride, dilation, pads = node.ints("strides", (1,)), node.ints("dilations", (1,)), node.ints("pads", (0, 0))
    channels = spec.channels
    plain = spec.is_vector and x.shape == (1, 1, channels) and weight.shape[:2] == (1, 1)
    if (
        not plain
        or stride != (1,)
        or dilation != (1,)
        or pads[0] + pads[1] != taps - 1
        or node.attr("auto_pad", "NOTSET") != "NOTSET"
    ):
        message = "a 1-D convolution"
        raise NotIncrementalError(message)
    band = np.zeros((channels, channels, 1, 1), np.float32)
    for k in range(taps):
        for o in range(channels):
            if 0 <= o + k - pads[0] < channels:
                band[o, o + k - pads[0]] = weight[0, 0, k]
    y = low.emit(Conv, [spec.name], (1, 1, channels), weight=band, bias=np.full(channels, bias[0], np.float32))
    return [View(y.base, x.dims)]


def stays_in_place(node: Node, weight: NDArray[Any]) -> bool:
    """Whether each output of a convolution reads its own place alone."""
    once = set(weight.shape[2:]) == {1} and set(node.ints("strides", (1, 1))) == {1}
    return once and not any(node.ints("pads", (0, 0, 0, 0)))


def _beside_channels(node: Node, view: View, weight: FloatArray) -> bool:
    """Whether a convolution multiplies some of a map's channels and moves over others, as decoders of distributions do."""
    if len(view.dims) != 4 or not any(a.axis == "c" for dim in view.dims[2:] for a in dim):
        return False
    return weight.shape[1] == view.shape[1] and stays_in_place(node, weight)


def conv(node: Node, low: Lowering) -> Sequence[Value]:
    weight, bias = _weights(node, low, transposed=False)
    if weight.ndim == 3:
        return _channel_conv(node, low, low.view(node.inputs[0]), weight, bias)
    if weight.ndim != 4:
        message = f"a {weight.ndim - 2}-D convolution"
        raise NotIncrementalError(message)
    view = low.view(node.inputs[0])
    if _beside_channels(node, view, weight):
        return [along_channels(low, view, 1, weight[:, :, 0, 0], bias)]
    x = low.spec(low.plain(view))
    kernel = pair(weight.shape[2:])
    stride, dilation = pair(node.ints("strides", (1, 1))), pair(node.ints("dilations", (1, 1)))
    groups = int(node.attr("group", 1))
    if x.channels != weight.shape[1] * groups or weight.shape[0] % groups:
        message = f"its weights {list(weight.shape)} in {groups} groups do not fit {x.channels} channels"
        raise NotIncrementalError(message)
    pads = window_pads(node, (x.height, x.width), kernel, stride, dilation)
    height = (x.height + pads[0] + pads[2] - (kernel[0] - 1) * dilation[0] - 1) // stride[0] + 1
    width = (x.width + pads[1] + pads[3] - (kernel[1] - 1) * dilation[1] - 1) // stride[1] + 1
    if height < 1 or width < 1:
        message = f"its {kernel[0]}x{kernel[1]} window is larger than the map of {x.height}x{x.width}"
        raise NotIncrementalError(message)
    y = low.emit(
        Conv,
        [x.name],
        (height, width, weight.shape[0]),
        node.outputs[0],
        weight=np.ascontiguousarray(weight),
        bias=bias,
        stride=stride,
        dilation=dilation,
        pads=pads,
        groups=groups,
    )
    return [y]


def _transposed_extent(node: Node, axis: int, n: int, k: int, s: int, d: int) -> tuple[int, int, int]:
    """Size of the result along one axis, and what is cropped before and after it."""
    extra = node.ints("output_padding", (0, 0))[axis]
    full = s * (n - 1) + (k - 1) * d + 1
    mode = node.attr("auto_pad", "NOTSET")
    wanted = node.ints("output_shape", ())
    if wanted or mode in ("SAME_UPPER", "SAME_LOWER"):
        size = wanted[len(wanted) - 2 + axis] if wanted else n * s
        total = full + extra - size
        less = total // 2
        before = less if mode == "SAME_UPPER" else total - less
        return size, before, full - size - before
    pads = (0, 0, 0, 0) if mode == "VALID" else node.ints("pads", (0, 0, 0, 0))
    before, after = pads[axis], pads[axis + 2] - extra
    return full - before - after, before, after


def conv_transpose(node: Node, low: Lowering) -> Sequence[Value]:
    weight, bias = _weights(node, low, transposed=True)
    if weight.ndim != 4:
        message = f"a {weight.ndim - 2}-D transposed convolution"
        raise NotIncrementalError(message)
    x = low.map(node.inputs[0])
    kernel = pair(weight.shape[2:])
    stride, dilation = pair(node.ints("strides", (1, 1))), pair(node.ints("dilations", (1, 1)))
    height, top, bottom = _transposed_extent(node, 0, x.height, kernel[0], stride[0], dilation[0])
    width, left, right = _transposed_extent(node, 1, x.width, kernel[1], stride[1], dilation[1])
    if min(top, left) < 0:
        message = "an output shape larger than the full result"
        raise NotIncrementalError(message)
    y = low.emit(
        ConvTranspose,
        [x.name],
        (height, width, bias.shape[0]),
        node.outputs[0],
        weight=np.ascontiguousarray(weight),
        bias=bias,
        stride=stride,
        dilation=dilation,
        pads=(top, left, bottom, right),
        groups=int(node.attr("group", 1)),
    )
    return [y]


RULES = (
    Rule("Conv", conv, "Conv", "2-D; constant weights; 1-D only along the channels of a pooled vector", multiplies=True),
    Rule("ConvTranspose", conv_transpose, "ConvTranspose", "2-D; constant weights", multiplies=True),
)
