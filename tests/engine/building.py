"""Plans, numbers and frames to test executors with. Sizes are (height, width, channels)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skipvid.engine.executor import PixelMap
from skipvid.gates.settings import GateSettings, InputGate, LayerGate, Norm
from skipvid.plan import (
    Binary,
    Conv,
    ConvTranspose,
    FloatArray,
    GatePoint,
    Op,
    Plan,
    TensorSpec,
)

Size = tuple[int, int, int]


def numbers(rng: np.random.Generator, shape: Sequence[int], whole: bool = False) -> FloatArray:
    """Random float32 of about unit size, or small whole numbers."""
    if whole:
        return rng.integers(-3, 4, tuple(shape)).astype(np.float32)
    return rng.standard_normal(tuple(shape)).astype(np.float32)


def make_plan(size: Size, ops: Sequence[Op], sizes: dict[str, Size], outputs: Sequence[str]) -> Plan:
    """A plan whose input is ``x`` of ``size`` (height, width, channels), with gate points at the maps that feed convolutions."""
    tensors = {name: TensorSpec(name, *s) for name, s in {"x": size, **sizes}.items()}
    fed = {name for op in ops if isinstance(op, (Conv, ConvTranspose)) for name in op.inputs}
    fed |= {op.inputs[1] for op in ops if isinstance(op, Binary) and len(op.inputs) == 2 and tensors[op.inputs[1]].is_vector}
    gates = [GatePoint("input", "x")]
    for op in ops:
        target = tensors[op.output]
        if op.output in fed:
            gates.append(GatePoint(op.name, op.output, target.is_vector))
    return Plan(tensors["x"], tensors, tuple(ops), {name: name for name in outputs}, None, tuple(outputs), tuple(gates), "0" * 64)


def grey_pixels(channels: int = 3) -> PixelMap:
    """Grey levels become -1 ... 1, with the channels reversed."""
    levels = np.arange(256, dtype=np.float32) / np.float32(127.5) - np.float32(1)
    return PixelMap(np.tile(levels, (channels, 1)), tuple(reversed(range(channels))))


def change(frame: FloatArray, rng: np.random.Generator, share: float, whole: bool = False) -> FloatArray:
    """A frame ``(1, C, H, W)`` with about ``share`` of its pixels drawn anew: scattered ones, or a rectangle of them."""
    height, width = frame.shape[2:]
    if rng.random() < 0.5:
        mask = rng.random((height, width)) < share
    else:
        mask = np.zeros((height, width), bool)
        h, w = max(1, round(height * share**0.5)), max(1, round(width * share**0.5))
        y, x = int(rng.integers(0, height - h + 1)), int(rng.integers(0, width - w + 1))
        mask[y : y + h, x : x + w] = True
    fresh = numbers(rng, frame.shape, whole)
    return np.where(mask, fresh, frame).astype(np.float32)


def frames(plan: Plan, seed: int, shares: Sequence[float] = (0.02, 0.0, 0.2, 1.0, 0.05), whole: bool = False) -> list[FloatArray]:
    """A first frame, and one more for each share of changed pixels."""
    rng = np.random.default_rng(seed)
    spec = plan.input
    result = [numbers(rng, (1, spec.channels, spec.height, spec.width), whole)]
    for share in shares:
        result.append(change(result[-1], rng, share, whole))
    return result


def gate_settings(
    plan: Plan, threshold: float, norm: Norm = Norm.MAX, dilation: int = 0, input_threshold: float = 0.0
) -> GateSettings:
    """The same threshold at every gate point behind the input."""
    layers = {g.tensor: LayerGate(threshold, norm) for g in plan.gates if g.name != "input"}
    return GateSettings(InputGate(input_threshold, dilation), layers)


def resize_taps(source: int, target: int, linear: bool) -> tuple[np.ndarray, np.ndarray]:
    """Index and weight of one axis of a resize with half-pixel centres."""
    centre = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    if not linear:
        return np.floor(centre + 0.5).astype(np.int32)[:, None], np.ones((target, 1), np.float32)
    low = np.floor(centre).astype(np.int32)
    part = (centre - low).astype(np.float32)
    index = np.stack([low, np.minimum(low + 1, source - 1)], axis=1).astype(np.int32)
    return index, np.stack([np.float32(1) - part, part], axis=1).astype(np.float32)


def window_size(size: int, kernel: int, stride: int, dilation: int, pads: int) -> int:
    return (size + pads - (kernel - 1) * dilation - 1) // stride + 1
