"""Named policies. docs/quality.md says on which footage the numbers were chosen, and what they cost and save on other footage."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from skipvid.errors import UsageError
from skipvid.gates.policies import Policy, Truncation

__all__ = ["DEFAULT", "PRESETS", "preset"]

DEFAULT = "balanced"

PRESETS: Mapping[str, Policy] = MappingProxyType(
    {
        "exact": Truncation(threshold=0.0, input_threshold=0.0, input_noise=0.0),
        "high": Truncation(threshold=0.02, input_threshold=2.0, input_noise=0.75, vector_threshold=0.005),
        "balanced": Truncation(threshold=0.08, input_threshold=4.0, input_noise=1.0, vector_threshold=0.02),
        "fast": Truncation(threshold=0.16, input_threshold=8.0, input_noise=1.5, vector_threshold=0.04),
    }
)


def preset(name: str) -> Policy:
    """The policy of a preset: ``exact`` (bit for bit), ``high``, ``balanced`` (default) or ``fast``.

    Raises:
        UsageError: There is no such preset.
    """
    if name not in PRESETS:
        message = f"The preset {name!r} does not exist."
        raise UsageError(message, f"Use one of: {', '.join(PRESETS)}.")
    return PRESETS[name]
