"""Single operators drawn by hypothesis, each in a plan of its own; `engine.networks` has whole networks.

Import as ``from engine.cases import ...``. Sizes are small and odd on purpose. Weights and pictures are small whole numbers where
``whole`` is True, so that sums are exact in float32 in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from engine.building import Size, frames, gate_settings, grey_pixels, make_plan, numbers, resize_taps, window_size
from engine.networks import LOCAL_NETWORKS, small_networks
from skipvid.plan import (
    IDENTITY,
    Act,
    Activation,
    Binary,
    BinaryKind,
    Concat,
    Constant,
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

__all__ = [
    "ACTIVATIONS",
    "LOCAL_NETWORKS",
    "Case",
    "frames",
    "gate_settings",
    "grey_pixels",
    "make_plan",
    "single_op_cases",
    "single_op_plans",
    "small_networks",
]

Draw = st.DrawFn
Rng = np.random.Generator

ACTIVATIONS = (
    IDENTITY,
    Activation(Act.RELU),
    Activation(Act.LEAKY_RELU, 0.1),
    Activation(Act.CLIP, 0.0, 6.0),
    Activation(Act.SIGMOID),
    Activation(Act.HARD_SIGMOID, 0.2, 0.5),
    Activation(Act.HARD_SWISH),
    Activation(Act.SILU),
    Activation(Act.MISH),
    Activation(Act.TANH),
    Activation(Act.ELU, 1.0),
    Activation(Act.GELU),
    Activation(Act.SOFTPLUS),
)
EXACT_ACTIVATIONS = (IDENTITY, Activation(Act.RELU), Activation(Act.CLIP, -3.0, 5.0), Activation(Act.LEAKY_RELU, 0.25))


@dataclass(frozen=True)
class Case:
    """A plan around one operator, and the seed of its data."""

    plan: Plan
    seed: int
    whole: bool

    def __repr__(self) -> str:
        sizes = {n: (t.height, t.width, t.channels) for n, t in self.plan.tensors.items()}
        with np.printoptions(threshold=24, edgeitems=2):
            return f"Case(seed={self.seed}, whole={self.whole}, sizes={sizes}, ops={self.plan.ops})"


def _activation(draw: st.DrawFn, rng: np.random.Generator, channels: int, whole: bool) -> Activation:
    chosen = draw(st.sampled_from(EXACT_ACTIVATIONS if whole else (*ACTIVATIONS, Activation(Act.PRELU))))
    return replace(chosen, slope=numbers(rng, (channels,), whole)) if chosen.kind is Act.PRELU else chosen


def _pair(draw: st.DrawFn, low: int, high: int) -> tuple[int, int]:
    return draw(st.integers(low, high)), draw(st.integers(low, high))


def _window(draw: st.DrawFn, size: tuple[int, int], kernel_max: int, pads_below_kernel: bool) -> dict[str, tuple[int, ...]]:
    """Kernel, stride, dilation and pads whose output has at least one pixel."""
    kernel, stride, dilation = _pair(draw, 1, kernel_max), _pair(draw, 1, 3), _pair(draw, 1, 2)
    limit = [(k - 1) * d for k, d in zip(kernel, dilation, strict=True)]
    top, bottom = _pair(draw, 0, min(limit[0], kernel[0] - 1 if pads_below_kernel else limit[0]))
    left, right = _pair(draw, 0, min(limit[1], kernel[1] - 1 if pads_below_kernel else limit[1]))
    short = [max(0, limit[a] + 1 - size[a] - p) for a, p in enumerate((top + bottom, left + right))]
    return {"kernel": kernel, "stride": stride, "dilation": dilation, "pads": (top, left, bottom + short[0], right + short[1])}


def _conv(draw: Draw, rng: Rng, size: Size, whole: bool) -> tuple[Op, Size]:
    height, width, channels = size
    groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
    out = groups * draw(st.integers(1, max(1, 40 // groups)))
    w = _window(draw, (height, width), 5, False)
    kernel = w.pop("kernel")
    weight = numbers(rng, (out, channels // groups, *kernel), whole)
    activation = _activation(draw, rng, out, whole)
    bias = numbers(rng, (out,), whole)
    op = Conv(name="op", inputs=("x",), output="y", weight=weight, bias=bias, groups=groups, activation=activation, **w)  # type: ignore[arg-type]
    p = op.pads
    oh = window_size(height, kernel[0], op.stride[0], op.dilation[0], p[0] + p[2])
    ow = window_size(width, kernel[1], op.stride[1], op.dilation[1], p[1] + p[3])
    return op, (oh, ow, out)


def _conv_transpose(draw: Draw, rng: Rng, size: Size, whole: bool) -> tuple[Op, Size]:
    height, width, channels = size
    groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0]))
    out = groups * draw(st.integers(1, max(1, 12 // groups)))
    kernel, stride, dilation = _pair(draw, 1, 4), _pair(draw, 1, 3), _pair(draw, 1, 2)
    full = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip((height, width), stride, kernel, dilation, strict=True)]
    top = draw(st.integers(0, min(2, full[0] - 1)))
    left = draw(st.integers(0, min(2, full[1] - 1)))
    bottom = draw(st.integers(-1, min(2, full[0] - 1 - top)))
    right = draw(st.integers(-1, min(2, full[1] - 1 - left)))
    op = ConvTranspose(
        name="op",
        inputs=("x",),
        output="y",
        weight=numbers(rng, (channels, out // groups, *kernel), whole),
        bias=numbers(rng, (out,), whole),
        stride=stride,
        dilation=dilation,
        pads=(top, left, bottom, right),
        groups=groups,
        activation=_activation(draw, rng, out, whole),
    )
    return op, (full[0] - top - bottom, full[1] - left - right, out)


def _pool(draw: Draw, rng: Rng, size: Size, whole: bool) -> tuple[Op, Size]:
    height, width, channels = size
    w = _window(draw, (height, width), 5, True)
    w["dilation"] = (1, 1) if draw(st.booleans()) else w["dilation"]
    kernel, stride, dilation, pads = w["kernel"], w["stride"], w["dilation"], w["pads"]
    oh = window_size(height, kernel[0], stride[0], dilation[0], pads[0] + pads[2])
    ow = window_size(width, kernel[1], stride[1], dilation[1], pads[1] + pads[3])
    # ceil_mode: one more window, if it begins inside the padded map and holds a pixel of the map.
    rows = {i * dilation[0] + oh * stride[0] - pads[0] for i in range(kernel[0])}
    if draw(st.booleans()) and oh * stride[0] < height + pads[0] and any(0 <= r < height for r in rows):
        oh += 1
    # An average of nothing is not a number that anyone needs to agree on.
    for axis, count in ((0, oh), (1, ow)):
        starts = np.arange(count)[:, None] * stride[axis] - pads[axis]
        taps = starts + np.arange(kernel[axis]) * dilation[axis]
        assume(((taps >= 0) & (taps < size[axis])).any(axis=1).all())
    kind = draw(st.sampled_from(PoolKind))
    op = Pool(name="op", inputs=("x",), output="y", kind=kind, count_pads=draw(st.booleans()), **w)  # type: ignore[arg-type]
    return op, (oh, ow, channels)


def _resample(draw: Draw, rng: Rng, size: Size, whole: bool) -> tuple[Op, Size]:
    height, width, channels = size
    kind = draw(st.sampled_from(["nearest", "linear", "pad", "stride"]))
    fill = 0.0
    if kind in ("nearest", "linear"):
        oh, ow = (draw(st.integers(1, 2 * n + 1)) for n in (height, width))
        rows, row_weight = resize_taps(height, oh, kind == "linear")
        columns, column_weight = resize_taps(width, ow, kind == "linear")
    else:
        step = draw(st.integers(1, 2)) if kind == "stride" else 1
        before, after = (_pair(draw, 0, 2)) if kind == "pad" else (0, 0)
        fill = float(draw(st.integers(-1, 1)))
        source_rows, source_columns = (np.arange(-before, n + after, step) for n in (height, width))
        oh, ow = len(source_rows), len(source_columns)
        rows = np.where((source_rows < 0) | (source_rows >= height), -1, source_rows).astype(np.int32)[:, None]
        columns = np.where((source_columns < 0) | (source_columns >= width), -1, source_columns).astype(np.int32)[:, None]
        row_weight, column_weight = np.ones((oh, 1), np.float32), np.ones((ow, 1), np.float32)
    op = Resample(
        name="op",
        inputs=("x",),
        output="y",
        row_index=rows,
        row_weight=row_weight,
        col_index=columns,
        col_weight=column_weight,
        fill=fill,
    )
    return op, (oh, ow, channels)


def _space_to_depth(draw: Draw, rng: Rng, size: Size, whole: bool) -> tuple[Op, Size]:
    _, _, channels = size
    b = draw(st.integers(1, 3))
    source = np.array([(dy, dx, c) for dy in range(b) for dx in range(b) for c in range(channels)], np.int32)
    source = source[rng.permutation(len(source))]
    return SpaceToDepth(name="op", inputs=("x",), output="y", block=b, source=source), (size[0] // b, size[1] // b, len(source))


def _depth_to_space(draw: Draw, rng: Rng, size: Size, whole: bool) -> tuple[Op, Size]:
    height, width, channels = size
    b, out = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    source = rng.integers(0, channels, (b, b, out)).astype(np.int32)
    return DepthToSpace(name="op", inputs=("x",), output="y", block=b, source=source), (height * b, width * b, out)


def _softmax(draw: Draw, rng: Rng, size: Size, whole: bool) -> tuple[Op, Size]:
    groups = draw(st.sampled_from([g for g in range(1, size[2] + 1) if size[2] % g == 0]))
    return Softmax(name="op", inputs=("x",), output="y", groups=groups), size


def _global_pool(draw: Draw, rng: Rng, size: Size, whole: bool) -> tuple[Op, Size]:
    return GlobalPool(name="op", inputs=("x",), output="y", kind=draw(st.sampled_from(PoolKind))), (1, 1, size[2])


def _unary(draw: Draw, rng: Rng, size: Size, whole: bool) -> tuple[Op, Size]:
    return Unary(name="op", inputs=("x",), output="y", activation=_activation(draw, rng, size[2], whole)), size


def _concat(draw: Draw, rng: Rng, size: Size, whole: bool) -> tuple[Op, Size]:
    twice = draw(st.booleans())
    total = size[2] * (2 if twice else 1)
    channels = rng.integers(0, total, draw(st.integers(1, 8))).astype(np.int32) if draw(st.booleans()) else None
    out = total if channels is None else len(channels)
    inputs = ("x", "x") if twice else ("x",)
    return Concat(name="op", inputs=inputs, output="y", channels=channels), (*size[:2], out)


def _binary_constant(draw: Draw, rng: Rng, size: Size, whole: bool) -> tuple[Op, Size]:
    shape = draw(st.sampled_from([(1, 1, 1), (1, 1, size[2]), (size[0], size[1], 1), size]))
    value = numbers(rng, shape, whole)
    kind = draw(st.sampled_from([k for k in BinaryKind if k is not BinaryKind.POW]))
    if kind is BinaryKind.DIV:
        value = np.where(value == 0, np.float32(1), value)
    activation = _activation(draw, rng, size[2], whole)
    first = draw(st.booleans()) and kind is not BinaryKind.DIV
    op = Binary(
        name="op", inputs=("x",), output="y", kind=kind, constant=Constant(value), constant_first=first, activation=activation
    )
    return op, size


_SINGLE = {
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "pool": _pool,
    "resample": _resample,
    "space_to_depth": _space_to_depth,
    "depth_to_space": _depth_to_space,
    "softmax": _softmax,
    "global_pool": _global_pool,
    "unary": _unary,
    "concat": _concat,
    "binary_constant": _binary_constant,
}


def _binary_case(draw: st.DrawFn, size: Size, whole: bool) -> Plan:
    """Arithmetic of two maps: a map with a part of its channels, with its global pool, or with another map."""
    height, width, channels = size
    kinds = (BinaryKind.ADD, BinaryKind.SUB, BinaryKind.MUL, BinaryKind.MAX, BinaryKind.MIN)
    kind = draw(st.sampled_from(kinds))
    other = draw(st.sampled_from(["vector", "one channel", "map"]))
    first: Op
    if other == "vector":
        first, sizes = GlobalPool(name="first", inputs=("x",), output="o", kind=PoolKind.MAX), (1, 1, channels)
    else:
        pick = np.zeros(1, np.int32) if other == "one channel" else np.arange(channels, dtype=np.int32)[::-1].copy()
        first, sizes = Concat(name="first", inputs=("x",), output="o", channels=pick), (height, width, len(pick))
    inputs = ("o", "x") if draw(st.booleans()) else ("x", "o")
    op = Binary(name="op", inputs=inputs, output="y", kind=kind, activation=draw(st.sampled_from(EXACT_ACTIVATIONS)))
    return make_plan(size, (first, op), {"o": sizes, "y": size}, ("y",))


@st.composite
def single_op_cases(draw: st.DrawFn, kinds: Sequence[str] = (*_SINGLE, "binary"), whole: bool | None = None) -> Case:
    """A plan around one operator ``op`` from ``x`` to ``y``, with the seed of its frames (see `frames`).

    Args:
        draw: Given by hypothesis.
        kinds: Operators to draw from.
        whole: Whether data are small whole numbers; None draws that too.
    """
    kind = draw(st.sampled_from(list(kinds)))
    seed = draw(st.integers(0, 2**16))
    exact = draw(st.booleans()) if whole is None else whole
    low = 3 if kind == "space_to_depth" else 1
    channels = draw(st.one_of(st.integers(1, 4), st.sampled_from([8, 12, 17, 32])))
    size = (draw(st.integers(low, 9)), draw(st.integers(low, 11)), channels)
    if kind == "binary":
        return Case(_binary_case(draw, size, exact), seed, exact)
    op, out = _SINGLE[kind](draw, np.random.default_rng(seed + 1), size, exact)
    return Case(make_plan(size, (op,), {"y": out}, ("y",)), seed, exact)


def single_op_plans(kinds: Sequence[str] = (*_SINGLE, "binary"), whole: bool | None = None) -> st.SearchStrategy[Plan]:
    """The plans of `single_op_cases`."""
    return single_op_cases(kinds, whole).map(lambda case: case.plan)
