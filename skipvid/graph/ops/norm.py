"""BatchNormalization and softmax."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skipvid.graph.lowering import Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.ops.binary import with_constant
from skipvid.graph.ops.runs import from_runs, in_runs
from skipvid.graph.registry import Rule
from skipvid.graph.values import Atom, NotIncrementalError, Value, View, canonical
from skipvid.plan import Act, Activation, Binary, BinaryKind, Conv, Softmax, Unary

__all__ = ["RULES"]


def batch_norm(node: Node, low: Lowering) -> Sequence[Value]:
    """Scale and offset per channel; a pass folds them into the convolution in front."""
    view = low.view(node.inputs[0])
    if node.attr("training_mode", 0):
        message = "it is in training mode"
        raise NotIncrementalError(message)
    given = [low.known(node, i) for i in range(1, 5)]
    gamma, beta, mean, variance = (np.asarray(g, np.float64) for g in given)
    scale = gamma / np.sqrt(variance + float(node.attr("epsilon", 1e-5)))
    offset = beta - mean * scale
    shape = (-1, *[1] * (len(view.dims) - 2))
    y = with_constant(low, view, scale.reshape(shape).astype(np.float32), BinaryKind.MUL, False, "")
    return [with_constant(low, y, offset.reshape(shape).astype(np.float32), BinaryKind.ADD, False, node.outputs[0])]


def _softmax_axis(node: Node, view: View) -> int:
    rank = len(view.dims)
    if node.opset >= 13:
        return int(node.attr("axis", -1)) % rank
    axis = int(node.attr("axis", 1)) % rank
    # Before opset 13 all dimensions from ``axis`` on are one.
    long = [i for i in range(axis, rank) if view.shape[i] > 1]
    if len(long) > 1:
        message = "normalises over several dimensions at once"
        raise NotIncrementalError(message)
    return long[0] if long else axis


def softmax(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    axis = _softmax_axis(node, view)
    ordered, runs = in_runs(low, view, axis)
    spec = low.spec(ordered)
    y = low.emit(Softmax, [spec.name], (spec.height, spec.width, spec.channels), groups=runs)
    return [from_runs(low, view, axis, y)]


def layer_norm(node: Node, low: Lowering) -> Sequence[Value]:
    """Normalisation over the channels of each pixel, in the operators that it is made of."""
    view = low.view(node.inputs[0])
    spec = low.spec(view)
    if int(node.attr("axis", -1)) % len(view.dims) != len(view.dims) - 1 or view.dims[-1] != canonical(
        [Atom("c", spec.channels)]
    ):
        message = "normalises over other dimensions than the channels"
        raise NotIncrementalError(message)
    gamma, beta = low.known(node, 1), low.known(node, 2)
    assert gamma is not None
    size, narrow = (spec.height, spec.width, spec.channels), (spec.height, spec.width, 1)
    mean: dict[str, Any] = {
        "weight": np.full((1, spec.channels, 1, 1), 1.0 / spec.channels, np.float32),
        "bias": np.zeros(1, np.float32),
        "gated": False,
    }
    centre = low.emit(Conv, [spec.name], narrow, **mean)
    apart = low.emit(Binary, [spec.name, centre.base], size, kind=BinaryKind.SUB)
    square = low.emit(Binary, [apart.base, apart.base], size, kind=BinaryKind.MUL)
    mean["bias"] = np.full(1, node.attr("epsilon", 1e-5), np.float32)
    spread = low.emit(Conv, [square.base], narrow, **mean)
    root = low.emit(Unary, [spread.base], narrow, activation=Activation(Act.SQRT))
    unit = View(low.emit(Binary, [apart.base, root.base], size, kind=BinaryKind.DIV).base, view.dims)
    scaled = with_constant(low, unit, gamma, BinaryKind.MUL, False, "")
    return [scaled if beta is None else with_constant(low, scaled, beta, BinaryKind.ADD, False, "")]


RULES = (
    Rule("LayerNormalization", layer_norm, "Conv, Binary", "over the channels, which come last", "17-21"),
    Rule("BatchNormalization", batch_norm, "folded into Conv, or Binary", "at inference"),
    Rule("Softmax", softmax, "Softmax", "over channels, or equal groups of them"),
)
