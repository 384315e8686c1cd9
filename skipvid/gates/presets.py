"""Named policies. docs/quality.md says on which footage the numbers were chosen, and what they cost and save on other footage."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from skipvid.errors import UsageError
from skipvid.gates.budget import COARSEST
from skipvid.gates.care import Care
from skipvid.gates.policies import InputNorm, OutputNorm, Policy, Truncation
from skipvid.gates.safety import Safety
from skipvid.gates.settings import Norm

__all__ = [
    "DEFAULT",
    "DEFAULT_FAMILY",
    "EXACT",
    "FAMILIES",
    "FAST",
    "HIGH",
    "PRESETS",
    "coarsest",
    "preset",
    "preset_care",
    "safety",
]

DEFAULT = "balanced"
EXACT = "exact"
HIGH = "high"
FAST = "fast"
DEFAULT_FAMILY = InputNorm.TYPE
"""Where it differs as much from the dense network it executes fewer MACs than truncation, see docs/gates.md."""

_INPUT_NORM = MappingProxyType(
    {
        "exact": InputNorm(0.0, input_noise=0.0),
        "high": InputNorm(0.004, input_noise=0.25, dilation=1, vector_threshold=0.001, shaping=0.5),
        "balanced": InputNorm(0.01, input_noise=1.0, dilation=1, vector_threshold=0.0025, shaping=0.5),
        "fast": InputNorm(0.03, input_noise=2.0, dilation=1, vector_threshold=0.0075, shaping=0.5),
    }
)

_TRUNCATION = MappingProxyType(
    {
        "exact": Truncation(0.0, Norm.L2, input_noise=0.0),
        "high": Truncation(0.006, Norm.L2, input_noise=0.25, dilation=1, vector_threshold=0.0015, shaping=0.5),
        "balanced": Truncation(0.015, Norm.L2, input_noise=1.0, dilation=1, vector_threshold=0.003, shaping=0.5),
        "fast": Truncation(0.04, Norm.L2, input_noise=2.0, dilation=1, vector_threshold=0.01, shaping=0.5),
    }
)

_OUTPUT_NORM = MappingProxyType(
    {
        "exact": OutputNorm(0.0, input_noise=0.0),
        "high": OutputNorm(0.03, input_noise=0.25, dilation=1, vector_threshold=0.0075, shaping=0.5),
        "balanced": OutputNorm(0.07, input_noise=1.0, dilation=1, vector_threshold=0.0175, shaping=0.5),
        "fast": OutputNorm(0.2, input_noise=2.0, dilation=1, vector_threshold=0.05, shaping=0.5),
    }
)

_HIGH_UNSURE, _HIGH_ELSEWHERE = 2.0, 2.0  # thresholds of ``high`` are less than half as coarse: it is finer everywhere
_FAST = 2 / 3  # of what the factors are in ``balanced``: so `fast` is twice as coarse everywhere

FAMILIES: Mapping[str, Mapping[str, Policy]] = MappingProxyType(
    {InputNorm.TYPE: _INPUT_NORM, OutputNorm.TYPE: _OUTPUT_NORM, Truncation.TYPE: _TRUNCATION}
)
PRESETS: Mapping[str, Policy] = FAMILIES[DEFAULT_FAMILY]


def preset(name: str, family: str = DEFAULT_FAMILY, tolerance: float = 1.0) -> Policy:
    """The policy of a preset: ``exact`` (bit for bit), ``high``, ``balanced`` (default) or ``fast``.

    Args:
        name: Of the preset.
        family: Kind of gate: ``input-norm``, ``output-norm`` or ``truncation``.
        tolerance: Factor on the thresholds, for a model that is known to bear coarser ones than most.

    Raises:
        UsageError: There is no such preset or family.
    """
    if family not in FAMILIES:
        message = f"The gate {family!r} does not exist."
        raise UsageError(message, f"Use one of: {', '.join(FAMILIES)}.")
    if name not in PRESETS:
        message = f"The preset {name!r} does not exist."
        raise UsageError(message, f"Use one of: {', '.join(PRESETS)}.")
    policy = FAMILIES[family][name]
    return policy if tolerance == 1.0 else policy.scaled(tolerance)


def preset_care(name: str, factors: tuple[float, float, float], conf: float) -> Care | None:
    """How coarse the gates of a preset are by what is found; None: the same everywhere.

    Args:
        name: Of the preset.
        factors: Those of the default preset: around what is unsure, around what is sure, elsewhere.
        conf: The lowest confidence of what is asked for.
    """
    unsure, certain, elsewhere = factors
    if name == EXACT or unsure == certain == elsewhere == 1:
        return None
    if name == HIGH:
        return Care(min(_HIGH_UNSURE * unsure, 1.0), 1.0, min(elsewhere, _HIGH_ELSEWHERE), conf)
    if name == FAST:
        unsure, certain, elsewhere = (_FAST * factor for factor in factors)
    return Care(unsure, certain, elsewhere, conf)


def safety(name: str) -> Safety:
    """What a preset takes for a cut or a moving camera: ``high`` computes a moving one's frames in full before that is faster."""
    return Safety(worth=0.5) if name == HIGH else Safety()


def coarsest(name: str) -> float:
    """What the thresholds of a preset are multiplied by at most under a budget: however fine it is, they end at the same."""
    balanced, own = (_INPUT_NORM[key].threshold for key in (DEFAULT, name))
    return max(COARSEST * balanced / own, 1.0) if own else 1.0
