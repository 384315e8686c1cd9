"""Dense pooling over ``(H, W, C)`` maps."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from skipvid.engine.reference.activations import activate
from skipvid.plan import GlobalPool, Pool, PoolKind, TensorSpec

__all__ = ["global_pool", "pool"]


def pool(op: Pool, source: TensorSpec, target: TensorSpec) -> Callable[[Tensor], Tensor]:
    """A function from the input map to the output map of a window pool; windows are clipped to the map."""
    kind = op.kind
    taps = [(y, x) for y in range(op.kernel[0]) for x in range(op.kernel[1])]
    # Rows and columns that make every window whole, whatever the rounding of the output size was.
    bottom = _reach(target.height, op.kernel[0], op.stride[0], op.dilation[0]) - op.pads[0] - source.height
    right = _reach(target.width, op.kernel[1], op.stride[1], op.dilation[1]) - op.pads[1] - source.width
    border = (0, 0, op.pads[1], right, op.pads[0], bottom)
    fill = float("-inf") if kind is PoolKind.MAX else 0.0
    count = _counts(op, source, target)

    def run(x: Tensor) -> Tensor:
        padded = F.pad(x, border, value=fill)
        y = _tap(padded, op, target, *taps[0])
        for tap in taps[1:]:
            value = _tap(padded, op, target, *tap)
            y = torch.maximum(y, value) if kind is PoolKind.MAX else y + value
        if kind is PoolKind.AVERAGE:
            y = y / count.to(x.device)
        return activate(y.contiguous(), op.activation)

    return run


def _reach(size: int, taps: int, stride: int, dilation: int) -> int:
    return (size - 1) * stride + (taps - 1) * dilation + 1


def _tap(padded: Tensor, op: Pool, target: TensorSpec, ky: int, kx: int) -> Tensor:
    y, x = ky * op.dilation[0], kx * op.dilation[1]
    sy, sx = op.stride
    return padded[y : y + (target.height - 1) * sy + 1 : sy, x : x + (target.width - 1) * sx + 1 : sx]


def _counts(op: Pool, source: TensorSpec, target: TensorSpec) -> Tensor:
    """``(out_h, out_w, 1)``: what an average divides by."""
    rows = _axis_counts(op, 0, source.height, target.height)
    columns = _axis_counts(op, 1, source.width, target.width)
    return (rows[:, None] * columns[None, :]).unsqueeze(-1)


def _axis_counts(op: Pool, axis: int, size: int, out: int) -> Tensor:
    before, after = op.pads[axis], op.pads[axis + 2]
    first, end = (-before, size + after) if op.count_pads else (0, size)
    start = torch.arange(out) * op.stride[axis] - before
    read = start[:, None] + torch.arange(op.kernel[axis]) * op.dilation[axis]
    return ((read >= first) & (read < end)).sum(1).float()


def global_pool(op: GlobalPool, source: TensorSpec, target: TensorSpec) -> Callable[[Tensor], Tensor]:
    """A function from a map to the ``(1, 1, C)`` pool over all of its pixels."""

    def run(x: Tensor) -> Tensor:
        if op.kind is PoolKind.MAX:
            return activate(x.amax((0, 1), keepdim=True), op.activation)
        rows = _sum_in_order(x, 1)
        total = _sum_in_order(rows, 0)
        return activate((total / float(source.pixels)).reshape(1, 1, -1), op.activation)

    return run


def _sum_in_order(x: Tensor, axis: int) -> Tensor:
    # torch.sum adds in an order of its own; this one can be kept up row by row.
    first, *others = x.unbind(axis)
    for value in others:
        first = first + value
    return first
