"""Norm gates as policies: normalisation, relative thresholds, names, JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import skipvid
from skipvid.errors import UsageError
from skipvid.gates.norms import Form, InputNorm, NormGate, OutputNorm
from skipvid.gates.policies import Truncation, policy_from_dict
from skipvid.gates.presets import FAMILIES, PRESETS, preset
from skipvid.gates.settings import EXACT, Hysteresis, Norm, Reference
from skipvid.plan import Concat, Conv, GatePoint, Plan, TensorSpec

SCALES = {"input": 3.0, "a": 10.0, "d": 4.0, "v": 2.0}


@pytest.fixture
def chain() -> Plan:
    """3x3 on the input, depthwise 3x3, pointwise, and 3x3 to two channels that nothing reads."""
    rng = np.random.default_rng(0)

    def conv(name: str, source: str, out: int, per_group: int, k: int, groups: int = 1) -> Conv:
        weight = rng.standard_normal((out, per_group, k, k)).astype(np.float32)
        p = k // 2
        return Conv(
            name=name,
            inputs=(source,),
            output=name,
            weight=weight,
            bias=np.zeros(out, np.float32),
            pads=(p, p, p, p),
            groups=groups,
        )

    ops = (conv("a", "x", 4, 3, 3), conv("d", "a", 4, 1, 3, 4), conv("p", "d", 8, 4, 1), conv("h", "a", 2, 4, 3))
    tensors = {"x": TensorSpec("x", 20, 30, 3)} | {op.name: TensorSpec(op.name, 20, 30, len(op.bias)) for op in ops}
    gates = (GatePoint("input", "x"), GatePoint("a", "a"), GatePoint("d", "d"))
    return Plan(tensors["x"], tensors, ops, {"p": "p", "h": "h"}, None, ("p", "h"), gates, "0" * 64)


def test_the_paper_form_has_published_units(chain: Plan) -> None:
    settings = InputNorm.paper(0.2).settings(chain)
    assert set(settings.opens) == {"a", "d", "h"}
    gate = settings.opens["h"]
    assert (gate.threshold, gate.scale, gate.reference) == (0.2, 1 / (9 * 20), Reference.PREVIOUS_FRAME)
    assert settings.input.threshold == 0
    weighted = OutputNorm.paper(0.2).settings(chain).opens["h"]
    assert weighted.scale == pytest.approx(np.abs(chain.ops[3].weight).mean() / (9 * 20))  # type: ignore[attr-defined]


def test_the_invariant_form_does_not_depend_on_size_or_width(chain: Plan) -> None:
    settings = InputNorm(0.1).settings(chain, SCALES)
    # The input's own gate goes before the first convolution, and the depthwise convolution's before the pointwise one.
    assert set(settings.opens) == {"d", "h"}
    gate = settings.opens["h"]
    assert gate.reference is Reference.ACCUMULATING
    assert gate.limit == pytest.approx(0.1 * SCALES["a"] * 9 * 4)
    assert settings.input.threshold == SCALES["input"]


def test_output_norm_is_relative_to_the_output(chain: Plan) -> None:
    opens = OutputNorm(0.1).settings(chain, SCALES).opens
    depthwise = np.abs(chain.ops[1].weight).sum() / 4  # type: ignore[attr-defined]
    assert opens["d"].threshold == pytest.approx(0.1 * SCALES["d"])
    assert opens["d"].scale == pytest.approx(depthwise / (9 * 4))
    gain = np.sqrt(np.square(chain.ops[3].weight).sum((1, 2, 3))).mean()  # type: ignore[attr-defined]
    assert opens["h"].threshold == pytest.approx(0.1 * SCALES["a"] * gain)


def test_shaping_follows_the_arithmetic_that_a_gate_closes(chain: Plan) -> None:
    policy = InputNorm(0.1, shaping=0.5, layers={"h": 0.3})
    # The gate of the depthwise convolution closes the pointwise one behind it, too.
    closed = {"d": 4 * 9 + 8 * 4, "h": 2 * 4 * 9}
    mean = np.sqrt(closed["d"] * closed["h"])
    assert policy.shares(chain) == {"d": pytest.approx(0.1 * np.sqrt(closed["d"] / mean)), "h": 0.3}
    assert InputNorm(0.1, shaping=0.0).shares(chain) == {"d": 0.1, "h": 0.1}


def test_scaling_multiplies_all_but_the_input(chain: Plan) -> None:
    policy = OutputNorm(0.1, vector_threshold=0.2, layers={"h": 0.3, "input": 5}).scaled(2)
    assert policy == OutputNorm(0.2, vector_threshold=0.4, layers={"h": 0.6, "input": 5})


def test_layers_are_named_by_operator(chain: Plan) -> None:
    settings = InputNorm(0.1, relative=False, input_noise=0, layers={"h": 0.0, "d": 0.5, "input": 6}).settings(chain)
    assert {name: gate.threshold for name, gate in settings.opens.items()} == {"a": 0.1, "d": 0.5}
    assert settings.input.threshold == 6
    with pytest.raises(UsageError, match="'p' is no convolution of the model with a gate of its own"):
        InputNorm(layers={"p": 1}).settings(chain, SCALES)
    assert InputNorm().gate_names(chain) == ("input", "d", "h")


def test_options_reach_the_settings(chain: Plan) -> None:
    options = {"structure": 4, "refresh_every": 30, "hysteresis": Hysteresis(0.25, 3, 1)}
    for policy in (InputNorm(0.1, **options), OutputNorm.paper(0.1, **options), Truncation(0.1, **options)):  # type: ignore[arg-type]
        settings = policy.settings(chain, SCALES)
        assert (settings.structure, settings.refresh_every) == (4, 30)
        assert settings.input.hysteresis == Hysteresis(0.25, 3, 1)
        assert all(gate.structure == 4 for gate in settings.opens.values())


@pytest.mark.parametrize(
    "policy",
    [
        InputNorm(),
        OutputNorm.paper(0.3, structure=8),
        InputNorm(0.2, Form.INVARIANT, Reference.PREVIOUS_FRAME, 2.0, 0.5, 1, 0.01, True, {"a": 0.5}, refresh_every=9),
        Truncation(0.2, structure=2, hysteresis=Hysteresis()),
    ],
)
def test_policies_survive_json(policy: NormGate | Truncation) -> None:
    assert policy_from_dict(json.loads(json.dumps(policy.to_dict()))) == policy


def test_what_was_written_before_there_were_options_is_still_read() -> None:
    assert policy_from_dict({"type": "truncation", "version": 1, "threshold": 0.2}) == Truncation(0.2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"structure": 3},
        {"structure": True},
        {"refresh_every": -1},
        {"refresh_every": 1.5},
        {"hysteresis": Hysteresis(1.5)},
        {"threshold": float("nan")},
        {"form": "published"},
        {"reference": "first"},
        {"dilation": 65},
        {"layers": {"a": -1}},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError) as caught:
        InputNorm(**wrong)  # type: ignore[arg-type]
    assert caught.value.remedy


@pytest.mark.parametrize("field", [{"colour": 1}, {"layers": [1]}, {"hysteresis": {"speed": 1}}, {"relative": "yes"}])
def test_fields_of_the_wrong_kind_are_refused(field: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="input-norm policy"):
        policy_from_dict({"type": "input-norm", "version": 1, **field})


def test_scales_are_means_over_channels() -> None:
    assert InputNorm().norm is Norm.RMS
    assert not InputNorm.paper().needs_scales
    assert not InputNorm.paper().needs_noise
    assert InputNorm().needs_scales
    assert InputNorm().needs_noise


def test_policies_are_part_of_the_interface() -> None:
    assert skipvid.InputNorm is InputNorm
    assert skipvid.OutputNorm is OutputNorm


def test_scales_are_found_behind_copies(chain: Plan) -> None:
    joined = Concat(name="j", inputs=("a", "d", "x"), output="j")
    last = replace(chain.ops[3], name="l", inputs=("j",), output="l", weight=np.ones((2, 11, 3, 3), np.float32))
    focus = Concat(name="f", inputs=("x",), output="f", channels=np.array([0, 2], np.int32))
    first = replace(chain.ops[3], name="s", inputs=("f",), output="s", weight=np.ones((2, 2, 3, 3), np.float32))
    more = {name: TensorSpec(name, 20, 30, c) for name, c in (("j", 11), ("l", 2), ("f", 2), ("s", 2))}
    plan = replace(chain, ops=(*chain.ops, joined, last, focus, first), tensors={**chain.tensors, **more})
    settings = InputNorm(0.1).settings(plan, SCALES)
    assert set(settings.opens) == {"d", "h", "l"}
    mean = np.sqrt((4 * SCALES["a"] ** 2 + 4 * SCALES["d"] ** 2) / 8)
    assert settings.opens["l"].threshold == pytest.approx(0.1 * mean)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_every_preset_from_exact_to_coarse(family: str, chain: Plan) -> None:
    assert set(FAMILIES[family]) == set(PRESETS)
    assert preset("exact", family).settings(chain) == EXACT
    scales = {**SCALES, "p": 1.0, "h": 1.0}
    rows = [preset(name, family).settings(chain, scales) for name in ("high", "balanced", "fast")]
    for before, after in pairwise(rows):
        assert before.input.threshold <= after.input.threshold
        assert all(gate.threshold < after.opens[name].threshold for name, gate in before.opens.items())
        assert all(gate.threshold < after.layers[name].threshold for name, gate in before.layers.items())


def test_an_unknown_family_is_named() -> None:
    with pytest.raises(UsageError, match="'gumbo'"):
        preset("fast", "gumbo")
