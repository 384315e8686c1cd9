"""Tuned thresholds of the package: they load, belong to one model each, and reach nobody else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline.making import write_model

from skipvid.gates.policies import Truncation
from skipvid.gates.presets import FAMILIES, PRESETS
from skipvid.gates.thresholds import FORMAT, VERSION, Thresholds
from skipvid.models import gating as module
from skipvid.models.gating import gating, package_thresholds, tuned_for
from skipvid.models.loading import load
from skipvid.models.model import Model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(write_model(tmp_path_factory.mktemp("gating") / "tiny.onnx"))


@pytest.fixture
def shipped(model: Model, monkeypatch: pytest.MonkeyPatch) -> Thresholds:
    """A package that has thresholds for the model."""
    name = next(gate.name for gate in model.plan.gates if gate.name != "input")
    scales = {gate.name: 2.0 for gate in model.plan.gates if gate.name != "input"}
    tuned = Thresholds(Truncation(0.05, layers={name: 0.2}), model.plan.sha256, "tiny", scales=scales)
    found = {model.plan.sha256: ("tiny.json", tuned.to_dict())}
    monkeypatch.setattr(module, "package_thresholds", lambda: found)
    return tuned


def test_the_default_preset_is_the_tuned_one_where_there_is_one(model: Model, shipped: Thresholds) -> None:
    stream = model.stream(engine="reference")
    assert stream.policy == shipped.policy
    assert dict(stream.scales) == shipped.scales
    assert gating(model.plan, model.card).tuned is not None


def test_other_presets_and_families_are_as_ever(model: Model, shipped: Thresholds) -> None:
    assert model.stream("fast", engine="reference").policy == PRESETS["fast"]
    other = gating(model.plan, model.card, "balanced", "truncation")
    assert other.tuned is None
    assert other.policy == FAMILIES["truncation"]["balanced"]


def test_other_weights_of_the_same_name_get_the_preset(model: Model, shipped: Thresholds) -> None:
    other = replace(model.plan, sha256="f" * 64)
    chosen = gating(other, model.card)
    assert chosen.tuned is None
    assert chosen.policy == PRESETS["balanced"]


def test_every_file_of_the_package_is_whole() -> None:
    if not package_thresholds():
        pytest.skip("no thresholds come with the package")
    for sha256, (name, data) in package_thresholds().items():
        assert (data["format"], data["version"]) == (FORMAT, VERSION), name
        assert len(sha256) == 64
        assert data["policy"]["layers"], name
        assert not data["scales"], f"{name}: tuned on several videos, so each video's own scales hold"
        assert data["footage"], name
        held = data["measured"]["held_out"]
        assert held["macs_at_equal_loss"] <= 0.95, f"{name}: at equal loss it executes clearly less than the preset"
        chosen_on = {item["name"] for item in data["footage"]}
        assert not chosen_on & {row["name"] for row in held["videos"]}, f"{name}: what is stated is of other videos"


def test_files_of_the_package_fit_the_models_they_name(shared_data: Path) -> None:
    files: list[tuple[str, Any]] = list(package_thresholds().values())
    names = {data["model"]["name"]: data["model"]["sha256"] for _, data in files}
    tried = [path for path in (shared_data / "weights").glob("*.onnx") if path.stem in names]
    if not tried:
        pytest.skip("none of the models that thresholds were tuned for is there")
    for path in tried:
        loaded = load(path)
        if loaded.plan.sha256 != names[path.stem]:
            continue
        tuned = tuned_for(loaded.plan)
        assert tuned is not None
        measured = {gate.name: 1.0 for gate in loaded.plan.gates}
        settings = tuned.policy.settings(loaded.plan, {**measured, **tuned.scales})
        assert set(settings.opens) | set(settings.layers) == set(tuned.policy.to_dict()["layers"])
