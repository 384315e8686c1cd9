"""Policies: how to choose the gates of a network, as small frozen values that serialise.

A policy knows nothing of a video. It is asked for `GateSettings` with a plan and, where its numbers are relative, with the scales
that were measured for that plan (`skipvid.gates.scales`, `skipvid.gates.noise`). A new family of gates is a new class here and a
line in ``_TYPES``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, Protocol

from skipvid.errors import UsageError
from skipvid.gates.norms import InputNorm, OutputNorm
from skipvid.gates.options import (
    INPUT,
    GateOptions,
    check_dilation,
    check_threshold,
    input_gate,
    noise_at_input,
    scale_of,
    scaled,
)
from skipvid.gates.settings import GateSettings, InputGate, LayerGate, Norm, Rect
from skipvid.gates.worth import macs_behind, shaped
from skipvid.plan import GatePoint, Plan

__all__ = ["INPUT", "InputNorm", "OutputNorm", "Policy", "Truncation", "policy_from_dict"]


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

    def input_gate(self, scales: Mapping[str, float] | None = None, ignore: tuple[Rect, ...] = ()) -> InputGate:
        """The gate of the input alone, as `settings` gives it: what the noise of the video has a say in."""

    def asks_for(self, plan: Plan) -> tuple[GatePoint, ...]:
        """The gate points whose scales `settings` may read."""

    def gate_names(self, plan: Plan) -> tuple[str, ...]:
        """What ``layers`` of the policy may name: ``input``, and the names of operators."""

    def scaled(self, factor: float) -> Policy:
        """The same policy with all thresholds multiplied, the input's left as it is."""

    def to_dict(self) -> dict[str, Any]:
        """A JSON value with ``type`` and ``version`` that `policy_from_dict` takes."""


@dataclass(frozen=True)
class Truncation(GateOptions):
    """DeltaCNN's gate in the refresh-in-place form: a recomputed pixel is committed iff it moved by more than a threshold.

    Source: Parger et al., DeltaCNN, CVPR 2022, section 3; the reference is the last committed value, so slow changes add up.

    Attributes:
        threshold: For every gated map: as a share of the map's scale if ``relative``, else in the map's own units. Between a
            depthwise convolution and its pointwise one, and within a large inverted residual, there is a gate only where
            ``layers`` names it: they share the gate of what the last one writes.
        norm: How a difference is measured over channels: ``max``, ``l2`` or ``rms``.
        input_threshold: At the network's input, in grey levels.
        input_noise: At the network's input, in multiples of the video's noise, up to 4 grey levels; the larger of the two rules.
            None: 1, or 0 where no threshold is above 0, so that ``Truncation(0)`` is exact.
        dilation: Pixels around a changed input pixel that are taken along.
        vector_threshold: For 1x1 maps that broadcast over space (squeeze-excite), as ``threshold``; None: the same number. One
            such map above its threshold makes every pixel behind it active.
        shaping: How strongly thresholds follow the arithmetic behind a gate: 0: not at all, 0.5: as its square root, see
            `skipvid.gates.worth.shaped`. Thresholds of vectors and of single layers are left as they are.
        relative: Whether thresholds are shares of the maps' scales.
        layers: Thresholds of single gate points by name, in the same units, in place of the above (``input``: grey levels).
    """

    threshold: float = 0.1
    norm: Norm = Norm.MAX
    input_threshold: float = 0.0
    input_noise: float | None = None
    dilation: int = 0
    vector_threshold: float | None = None
    shaping: float = 0.0
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
            "shaping": self.shaping,
            **{name: value for name in ("input_noise", "vector_threshold") if (value := getattr(self, name)) is not None},
            **{f"threshold of layer {name!r}": value for name, value in self.layers.items()},
        }
        for name, value in numbers.items():
            check_threshold(name, value)
        check_dilation(self.dilation)
        self.check_options()

    @property
    def needs_scales(self) -> bool:
        values = (self.threshold, self.vector_threshold or 0.0, *(v for n, v in self.layers.items() if n != INPUT))
        return self.relative and any(v > 0 for v in values)

    @property
    def needs_noise(self) -> bool:
        return self.noise > 0 and INPUT not in self.layers

    @property
    def noise(self) -> float:
        """Multiple of the video's noise at the network's input."""
        return noise_at_input(self, 1.0)

    def settings(self, plan: Plan, scales: Mapping[str, float] | None = None, ignore: tuple[Rect, ...] = ()) -> GateSettings:
        known = self.gate_names(plan)
        unknown = [name for name in self.layers if name not in known]
        if unknown:
            message = f"The model has no gate point named {unknown[0]!r} ({len(unknown)} unknown of {len(self.layers)})."
            raise UsageError(message, "List the model's gate points with `skipvid models show`.")
        scales = scales or {}
        shares = self.shares(plan)
        layers: dict[str, LayerGate] = {}
        for gate in self.asks_for(plan):
            share = shares[gate.name]
            threshold = share * scale_of(scales, gate.name) if self.relative and share > 0 else share
            if threshold > 0:
                layers[gate.tensor] = LayerGate(threshold, self.norm)
        rules = MappingProxyType(layers)
        return GateSettings(self.input_gate(scales, ignore), rules, structure=self.structure, refresh_every=self.refresh_every)

    def input_gate(self, scales: Mapping[str, float] | None = None, ignore: tuple[Rect, ...] = ()) -> InputGate:
        return input_gate(self, self.noise, scales or {}, ignore)

    def asks_for(self, plan: Plan) -> tuple[GatePoint, ...]:
        inside = {gate.name for gate in plan.gates if gate.tensor in plan.joinable} - set(self.layers)
        return tuple(gate for gate in plan.gates if gate.name != INPUT and gate.name not in inside)

    def gate_names(self, plan: Plan) -> tuple[str, ...]:
        return tuple(gate.name for gate in plan.gates)

    def worth(self, plan: Plan) -> dict[str, int]:
        """Multiply-accumulates behind each gate that the policy uses but the input's, by gate name, in execution order."""
        behind = macs_behind(plan)
        return {gate.name: behind[gate.name] for gate in self.asks_for(plan)}

    def shares(self, plan: Plan) -> dict[str, float]:
        """The threshold of every gate but the input's, by gate name, in the policy's units."""
        factors = shaped(plan, self.shaping)
        return {gate.name: self._share(gate, factors[gate.name]) for gate in plan.gates if gate.name != INPUT}

    def _share(self, gate: GatePoint, factor: float) -> float:
        if gate.name in self.layers:
            return self.layers[gate.name]
        if gate.broadcast and self.vector_threshold is not None:
            return self.vector_threshold
        return self.threshold * factor

    def with_layers(self, layers: Mapping[str, float]) -> Truncation:
        """The same policy with the thresholds of single gate points replaced."""
        return replace(self, layers={**self.layers, **layers})

    def scaled(self, factor: float) -> Truncation:
        """The same policy with all thresholds multiplied, the input's left as it is."""
        return scaled(self, factor)

    def to_dict(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("threshold", "norm", "input_threshold", "input_noise", "dilation")}
        rest = {
            "vector_threshold": self.vector_threshold,
            "shaping": self.shaping,
            "relative": self.relative,
            "layers": dict(self.layers),
        }
        return {"type": self.TYPE, "version": self.VERSION, **own, "norm": str(self.norm), **rest, **self.options_to_dict()}


_TYPES: Mapping[str, type[Truncation] | type[InputNorm] | type[OutputNorm]] = MappingProxyType(
    {policy.TYPE: policy for policy in (Truncation, InputNorm, OutputNorm)}
)


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
