"""Footprints: which pixels of an output have a changed pixel of the input in their window.

Masks are ``(height, width)`` bool tensors on any device. All windows here are products of a set of rows and a set of columns, so
a footprint is taken along one axis and then along the other. The functions are pure and keep no gradient.
"""

from __future__ import annotations

import torch
from torch import Tensor

from skipvid.plan import Pads

__all__ = ["band", "block", "blocks", "dilate", "gather", "repeat", "transposed", "window"]


def window(
    mask: Tensor, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], pads: Pads, size: tuple[int, int]
) -> Tensor:
    """Footprint of convolutions and pools: output ``o`` reads the inputs ``o * stride - pad + k * dilation`` that exist.

    Args:
        mask: ``(H, W)`` bool, the changed inputs.
        kernel: Taps, vertical and horizontal; so are the other pairs.
        stride: Distance of two windows.
        dilation: Distance of two taps.
        pads: Rows and columns around the input: top, left, bottom, right; only the first two matter beside ``size``.
        size: Height and width of the output.
    """
    columns = _window_axis(mask, 1, kernel[1], stride[1], dilation[1], pads[1], size[1])
    return _window_axis(columns, 0, kernel[0], stride[0], dilation[0], pads[0], size[0])


def _window_axis(mask: Tensor, axis: int, taps: int, stride: int, dilation: int, pad: int, size: int) -> Tensor:
    if taps == 1 and stride == 1 and pad == 0 and mask.shape[axis] == size:
        return mask
    shape = list(mask.shape)
    shape[axis] = size
    out = mask.new_zeros(shape)
    for k in range(taps):
        shift = k * dilation - pad
        first = max(0, -(shift // stride))  # the first output whose tap k exists
        last = min(size - 1, (mask.shape[axis] - 1 - shift) // stride)
        count = last - first + 1
        if count > 0:
            source = mask.narrow(axis, first * stride + shift, (count - 1) * stride + 1)
            source = source[:: stride if axis == 0 else 1, :: stride if axis == 1 else 1]
            out.narrow(axis, first, count).logical_or_(source)
    return out


def dilate(mask: Tensor, distance: int) -> Tensor:
    """All pixels within a Chebyshev distance of a set pixel."""
    if distance == 0:
        return mask
    k = 2 * distance + 1
    height, width = mask.shape
    return window(mask, (k, k), (1, 1), (1, 1), (distance, distance, distance, distance), (height, width))


def transposed(
    mask: Tensor, kernel: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int], pads: Pads, size: tuple[int, int]
) -> Tensor:
    """Footprint of a transposed convolution: input ``i`` reaches the outputs ``i * stride + k * dilation - pad`` that exist.

    Arguments as in `window`.
    """
    columns = _transposed_axis(mask, 1, kernel[1], stride[1], dilation[1], pads[1], size[1])
    return _transposed_axis(columns, 0, kernel[0], stride[0], dilation[0], pads[0], size[0])


def _transposed_axis(mask: Tensor, axis: int, taps: int, stride: int, dilation: int, pad: int, size: int) -> Tensor:
    set_inputs = torch.arange(mask.shape[axis], device=mask.device)
    shape = list(mask.shape)
    shape[axis] = size
    out = mask.new_zeros(shape)
    for k in range(taps):
        target = set_inputs * stride + k * dilation - pad
        inside = (target >= 0) & (target < size)
        # Within one tap no two inputs share an output, so a plain indexed copy is an "or".
        reached = out.index_select(axis, target[inside]) | mask.index_select(axis, set_inputs[inside])
        out.index_copy_(axis, target[inside], reached)
    return out


def gather(mask: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Footprint of a separable gather.

    Args:
        mask: ``(H, W)`` bool.
        rows: ``(out_h, taps)`` int64 source rows; -1 where a tap reads nothing.
        columns: ``(out_w, taps)`` int64 source columns; -1 where a tap reads nothing.
    """
    return _gather_axis(_gather_axis(mask, 1, columns), 0, rows)


def _gather_axis(mask: Tensor, axis: int, index: Tensor) -> Tensor:
    shape = list(mask.shape)
    shape[axis] = index.shape[0]
    out = mask.new_zeros(shape)
    for tap in index.unbind(1):
        taken = mask.index_select(axis, tap.clamp_min(0))
        read = (tap >= 0).unsqueeze(1 - axis)
        out |= taken & read
    return out


def block(mask: Tensor, size: int, offsets: tuple[tuple[int, int], ...], out_size: tuple[int, int]) -> Tensor:
    """Footprint of gathering ``size`` x ``size`` blocks into one pixel, of which the ``offsets`` (dy, dx) are read."""
    height, width = out_size
    out = mask.new_zeros(out_size)
    for dy, dx in offsets:
        out |= mask[dy::size, dx::size][:height, :width]
    return out


def repeat(mask: Tensor, size: int, out_size: tuple[int, int]) -> Tensor:
    """Footprint of spreading every pixel over a ``size`` x ``size`` block."""
    return mask.repeat_interleave(size, 0).repeat_interleave(size, 1)[: out_size[0], : out_size[1]]


def blocks(mask: Tensor, side: int) -> Tensor:
    """Every pixel of the ``side`` x ``side`` blocks, counted from the upper left corner, that hold a set pixel."""
    if side == 1:
        return mask
    height, width = mask.shape
    coarse = torch.nn.functional.max_pool2d(mask[None].float(), side, ceil_mode=True)[0] > 0
    return repeat(coarse, side, (height, width))


def band(height: int, width: int, number: int, count: int) -> Tensor:
    """Rows of band ``number`` of the ``count`` that a map is divided into; some are empty where there are fewer rows."""
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[height * number // count : height * (number + 1) // count] = True
    return mask
