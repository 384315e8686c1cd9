"""Recognising activations that exporters spell as chains of simple operators."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skipvid.graph.draft import Draft, Pending
from skipvid.plan import Act, Activation, Binary, BinaryKind, Op, Unary

__all__ = ["recognise_activations"]


def _scalar(op: Op | None, kind: BinaryKind) -> float | None:
    """The constant of a commutative operation with one number."""
    if isinstance(op, Binary) and op.kind is kind and op.constant is not None and op.constant.value.size == 1:
        return float(op.constant.value.flat[0])
    return None


def _factor(op: Op | None) -> float | None:
    """The number an operator multiplies its map by."""
    if not isinstance(op, Binary) or op.constant is None or op.constant.value.size != 1:
        return None
    value = float(op.constant.value.flat[0])
    if op.kind is BinaryKind.MUL:
        return value
    return 1.0 / value if op.kind is BinaryKind.DIV and not op.constant_first and value else None


def _offset(op: Op | None) -> float | None:
    if (added := _scalar(op, BinaryKind.ADD)) is not None:
        return added
    if isinstance(op, Binary) and not op.constant_first and (less := _scalar(op, BinaryKind.SUB)) is not None:
        return -less
    return None


def _close(a: float, b: float) -> bool:
    return abs(a - b) <= 1e-4 * max(abs(a), abs(b))


def _bounds(op: Op | None) -> tuple[float, float] | None:
    if not isinstance(op, Unary):
        return None
    if op.activation.kind is Act.CLIP:
        return op.activation.alpha, op.activation.beta
    return (0.0, np.inf) if op.activation.kind is Act.RELU else None


def _clips(draft: Draft) -> None:
    """Min and Max with a number become Clip; a Clip of a Clip becomes one."""
    for op in draft:
        for kind in (BinaryKind.MIN, BinaryKind.MAX):
            bound = _scalar(op, kind)
            if bound is None or not isinstance(op, Binary):
                continue
            limits = (bound, np.inf) if kind is BinaryKind.MAX else (-np.inf, bound)
            draft.replace(op, Unary(name=op.name, inputs=op.inputs, output=op.output, activation=_clip(*limits)))
    for op in draft:
        outer, inner = _bounds(op), _bounds(draft.producer(op.inputs[0]))
        if outer is None or inner is None:
            continue
        before = draft.producer(op.inputs[0])
        assert before is not None
        limits = min(max(inner[0], outer[0]), outer[1]), min(max(inner[1], outer[0]), outer[1])
        draft.replace(op, Unary(name=op.name, inputs=before.inputs, output=op.output, activation=_clip(*limits)))


def _clip(lower: float, upper: float) -> Activation:
    return Activation(Act.RELU) if (lower, upper) == (0.0, np.inf) else Activation(Act.CLIP, lower, upper)


@dataclass(frozen=True)
class _Ramp:
    """``min(max(slope*x + offset, 0), height)`` of the map ``source``."""

    source: str
    slope: float
    offset: float
    height: float

    def times(self, factor: float) -> _Ramp:
        return _Ramp(self.source, self.slope * factor, self.offset * factor, self.height * factor)


def _ramps(draft: Draft, tensor: str) -> list[_Ramp]:
    """All ways to read a tensor as a ramp, with the shortest chain in front of the clip first."""
    op = draft.producer(tensor)
    if isinstance(op, Unary) and op.activation.kind is Act.HARD_SIGMOID:
        return [_Ramp(op.inputs[0], op.activation.alpha, op.activation.beta, 1.0)]
    factor = _factor(op)
    if op is not None and factor is not None and factor > 0:
        return [ramp.times(factor) for ramp in _ramps(draft, op.inputs[0])]
    bounds = _bounds(op)
    if op is None or bounds is None or bounds[0] != 0.0 or not np.isfinite(bounds[1]):
        return []
    found: list[_Ramp] = []
    source, slope, offset = op.inputs[0], 1.0, 0.0
    for _ in range(2):
        step = draft.producer(source)
        if (added := _offset(step)) is not None:
            offset += slope * added
        elif (factor := _factor(step)) is not None:
            slope *= factor
        else:
            break
        assert step is not None
        source = step.inputs[0]
        if offset:
            found.append(_Ramp(source, slope, offset, bounds[1]))
    return found


def _hard_sigmoids(draft: Draft) -> None:
    """``clip(x + 3, 0, 6) / 6`` in all spellings: a ramp of height 1. Chains are read from their last operator."""
    for op in list(draft)[::-1]:
        if isinstance(op, Unary) and op.activation.kind is Act.HARD_SIGMOID:
            continue
        ramps = [r for r in _ramps(draft, op.output) if _close(r.height, 1.0)]
        if ramps:
            activation = Activation(Act.HARD_SIGMOID, ramps[0].slope, ramps[0].offset)
            draft.replace(op, Unary(name=op.name, inputs=(ramps[0].source,), output=op.output, activation=activation))


def _as_product(draft: Draft, op: Op) -> tuple[tuple[str, str], float] | None:
    """An operator as a product of two maps and a number, scales on its operands and on its result gathered."""
    scale = 1.0
    while (factor := _factor(op)) is not None:
        scale *= factor
        before = draft.producer(op.inputs[0])
        if before is None:
            return None
        op = before
    if (
        not isinstance(op, Binary)
        or op.kind is not BinaryKind.MUL
        or len(op.inputs) != 2
        or op.activation.kind is not Act.IDENTITY
    ):
        return None
    return (op.inputs[0], op.inputs[1]), scale


def _swish_of(draft: Draft, x: str, other: str, scale: float) -> Act | None:
    """The activation that ``x * other * scale`` is."""
    op = draft.producer(other)
    if isinstance(op, Unary) and op.inputs[0] == x and _close(scale, 1.0) and op.activation.kind is Act.SIGMOID:
        return Act.SILU
    if isinstance(op, Unary) and op.activation.kind is Act.TANH and _close(scale, 1.0):
        soft = draft.producer(op.inputs[0])
        if isinstance(soft, Unary) and soft.activation.kind is Act.SOFTPLUS and soft.inputs[0] == x:
            return Act.MISH
    for ramp in _ramps(draft, other):
        scaled = ramp.times(scale)
        if ramp.source == x and _close(scaled.slope, 1 / 6) and _close(scaled.offset, 0.5) and _close(scaled.height, 1.0):
            return Act.HARD_SWISH
    return Act.GELU if _is_erf_plus_one(draft, x, other) and _close(scale, 0.5) else None


def _is_erf_plus_one(draft: Draft, x: str, tensor: str) -> bool:
    plus = draft.producer(tensor)
    if plus is None or (added := _offset(plus)) is None or not _close(added, 1.0):
        return False
    erf = draft.producer(plus.inputs[0])
    if not isinstance(erf, Pending) or erf.function != "erf":
        return False
    inner = draft.producer(erf.inputs[0])
    factor = _factor(inner)
    return inner is not None and factor is not None and _close(factor, 0.5**0.5) and inner.inputs[0] == x


def _products(draft: Draft) -> None:
    """SiLU, hard-swish, Mish and GELU: a map times a function of itself. The longest chain wins, so it is read from its end."""
    for op in list(draft)[::-1]:
        product = _as_product(draft, op)
        if product is None:
            continue
        (a, b), scale = product
        for x, other in ((a, b), (b, a)):
            found = _recognised(draft, x, other, scale)
            if found is not None:
                source, kind = found
                draft.replace(op, Unary(name=op.name, inputs=(source,), output=op.output, activation=Activation(kind)))
                break


def _recognised(draft: Draft, x: str, other: str, scale: float) -> tuple[str, Act] | None:
    """A product as an activation of a map, with the scales in front of either operand tried in both places."""
    for source, first in (_unscaled(draft, x), (x, 1.0)):
        for function, second in (_unscaled(draft, other), (other, 1.0)):
            kind = _swish_of(draft, source, function, scale * first * second)
            if kind is not None:
                return source, kind
    return None


def _unscaled(draft: Draft, x: str) -> tuple[str, float]:
    """A map without the number it was multiplied by."""
    op = draft.producer(x)
    factor = _factor(op)
    return (x, 1.0) if op is None or factor is None else (op.inputs[0], factor)


def _softplus(draft: Draft) -> None:
    """``log(1 + exp(x))``."""
    for op in draft:
        if not isinstance(op, Pending) or op.function != "log":
            continue
        plus = draft.producer(op.inputs[0])
        added = _offset(plus)
        exp = None if plus is None or added is None or not _close(added, 1.0) else draft.producer(plus.inputs[0])
        if isinstance(exp, Unary) and exp.activation.kind is Act.EXP:
            draft.replace(op, Unary(name=op.name, inputs=exp.inputs, output=op.output, activation=Activation(Act.SOFTPLUS)))


def recognise_activations(draft: Draft) -> None:
    """Replaces the last operator of every recognised chain; what is left of the chain dies unless something else needs it."""
    _clips(draft)
    _softplus(draft)
    _products(draft)
    _hard_sigmoids(draft)
    draft.prune()
    _clips(draft)
