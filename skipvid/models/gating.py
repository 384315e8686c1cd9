"""The gates a model runs with where nobody says otherwise: tuned ones that come with the package, else a preset."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from skipvid.gates.care import Care
from skipvid.gates.norms import NormGate, remembers
from skipvid.gates.policies import Policy, Truncation
from skipvid.gates.presets import DEFAULT, DEFAULT_FAMILY, EXACT, PRESETS, preset, preset_care, safety
from skipvid.gates.safety import Safety
from skipvid.gates.thresholds import Thresholds, thresholds_for
from skipvid.models.card import Card
from skipvid.plan import Plan

if TYPE_CHECKING:
    from skipvid.models.model import Model

__all__ = ["Gating", "gating", "gating_of", "package_thresholds", "tuned_for", "without_care"]


@dataclass(frozen=True, eq=False)
class Gating:
    """A policy, and what it refers to.

    Attributes:
        policy: The policy.
        scales: Known scales of activations by gate name; what is not known is measured on the video.
        tuned: The thresholds file of the package that both are from, or None where they are the preset's.
        safety: What counts as a cut or a moving camera.
        care: How coarse thresholds are by what is found; None: the same everywhere.
    """

    policy: Policy
    scales: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    tuned: Thresholds | None = None
    safety: Safety = field(default_factory=Safety)
    care: Care | None = None


def gating(model: Model, name: str = DEFAULT, family: str = DEFAULT_FAMILY) -> Gating:
    """The gates of a preset for a model, tuned where the package has thresholds for these weights.

    Those are of the default preset. Another one scales them as the file says, else as far as its own thresholds are from the
    default's, and so it does with the multiple of the noise at the input. Gates that do not remember what they turned down cannot
    be coarser in places; where a card wants finer ones around what is unsure than most, they are finer everywhere.

    Raises:
        UsageError: There is no such preset or family.
    """
    card, care = model.card, preset_care(name, model.card.care, model.conf)
    asked = preset(name, family, card.tolerance)
    tuned = tuned_for(model.plan) if family == DEFAULT_FAMILY and name != EXACT else None
    policy = None if tuned is None else _moved(tuned, name)
    if tuned is not None and policy is not None:
        return replace(gating_of(tuned, model), policy=policy, safety=safety(name), care=care)
    chosen = Gating(asked, card.scales, safety=safety(name), care=care)
    return chosen if remembers(asked) else without_care(chosen, card)


def without_care(gates: Gating, card: Card) -> Gating:
    """The gates of a preset for a policy that does not remember what it turned down, see `gating`."""
    if gates.care is None:
        return gates
    assert isinstance(gates.policy, Truncation | NormGate)
    return replace(gates, policy=gates.policy.scaled(min(card.care[0] / Card.care[0], 1.0)), care=None)


def gating_of(tuned: Thresholds, model: Model) -> Gating:
    """The gates of a thresholds file for a model."""
    care = None if tuned.care is None or not remembers(tuned.policy) else Care(*tuned.care, model.conf)
    return Gating(tuned.policy, MappingProxyType({**model.card.scales, **tuned.scales}), tuned, care=care)


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
