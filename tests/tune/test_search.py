"""The search finds what is known to be best, on made-up networks whose cost and loss are formulas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from skipvid.gates.care import Care
from skipvid.gates.policies import InputNorm, Truncation
from skipvid.models.loading import load
from skipvid.plan import Conv, GatePoint, Plan, TensorSpec
from skipvid.tune.goals import Goal, KeepQuality, ReachSpeed
from skipvid.tune.groups import groups
from skipvid.tune.level import Level
from skipvid.tune.screening import design, screen
from skipvid.tune.search import (
    AROUND,
    FINEST,
    INPUTS,
    NEARLY,
    THRESHOLDS,
    Search,
    Stopped,
    joint_input,
    joint_shaping,
    nearest,
    rising,
    sweep,
)
from skipvid.tune.shaping import moves, shape
from skipvid.tune.trial import Trial

COSTS = (8.0, 1.0, 4.0, 0.5, 2.0, 1.0)  # ms that a threshold of 0.01 leaves of each layer
LOSSES = (0.001, 0.002, 0.0005, 0.004, 0.001, 0.0005)  # what a threshold of 0.01 loses


@pytest.fixture
def plan() -> Plan:
    """A chain of pointwise convolutions, a gate behind each."""
    names = [f"c{k}" for k in range(len(COSTS))]
    tensors = {name: TensorSpec(name, 8, 8, 4) for name in ("x", *names)}
    weight = np.ones((4, 4, 1, 1), np.float32)
    before = ["x", *names]
    ops = tuple(
        Conv(name=name, inputs=(source,), output=name, weight=weight, bias=np.zeros(4, np.float32))
        for source, name in zip(before, names, strict=False)
    )
    gates = (GatePoint("input", "x"), *(GatePoint(name, name) for name in names))
    return Plan(tensors["x"], tensors, ops, {"out": names[-1]}, None, ("out",), gates, "0" * 64)


@dataclass
class MadeUp:
    """Cost ``sum c * 0.01 / t``, loss ``sum l * t / 0.01``, AP50 lost the same; an input threshold of 4 is the best.

    The least cost at a given loss has ``t`` proportional to the root of ``c / l`` (Lagrange).
    """

    plan: Plan
    runs: int = 0
    care: Care | None = None

    @property
    def footage(self) -> list[Any]:
        return [SimpleNamespace(model=SimpleNamespace(plan=self.plan))]

    def run(self, policy: Truncation) -> Trial:
        self.runs += 1
        shares = [max(share, 1e-5) / 0.01 for share in policy.shares(self.plan).values()]
        away = abs(np.log2(max(policy.input_threshold, 0.1) / 4)) + abs(policy.dilation - 1)
        ms = 1.0 + 0.3 * away + sum(c / t for c, t in zip(COSTS, shares, strict=True))
        loss = sum(q * t for q, t in zip(LOSSES, shares, strict=True))
        agreed: Any = SimpleNamespace(longest_miss=0, false_detections=0.0, to_dict=dict)
        return Trial(policy, agreed, drop=loss, drop75=loss, loss=loss, macs=ms / 20, ms=ms)


def _best(loss: float) -> float:
    """The least cost at a loss, by Lagrange's multipliers."""
    t = np.sqrt(np.array(COSTS) / np.array(LOSSES))
    t *= loss / (np.array(LOSSES) * t).sum()
    return 1.0 + float((np.array(COSTS) / t).sum())


def _search(plan: Plan, goal: Goal, **options: Any) -> Search:
    bench: Any = MadeUp(plan)
    return Search(bench, goal, Truncation(0.015, input_noise=0.0), **options)


def test_the_sweep_finds_the_best_input_and_a_threshold_at_the_limit(plan: Plan) -> None:
    search = _search(plan, KeepQuality(0.02))
    found = sweep(search)
    assert found is not None
    assert (found.input_threshold, found.dilation) == (4.0, 1)
    assert search.best is not None
    assert search.best.policy == found
    assert 0.017 < search.best.drop <= 0.02


@pytest.mark.parametrize("goal", [KeepQuality(0.02), ReachSpeed(9.0)])
def test_shaping_comes_near_the_optimum_and_far_below_uniform(plan: Plan, goal: Goal) -> None:
    search = _search(plan, goal)
    start = sweep(search)
    assert start is not None
    uniform = search.best
    assert uniform is not None
    shaped, found = shape(search, start, plan)
    assert found is not None
    moves(search, joint_input(search, shaped), plan, found)
    best = search.best
    assert best is not None
    assert goal.met(best)
    assert goal.scored(best) < 0.8 * goal.scored(uniform)
    assert best.ms < 1.08 * _best(best.loss)


def test_where_all_layers_are_alike_nothing_is_gained_and_the_search_ends(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "COSTS", (2.0,) * 6)
    monkeypatch.setitem(globals(), "LOSSES", (0.001,) * 6)
    search = _search(plan, KeepQuality(0.02))
    start = sweep(search)
    assert start is not None
    before = search.compared
    shaped, found = shape(search, start, plan)
    assert shaped == start
    assert found is not None
    assert found.steps() == pytest.approx(0, abs=1e-6)
    assert search.compared - before < 25


@pytest.mark.parametrize(("costs", "suits"), [((1.0, 9.0, 1.0, 9.0, 1.0, 0.01), 0.5), ((4.0,) * 6, 0.0)])
def test_thresholds_follow_the_arithmetic_as_far_as_suits_the_footage(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, costs: tuple[float, ...], suits: float
) -> None:
    monkeypatch.setitem(globals(), "COSTS", costs)
    monkeypatch.setitem(globals(), "LOSSES", (0.001,) * 6)
    wide = replace(plan, ops=tuple(_wider(op, 1 if k % 2 else 9) for k, op in enumerate(plan.ops)))
    search = _search(wide, KeepQuality(0.02))
    for shaping in (0.0, 0.5):
        found = joint_shaping(search, Truncation(0.015, input_threshold=4.0, input_noise=0.0, dilation=1, shaping=shaping))
        assert found.shaping == suits


@dataclass
class Lucky(MadeUp):
    """At one threshold that is too coarse the loss is by chance what is allowed."""

    def run(self, policy: Truncation) -> Trial:
        trial = super().run(policy)
        drop = 0.19 if policy.threshold == pytest.approx(0.3) else trial.drop
        return replace(trial, drop=drop, drop75=drop)


def test_values_that_fall_are_pooled() -> None:
    assert rising([1, 3, 2, 4]) == [1, 2.5, 2.5, 4]
    assert rising([3, 2, 1]) == [2, 2, 2]
    assert rising([]) == []


def test_a_policy_settles_where_it_meets_the_goal_by_more_than_luck(plan: Plan) -> None:
    luck: Any = Lucky(plan)
    search = Search(luck, KeepQuality(0.2), Truncation())
    factors = [0.3 / AROUND[-2] * factor for factor in AROUND]
    trial = search.settle(Truncation(factors[AROUND.index(1.0)], input_threshold=4, dilation=1))
    assert trial is not None
    assert luck.run(Truncation(0.3, input_threshold=4, dilation=1)).drop == 0.19
    assert isinstance(trial.policy, Truncation)
    coarsest = max(t for t in factors if sum(LOSSES) * t / 0.01 <= 0.2)
    assert trial.policy.threshold == pytest.approx(coarsest)
    assert search.settled is trial
    assert Search(luck, KeepQuality(1e-6), Truncation()).settle(Truncation(0.5)) is None


@pytest.mark.parametrize("factors", [1, 3, 7, 40, 83])
def test_the_design_asks_every_group_alike_and_apart_from_the_others(factors: int) -> None:
    signs = design(factors).astype(int)
    assert len(signs) <= factors + 9
    assert not signs.sum(axis=0).any()
    assert np.array_equal(signs.T @ signs, len(signs) * np.eye(factors))


def test_effects_are_those_of_single_layers(plan: Plan) -> None:
    bench = MadeUp(plan)
    start = Truncation(0.01, input_threshold=4, dilation=1)
    found = screen(bench.run, start, plan, groups(Truncation(), plan))
    at = bench.run(start)
    assert bench.runs - 1 == 8
    # Shares are of the mean over trials, which by the convexity of c / t and of q * t in log t is above that of the middle.
    assert found.saved / found.saved.sum() == pytest.approx(np.array(COSTS) / sum(COSTS))
    assert found.lost / found.lost.sum() == pytest.approx(np.array(LOSSES) / sum(LOSSES))
    assert 0.8 * sum(COSTS) / at.ms < found.saved.sum() <= sum(COSTS) / at.ms
    steps = found.steps()
    assert (steps[0], steps[3]) == (max(steps), min(steps))


def test_settings_are_compared_at_one_level(plan: Plan) -> None:
    bench = MadeUp(plan)
    goal = KeepQuality(0.02)
    level = Level(bench.run, goal, 0.02)
    for start in (0.004, 0.01, 0.03):
        scaled, score = level.score(Truncation(start, input_threshold=4, dilation=1))
        at = bench.run(scaled)
        assert at.loss == pytest.approx(0.02, rel=0.05)
        assert score == pytest.approx(at.ms, rel=0.03)


def test_a_level_that_scaling_does_not_reach_is_no_score(plan: Plan) -> None:
    bench = MadeUp(plan)
    level = Level(lambda policy: replace(bench.run(policy), loss=0.5), KeepQuality(0.02), 0.02)
    assert level.score(Truncation(0.01))[1] == float("inf")


def test_a_goal_out_of_reach_leaves_nothing(plan: Plan) -> None:
    assert sweep(_search(plan, KeepQuality(1e-9))) is None
    assert sweep(_search(plan, ReachSpeed(0.5))) is None


def test_layers_that_pass_everything_on_are_no_start(plan: Plan) -> None:
    least = THRESHOLDS[1] / 0.01 * sum(LOSSES)
    search = _search(plan, KeepQuality(0.5 * least))
    assert sweep(search) is None
    assert search.best is not None, "it is what there is, if the goal stands"
    assert search.best.policy.threshold == 0
    search.goal = KeepQuality(1.5 * least)
    found = sweep(search)
    assert found is not None
    assert found.threshold >= THRESHOLDS[1]


def test_where_a_sweep_finds_nothing_the_search_goes_on_from_what_nearly_keeps_the_goal(plan: Plan) -> None:
    least = THRESHOLDS[1] / 0.01 * sum(LOSSES)
    for share in (0.75, 0.5):
        goal = KeepQuality(share * least)
        search = _search(plan, goal)
        assert sweep(search) is None
        near = nearest(search)
        assert near.threshold == THRESHOLDS[1]
        assert goal.with_margin(NEARLY).met(search.bench.run(near)) == (share * NEARLY > 1)
        if share * NEARLY < 1:
            assert (near.input_threshold, near.input_noise) == INPUTS[0]


def test_a_quality_that_the_usual_input_spoils_is_sought_with_a_finer_one(plan: Plan) -> None:
    class Sensitive(MadeUp):
        def run(self, policy: Truncation) -> Trial:
            trial = super().run(policy)
            more = 0.015 if policy.input_threshold > 1 and policy.threshold > 0 else 0.0
            return replace(trial, drop=trial.drop + more, loss=trial.loss + more)

    bench: Any = Sensitive(plan)
    found = sweep(Search(bench, KeepQuality(0.01), Truncation(0.015, input_noise=0.0)))
    assert found is not None
    assert (found.input_threshold, found.threshold > 0) == (1.0, True)


def test_a_goal_that_is_loosened_is_met_by_what_was_tried(plan: Plan) -> None:
    search = _search(plan, KeepQuality(1e-9))
    assert sweep(search) is None
    assert search.best is None
    search.goal = KeepQuality(0.02)
    assert sweep(search) is not None
    assert search.best is not None


def test_stopping_keeps_the_best_and_asks_no_more(plan: Plan) -> None:
    search = _search(plan, KeepQuality(0.02))
    search.stop = lambda: len(search.trials) >= 3
    with pytest.raises(Stopped):
        sweep(search)
    assert len(search.trials) == 3
    met = [t for t in search.trials if search.goal.met(t)]
    assert search.best is min(met, key=lambda t: t.ms)


def test_the_table_holds_what_no_other_beats(plan: Plan) -> None:
    search = _search(plan, KeepQuality(0.02))
    for t in (0.01, 0.02, 0.04):
        search.attempt(Truncation(t, input_threshold=4, dilation=1))
    beaten = search.attempt(Truncation(0.02, input_threshold=1, dilation=1))
    front = search.pareto
    assert beaten not in front
    assert [t.ms for t in front] == sorted((t.ms for t in front), reverse=True)
    assert [t.drop for t in front] == sorted(t.drop for t in front)


def test_groups_cover_every_gate_once_and_keep_classes_apart(plan: Plan) -> None:
    assert groups(Truncation(), plan) == [(f"c{k}",) for k in range(6)]
    wide = replace(plan, ops=tuple(_wider(op, 1 + k % 2) for k, op in enumerate(plan.ops)))
    few = groups(Truncation(), wide, 4)
    assert sorted(name for group in few for name in group) == [f"c{k}" for k in range(6)]
    behind: Mapping[str, int] = {op.inputs[0]: op.weight.size for op in wide.ops if isinstance(op, Conv)}
    for group in few:
        assert len({behind.get(name, 0) > 16 for name in group}) == 1


def test_groups_of_norm_gates_are_their_convolutions(shared_data: Path) -> None:
    plan = load(shared_data / "weights/picodet_s_320_coco.onnx").plan
    gates = InputNorm(0.01)
    names = [name for name in gates.gate_names(plan) if name != "input"]
    found = groups(gates, plan, 40)
    assert sorted(name for group in found for name in group) == sorted(names)
    assert [group[0] for group in found] == sorted((group[0] for group in found), key=names.index)
    assert abs(len(found) - 40) <= 2
    kinds = {op.name: (op.is_depthwise, plan.tensors[op.output].is_vector) for op in plan.ops if isinstance(op, Conv)}
    for group in found:
        assert len({kinds[name][1] for name in group}) == 1, "vectors apart"


def test_a_depthwise_saves_its_pointwise_too(plan: Plan) -> None:
    assert InputNorm(0.01).worth(plan) == {f"c{k}": 8 * 8 * 16 for k in range(1, 6)}
    assert Truncation(0.01).worth(plan) == {**{f"c{k}": 8 * 8 * 16 for k in range(5)}, "c5": 0}
    depthwise = replace(plan.ops[2], weight=np.ones((4, 1, 1, 1), np.float32), groups=4)
    shared = replace(plan, ops=(*plan.ops[:2], depthwise, *plan.ops[3:]))
    assert InputNorm(0.01).worth(shared)["c2"] == 8 * 8 * (4 + 16)
    assert "c3" not in InputNorm(0.01).worth(shared)


def _wider(op: Any, factor: int) -> Any:
    return replace(op, weight=np.ones((4, 4 * factor, 1, 1), np.float32))


def test_with_care_finer_thresholds_are_swept_besides(plan: Plan) -> None:
    for care, least in ((None, None), (Care(), FINEST[-1])):
        search = _search(plan, KeepQuality(0.0022))
        search.bench.care = care  # type: ignore[misc]
        found = sweep(search)
        assert (None if found is None else found.threshold) == least
