"""A second opinion on the operators: one output pixel at a time, in float64, straight from the formulas in `skipvid.plan`.

`pixel` gives the value of one output pixel and the input pixels that it reads. Far too slow for anything but tests, and shares no
code with an executor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from skipvid.plan import (
    Act,
    Activation,
    Binary,
    BinaryKind,
    Concat,
    Conv,
    ConvTranspose,
    DepthToSpace,
    GlobalPool,
    Op,
    Plan,
    Pool,
    PoolKind,
    Resample,
    Softmax,
    SpaceToDepth,
    Unary,
)

Read = tuple[int, int, int]  # input number, row, column
Maps = list[np.ndarray]

_BINARY = {
    BinaryKind.ADD: np.add,
    BinaryKind.SUB: np.subtract,
    BinaryKind.MUL: np.multiply,
    BinaryKind.DIV: np.divide,
    BinaryKind.MAX: np.maximum,
    BinaryKind.MIN: np.minimum,
    BinaryKind.POW: np.power,
}


def pixel(op: Op, maps: Maps, size: tuple[int, int, int], y: int, x: int) -> tuple[list[Read], np.ndarray]:
    """The input pixels that output pixel ``(y, x)`` reads, and its value ``(channels,)``.

    Args:
        op: The operator.
        maps: Its inputs ``(H, W, C)`` float64.
        size: Height, width and channels of the output.
        y: Row.
        x: Column.
    """
    reads, value = _RULES[type(op)](op, maps, size, y, x)
    return reads, act(value, getattr(op, "activation", None))


def footprint(op: Op, plan: Plan, changed: Mapping[str, np.ndarray], maps: Mapping[str, np.ndarray]) -> np.ndarray:
    """``(H, W)`` bool: output pixels that read a changed pixel."""
    target = plan.tensors[op.output]
    size = (target.height, target.width, target.channels)
    inputs = [maps[n].astype(np.float64) for n in op.inputs]
    masks = [changed[n] for n in op.inputs]
    out = np.zeros(size[:2], bool)
    for y in range(size[0]):
        for x in range(size[1]):
            reads, _ = pixel(op, inputs, size, y, x)
            out[y, x] = any(masks[i][r, c] for i, r, c in reads)
    return out


def dense(op: Op, plan: Plan, maps: Mapping[str, np.ndarray]) -> np.ndarray:
    """The whole output ``(H, W, C)`` float64."""
    target = plan.tensors[op.output]
    size = (target.height, target.width, target.channels)
    inputs = [maps[n].astype(np.float64) for n in op.inputs]
    return np.array([[pixel(op, inputs, size, y, x)[1] for x in range(size[1])] for y in range(size[0])])


def _conv(op: Conv, maps: Maps, size: tuple[int, int, int], y: int, x: int) -> tuple[list[Read], np.ndarray]:
    source = maps[0]
    value = op.bias.astype(np.float64).copy()
    per_group_in, per_group_out = op.weight.shape[1], op.weight.shape[0] // op.groups
    reads = []
    for ky in range(op.kernel[0]):
        for kx in range(op.kernel[1]):
            r = y * op.stride[0] + ky * op.dilation[0] - op.pads[0]
            c = x * op.stride[1] + kx * op.dilation[1] - op.pads[1]
            if not (0 <= r < source.shape[0] and 0 <= c < source.shape[1]):
                continue
            reads.append((0, r, c))
            for o in range(op.weight.shape[0]):
                g = o // per_group_out
                value[o] += op.weight[o, :, ky, kx].astype(np.float64) @ source[r, c, g * per_group_in : (g + 1) * per_group_in]
    return reads, value


def _conv_transpose(op: ConvTranspose, maps: Maps, size: tuple[int, int, int], y: int, x: int) -> tuple[list[Read], np.ndarray]:
    source = maps[0]
    value = op.bias.astype(np.float64).copy()
    per_in, per_out = source.shape[2] // op.groups, op.weight.shape[1]
    reads = []
    for r in range(source.shape[0]):
        for c in range(source.shape[1]):
            for ky in range(op.kernel[0]):
                for kx in range(op.kernel[1]):
                    hit_y = y + op.pads[0] == r * op.stride[0] + ky * op.dilation[0]
                    hit_x = x + op.pads[1] == c * op.stride[1] + kx * op.dilation[1]
                    if not (hit_y and hit_x):
                        continue
                    reads.append((0, r, c))
                    for g in range(op.groups):
                        part = source[r, c, g * per_in : (g + 1) * per_in]
                        weight = op.weight[g * per_in : (g + 1) * per_in, :, ky, kx].astype(np.float64)
                        value[g * per_out : (g + 1) * per_out] += part @ weight
    return reads, value


def _pool(op: Pool, maps: Maps, size: tuple[int, int, int], y: int, x: int) -> tuple[list[Read], np.ndarray]:
    source = maps[0]
    reads, counted = [], 0
    for ky in range(op.kernel[0]):
        for kx in range(op.kernel[1]):
            r = y * op.stride[0] + ky * op.dilation[0] - op.pads[0]
            c = x * op.stride[1] + kx * op.dilation[1] - op.pads[1]
            inside = 0 <= r < source.shape[0] and 0 <= c < source.shape[1]
            padded = -op.pads[0] <= r < source.shape[0] + op.pads[2] and -op.pads[1] <= c < source.shape[1] + op.pads[3]
            counted += padded if op.count_pads else inside
            if inside:
                reads.append((0, r, c))
    taps = np.array([source[r, c] for _, r, c in reads]).reshape(-1, source.shape[2])
    if op.kind is PoolKind.MAX:
        return reads, taps.max(axis=0, initial=-np.inf)
    return reads, taps.sum(axis=0) / counted


def _global_pool(op: GlobalPool, maps: Maps, size: tuple[int, int, int], y: int, x: int) -> tuple[list[Read], np.ndarray]:
    source = maps[0]
    reads = [(0, r, c) for r in range(source.shape[0]) for c in range(source.shape[1])]
    value = source.max(axis=(0, 1)) if op.kind is PoolKind.MAX else source.mean(axis=(0, 1))
    return reads, value


def _unary(op: Unary, maps: Maps, size: tuple[int, int, int], y: int, x: int) -> tuple[list[Read], np.ndarray]:
    return [(0, y, x)], maps[0][y, x]


def _binary(op: Binary, maps: Maps, size: tuple[int, int, int], y: int, x: int) -> tuple[list[Read], np.ndarray]:
    operands, reads = [], []
    for i, m in enumerate(maps):
        r, c = (0, 0) if m.shape[:2] == (1, 1) else (y, x)
        reads.append((i, r, c))
        operands.append(m[r, c])
    if op.constant is not None:
        v = op.constant.value
        constant = v[0 if v.shape[0] == 1 else y, 0 if v.shape[1] == 1 else x].astype(np.float64)
        operands.insert(0 if op.constant_first else 1, constant)
    return reads, np.broadcast_to(_BINARY[op.kind](*operands), size[2:])


def _concat(op: Concat, maps: Maps, size: tuple[int, int, int], y: int, x: int) -> tuple[list[Read], np.ndarray]:
    joined = np.concatenate([m[y, x] for m in maps])
    return [(i, y, x) for i in range(len(maps))], joined if op.channels is None else joined[op.channels]


def _resample(op: Resample, maps: Maps, size: tuple[int, int, int], y: int, x: int) -> tuple[list[Read], np.ndarray]:
    rows = [(int(i), float(w)) for i, w in zip(op.row_index[y], op.row_weight[y], strict=True) if w != 0]
    columns = [(int(i), float(w)) for i, w in zip(op.col_index[x], op.col_weight[x], strict=True) if w != 0]
    if any(i < 0 for i, _ in rows + columns):
        return [], np.full(size[2], op.fill, np.float64)
    value = sum(wr * wc * maps[0][r, c] for r, wr in rows for c, wc in columns)
    return [(0, r, c) for r, _ in rows for c, _ in columns], value


def _space_to_depth(op: SpaceToDepth, maps: Maps, size: tuple[int, int, int], y: int, x: int) -> tuple[list[Read], np.ndarray]:
    places = [(y * op.block + int(dy), x * op.block + int(dx), int(c)) for dy, dx, c in op.source]
    return [(0, r, c) for r, c, _ in places], np.array([maps[0][p] for p in places])


def _depth_to_space(op: DepthToSpace, maps: Maps, size: tuple[int, int, int], y: int, x: int) -> tuple[list[Read], np.ndarray]:
    r, c = y // op.block, x // op.block
    return [(0, r, c)], maps[0][r, c][op.source[y % op.block, x % op.block]]


def _softmax(op: Softmax, maps: Maps, size: tuple[int, int, int], y: int, x: int) -> tuple[list[Read], np.ndarray]:
    groups = maps[0][y, x].reshape(op.groups, -1)
    powers = np.exp(groups - groups.max(axis=1, keepdims=True))
    return [(0, y, x)], (powers / powers.sum(axis=1, keepdims=True)).reshape(-1)


_RULES = {
    Conv: _conv,
    ConvTranspose: _conv_transpose,
    Pool: _pool,
    GlobalPool: _global_pool,
    Unary: _unary,
    Binary: _binary,
    Concat: _concat,
    Resample: _resample,
    SpaceToDepth: _space_to_depth,
    DepthToSpace: _depth_to_space,
    Softmax: _softmax,
}


def act(value: np.ndarray, activation: Activation | None) -> np.ndarray:
    """A pointwise function of `skipvid.plan.Act`, one number at a time."""
    if activation is None:
        return value
    slopes = value if activation.slope is None else activation.slope.astype(np.float64)
    return np.array([_act(float(v), activation, float(s)) for v, s in zip(value, slopes, strict=True)])


def _act(x: float, activation: Activation, slope: float) -> float:
    a, b = activation.alpha, activation.beta
    sigmoid = 1 / (1 + math.exp(-x)) if x > -700 else 0.0
    softplus = max(x, 0.0) + math.log1p(math.exp(-abs(x)))
    return {
        Act.IDENTITY: lambda: x,
        Act.RELU: lambda: max(x, 0.0),
        Act.LEAKY_RELU: lambda: x if x >= 0 else a * x,
        Act.PRELU: lambda: x if x >= 0 else slope * x,
        Act.CLIP: lambda: min(max(x, a), b),
        Act.SIGMOID: lambda: sigmoid,
        Act.HARD_SIGMOID: lambda: min(max(a * x + b, 0.0), 1.0),
        Act.HARD_SWISH: lambda: x * min(max(x / 6 + 0.5, 0.0), 1.0),
        Act.SILU: lambda: x * sigmoid,
        Act.MISH: lambda: x * math.tanh(softplus),
        Act.TANH: lambda: math.tanh(x),
        Act.ELU: lambda: x if x >= 0 else a * math.expm1(x),
        Act.GELU: lambda: x / 2 * (1 + math.erf(x / math.sqrt(2))),
        Act.SOFTPLUS: lambda: softplus,
        Act.EXP: lambda: math.exp(x),
        Act.SQRT: lambda: math.sqrt(x),
        Act.ABS: lambda: abs(x),
        Act.NEG: lambda: -x,
    }[activation.kind]()
