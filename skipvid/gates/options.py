"""What the policies share: checks of their numbers, and options that go with any gate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, asdict, dataclass, fields, replace
from typing import Any, ClassVar, Protocol, Self, TypeVar

from skipvid.errors import UsageError
from skipvid.gates.settings import STRUCTURES, Hysteresis, InputGate, Rect

__all__ = [
    "INPUT",
    "NOISE_MOST",
    "Common",
    "GateOptions",
    "check_dilation",
    "check_threshold",
    "input_gate",
    "noise_at_input",
    "scale_of",
    "scaled",
]

INPUT = "input"
"""The name of the gate point at the network's input. Its scale is the noise of the video, in grey levels."""

NOISE_MOST = 4.0
"""Grey levels that a multiple of the noise adds up to at most: where all of a picture moves, motion is taken for noise, and above
this agreement suffers."""


class Common(Protocol):
    """What every policy of `skipvid.gates.policies` says about thresholds, by the same names."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def threshold(self) -> float: ...
    @property
    def vector_threshold(self) -> float | None: ...
    @property
    def layers(self) -> Mapping[str, float]: ...
    @property
    def input_threshold(self) -> float: ...
    @property
    def input_noise(self) -> float | None: ...
    @property
    def dilation(self) -> int: ...
    @property
    def hysteresis(self) -> Hysteresis | None: ...


_P = TypeVar("_P", bound=Common)


@dataclass(frozen=True, kw_only=True)
class GateOptions:
    """Options of every policy.

    Attributes:
        structure: Side of the blocks, 1, 2, 4 or 8 pixels of a map, that the gates decide for as a whole.
        refresh_every: Frames over which everything is looked at once without a threshold, band by band; 0: never.
        hysteresis: A lower input threshold around what just changed, against flicker.
    """

    structure: int = 1
    refresh_every: int = 0
    hysteresis: Hysteresis | None = None

    def check_options(self) -> None:
        """Refuse numbers that make no sense.

        Raises:
            UsageError: One of them does not.
        """
        if isinstance(self.structure, bool) or self.structure not in STRUCTURES:
            message = f"The structure is {self.structure!r}; it is the side of a block of pixels."
            raise UsageError(message, f"Use one of: {', '.join(map(str, STRUCTURES))}.")
        if not _is_count(self.refresh_every, 100_000):
            message = f"The staggered refresh takes {self.refresh_every!r} frames; it counts frames."
            raise UsageError(message, "Give a whole number, or 0 for none.")
        h = self.hysteresis
        if h is not None and not (
            _is_number(h.factor) and h.factor <= 1 and _is_count(h.frames, 10_000) and _is_count(h.radius, 64)
        ):
            message = f"The hysteresis is {h!r}; its factor lies between 0 and 1, and it counts frames and pixels."
            raise UsageError(message, "Correct the numbers.")

    def options_to_dict(self) -> dict[str, Any]:
        """A JSON value of these options."""
        hysteresis = None if self.hysteresis is None else asdict(self.hysteresis)
        return {"structure": self.structure, "refresh_every": self.refresh_every, "hysteresis": hysteresis}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of ``to_dict`` of a policy; ``type`` and ``version`` were checked.

        Raises:
            UsageError: A field is not known or not of its kind.
        """
        names = [field.name for field in fields(cls)]
        kind = data.get("type")
        unknown = sorted(set(data) - {*names, "type", "version"})
        if unknown:
            message = f"A {kind} policy has no field {unknown[0]!r}."
            raise UsageError(message, f"Use: {', '.join(names)}.")
        values = {name: data[name] for name in names if name in data}
        if not isinstance(values.get("layers", {}), Mapping) or not isinstance(values.get("relative", True), bool | None):
            message = f"In a {kind} policy, layers is a table of numbers and relative is true or false."
            raise UsageError(message, "Write the policy anew.")
        if values.get("hysteresis") is not None:
            try:
                values["hysteresis"] = Hysteresis(**values["hysteresis"])
            except TypeError:
                message = f"In a {kind} policy, hysteresis is a table of factor, frames and radius."
                raise UsageError(message, "Write the policy anew.") from None
        return cls(**values)


def noise_at_input(policy: Common, usual: float) -> float:
    """The multiple of the video's noise at the network's input: what is asked for, else the usual one.

    A policy without a threshold above 0 is exact, at the input as well.
    """
    if policy.input_noise is not None:
        return policy.input_noise
    inner = (policy.threshold, policy.vector_threshold or 0.0, *policy.layers.values())
    return usual if any(value > 0 for value in inner) else 0.0


def input_gate(policy: Common, noise: float, scales: Mapping[str, float], ignore: tuple[Rect, ...]) -> InputGate:
    """The gate of the network's input: what ``layers`` says, else the larger of a threshold and a multiple of the noise.

    Args:
        policy: The policy.
        noise: Multiple of the video's noise; it amounts to at most `NOISE_MOST` grey levels.
        scales: The noise in grey levels, as ``input``; not read where it has no say.
        ignore: Rectangles of the network input whose changes do not count.

    Raises:
        UsageError: The noise is asked for and was not measured.
    """
    fixed = policy.layers.get(INPUT)
    level = policy.input_threshold if fixed is None else fixed
    if fixed is None and noise > 0:
        level = max(level, min(noise * scale_of(scales, INPUT), NOISE_MOST))
    return InputGate(level, policy.dilation, ignore, policy.hysteresis)


def scaled(policy: _P, factor: float) -> _P:
    """The same policy with all thresholds multiplied, the input's left as it is."""
    return replace(
        policy,
        threshold=policy.threshold * factor,
        vector_threshold=None if policy.vector_threshold is None else policy.vector_threshold * factor,
        layers={name: value if name == INPUT else value * factor for name, value in policy.layers.items()},
    )


def check_threshold(name: str, value: object) -> None:
    """Refuse what cannot be a threshold.

    Raises:
        UsageError: It is no finite number, 0 or more.
    """
    if not _is_number(value):
        message = f"The {name} is {value!r}; a threshold is a finite number, 0 or more."
        raise UsageError(message, "Correct the number.")


def check_dilation(value: object) -> None:
    """Refuse what cannot be a dilation.

    Raises:
        UsageError: It is no whole number from 0 to 64.
    """
    if not _is_count(value, 64):
        message = f"The dilation is {value!r}; it counts pixels, 0 to 64."
        raise UsageError(message, "Give a whole number in that range.")


def scale_of(scales: Mapping[str, float], name: str) -> float:
    """The scale of a gate point.

    Raises:
        UsageError: It was not measured.
    """
    if name not in scales:
        what = "the noise of the video" if name == INPUT else f"the scale of gate point {name!r}"
        message = f"A relative threshold needs {what}, which was not measured."
        raise UsageError(message, "Pass the scales that a ScaleMeter measured on this model, or use absolute thresholds.")
    return scales[name]


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(value) and value >= 0


def _is_count(value: object, most: int) -> bool:
    return not isinstance(value, bool) and isinstance(value, int) and 0 <= value <= most
