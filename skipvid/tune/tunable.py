"""The policies that can be tuned, and where a search for each begins."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from skipvid.gates.norms import NormGate
from skipvid.gates.policies import Policy, Truncation
from skipvid.gates.presets import preset

__all__ = ["Tunable", "base_of", "exact", "finer", "tunable"]

Tunable: TypeAlias = Truncation | NormGate
"""A policy of one threshold for all gates, shaped or not, and thresholds of single ones; it knows what each gate saves."""

_SHAPING = 0.5  # thresholds follow the root of what a gate saves, see `skipvid.gates.worth.followed`


def tunable(policy: Policy) -> Tunable:
    """The same policy.

    Raises:
        TypeError: It is none that can be tuned.
    """
    if not isinstance(policy, Truncation | NormGate):
        message = f"a {type(policy).__name__} has no thresholds to tune"
        raise TypeError(message)
    return policy


def base_of(family: str, uniform: bool = False) -> Tunable:
    """The policy that a search starts from.

    Args:
        family: Kind of gate, see `skipvid.gates.presets.FAMILIES`.
        uniform: Whether all layers have one threshold, instead of one that follows the arithmetic a gate saves.

    Raises:
        UsageError: There is no such family.
    """
    return replace(tunable(preset("balanced", family)), shaping=0.0 if uniform else _SHAPING)


def exact(like: Tunable) -> Tunable:
    """The policy of the same kind that loses nothing."""
    return tunable(preset("exact", like.TYPE))


def finer(policy: Tunable, factor: float) -> Tunable:
    """All thresholds multiplied, the input's too: what the input ignores no layer brings back."""
    noise = policy.input_noise
    assert noise is not None, "a search names the noise"
    return replace(policy.scaled(factor), input_threshold=policy.input_threshold * factor, input_noise=noise * factor)
