"""Policies give the settings they say, survive JSON, and refuse what cannot be a threshold."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from skipvid.errors import UsageError
from skipvid.gates.policies import InputNorm, OutputNorm, Policy, Truncation, policy_from_dict
from skipvid.gates.presets import FAMILIES, preset
from skipvid.gates.settings import EXACT, LayerGate, Norm, Rect
from skipvid.gates.worth import macs_behind
from skipvid.plan import Conv, GatePoint, Plan, TensorSpec

SCALES = {"input": 3.0, "conv1": 10.0, "pool": 2.0}


def test_relative_thresholds_are_shares_of_the_scale(plan: Plan) -> None:
    settings = Truncation(0.1, Norm.L2, vector_threshold=0.01, dilation=2).settings(plan, SCALES)
    assert settings.layers["a"] == LayerGate(1.0, Norm.L2)
    assert settings.layers["v"] == LayerGate(0.02, Norm.L2)
    assert (settings.input.threshold, settings.input.dilation) == (3.0, 2)


def test_the_input_threshold_is_the_larger_of_grey_levels_and_noise(plan: Plan) -> None:
    assert Truncation(input_threshold=4, input_noise=1).settings(plan, SCALES).input.threshold == 4
    assert Truncation(input_threshold=1, input_noise=1.25).settings(plan, SCALES).input.threshold == 3.75
    assert Truncation(input_threshold=1, input_noise=2).settings(plan, SCALES).input.threshold == 4  # more is motion, not noise
    assert Truncation(input_threshold=6, input_noise=2).settings(plan, SCALES).input.threshold == 6
    assert Truncation(input_threshold=4, input_noise=2, layers={"input": 5}).settings(plan, SCALES).input.threshold == 5


def test_single_layers_override_the_rest(plan: Plan) -> None:
    settings = Truncation(0.5, input_noise=0, relative=False, layers={"pool": 0.0}).settings(plan)
    assert dict(settings.layers) == {"a": LayerGate(0.5)}


def test_absolute_policies_need_no_measuring(plan: Plan) -> None:
    policy = Truncation(0.5, input_threshold=2, input_noise=0, relative=False)
    assert not policy.needs_scales
    assert not policy.needs_noise
    assert policy.settings(plan, ignore=(Rect(0, 0, 4, 4),)).input.ignore == (Rect(0, 0, 4, 4),)


def test_exact_is_all_zeros(plan: Plan) -> None:
    assert preset("exact").settings(plan) == EXACT
    assert not preset("exact").needs_scales


def test_presets_grow_coarser_in_order(plan: Plan) -> None:
    def numbers(name: str) -> list[float]:
        settings = preset(name, "truncation").settings(plan, SCALES)
        return [settings.input.threshold, *(settings.layers[t].threshold if t in settings.layers else 0.0 for t in ("a", "v"))]

    rows = [numbers(name) for name in ("exact", "high", "balanced", "fast")]
    for before, after in pairwise(rows):
        assert all(low <= high for low, high in zip(before, after, strict=True))


@pytest.mark.parametrize(
    "policy", [*FAMILIES["truncation"].values(), Truncation(0.3, Norm.RMS, 1, 0, 3, 0.1, 0.5, False, {"conv1": 0.25})]
)
def test_policies_survive_json(policy: Truncation) -> None:
    assert policy_from_dict(json.loads(json.dumps(policy.to_dict()))) == policy


def test_an_unknown_preset_is_named() -> None:
    with pytest.raises(UsageError, match=r"^The preset 'quick' does not exist\. Use one of: exact, high, balanced, fast\.$"):
        preset("quick")


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "much", None, True])
def test_what_is_no_threshold_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match=r"a threshold is a finite number, 0 or more"):
        Truncation(value)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"The threshold of layer 'conv1' is"):
        Truncation(layers={"conv1": value})  # type: ignore[dict-item]


def test_unknown_layers_types_versions_and_fields_are_refused(plan: Plan) -> None:
    with pytest.raises(UsageError, match=r"^The model has no gate point named 'conv9' \(1 unknown of 1\)\."):
        Truncation(layers={"conv9": 1.0}).settings(plan, SCALES)
    with pytest.raises(UsageError, match=r"^The policy type 'magic' is not known\."):
        policy_from_dict({"type": "magic", "version": 1})
    with pytest.raises(UsageError, match=r"^The policy 'truncation' has version 9; this skipvid reads version 1\."):
        policy_from_dict({"type": "truncation", "version": 9})
    with pytest.raises(UsageError, match=r"^A truncation policy has no field 'treshold'\."):
        policy_from_dict({"type": "truncation", "version": 1, "treshold": 1})


def test_a_missing_scale_is_named(plan: Plan) -> None:
    with pytest.raises(UsageError, match=r"the scale of gate point 'conv1', which was not measured"):
        Truncation(0.1).settings(plan, {"input": 1.0})
    with pytest.raises(UsageError, match=r"the noise of the video, which was not measured"):
        Truncation(0.1).settings(plan, {"conv1": 1.0, "pool": 1.0})


def test_shaping_makes_gates_before_much_arithmetic_coarser(plan: Plan) -> None:
    weight, narrow = np.ones((4, 4, 3, 3), np.float32), np.ones((4, 1, 3, 3), np.float32)
    bias = np.zeros(4, np.float32)
    same = {"bias": bias, "pads": (1, 1, 1, 1)}
    ops = (
        *plan.ops,
        Conv(name="narrow", inputs=("a",), output="b", weight=narrow, groups=4, **same),
        Conv(name="wide", inputs=("b",), output="c", weight=weight, **same),
    )
    tensors = {**plan.tensors, "b": TensorSpec("b", 32, 48, 4), "c": TensorSpec("c", 32, 48, 4)}
    network = replace(plan, ops=ops, tensors=tensors, gates=(*plan.gates, GatePoint("narrow", "b")))
    assert macs_behind(network) == {"conv1": 32 * 48 * 36, "pool": 0, "narrow": 32 * 48 * 144}
    shares = Truncation(0.1, shaping=0.5, vector_threshold=0.02).shares(network)
    assert shares["narrow"] / shares["conv1"] == pytest.approx(2)  # the root of four times the arithmetic
    assert shares["narrow"] * shares["conv1"] == pytest.approx(0.01)
    assert shares["pool"] == 0.02
    assert set(Truncation(0.1, vector_threshold=0.1).shares(network).values()) == {0.1}


@pytest.mark.parametrize("policy", [Truncation(0.0), Truncation(0.0, vector_threshold=0.0), InputNorm(0.0), OutputNorm(0)])
def test_a_policy_without_thresholds_is_exact_at_the_input_too(plan: Plan, policy: Policy) -> None:
    assert not policy.needs_noise
    assert policy.settings(plan, SCALES) == EXACT


def test_one_threshold_brings_the_usual_noise(plan: Plan) -> None:
    assert Truncation(0.0, layers={"pool": 0.1}).settings(plan, SCALES).input.threshold > 0
    assert Truncation(0.0, input_noise=1.0).needs_noise
    assert policy_from_dict(Truncation(0.0).to_dict()) == Truncation(0.0)
