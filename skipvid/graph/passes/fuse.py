"""Taking scales, offsets and activations into the operator in front of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skipvid.graph.draft import Draft, activation_of, with_activation
from skipvid.plan import Act, Binary, BinaryKind, Conv, ConvTranspose, FloatArray, Op, Unary

__all__ = ["fold_affine", "fuse_activations"]


def fold_affine(draft: Draft) -> None:
    """Folds per-channel products and sums with constants, batch normalisation among them, into the convolution in front."""
    for op in draft:
        current: Op = op
        while isinstance(current, Conv | ConvTranspose) and current.activation.kind is Act.IDENTITY:
            reader = draft.sole_reader(current.output)
            affine = None if reader is None else _affine(reader)
            if reader is None or affine is None:
                break
            folded = _scaled(current, *affine, output=reader.output, after=reader)
            if folded is None:
                break
            draft.remove(reader)
            draft.replace(current, folded)
            current = folded


def _affine(op: Op) -> tuple[FloatArray, FloatArray] | None:
    """Scale and offset per channel, in double precision, of an operation with a constant that does not vary over space."""
    if not isinstance(op, Binary) or op.constant is None or op.constant.value.shape[:2] != (1, 1):
        return None
    value = op.constant.value.reshape(-1).astype(np.float64)
    one, zero = np.ones_like(value), np.zeros_like(value)
    match op.kind, op.constant_first:
        case BinaryKind.ADD, _:
            pair = one, value
        case BinaryKind.SUB, False:
            pair = one, -value
        case BinaryKind.SUB, True:
            pair = -one, value
        case BinaryKind.MUL, _:
            pair = value, zero
        case BinaryKind.DIV, False if value.all():
            pair = 1.0 / value, zero
        case _:
            return None
    return pair  # type: ignore[return-value]


def _scaled(conv: Conv | ConvTranspose, scale: FloatArray, offset: FloatArray, output: str, after: Op) -> Op | None:
    channels = conv.bias.size
    if scale.size not in (1, channels):
        return None  # the constant widens a one-channel map
    scale, offset = np.broadcast_to(scale, channels), np.broadcast_to(offset, channels)
    bias = (conv.bias * scale + offset).astype(np.float32)
    if isinstance(conv, Conv):
        weight = (conv.weight * scale[:, None, None, None]).astype(np.float32)
    else:
        per_group = scale.reshape(conv.groups, 1, -1)
        split = conv.weight.reshape(conv.groups, -1, *conv.weight.shape[1:])
        weight = (split * per_group[..., None, None]).astype(np.float32).reshape(conv.weight.shape)
    if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        return None
    activation = activation_of(after)
    assert activation is not None
    return replace(conv, weight=weight, bias=bias, activation=activation, output=output)


def fuse_activations(draft: Draft) -> None:
    """Lets the operator in front apply a pointwise function, where nothing else needs its plain result."""
    for op in draft:
        if not isinstance(op, Unary):
            continue
        before = draft.producer(op.inputs[0])
        own = activation_of(before)
        if before is None or own is None or own.kind is not Act.IDENTITY or draft.sole_reader(op.inputs[0]) is not op:
            continue
        draft.remove(op)
        draft.replace(before, with_activation(before, op.activation, op.output))
