"""Threshold files: a tuned policy, the model it belongs to and what was measured, as versioned JSON.

    {"format": "skipvid-thresholds", "version": 1, "model": {"name": ..., "sha256": ..., "input": [h, w]},
     "policy": {"type": "truncation", "version": 1, ..., "layers": {gate name: threshold}},
     "scales": {gate name: scale}, "care": [1.0, 2.0, 3.0], "presets": {preset: factor},
     "footage": [{...}], "measured": {...}}

``scales`` are those the thresholds were chosen with; a run uses them instead of measuring its own. ``care`` is what thresholds
are multiplied by around what is unsure, around what is sure, and elsewhere; without it they are the same everywhere. ``presets``
is for the files that come with the package.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from skipvid.errors import OutputError, UsageError
from skipvid.gates.care import are_factors
from skipvid.gates.policies import Policy, policy_from_dict
from skipvid.plan import Plan

__all__ = ["FORMAT", "VERSION", "Thresholds", "load_thresholds", "read_thresholds", "save_thresholds", "thresholds_for"]

FORMAT = "skipvid-thresholds"
VERSION = 1


@dataclass(frozen=True, eq=False)
class Thresholds:
    """The content of a thresholds file.

    Attributes:
        policy: The gates.
        sha256: Digest of the model they were chosen for.
        model: Name of the model, for people.
        input_size: Height and width of the network input they were chosen at.
        scales: Scales of activations by gate name; empty: measured anew on every video.
        care: See the module; None: the same everywhere.
        presets: What the thresholds are multiplied by for other presets than ``balanced``; where it says nothing of one, by how
            much the thresholds of that preset are larger than those of ``balanced``.
        footage: What they were chosen on: a table per video.
        measured: What was measured: agreement, MACs, ...
    """

    policy: Policy
    sha256: str
    model: str = ""
    input_size: tuple[int, int] = (0, 0)
    scales: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    care: tuple[float, float, float] | None = None
    presets: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    footage: tuple[Mapping[str, Any], ...] = ()
    measured: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def to_dict(self) -> dict[str, Any]:
        """The JSON value of the file."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "model": {"name": self.model, "sha256": self.sha256, "input": list(self.input_size)},
            "policy": self.policy.to_dict(),
            "scales": dict(self.scales),
            **({"care": list(self.care)} if self.care else {}),
            **({"presets": dict(self.presets)} if self.presets else {}),
            "footage": [dict(f) for f in self.footage],
            "measured": dict(self.measured),
        }


def save_thresholds(path: Path, thresholds: Thresholds) -> None:
    """Write a thresholds file whole: an interruption leaves the old file or none.

    Raises:
        OutputError: The file cannot be written.
    """
    text = json.dumps(thresholds.to_dict(), indent=2, allow_nan=False) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            part.write_text(text, encoding="utf-8")
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    except OSError as error:
        message = f"The thresholds file {path} cannot be written: {error.strerror or error}."
        raise OutputError(message, "Choose another path with -o.") from error


def load_thresholds(path: Path, plan: Plan) -> Thresholds:
    """Read a thresholds file for a model.

    Raises:
        UsageError: The file cannot be read, is of another format, version or model, or holds a name the model has not or a number
            that is no threshold.
    """
    return thresholds_for(plan, read_thresholds(path), path)


def thresholds_for(plan: Plan, data: Mapping[str, Any], path: Path) -> Thresholds:
    """The content of a thresholds file, checked against a model.

    Args:
        plan: The model.
        data: From `read_thresholds`.
        path: Of the file, for messages.

    Raises:
        UsageError: As `load_thresholds`.
    """
    model = _table(path, data, "model")
    if model.get("sha256") != plan.sha256:
        other = str(model.get("sha256"))[:12]
        name = model.get("name") or "unnamed"
        message = f"The thresholds in {path} belong to another model ({name}, sha256 {other}..., not {plan.sha256[:12]}...)."
        raise UsageError(message, "Tune this model with `skipvid tune-thresholds`, or pass the model they belong to.")
    try:
        policy = policy_from_dict(_table(path, data, "policy"))
    except UsageError as error:
        message = f"The thresholds file {path} cannot be used: {error.message}"
        raise UsageError(message, error.remedy) from error
    scales = _table(path, data, "scales", {})
    points = tuple(gate.name for gate in plan.gates)
    layers: Mapping[str, float] = getattr(policy, "layers", {})
    for kind, names, known in (("threshold", layers, policy.gate_names(plan)), ("scale", scales, points)):
        unknown = [name for name in names if name not in known]
        if unknown:
            message = f"The thresholds file {path} holds a {kind} for {unknown[0]!r}, which is no gate point of the model."
            raise UsageError(message, "List the model's gate points with `skipvid models show`.")
    return Thresholds(
        policy=policy,
        sha256=plan.sha256,
        model=str(model.get("name", "")),
        input_size=_size(model.get("input"), plan),
        scales=_numbers(path, scales, "scale"),
        care=_care(path, data.get("care")),
        presets=_numbers(path, _table(path, data, "presets", {}), "factor"),
        footage=tuple(f for f in data.get("footage", ()) if isinstance(f, dict)),
        measured=MappingProxyType(_table(path, data, "measured", {})),
    )


def read_thresholds(path: Path) -> dict[str, Any]:
    """The JSON value of a thresholds file, whatever model it belongs to.

    Raises:
        UsageError: The file cannot be read, or is of another format or version.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"The thresholds file {path} cannot be read: {error.strerror or error}."
        raise UsageError(message, "Check the path given to --thresholds.") from error
    except ValueError as error:
        message = f"The thresholds file {path} is not JSON: {error}."
        raise UsageError(message, "Pass a file that `skipvid tune-thresholds` wrote.") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        message = f"The file {path} is not a thresholds file: its format is not {FORMAT!r}."
        raise UsageError(message, "Pass a file that `skipvid tune-thresholds` wrote.")
    if data.get("version") != VERSION:
        message = f"The thresholds file {path} has version {data.get('version')!r}; this skipvid reads version {VERSION}."
        raise UsageError(message, "Tune anew with this version of skipvid.")
    return data


def _table(path: Path, data: Mapping[str, Any], name: str, default: dict[str, Any] | None = None) -> dict[str, Any]:
    value = data.get(name, default)
    if not isinstance(value, dict):
        message = f"The thresholds file {path} has no table {name!r}."
        raise UsageError(message, "Pass a file that `skipvid tune-thresholds` wrote.")
    return value


def _numbers(path: Path, table: Mapping[str, Any], kind: str) -> Mapping[str, float]:
    for name, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            held = f"The thresholds file {path} holds the {kind} {value!r} for {name!r}"
            message = f"{held}; a {kind} is a finite number, 0 or more."
            raise UsageError(message, "Correct the number, or tune anew.")
    return MappingProxyType({name: float(value) for name, value in table.items()})


def _care(path: Path, value: object) -> tuple[float, float, float] | None:
    if value is None:
        return None
    factors = tuple(value) if isinstance(value, list) else value
    if not are_factors(factors):
        message = f"The thresholds file {path} holds {value!r} for care; that is three factors, none below the one before."
        raise UsageError(message, "Give numbers above 0 and below 100, leave care out, or tune anew.")
    unsure, certain, elsewhere = cast("tuple[float, float, float]", factors)
    return float(unsure), float(certain), float(elsewhere)


def _size(value: object, plan: Plan) -> tuple[int, int]:
    match value:
        case [int(height), int(width)]:
            return height, width
        case _:
            return plan.input.height, plan.input.width
