"""Dense pointwise operators over ``(H, W, C)`` maps."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from skipvid.engine.reference.activations import activate
from skipvid.plan import Binary, BinaryKind, Concat, Softmax, TensorSpec, Unary

__all__ = ["binary", "concat", "softmax", "unary"]

_ARITHMETIC: dict[BinaryKind, Callable[[Tensor, Tensor], Tensor]] = {
    BinaryKind.ADD: torch.add,
    BinaryKind.SUB: torch.sub,
    BinaryKind.MUL: torch.mul,
    BinaryKind.DIV: torch.div,
    BinaryKind.MAX: torch.maximum,
    BinaryKind.MIN: torch.minimum,
    BinaryKind.POW: torch.pow,
}


def unary(op: Unary) -> Callable[[Tensor], Tensor]:
    """A function from the input map to the output map of a pointwise function."""
    return lambda x: activate(x, op.activation)


def binary(op: Binary, target: TensorSpec) -> Callable[..., Tensor]:
    """A function from one or two maps to the output map of pointwise arithmetic."""
    arithmetic = _ARITHMETIC[op.kind]
    constant = None if op.constant is None else torch.tensor(op.constant.value)
    shape = (target.height, target.width, target.channels)

    def run(*maps: Tensor) -> Tensor:
        left = maps[0]
        right = constant.to(left.device) if constant is not None else maps[-1]
        if op.constant_first:
            left, right = right, left
        return activate(arithmetic(left, right).expand(shape).contiguous(), op.activation)

    return run


def concat(op: Concat) -> Callable[..., Tensor]:
    """A function from maps to (a selection of) their channels."""
    channels = None if op.channels is None else torch.tensor(op.channels, dtype=torch.int64)

    def run(*maps: Tensor) -> Tensor:
        joined = maps[0] if len(maps) == 1 else torch.cat(maps, dim=-1)
        return joined if channels is None else joined.index_select(-1, channels.to(joined.device))

    return run


def softmax(op: Softmax, target: TensorSpec) -> Callable[[Tensor], Tensor]:
    """A function from the input map to the softmax over each group of its channels."""
    grouped = (target.height, target.width, op.groups, target.channels // op.groups)

    def run(x: Tensor) -> Tensor:
        return torch.softmax(x.reshape(grouped), dim=-1).reshape(x.shape)

    return run
