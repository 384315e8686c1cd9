"""The table from operators to what the reference executor does with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from skipvid.engine.island import OnnxPart
from skipvid.engine.reference import masks
from skipvid.engine.reference.bands import Spread, serially
from skipvid.engine.reference.convolution import convolution, transposed_convolution
from skipvid.engine.reference.pointwise import binary, concat, softmax, unary
from skipvid.engine.reference.pooling import global_pool, pool
from skipvid.engine.reference.spatial import depth_to_space, read_taps, resample, space_to_depth
from skipvid.plan import (
    Binary,
    Concat,
    Conv,
    ConvTranspose,
    DepthToSpace,
    GlobalPool,
    Island,
    Op,
    Pool,
    Resample,
    Softmax,
    SpaceToDepth,
    TensorSpec,
    Unary,
)

__all__ = ["Kernel", "kernel"]

Dense = Callable[..., tuple[Tensor, ...]]
Footprint = Callable[..., Tensor]


@dataclass(frozen=True)
class Kernel:
    """One operator, ready to run.

    Attributes:
        op: The operator.
        dense: From the input maps ``(H, W, C)`` to the output maps, all pixels of them. Pure.
        footprint: From the changed pixels ``(H, W)`` of the inputs, at least one of them set, to the active pixels of the output.
        read: From pixels of the output to those of the input that they are computed from; None where those are the same.
    """

    op: Op
    dense: Dense
    footprint: Footprint
    read: Callable[[Tensor], Tensor] | None = None


def kernel(op: Op, tensors: Mapping[str, TensorSpec], spread: Spread = serially) -> Kernel:
    """Prepare an operator of a plan for execution.

    Args:
        op: The operator.
        tensors: The plan's maps by name.
        spread: How to compute the bands of a large operator.
    """
    source, target = tensors[op.inputs[0]], tensors[op.output]
    if isinstance(op, Island):
        return Kernel(op, _island(op, tensors), _everywhere(target))
    run = _dense(op, source, target, spread)
    return Kernel(op, lambda *maps: (run(*maps),), _footprint(op, tensors), _read(op, source))


def _dense(op: Op, source: TensorSpec, target: TensorSpec, spread: Spread) -> Callable[..., Tensor]:
    match op:
        case Conv():
            return convolution(op, source, target, spread)
        case ConvTranspose():
            return transposed_convolution(op, source, target)
        case Pool():
            return pool(op, source, target)
        case GlobalPool():
            return global_pool(op, source, target)
        case Unary():
            return unary(op)
        case Binary():
            return binary(op, target)
        case Concat():
            return concat(op)
        case Resample():
            return resample(op)
        case SpaceToDepth():
            return space_to_depth(op, source, target)
        case DepthToSpace():
            return depth_to_space(op, source, target)
        case Softmax():
            return softmax(op, target)
        case _:
            message = f"the reference executor has no kernel for {type(op).__name__}"
            raise TypeError(message)


def _footprint(op: Op, tensors: Mapping[str, TensorSpec]) -> Footprint:
    target = tensors[op.output]
    size = (target.height, target.width)
    match op:
        case Conv() | Pool():
            return lambda mask: masks.window(mask, op.kernel, op.stride, op.dilation, op.pads, size)
        case ConvTranspose():
            return lambda mask: masks.transposed(mask, op.kernel, op.stride, op.dilation, op.pads, size)
        case GlobalPool():
            return _everywhere(target)
        case Resample():
            rows, _ = read_taps(op.row_index, op.row_weight)
            columns, _ = read_taps(op.col_index, op.col_weight)
            return lambda mask: masks.gather(mask, rows, columns)
        case SpaceToDepth():
            offsets = tuple(sorted({(int(dy), int(dx)) for dy, dx, _ in op.source}))
            return lambda mask: masks.block(mask, op.block, offsets, size)
        case DepthToSpace():
            return lambda mask: masks.repeat(mask, op.block, size)
        case _:
            return _pointwise(target)


def _read(op: Op, source: TensorSpec) -> Callable[[Tensor], Tensor] | None:
    if not isinstance(op, Conv) or op.is_pointwise:
        return None
    size = (source.height, source.width)
    return lambda mask: masks.transposed(mask, op.kernel, op.stride, op.dilation, op.pads, size)


def _everywhere(target: TensorSpec) -> Footprint:
    return lambda *masks: torch.ones(target.height, target.width, dtype=torch.bool)


def _pointwise(target: TensorSpec) -> Footprint:
    """The union of the inputs' masks, where a 1x1 map reaches every pixel."""

    def footprint(*masks: Tensor) -> Tensor:
        out = torch.zeros(target.height, target.width, dtype=torch.bool)
        for mask in masks:
            out |= mask
        return out

    return footprint


def _island(op: Island, tensors: Mapping[str, TensorSpec]) -> Dense:
    # One thread: the library's results may depend on the number of them.
    part = OnnxPart(op.model, op.inputs, op.outputs, threads=1)
    targets = [tensors[name] for name in op.outputs]

    def run(*maps: Tensor) -> tuple[Tensor, ...]:
        results = part([np.ascontiguousarray(m.permute(2, 0, 1).numpy())[None] for m in maps])
        images = (r.reshape(t.channels, t.height, t.width) for r, t in zip(results, targets, strict=True))
        return tuple(torch.tensor(np.ascontiguousarray(i.transpose(1, 2, 0))) for i in images)

    return run
