"""Resize, Upsample and Pad, as tables of source rows and columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.graph.lowering import Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.registry import Rule
from skipvid.graph.values import NotIncrementalError, Value, View
from skipvid.plan import FloatArray, IntArray, Resample

__all__ = ["RULES", "emit_tables"]

Table = tuple[IntArray, FloatArray]


def copies(index: NDArray[Any]) -> Table:
    return index.astype(np.int32)[:, None], np.ones((len(index), 1), np.float32)


def emit_tables(
    low: Lowering, plain: View, rows: NDArray[Any] | Table, cols: NDArray[Any] | Table, fill: float = 0.0, output: str = ""
) -> View:
    """Resamples a map by tables; plain indices stand for copies."""
    spec = low.spec(plain)
    (ri, rw), (ci, cw) = (t if isinstance(t, tuple) else copies(t) for t in (rows, cols))
    straight = np.array_equal(ri[:, 0], np.arange(spec.height)) and np.array_equal(ci[:, 0], np.arange(spec.width))
    if straight and ri.shape[1] == ci.shape[1] == 1:
        return plain
    size = (len(ri), len(ci), spec.channels)
    return low.emit(Resample, [spec.name], size, output, row_index=ri, row_weight=rw, col_index=ci, col_weight=cw, fill=fill)


@dataclass(frozen=True)
class Resizing:
    """How a Resize node finds its sources; names as in the ONNX operator."""

    mode: str
    coordinates: str
    nearest: str
    cubic: float
    exclude_outside: bool

    def positions(self, size: int, out: int, scale: float) -> NDArray[np.float32]:
        """Source coordinate of every output position; single precision, as ONNX Runtime computes it."""
        i, s = np.arange(out, dtype=np.float32), np.float32(scale)
        match self.coordinates:
            case "half_pixel":
                x = (i + np.float32(0.5)) / s - np.float32(0.5)
                return x.astype(np.float32)
            case "pytorch_half_pixel":
                x = (i + np.float32(0.5)) / s - np.float32(0.5)
                return x.astype(np.float32) if out > 1 else np.zeros(out, np.float32)
            case "half_pixel_symmetric":
                adjust = out / (scale * size)
                return ((size / 2) * (1 - adjust) + (i + np.float32(0.5)) / s - np.float32(0.5)).astype(np.float32)
            case "tf_half_pixel_for_nn":
                x = (i + np.float32(0.5)) / s
                return x.astype(np.float32)
            case "align_corners":
                return (i * np.float32(size - 1) / np.float32(max(out - 1, 1))).astype(np.float32)
            case "asymmetric":
                return (i / s).astype(np.float32)
            case other:
                message = f"the coordinate mode {other}"
                raise NotIncrementalError(message)

    def table(self, size: int, out: int, scale: float) -> Table:
        if size == out and scale == 1.0:
            return copies(np.arange(size))
        x = self.positions(size, out, scale)
        match self.mode:
            case "nearest":
                return copies(np.clip(self._round(x), 0, size - 1))
            case "linear":
                x = np.clip(x, 0, size - 1)
                low = np.floor(x).astype(np.int32)
                part = (x - low).astype(np.float32)
                index = np.stack([low, np.minimum(low + 1, size - 1)], axis=1)
                weight = np.stack([np.float32(1) - part, part], axis=1)
            case "cubic":
                index, weight = self._cubic(x, size)
            case other:
                message = f"the mode {other}"
                raise NotIncrementalError(message)
        if not weight[:, 1:].any() and (weight[:, 0] == 1).all():
            return copies(index[:, 0])
        return index.astype(np.int32), weight.astype(np.float32)

    def _round(self, x: NDArray[np.float32]) -> NDArray[Any]:
        match self.nearest:
            case "floor":
                rounded: NDArray[Any] = np.floor(x)
            case "ceil":
                rounded = np.ceil(x)
            case "round_prefer_ceil":
                rounded = np.floor(x + np.float32(0.5))
            case _:
                rounded = np.ceil(x - np.float32(0.5))
        return rounded

    def _cubic(self, x: NDArray[np.float32], size: int) -> tuple[NDArray[Any], NDArray[Any]]:
        base = np.floor(x)
        a = self.cubic
        index = base[:, None].astype(np.int64) + np.arange(-1, 3)
        d = np.abs(x[:, None].astype(np.float64) - index)
        near = ((a + 2) * d - (a + 3)) * d * d + 1
        far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
        weight = np.where(d <= 1, near, far)
        if self.exclude_outside:
            weight = np.where((index < 0) | (index >= size), 0, weight)
            weight = weight / weight.sum(axis=1, keepdims=True)
        return np.clip(index, 0, size - 1), weight


def _target(node: Node, low: Lowering, shape: tuple[int, ...], axes: tuple[int, ...]) -> list[tuple[int, float]]:
    """Output size and scale of every dimension."""
    scales = low.known(node, 1 if node.op == "Upsample" or node.opset < 11 else 2)
    if node.has("scales"):
        scales = np.asarray(node.attr("scales"), np.float32)
    if scales is not None and scales.size:
        factors = dict(zip(axes, (float(s) for s in scales.ravel()), strict=True))
        return [
            (int(np.floor(np.float32(n) * np.float32(factors.get(i, 1.0)))), factors.get(i, 1.0)) for i, n in enumerate(shape)
        ]
    sizes = low.known(node, 3)
    if sizes is None:
        message = "neither sizes nor scales are given"
        raise NotIncrementalError(message)
    wanted = dict(zip(axes, (int(v) for v in sizes.ravel()), strict=True))
    return [(wanted.get(i, n), wanted.get(i, n) / n) for i, n in enumerate(shape)]


def resize(node: Node, low: Lowering) -> Sequence[Value]:
    plain = low.plain(low.view(node.inputs[0]))
    if node.attr("antialias", 0) or node.attr("keep_aspect_ratio_policy", "stretch") != "stretch":
        message = "antialiasing, or an aspect ratio that is kept"
        raise NotIncrementalError(message)
    axes = tuple(a % 4 for a in node.ints("axes", (0, 1, 2, 3)))
    target = _target(node, low, plain.shape, axes)
    if [n for n, _ in target[:2]] != list(plain.shape[:2]):
        message = "resizes the channels"
        raise NotIncrementalError(message)
    old = node.op == "Upsample" or node.opset < 11
    mode = str(node.attr("mode", "nearest"))
    rule = Resizing(
        "linear" if mode == "bilinear" else mode,
        "asymmetric" if old else str(node.attr("coordinate_transformation_mode", "half_pixel")),
        "floor" if old else str(node.attr("nearest_mode", "round_prefer_floor")),
        float(node.attr("cubic_coeff_a", -0.75)),
        bool(node.attr("exclude_outside", 0)),
    )
    rows, cols = (rule.table(plain.shape[i], *target[i]) for i in (2, 3))
    return [emit_tables(low, plain, rows, cols, output=node.outputs[0])]


def _padded(size: int, before: int, after: int, mode: str) -> NDArray[np.int64]:
    """Source of every position of a padded axis; -1 is nothing. Negative pads crop, and crop first."""
    start, kept = max(-before, 0), size + min(before, 0) + min(after, 0)
    if kept < 1:
        message = "crops everything away"
        raise NotIncrementalError(message)
    index = np.arange(-max(before, 0), kept + max(after, 0))
    inside = (index >= 0) & (index < kept)
    match mode:
        case "constant":
            return np.where(inside, index + start, -1)
        case "edge":
            return np.clip(index, 0, kept - 1) + start
        case "reflect":
            period = max(2 * (kept - 1), 1)
            folded = np.abs(index) % period
            return np.where(folded >= kept, period - folded, folded) + start
        case "wrap":
            return index % kept + start
        case other:
            message = f"the mode {other}"
            raise NotIncrementalError(message)


def pad(node: Node, low: Lowering) -> Sequence[Value]:
    from skipvid.plan import Concat

    view = low.view(node.inputs[0])
    rank = len(view.dims)
    if node.has("pads"):
        pads, fill = node.ints("pads", ()), float(node.attr("value", 0.0))
        axes = tuple(range(rank))
    else:
        given, value, along = low.known(node, 1), low.known(node, 2), low.known(node, 3)
        assert given is not None
        pads = tuple(int(v) for v in given.ravel())
        fill = 0.0 if value is None or not value.size else float(value.reshape(-1)[0])
        axes = tuple(range(rank)) if along is None else tuple(int(a) % rank for a in along.ravel())
    if not any(pads):
        return [view]
    before = {a: pads[i] for i, a in enumerate(axes)}
    after = {a: pads[i + len(axes)] for i, a in enumerate(axes)}
    mode = str(node.attr("mode", "constant"))
    y = low.plain(view)
    channels = before.get(1, 0), after.get(1, 0)
    if before.get(0, 0) or after.get(0, 0) or min(channels) < 0 or (any(channels) and mode != "constant"):
        message = "pads the batch, crops channels, or repeats channels"
        raise NotIncrementalError(message)
    rows, cols = (_padded(y.shape[i], before.get(i, 0), after.get(i, 0), mode) for i in (2, 3))
    y = emit_tables(low, y, rows, cols, fill, "" if any(channels) else node.outputs[0])
    if not any(channels):
        return [y]
    spec = low.spec(y)
    parts = [low.constant_map(spec, np.full((1, 1, n), fill, np.float32)).base if n else "" for n in channels]
    size = (spec.height, spec.width, spec.channels + sum(channels))
    return [low.emit(Concat, [n for n in (parts[0], spec.name, parts[1]) if n], size, node.outputs[0])]


RULES = (
    Rule("Resize", resize, "Resample", "height and width; nearest, linear, cubic; no antialiasing, no crop", "10-21"),
    Rule("Upsample", resize, "Resample", "height and width", "7-9"),
    Rule("Pad", pad, "Resample; Concat for channels; or the pads of the operator behind it", "constant pads"),
)
