"""Tuned thresholds of the package: they load, belong to one model each, and reach nobody else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pipeline.making import write_model

from skipvid.gates.care import Care
from skipvid.gates.policies import InputNorm
from skipvid.gates.presets import FAMILIES, PRESETS, preset
from skipvid.gates.thresholds import FORMAT, VERSION, Thresholds
from skipvid.models import gating as module
from skipvid.models.card import Card
from skipvid.models.gating import gating, package_thresholds, tuned_for
from skipvid.models.loading import load
from skipvid.models.model import Model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(write_model(tmp_path_factory.mktemp("gating") / "tiny.onnx"))


@pytest.fixture
def shipped(model: Model, monkeypatch: pytest.MonkeyPatch) -> Thresholds:
    """A package that has thresholds for the model."""
    name = InputNorm(0.05).gate_names(model.plan)[1]
    scales = {gate.name: 2.0 for gate in model.plan.gates if gate.name != "input"}
    policy = InputNorm(0.05, input_noise=0.5, layers={name: 0.2})
    tuned = Thresholds(policy, model.plan.sha256, "tiny", scales=scales, presets={"high": 0.5})
    found = {model.plan.sha256: ("tiny.json", tuned.to_dict())}
    monkeypatch.setattr(module, "package_thresholds", lambda: found)
    return tuned


def test_the_default_preset_is_the_tuned_one_where_there_is_one(model: Model, shipped: Thresholds) -> None:
    stream = model.stream(engine="reference")
    assert stream.policy == shipped.policy
    assert dict(stream.scales) == shipped.scales
    assert gating(model).tuned is not None


def test_other_presets_scale_the_tuned_thresholds_as_the_file_says_or_as_they_differ(model: Model, shipped: Thresholds) -> None:
    (value,) = shipped.policy.to_dict()["layers"].values()
    for name, factor in (("high", 0.5), ("fast", 3.0)):
        chosen = gating(model, name)
        assert chosen.tuned is not None
        moved = chosen.policy.to_dict()
        assert list(moved["layers"].values()) == pytest.approx([value * factor])
        assert moved["threshold"] == pytest.approx(0.05 * factor)
        assert moved["input_noise"] == pytest.approx(0.5 * FAMILIES["input-norm"][name].to_dict()["input_noise"])


def test_exact_and_other_families_are_as_ever(model: Model, shipped: Thresholds) -> None:
    assert model.stream("exact", engine="reference").policy == PRESETS["exact"]
    other = gating(model, "balanced", "truncation")
    assert other.tuned is None
    assert other.policy == FAMILIES["truncation"]["balanced"]


def test_other_weights_of_the_same_name_get_the_preset(model: Model, shipped: Thresholds) -> None:
    chosen = gating(replace(model, plan=replace(model.plan, sha256="f" * 64)))
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


def test_high_computes_a_moving_camera_in_full_where_others_still_skip(model: Model) -> None:
    assert gating(model, "high").safety.worth < gating(model).safety.worth


def test_presets_are_coarse_where_nothing_is_found_as_far_as_the_card_says(model: Model) -> None:
    card = replace(model.card, care=(0.5, 1.0, 3.0), conf=0.4)
    high, balanced, fast = (gating(replace(model, card=card), name).care for name in ("high", "balanced", "fast"))
    assert balanced == Care(0.5, 1.0, 3.0, conf=0.4)
    assert high == Care(1.0, 1.0, 2.0, conf=0.4)
    finest = gating(replace(model, card=replace(card, care=(0.3, 1.0, 1.5))), "high").care
    assert finest == Care(0.6, 1.0, 1.5, conf=0.4)
    assert fast is not None
    assert (fast.unsure, fast.certain, fast.elsewhere, fast.conf) == (pytest.approx(1 / 3), pytest.approx(2 / 3), 2.0, 0.4)
    assert gating(model, "exact").care is None
    even = replace(model, card=replace(card, care=(1.0, 1.0, 1.0)))
    assert [gating(even, name).care for name in PRESETS] == [None] * 4


def test_gates_that_remember_nothing_are_as_much_finer_everywhere_as_the_card_wants_them_around_the_unsure(model: Model) -> None:
    usual = Card("usual").care[0]
    for unsure, factor in ((usual, 1.0), (1.0, 1.0), (usual / 2, 0.5)):
        card = replace(model.card, care=(unsure, 1.0, 3.0), tolerance=2.0)
        chosen = gating(replace(model, card=card), "balanced", "truncation")
        assert chosen.care is None
        assert chosen.policy == preset("balanced", "truncation", 2.0 * factor)
