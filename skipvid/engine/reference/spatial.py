"""Dense operators that move pixels: resampling and the exchange of space and depth, over ``(H, W, C)`` maps."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from skipvid.plan import DepthToSpace, FloatArray, IntArray, Resample, SpaceToDepth, TensorSpec

__all__ = ["depth_to_space", "read_taps", "resample", "space_to_depth"]


def read_taps(index: IntArray, weight: FloatArray) -> tuple[Tensor, Tensor]:
    """What one axis of a resampling reads.

    Args:
        index: ``(out, taps)`` source positions.
        weight: ``(out, taps)`` their weights.

    Returns:
        ``(out, taps)`` int64 positions, -1 where a tap reads nothing, and ``(out,)`` bool: outputs that lie outside the map.
    """
    used = weight != 0
    outside = (used & (index < 0)).any(axis=1)
    read = np.where(used & ~outside[:, None], index, -1).astype(np.int64)
    return torch.from_numpy(read), torch.from_numpy(outside)


def resample(op: Resample) -> Callable[[Tensor], Tensor]:
    """A function from the input map to the output map of a separable resampling."""
    rows, row_outside = read_taps(op.row_index, op.row_weight)
    columns, column_outside = read_taps(op.col_index, op.col_weight)
    row_weight, col_weight = torch.tensor(op.row_weight), torch.tensor(op.col_weight)
    copies = rows.shape[1] == columns.shape[1] == 1
    outside = row_outside[:, None] | column_outside[None, :]
    any_outside = bool(outside.any())

    def run(x: Tensor) -> Tensor:
        if copies:
            y = x.index_select(1, columns[:, 0].clamp_min(0)).index_select(0, rows[:, 0].clamp_min(0))
        else:
            y = _mix(_mix(x, 1, columns, col_weight), 0, rows, row_weight)
        return y.masked_fill(outside[..., None], op.fill) if any_outside else y

    return run


def _mix(x: Tensor, axis: int, index: Tensor, weight: Tensor) -> Tensor:
    """The weighted sum of taps along one axis, tap by tap; a tap of weight 0 is not read, even where it holds no number."""
    shape = (1, -1, 1) if axis == 1 else (-1, 1, 1)
    total: Tensor | None = None
    for tap, w in zip(index.unbind(1), weight.unbind(1), strict=True):
        read = (tap >= 0).reshape(shape)
        value = x.index_select(axis, tap.clamp_min(0)) * w.reshape(shape)
        if total is None:
            total = value if bool(read.all()) else torch.where(read, value, 0.0)
        else:
            total = torch.where(read, total + value, total)
    assert total is not None
    return total


def space_to_depth(op: SpaceToDepth, source: TensorSpec, target: TensorSpec) -> Callable[[Tensor], Tensor]:
    """A function that gathers blocks of pixels into channels."""
    height, width, b = target.height, target.width, op.block
    dy, dx, channel = (torch.tensor(column, dtype=torch.int64) for column in op.source.T)
    index = (dy * b + dx) * source.channels + channel

    def run(x: Tensor) -> Tensor:
        blocks = x[: height * b, : width * b].reshape(height, b, width, b, source.channels).permute(0, 2, 1, 3, 4)
        return blocks.reshape(height, width, -1).index_select(-1, index)

    return run


def depth_to_space(op: DepthToSpace, source: TensorSpec, target: TensorSpec) -> Callable[[Tensor], Tensor]:
    """A function that spreads channels over blocks of pixels."""
    b = op.block
    index = torch.tensor(op.source, dtype=torch.int64).reshape(-1)

    def run(x: Tensor) -> Tensor:
        blocks = x.index_select(-1, index).reshape(source.height, source.width, b, b, target.channels).permute(0, 2, 1, 3, 4)
        return blocks.reshape(source.height * b, source.width * b, target.channels)[: target.height, : target.width].contiguous()

    return run
