"""Pointwise functions of one map. They pass through any view: reshapes in front of them cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from skipvid.graph.draft import Pending
from skipvid.graph.lowering import Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.ops.binary import with_constant
from skipvid.graph.registry import LowerFunction, Rule
from skipvid.graph.values import NotIncrementalError, Value, View, as_constant, view_of
from skipvid.plan import Act, Activation, BinaryKind, Unary

__all__ = ["RULES", "apply"]

Build: TypeAlias = Callable[[Node], Activation]


def apply(low: Lowering, view: View, activation: Activation, output: str) -> View:
    """The function of a view, laid out like the view."""
    spec = low.spec(view)
    plain = view.dims == view_of(spec).dims
    size = (spec.height, spec.width, spec.channels)
    y = low.emit(Unary, [spec.name], size, output if plain else "", activation=activation)
    return View(y.base, view.dims)


def pointwise(build: Build) -> LowerFunction:
    def lower(node: Node, low: Lowering) -> Sequence[Value]:
        return [apply(low, low.view(node.inputs[0]), build(node), node.outputs[0])]

    return lower


def simple(kind: Act) -> LowerFunction:
    return pointwise(lambda node: Activation(kind))


def clip(node: Node, low: Lowering) -> Sequence[Value]:
    bounds = [-np.inf, np.inf]
    for i, name in enumerate(("min", "max")):
        if node.has(name):
            bounds[i] = float(node.attr(name))
        elif (given := low.known(node, i + 1)) is not None and given.size:
            bounds[i] = float(given.reshape(-1)[0])
    view = low.view(node.inputs[0])
    return [apply(low, view, clipping(bounds[0], bounds[1]), node.outputs[0])]


def clipping(lower: float, upper: float) -> Activation:
    """min(max(x, lower), upper); a plain ReLU where it is one."""
    return Activation(Act.RELU) if (lower, upper) == (0.0, np.inf) else Activation(Act.CLIP, lower, upper)


def prelu(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    slope = low.known(node, 1)
    assert slope is not None
    if slope.ndim == 1 and slope.size > 1 and slope.size == view.shape[1]:
        slope = slope.reshape(-1, *[1] * (len(view.shape) - 2))  # some exporters write (C,) for (C, 1, 1)
    spec = low.spec(view)
    value = as_constant(slope, view, spec)
    if value.shape[:2] != (1, 1):
        message = "its slopes vary over space"
        raise NotIncrementalError(message)
    if value.size == 1:
        return [apply(low, view, Activation(Act.LEAKY_RELU, float(value.flat[0])), node.outputs[0])]
    return [apply(low, view, Activation(Act.PRELU, slope=value.reshape(-1)), node.outputs[0])]


def same(node: Node, low: Lowering) -> Sequence[Value]:
    """Operators that do nothing at inference."""
    value = low.values[node.inputs[0]]
    if not isinstance(value, View):
        value = low.view(node.inputs[0])
    return [value]


def cast(node: Node, low: Lowering) -> Sequence[Value]:
    if int(node.attr("to")) not in (1, 10, 11):
        message = "casts a map to another type than a floating one"
        raise NotIncrementalError(message)
    return same(node, low)


def reciprocal(node: Node, low: Lowering) -> Sequence[Value]:
    return [with_constant(low, low.view(node.inputs[0]), np.ones((), np.float32), BinaryKind.DIV, True, node.outputs[0])]


def _gelu(node: Node) -> Activation:
    if node.attr("approximate", "none") != "none":
        message = "the tanh approximation of GELU"
        raise NotIncrementalError(message)
    return Activation(Act.GELU)


def pending(function: str) -> LowerFunction:
    """A function that has no operator of its own but is a part of one that has; see `skipvid.graph.passes.activations`."""

    def lower(node: Node, low: Lowering) -> Sequence[Value]:
        view = low.view(node.inputs[0])
        spec = low.spec(view)
        y = low.emit(Pending, [spec.name], (spec.height, spec.width, spec.channels), function=function)
        return [View(y.base, view.dims)]

    return lower


RULES = (
    Rule("Relu", simple(Act.RELU), "activation"),
    Rule("LeakyRelu", pointwise(lambda n: Activation(Act.LEAKY_RELU, float(n.attr("alpha", 0.01)))), "activation"),
    Rule("PRelu", prelu, "activation", "one slope per channel"),
    Rule("Clip", clip, "activation", "constant bounds"),
    Rule("Sigmoid", simple(Act.SIGMOID), "activation"),
    Rule(
        "HardSigmoid",
        pointwise(lambda n: Activation(Act.HARD_SIGMOID, float(n.attr("alpha", 0.2)), float(n.attr("beta", 0.5)))),
        "activation",
    ),
    Rule("HardSwish", simple(Act.HARD_SWISH), "activation", opsets="14-21"),
    Rule("Mish", simple(Act.MISH), "activation", opsets="18-21"),
    Rule("Gelu", pointwise(_gelu), "activation", "exact form", opsets="20-21"),
    Rule("Tanh", simple(Act.TANH), "activation"),
    Rule("Elu", pointwise(lambda n: Activation(Act.ELU, float(n.attr("alpha", 1.0)))), "activation"),
    Rule("Softplus", simple(Act.SOFTPLUS), "activation"),
    Rule("Exp", simple(Act.EXP), "activation"),
    Rule("Sqrt", simple(Act.SQRT), "activation"),
    Rule("Abs", simple(Act.ABS), "activation"),
    Rule("Neg", simple(Act.NEG), "activation"),
    Rule("Erf", pending("erf"), "activation", "as a part of GELU", opsets="9-21"),
    Rule("Log", pending("log"), "activation", "as a part of softplus"),
    Rule("Reciprocal", reciprocal, "Binary"),
    Rule("Identity", same, "nothing"),
    Rule("Dropout", same, "nothing", "at inference"),
    Rule("Cast", cast, "nothing", "between floating types", opsets="9-21"),
)
