"""The gates a model runs with where nobody says otherwise: tuned ones that come with the package, else a preset."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from skipvid.gates.care import USUAL, Care, Shift
from skipvid.gates.norms import NormGate
from skipvid.gates.policies import Policy, Truncation
from skipvid.gates.presets import DEFAULT, DEFAULT_FAMILY, EXACT, PRESETS, preset, safety
from skipvid.gates.safety import Safety
from skipvid.gates.thresholds import Thresholds, thresholds_for
from skipvid.models.card import Card
from skipvid.plan import Plan

__all__ = ["CAREFUL", "Gating", "gating", "gating_of", "package_thresholds", "tuned_for"]

CAREFUL = "high"
"""The preset whose thresholds hold where the network is unsure of something."""
_FLOOR = 0.45  # share of a sure score below which a candidate counts as nothing
_CERTAIN_INPUT = 2.0  # what the threshold at the input is multiplied by where everything is sure
# Frames for which care lasts. Each end may cost a full pass; but what waits for more than a second of them gains little.
_HOLD, _HOLD_CAREFUL = 30, 60


@dataclass(frozen=True, eq=False)
class Gating:
    """A policy, and what it refers to.

    Attributes:
        policy: The policy.
        scales: Known scales of activations by gate name; what is not known is measured on the video.
        tuned: The thresholds file of the package that both are from, or None where they are the preset's.
        safety: What counts as a cut or a moving camera.
        care: When thresholds are finer; None: never.
    """

    policy: Policy
    scales: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    tuned: Thresholds | None = None
    safety: Safety = field(default_factory=Safety)
    care: Care | None = None


def gating(plan: Plan, card: Card, name: str = DEFAULT, family: str = DEFAULT_FAMILY) -> Gating:
    """The gates of a preset for a model, tuned where the package has thresholds for these weights.

    Those are of the default preset. Another one scales them as the file says, else as far as its own thresholds are from the
    default's, and so it does with the multiple of the noise at the input.

    Raises:
        UsageError: There is no such preset or family.
    """
    asked = preset(name, family, card.tolerance)
    tuned = tuned_for(plan) if family == DEFAULT_FAMILY and name != EXACT else None
    policy = None if tuned is None else _moved(tuned, name)
    if tuned is None or policy is None:
        care = _care(card, name, asked, preset(CAREFUL, family, card.tolerance))
        return Gating(asked, card.scales, safety=safety(name), care=care)
    care = _care(card, name, policy, _moved(tuned, CAREFUL))
    return replace(gating_of(tuned, card), policy=policy, safety=safety(name), care=care)


def _care(card: Card, name: str, policy: Policy, careful: Policy | None) -> Care | None:
    """What of a preset's gates follows how sure the network is of what it sees, as far as the card knows; None: nothing.

    Args:
        card: Of the network.
        name: The preset.
        policy: Its policy.
        careful: That of the preset that holds where something is unsure, or None.
    """
    if card.sure is None or not (isinstance(policy, Truncation | NormGate) and isinstance(careful, type(policy))):
        return None
    unsure = certain = USUAL
    if card.careful and policy.threshold > careful.threshold:
        unsure = Shift(careful.threshold / policy.threshold)
    if card.certain > 1 and name == DEFAULT:
        certain = Shift(card.certain, _CERTAIN_INPUT, dilation=0)
    if unsure == certain == USUAL:
        return None
    floor = min(_FLOOR * card.sure, card.sure if card.conf is None else card.conf)
    return Care(card.sure, floor, unsure, certain, _HOLD if unsure == USUAL else _HOLD_CAREFUL)


def gating_of(tuned: Thresholds, card: Card) -> Gating:
    """The gates of a thresholds file for a model."""
    return Gating(tuned.policy, MappingProxyType({**card.scales, **tuned.scales}), tuned)


def _moved(tuned: Thresholds, name: str) -> Policy | None:
    """The tuned policy as coarse as a preset is; None where it cannot be compared with that."""
    policy = tuned.policy
    if name == DEFAULT:
        return policy
    asked, default = PRESETS[name], PRESETS[DEFAULT]
    if not (isinstance(policy, NormGate) and isinstance(asked, NormGate) and isinstance(default, NormGate)):
        return None
    factor = tuned.presets.get(name, asked.threshold / default.threshold)
    return replace(policy.scaled(factor), input_noise=policy.noise * asked.noise / default.noise)


def tuned_for(plan: Plan) -> Thresholds | None:
    """The package's thresholds for a model of this digest; a model of the same name with other weights gets none."""
    found = package_thresholds().get(plan.sha256)
    return None if found is None else thresholds_for(plan, found[1], Path(found[0]))


@cache
def package_thresholds() -> Mapping[str, tuple[str, Mapping[str, Any]]]:
    """Name and content of the package's thresholds files, by the digest of the model they belong to."""
    folder = resources.files("skipvid.models").joinpath("thresholds")
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.name.endswith(".json"):
            data = json.loads(file.read_text("utf-8"))
            found[data["model"]["sha256"]] = (file.name, data)
    return MappingProxyType(found)
