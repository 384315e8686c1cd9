"""Lowering: a plan, operator by operator, into the compiled engine's terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from skipvid.engine import _core
from skipvid.plan import (
    Act,
    Activation,
    Binary,
    BinaryKind,
    Concat,
    Conv,
    ConvTranspose,
    DepthToSpace,
    FloatArray,
    GlobalPool,
    IntArray,
    Island,
    Op,
    Plan,
    Pool,
    PoolKind,
    Resample,
    Softmax,
    SpaceToDepth,
    Unary,
)

__all__ = ["LoweredPlan", "lower", "lower_activation"]

# The order of the enumerations in csrc/kernels/kernels.hpp.
_ACTS = {act: i for i, act in enumerate(Act)}
_BINARIES = {kind: i for i, kind in enumerate(BinaryKind)}


@dataclass(frozen=True, eq=False)
class LoweredPlan:
    """A plan in the compiled engine.

    Attributes:
        native: The compiled plan; immutable from here on.
        tensors: Number of each map, in the order in which they were added.
        ops: Number of each operator.
    """

    native: Any
    tensors: Mapping[str, int]
    ops: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class _Target:
    """Where operators are added."""

    plan: Plan
    native: Any
    tensors: Mapping[str, int]

    def inputs(self, op: Op) -> list[int]:
        return [self.tensors[name] for name in op.inputs]


def lower(plan: Plan) -> LoweredPlan:
    """Add every map and operator of a plan to a compiled plan."""
    native = _core.Plan()
    tensors = {name: int(native.tensor(t.height, t.width, t.channels)) for name, t in plan.tensors.items()}
    target = _Target(plan, native, tensors)
    ops: dict[str, int] = {}
    for op in plan.ops:
        _add(op, target)
        ops[op.name] = len(ops)
    return LoweredPlan(native, tensors, ops)


def lower_activation(activation: Activation) -> Any:
    """An activation as the compiled engine takes it."""
    slope = [] if activation.slope is None else [float(v) for v in activation.slope.reshape(-1)]
    return _core.Func(_ACTS[activation.kind], activation.alpha, activation.beta, slope)


def _floats(array: FloatArray) -> FloatArray:
    return np.ascontiguousarray(array, np.float32)


def _ints(array: IntArray) -> IntArray:
    return np.ascontiguousarray(array, np.int32)


@singledispatch
def _add(op: Op, to: _Target) -> None:
    message = f"the native engine has no operator for {type(op).__name__} ({op.name})"
    raise NotImplementedError(message)


@_add.register
def _conv(op: Conv, to: _Target) -> None:
    _convolution(op, to, transposed=False)


@_add.register
def _conv_transpose(op: ConvTranspose, to: _Target) -> None:
    _convolution(op, to, transposed=True)


def _convolution(op: Conv | ConvTranspose, to: _Target, transposed: bool) -> None:
    to.native.conv(
        to.inputs(op)[0],
        to.tensors[op.output],
        _floats(op.weight),
        _floats(op.bias),
        list(op.kernel),
        list(op.stride),
        list(op.dilation),
        list(op.pads),
        op.groups,
        transposed,
        float(to.plan.op_macs[op.name]),
        lower_activation(op.activation),
    )


@_add.register
def _pool(op: Pool, to: _Target) -> None:
    average = op.kind is PoolKind.AVERAGE
    function = lower_activation(op.activation)
    windows = (list(op.kernel), list(op.stride), list(op.dilation), list(op.pads))
    to.native.pool(to.inputs(op)[0], to.tensors[op.output], average, op.count_pads, *windows, function)


@_add.register
def _global_pool(op: GlobalPool, to: _Target) -> None:
    to.native.global_pool(to.inputs(op)[0], to.tensors[op.output], op.kind is PoolKind.AVERAGE, lower_activation(op.activation))


@_add.register
def _unary(op: Unary, to: _Target) -> None:
    to.native.unary(to.inputs(op)[0], to.tensors[op.output], lower_activation(op.activation))


@_add.register
def _binary(op: Binary, to: _Target) -> None:
    output, kind, function = to.tensors[op.output], _BINARIES[op.kind], lower_activation(op.activation)
    if op.constant is None:
        to.native.binary(to.inputs(op), output, kind, function)
        return
    value = _floats(op.constant.value)
    to.native.binary_constant(to.inputs(op)[0], output, kind, value, op.constant_first, function)


@_add.register
def _concat(op: Concat, to: _Target) -> None:
    channels = np.zeros(0, np.int32) if op.channels is None else _ints(op.channels)
    to.native.concat(to.inputs(op), to.tensors[op.output], channels)


@_add.register
def _resample(op: Resample, to: _Target) -> None:
    tables = (_ints(op.row_index), _floats(op.row_weight), _ints(op.col_index), _floats(op.col_weight))
    to.native.resample(to.inputs(op)[0], to.tensors[op.output], *tables, op.fill)


@_add.register
def _space_to_depth(op: SpaceToDepth, to: _Target) -> None:
    to.native.space_to_depth(to.inputs(op)[0], to.tensors[op.output], op.block, _ints(op.source))


@_add.register
def _depth_to_space(op: DepthToSpace, to: _Target) -> None:
    to.native.depth_to_space(to.inputs(op)[0], to.tensors[op.output], op.block, _ints(op.source))


@_add.register
def _softmax(op: Softmax, to: _Target) -> None:
    to.native.softmax(to.inputs(op)[0], to.tensors[op.output], op.groups)


@_add.register
def _island(op: Island, to: _Target) -> None:
    extra = [to.tensors[name] for name in op.extra_outputs]
    to.native.island(to.inputs(op), to.tensors[op.output], extra, float(op.macs))
