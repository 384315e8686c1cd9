"""Skip-Conv's norm gates as policies: a convolution computes the outputs whose window changed by more than a threshold.

Source: Habibian et al., Skip-Convolutions for Efficient Video Processing, CVPR 2021, section 3.2. With ``S`` the sum over a
window and all C channels of the absolute change of a layer's input, k_h x k_w the window, H the height of its output and w its
weights:

    form       input-norm              output-norm                              reference
    paper      S / (k_h k_w H)         S mean|w| / (k_h k_w H)                  previous frame
    invariant  S / (C k_h k_w)         S mean_o ||w_o||_1 / (C k_h k_w)         accumulating

Epsilon of the paper form is as published; it means another thing at each resolution and width of a layer. The invariant norms are
a mean absolute change of the input, and by how much a change of that size can move an output; their epsilon is by default a share
of the scale of the input or the output map. Zero borders count as unchanged, strides and dilations are the layer's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Self

import numpy as np

from skipvid.errors import UsageError
from skipvid.gates.options import INPUT, GateOptions, check_dilation, check_threshold, input_gate, noise_at_input, scaled
from skipvid.gates.origins import Origins
from skipvid.gates.settings import GateSettings, InputGate, Norm, OpenGate, Rect, Reference
from skipvid.gates.worth import followed
from skipvid.plan import Conv, GatePoint, Plan

__all__ = ["Form", "InputNorm", "NormGate", "OutputNorm", "remembers", "sharing"]


class Form(StrEnum):
    """How norms are normalised, and what the other fields are unless given."""

    INVARIANT = "invariant"
    PAPER = "paper"


@dataclass(frozen=True)
class NormGate(GateOptions):
    """What the two norm gates share. None stands for the form's own choice.

    Attributes:
        threshold: Epsilon of every gated convolution: as a share of a map's scale if ``relative``, else in the norm's own units.
        form: Normalisation, see the module.
        reference: What closed pixels remember; accumulating (invariant) or previous-frame (paper).
        input_threshold: At the network's input, in grey levels.
        input_noise: At the network's input, in multiples of the video's noise, up to 4 grey levels; the larger rule holds.
            1 (invariant) or 0 (paper), and 0 where no threshold is above 0: that is exact.
        dilation: Pixels around a changed input pixel that are taken along.
        vector_threshold: For convolutions of 1x1 maps (squeeze-excite), as ``threshold``; None: the same number.
        relative: Whether thresholds are shares of the maps' scales; yes (invariant) or no (paper). Then convolutions that read
            the network's input (or a copy of it) have no gate of their own: the gate of the input is theirs.
        layers: Thresholds of single convolutions by operator name, in the same units, in place of the above (``input``: grey
            levels).
        shaping: How strongly thresholds follow the arithmetic of the convolutions that a gate closes: 0: not at all, 0.5: as its
            square root, see `skipvid.gates.worth.followed`. Thresholds of vectors and of single layers are left as they are.
    """

    threshold: float = 0.1
    form: Form = Form.INVARIANT
    reference: Reference | None = None
    input_threshold: float = 0.0
    input_noise: float | None = None
    dilation: int = 0
    vector_threshold: float | None = None
    relative: bool | None = None
    layers: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    shaping: float = 0.0

    TYPE: ClassVar[str] = ""
    VERSION: ClassVar[int] = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", MappingProxyType(dict(self.layers)))
        try:
            object.__setattr__(self, "form", Form(self.form))
            if self.reference is not None:
                object.__setattr__(self, "reference", Reference(self.reference))
        except ValueError as error:
            message = f"The policy cannot be read: {error}."
            raise UsageError(message, f"Forms: {', '.join(Form)}; references: {', '.join(Reference)}.") from None
        numbers: dict[str, object] = {name: getattr(self, name) for name in ("threshold", "input_threshold", "shaping")}
        for name in ("input_noise", "vector_threshold"):
            if getattr(self, name) is not None:
                numbers[name] = getattr(self, name)
        numbers |= {f"threshold of layer {name!r}": value for name, value in self.layers.items()}
        for name, value in numbers.items():
            check_threshold(name, value)
        check_dilation(self.dilation)
        self.check_options()

    @classmethod
    def paper(cls, threshold: float = 0.1, **options: Any) -> Self:
        """The gate as published; 0.1 is the default of the published code."""
        return cls(threshold, Form.PAPER, **options)

    @property
    def norm(self) -> Norm:
        """In what the scales of maps are measured: a mean over channels, as the gate's own norm is."""
        return Norm.RMS

    @property
    def _is_relative(self) -> bool:
        return self.form is Form.INVARIANT if self.relative is None else self.relative

    @property
    def noise(self) -> float:
        """Multiple of the video's noise at the network's input."""
        return noise_at_input(self, 1.0 if self.form is Form.INVARIANT else 0.0)

    @property
    def needs_scales(self) -> bool:
        values = (self.threshold, self.vector_threshold or 0.0, *(v for n, v in self.layers.items() if n != INPUT))
        return self._is_relative and any(v > 0 for v in values)

    @property
    def needs_noise(self) -> bool:
        return self.noise > 0 and INPUT not in self.layers

    def asks_for(self, plan: Plan) -> tuple[GatePoint, ...]:
        """See `skipvid.gates.policies.Policy.asks_for`."""
        origins = Origins(plan)
        maps = {name for op in self._gated(plan) for name in self._measured_by(op, origins)}
        return tuple(gate for gate in plan.gates if gate.name != INPUT and gate.tensor in maps)

    def gate_names(self, plan: Plan) -> tuple[str, ...]:
        return (INPUT, *(op.name for op in self._gated(plan)))

    def settings(self, plan: Plan, scales: Mapping[str, float] | None = None, ignore: tuple[Rect, ...] = ()) -> GateSettings:
        """See `skipvid.gates.policies.Policy.settings`."""
        gated = self._gated(plan)
        known = {INPUT, *(op.name for op in gated)}
        unknown = [name for name in self.layers if name not in known]
        if unknown:
            message = (
                f"{unknown[0]!r} is no convolution of the model with a gate of its own ({len(unknown)} of {len(self.layers)})."
            )
            raise UsageError(message, "List the model's operators with `skipvid models show`.")
        scales = scales or {}
        origins = Origins(plan)
        shares = self.shares(plan)
        opens = {op.name: gate for op in gated if (gate := self._open(op, shares[op.name], plan, origins, scales)).threshold > 0}
        return GateSettings(
            self.input_gate(scales, ignore),
            opens=MappingProxyType(opens),
            structure=self.structure,
            refresh_every=self.refresh_every,
        )

    def input_gate(self, scales: Mapping[str, float] | None = None, ignore: tuple[Rect, ...] = ()) -> InputGate:
        """See `skipvid.gates.policies.Policy.input_gate`."""
        return input_gate(self, self.noise, scales or {}, ignore)

    def _gated(self, plan: Plan) -> list[Conv]:
        shared, origins = sharing(plan), Origins(plan)
        own = [op for op in plan.ops if isinstance(op, Conv) and op.gated and op.name not in shared]
        return [op for op in own if not (self._is_relative and origins.from_input(op.inputs[0]))]

    def worth(self, plan: Plan) -> dict[str, int]:
        """Multiply-accumulates that each gate saves where it is closed, by operator name, in execution order."""
        shared = sharing(plan)
        return {op.name: _macs_closed(op, plan, shared) for op in self._gated(plan)}

    def shares(self, plan: Plan) -> dict[str, float]:
        """The threshold of every gated convolution, by operator name, in the policy's units."""
        worth = self.worth(plan)
        vectors = {op.name for op in plan.ops if plan.tensors[op.output].is_vector}
        factors = followed({name: macs for name, macs in worth.items() if name not in vectors}, self.shaping)
        flat = self.threshold if self.vector_threshold is None else self.vector_threshold
        common = {name: self.threshold * factors[name] if name in factors else flat for name in worth}
        return {name: self.layers.get(name, share) for name, share in common.items()}

    @property
    def remembered(self) -> Reference:
        """What closed pixels remember."""
        if self.reference is not None:
            return self.reference
        return Reference.ACCUMULATING if self.form is Form.INVARIANT else Reference.PREVIOUS_FRAME

    def _open(self, op: Conv, share: float, plan: Plan, origins: Origins, scales: Mapping[str, float]) -> OpenGate:
        threshold = share * self._unit(op, origins, scales) if self._is_relative and share > 0 else share
        window = float(op.kernel[0] * op.kernel[1])
        if self.form is Form.PAPER:
            scale = self._paper_weight(op) / (window * plan.tensors[op.output].height)
        else:
            scale = self._invariant_weight(op) / (window * plan.tensors[op.inputs[0]].channels)
        return OpenGate(threshold, scale, self.remembered, self.structure)

    def _paper_weight(self, op: Conv) -> float:
        raise NotImplementedError

    def _invariant_weight(self, op: Conv) -> float:
        raise NotImplementedError

    def _unit(self, op: Conv, origins: Origins, scales: Mapping[str, float]) -> float:
        """What a relative threshold of 1 is in units of the norm."""
        raise NotImplementedError

    def _measured_by(self, op: Conv, origins: Origins) -> tuple[str, ...]:
        """The maps whose scales `_unit` reads."""
        return origins.of(op.inputs[0])

    def with_layers(self, layers: Mapping[str, float]) -> Self:
        """The same policy with the thresholds of single convolutions replaced."""
        return replace(self, layers={**self.layers, **layers})

    def scaled(self, factor: float) -> Self:
        """The same policy with all thresholds multiplied, the input's left as it is."""
        return scaled(self, factor)

    def to_dict(self) -> dict[str, Any]:
        """A JSON value with ``type`` and ``version``."""
        own = {name: getattr(self, name) for name in ("threshold", "input_threshold", "input_noise", "dilation")}
        rest = {name: getattr(self, name) for name in ("vector_threshold", "shaping", "relative")} | {"layers": dict(self.layers)}
        kinds = {"form": str(self.form), "reference": None if self.reference is None else str(self.reference)}
        return {"type": self.TYPE, "version": self.VERSION, **own, **kinds, **rest, **self.options_to_dict()}


@dataclass(frozen=True)
class InputNorm(NormGate):
    """Skip-Conv's input-norm gate; relative to the scale of the layer's input."""

    TYPE: ClassVar[str] = "input-norm"

    def _paper_weight(self, op: Conv) -> float:
        return 1.0

    def _invariant_weight(self, op: Conv) -> float:
        return 1.0

    def _unit(self, op: Conv, origins: Origins, scales: Mapping[str, float]) -> float:
        return origins.scale(op.inputs[0], scales)


@dataclass(frozen=True)
class OutputNorm(NormGate):
    """Skip-Conv's output-norm gate; relative to the scale of the layer's output.

    An output that is no gate point has no measured scale. It is estimated as that of the input times mean_o ||w_o||_2: what
    changes of that size that are independent of one another add up to.
    """

    TYPE: ClassVar[str] = "output-norm"

    def _paper_weight(self, op: Conv) -> float:
        return float(np.abs(op.weight).mean(dtype=np.float64))

    def _invariant_weight(self, op: Conv) -> float:
        return float(np.abs(op.weight).sum(dtype=np.float64) / op.weight.shape[0])

    def _unit(self, op: Conv, origins: Origins, scales: Mapping[str, float]) -> float:
        if origins.gate(op.output) is not None:
            return origins.scale(op.output, scales)
        gain = np.sqrt(np.square(op.weight, dtype=np.float64).sum(axis=(1, 2, 3))).mean()
        return origins.scale(op.inputs[0], scales) * float(gain)

    def _measured_by(self, op: Conv, origins: Origins) -> tuple[str, ...]:
        return (op.output,) if origins.gate(op.output) is not None else origins.of(op.inputs[0])


def remembers(policy: object) -> bool:
    """Whether gates add up what they turn down, so that they can be asked again with finer thresholds."""
    return isinstance(policy, NormGate) and policy.remembered is Reference.ACCUMULATING


def sharing(plan: Plan) -> frozenset[str]:
    """Pointwise convolutions that read a depthwise one and share its gate, by operator name.

    They need no rule: what the depthwise leaves closed does not change, so it is recomputed exactly where the depthwise was.
    """
    depthwise = {op.output for op in plan.ops if isinstance(op, Conv) and op.is_depthwise}
    return frozenset(op.name for op in plan.ops if isinstance(op, Conv) and op.is_pointwise and op.inputs[0] in depthwise)


def _macs_closed(op: Conv, plan: Plan, shared: frozenset[str]) -> int:
    """Arithmetic of a convolution and of those that share its gate."""
    readers = plan.consumers(op.output) if op.is_depthwise else ()
    return plan.op_macs[op.name] + sum(plan.op_macs[reader.name] for reader in readers if reader.name in shared)
