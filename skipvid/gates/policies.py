"""Policies: how to choose the gates of a network, as small frozen values that serialise.

A policy knows nothing of a video. It is asked for `GateSettings` with a plan and, where its numbers are relative, with the scales
that were measured for that plan (`skipvid.gates.scales`, `skipvid.gates.noise`). A new family of gates is a new class here and a
line in ``_TYPES``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

from skipvid.errors import UsageError
from skipvid.gates.settings import GateSettings, InputGate, LayerGate, Norm, Rect
from skipvid.plan import GatePoint, Plan

__all__ = ["INPUT", "Policy", "Truncation", "policy_from_dict"]

INPUT = "input"
"""The name of the gate point at the network's input. Its scale is the noise of the video, in grey levels."""


class Policy(Protocol):
    """What decides the gates of a stream."""

    @property
    def needs_scales(self) -> bool:
        """Whether `settings` needs the scales of activations."""

    @property
    def needs_noise(self) -> bool:
        """Whether `settings` needs ``scales["input"]``, the noise of the video in grey levels."""

    def settings(self, plan: Plan, scales: Mapping[str, float] | None = None, ignore: tuple[Rect, ...] = ()) -> GateSettings:
        """The gates of one plan.

        Args:
            plan: The network.
            scales: By gate name, see `skipvid.gates.scales.ScaleMeter`; may be None where `needs_scales` and `needs_noise` are
                False.
            ignore: Rectangles of the network input whose changes do not count.

        Raises:
            UsageError: A scale is missing, or a layer is named that the plan has not.
        """

    def to_dict(self) -> dict[str, Any]:
        """A JSON value with ``type`` and ``version`` that `policy_from_dict` takes."""


@dataclass(frozen=True)
class Truncation:
    """DeltaCNN's gate in the refresh-in-place form: a recomputed pixel is committed iff it moved by more than a threshold.

    Source: Parger et al., DeltaCNN, CVPR 2022, section 3; the reference is the last committed value, so slow changes add up.

    Attributes:
        threshold: For every gated map: as a share of the map's scale if ``relative``, else in the map's own units.
        norm: How a difference is measured over channels: ``max``, ``l2`` or ``rms``.
        input_threshold: At the network's input, in grey levels.
        input_noise: At the network's input, in multiples of the video's noise; the larger of the two rules.
        dilation: Pixels around a changed input pixel that are taken along.
        vector_threshold: For 1x1 maps that broadcast over space (squeeze-excite), as ``threshold``; None: the same number. One
            such map above its threshold makes every pixel behind it active.
        relative: Whether thresholds are shares of the maps' scales.
        layers: Thresholds of single gate points by name, in the same units, in place of the above (``input``: grey levels).
    """

    threshold: float = 0.1
    norm: Norm = Norm.MAX
    input_threshold: float = 0.0
    input_noise: float = 1.0
    dilation: int = 0
    vector_threshold: float | None = None
    relative: bool = True
    layers: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    TYPE: ClassVar[str] = "truncation"
    VERSION: ClassVar[int] = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", MappingProxyType(dict(self.layers)))
        try:
            object.__setattr__(self, "norm", Norm(self.norm))
        except ValueError:
            message = f"The norm {self.norm!r} is not known."
            raise UsageError(message, f"Use one of: {', '.join(Norm)}.") from None
        numbers = {
            "threshold": self.threshold,
            "input_threshold": self.input_threshold,
            "input_noise": self.input_noise,
            **({} if self.vector_threshold is None else {"vector_threshold": self.vector_threshold}),
            **{f"threshold of layer {name!r}": value for name, value in self.layers.items()},
        }
        for name, value in numbers.items():
            _check_threshold(name, value)
        if isinstance(self.dilation, bool) or not isinstance(self.dilation, int) or not 0 <= self.dilation <= 64:
            message = f"The dilation is {self.dilation!r}; it counts pixels, 0 to 64."
            raise UsageError(message, "Give a whole number in that range.")

    @property
    def needs_scales(self) -> bool:
        values = (self.threshold, self.vector_threshold or 0.0, *(v for n, v in self.layers.items() if n != INPUT))
        return self.relative and any(v > 0 for v in values)

    @property
    def needs_noise(self) -> bool:
        return self.input_noise > 0 and INPUT not in self.layers

    def settings(self, plan: Plan, scales: Mapping[str, float] | None = None, ignore: tuple[Rect, ...] = ()) -> GateSettings:
        known = {gate.name for gate in plan.gates}
        unknown = [name for name in self.layers if name not in known]
        if unknown:
            message = f"The model has no gate point named {unknown[0]!r} ({len(unknown)} unknown of {len(self.layers)})."
            raise UsageError(message, "List the model's gate points with `skipvid models show`.")
        scales = scales or {}
        layers: dict[str, LayerGate] = {}
        for gate in plan.gates:
            if gate.name == INPUT:
                continue
            share = self._share(gate)
            threshold = share * _scale(scales, gate.name) if self.relative and share > 0 else share
            if threshold > 0:
                layers[gate.tensor] = LayerGate(threshold, self.norm)
        return GateSettings(InputGate(self._input(scales), self.dilation, ignore), MappingProxyType(layers))

    def _share(self, gate: GatePoint) -> float:
        if gate.name in self.layers:
            return self.layers[gate.name]
        if gate.broadcast and self.vector_threshold is not None:
            return self.vector_threshold
        return self.threshold

    def _input(self, scales: Mapping[str, float]) -> float:
        if INPUT in self.layers:
            return self.layers[INPUT]
        return max(self.input_threshold, self.input_noise * _scale(scales, INPUT) if self.input_noise > 0 else 0.0)

    def with_layers(self, layers: Mapping[str, float]) -> Truncation:
        """The same policy with the thresholds of single gate points replaced."""
        return replace(self, layers={**self.layers, **layers})

    def to_dict(self) -> dict[str, Any]:
        return {
            "type": self.TYPE,
            "version": self.VERSION,
            "threshold": self.threshold,
            "norm": str(self.norm),
            "input_threshold": self.input_threshold,
            "input_noise": self.input_noise,
            "dilation": self.dilation,
            "vector_threshold": self.vector_threshold,
            "relative": self.relative,
            "layers": dict(self.layers),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Truncation:
        """The inverse of `to_dict`; ``type`` and ``version`` were checked."""
        names = ("threshold", "norm", "input_threshold", "input_noise", "dilation", "vector_threshold", "relative", "layers")
        unknown = sorted(set(data) - {*names, "type", "version"})
        if unknown:
            message = f"A {cls.TYPE} policy has no field {unknown[0]!r}."
            raise UsageError(message, f"Use: {', '.join(names)}.")
        layers = data.get("layers", {})
        if not isinstance(layers, Mapping) or not isinstance(data.get("relative", True), bool):
            message = f"In a {cls.TYPE} policy, layers is a table of numbers and relative is true or false."
            raise UsageError(message, "Write the policy anew.")
        return cls(**{name: data[name] for name in names if name in data})


_TYPES: Mapping[str, type[Truncation]] = MappingProxyType({Truncation.TYPE: Truncation})


def policy_from_dict(data: Mapping[str, Any]) -> Policy:
    """The policy that `Policy.to_dict` wrote.

    Raises:
        UsageError: The type, the version or a field is not known, or a number cannot be a threshold.
    """
    kind, version = data.get("type"), data.get("version")
    policy = _TYPES.get(kind) if isinstance(kind, str) else None
    if policy is None:
        message = f"The policy type {kind!r} is not known."
        raise UsageError(message, f"Use one of: {', '.join(_TYPES)}.")
    if version != policy.VERSION:
        message = f"The policy {kind!r} has version {version!r}; this skipvid reads version {policy.VERSION}."
        raise UsageError(message, "Write the policy anew with this version of skipvid.")
    return policy.from_dict(data)


def _check_threshold(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        message = f"The {name} is {value!r}; a threshold is a finite number, 0 or more."
        raise UsageError(message, "Correct the number.")


def _scale(scales: Mapping[str, float], name: str) -> float:
    if name not in scales:
        what = "the noise of the video" if name == INPUT else f"the scale of gate point {name!r}"
        message = f"A relative threshold needs {what}, which was not measured."
        raise UsageError(message, "Pass the scales that a ScaleMeter measured on this model, or use absolute thresholds.")
    return scales[name]
