"""Sampling takes runs of frames, trials measure, searches end with a policy that keeps the goal, files hold what was found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skipvid.engine.stream import Stream
from skipvid.errors import UsageError
from skipvid.gates.care import Care
from skipvid.gates.norms import NormGate
from skipvid.gates.policies import InputNorm, Truncation
from skipvid.gates.presets import DEFAULT_FAMILY
from skipvid.gates.thresholds import Thresholds, load_thresholds, save_thresholds, thresholds_for
from skipvid.models.detection import Detections
from skipvid.models.gating import gating_of
from skipvid.models.loading import load
from skipvid.models.model import Model
from skipvid.tune.goals import KeepQuality, ReachSpeed
from skipvid.tune.ground_truth import GroundTruth
from skipvid.tune.prices import Prices, measure_prices
from skipvid.tune.sampling import Footage, sample, sample_video
from skipvid.tune.search import Search
from skipvid.tune.trial import Bench
from skipvid.tune.tunable import exact, finer
from skipvid.tune.tuner import METHODS, Request, tune


@pytest.fixture(scope="module")
def model(model_path: Path) -> Model:
    return load(model_path)


@pytest.fixture(scope="module")
def footage(model: Model, clip_path: Path) -> list[Footage]:
    return sample(model, [str(clip_path)], 24, even=True)


@pytest.fixture(scope="module")
def bench(footage: list[Footage]) -> Bench:
    return Bench(footage, engine="reference", threads=1)


def test_clips_are_successive_frames_spread_over_the_video(model: Model, clip_path: Path) -> None:
    (whole,) = sample(model, [str(clip_path)], 1000)
    assert [(c.start, len(c.images)) for c in whole.clips] == [(0, 48)]
    (part,) = sample(model, [str(clip_path)], 24, even=True)
    assert [len(c.images) for c in part.clips] == [12, 12]
    first, second = part.clips
    assert 0 <= first.start < first.start + 12 <= second.start <= 36
    assert first.images[0].shape == (64, 96, 3)
    searched, held_out = part.split()
    assert [c.start for c in searched.clips + held_out.clips] == [first.start, second.start]


def test_what_is_verified_on_goes_on_where_a_search_ended(model: Model, clip_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skipvid.tune.sampling.CHUNK", 6)
    (whole,) = sample(model, [str(clip_path)], 1000, even=True)
    assert [(c.start, c.end) for c in whole.clips] == [(6 * k, 6 * k + 6) for k in range(8)]
    searched, held_out = whole.split(12)
    # What is searched on has a past too, the first clip but for its own first frames.
    assert [(c.start, c.end, len(c.lead)) for c in searched.clips] == [(2, 6, 2), (12, 18, 6)]
    assert np.array_equal(searched.clips[1].lead[-1], whole.clips[1].images[-1])
    assert [(c.start, c.end, len(c.lead)) for c in held_out.clips] == [(6, 12, 6), (18, 48, 6)]
    assert np.array_equal(held_out.clips[1].lead[0], whole.clips[2].images[0])


def test_frames_in_front_of_a_pair_of_clips_are_read_besides(
    model: Model, clip_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("skipvid.tune.sampling.LEAD", 5)
    (whole,) = sample(model, [str(clip_path)], 1000)
    (part,) = sample(model, [str(clip_path)], 24, even=True)
    first, second = part.clips
    assert (len(first.lead), len(first.images), second.start, second.lead) == (5, 12, first.end, [])
    assert np.array_equal(first.lead, whole.clips[0].images[first.start - 5 : first.start])
    searched, held_out = part.split()
    assert searched.clips == (first,)
    assert np.array_equal(held_out.clips[0].lead, first.images)
    assert [clip.lead for clip in whole.clips] == [[]]
    small = Bench([searched], engine="reference", threads=1).part(1, 4)
    assert small.frames == 4
    assert small.run(exact(InputNorm())).macs < 1  # the full pass is among the frames in front


def test_a_clip_is_not_cut_for_a_past_where_it_is_short(model: Model, clip_path: Path) -> None:
    (whole,) = sample(model, [str(clip_path)], 1000, even=True)
    searched, _ = whole.split()
    assert [(c.start, c.end, len(c.lead)) for c in searched.clips] == [(0, 24, 0)]


def test_frames_in_front_are_walked_through_and_not_judged(model: Model, footage: list[Footage]) -> None:
    (item,) = footage
    first, second = item.clips
    apart, led = replace(second, lead=()), replace(second, lead=first.images)
    cold, warm = (Bench([replace(item, clips=(clip,))], engine="reference", threads=1) for clip in (apart, led))
    frozen = InputNorm(50.0, input_threshold=1, input_noise=0)
    assert cold.frames == warm.frames == 12
    assert warm.run(exact(frozen)).agreement == cold.run(exact(frozen)).agreement
    # A full pass has just shown the one where everything is; the other still sees it where it was twelve frames ago.
    assert warm.run(frozen).loss > cold.run(frozen).loss


def test_a_short_video_is_halved_or_where_that_leaves_long_clips_quartered(
    model: Model, clip_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (halves,) = sample(model, [str(clip_path)], 1000, even=True)
    assert [(c.start, len(c.images)) for c in halves.clips] == [(0, 24), (24, 24)]
    monkeypatch.setattr("skipvid.tune.sampling.CHUNK", 12)
    (quarters,) = sample(model, [str(clip_path)], 1000, even=True)
    assert [(c.start, len(c.images)) for c in quarters.clips] == [(0, 12), (12, 12), (24, 12), (36, 12)]


def test_frames_that_were_used_are_left_out(model: Model, clip_path: Path) -> None:
    rest = sample_video(model, str(clip_path), 24, without=[(0, 10), (26, 30)])
    assert [(c.start, c.start + len(c.images)) for c in rest.clips] == [(10, 26)]
    with pytest.raises(UsageError, match=r"has no 12 successive frames besides those to be left out\. Take another video"):
        sample_video(model, str(clip_path), 24, without=[(0, 24), (30, 48)])


def test_too_few_frames_are_refused(model: Model, clip_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^20 frames are too few for 2 video\(s\)\. Allow at least 48 with --max-frames\.$"):
        sample(model, [str(clip_path)] * 2, 20, even=True)


def test_exact_agrees_and_a_coarse_gate_does_not(bench: Bench) -> None:
    whole = bench.run(exact(Truncation()))
    assert whole.agreement.objects_per_frame > 0.9
    assert (whole.agreement.quality, whole.agreement.loss) == (1, pytest.approx(0, abs=1e-6))
    assert 0 < whole.macs < 1
    coarse = bench.run(Truncation(5.0, input_threshold=200, input_noise=0))
    assert coarse.macs < whole.macs
    assert coarse.agreement.quality < 0.9
    assert coarse.agreement.loss > 0.1


def test_a_search_keeps_the_cheapest_that_meets_the_goal(bench: Bench) -> None:
    search = Search(bench, KeepQuality(0.02), Truncation())
    fine = search.attempt(Truncation(0.01, input_threshold=1, input_noise=0))
    search.attempt(Truncation(5.0, input_threshold=200, input_noise=0))
    assert search.best is fine
    assert search.attempt(Truncation(0.01, input_threshold=1, input_noise=0)) is fine
    assert len(search.trials) == 2
    assert [t.macs for t in search.pareto] == sorted((t.macs for t in search.pareto), reverse=True)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_meets_the_goal_and_beats_exact(
    method: str, model: Model, footage: list[Footage], bench: Bench, tmp_path: Path
) -> None:
    tuned = tune(model, footage, Request(KeepQuality(0.1), method, engine="reference", threads=1))
    assert tuned.complete
    assert tuned.met
    assert tuned.verified is not None
    assert tuned.verified.agreement.quality >= 0.9
    assert 0 <= tuned.thresholds.measured["held_out"]["quality_low"] <= tuned.verified.quality
    assert tuned.low == tuned.thresholds.measured["held_out"]["quality_low"] <= 0.99
    assert tuned.sure == tuned.thresholds.measured["sure"] == (tuned.low >= 0.9)
    assert tuned.found.macs < bench.run(exact(Truncation())).macs
    assert [row["chosen"] for row in tuned.thresholds.measured["pareto"]].count(True) == 1
    save_thresholds(tmp_path / "t.json", tuned.thresholds)
    again = load_thresholds(tmp_path / "t.json", model.plan)
    assert again.policy == tuned.thresholds.policy
    assert again.measured["method"] == method
    assert "input" not in again.scales


@pytest.mark.parametrize("family", ["input-norm", "output-norm"])
def test_norm_gates_are_shaped_as_truncation_is(family: str, model: Model, footage: list[Footage], bench: Bench) -> None:
    tuned = tune(model, footage, Request(KeepQuality(0.1), family=family, engine="reference", threads=1, care=False))
    policy = tuned.thresholds.policy
    assert isinstance(policy, NormGate)
    assert family == policy.TYPE
    assert set(policy.layers) <= set(policy.gate_names(model.plan))
    assert tuned.met
    assert tuned.verified is not None
    assert tuned.verified.agreement.quality >= 0.9
    assert tuned.verified.macs < bench.run(exact(policy)).macs
    tried = [trial.policy for trial in tuned.search.trials]
    assert {trial.TYPE for trial in tried} == {family}
    assert len({(trial.input_threshold, trial.input_noise, trial.dilation) for trial in tried}) > 1


def test_what_is_tuned_unless_said_is_the_gate_of_the_presets(model: Model, footage: list[Footage]) -> None:
    tuned = tune(model, footage, Request(KeepQuality(0.1), "uniform", engine="reference", threads=1))
    assert tuned.thresholds.policy.to_dict()["type"] == DEFAULT_FAMILY
    assert all(trial.policy.shaping == 0 and not trial.policy.layers for trial in tuned.search.trials)


def test_the_published_search_is_for_truncation() -> None:
    assert Request(KeepQuality(), "front-to-back").gate == "truncation"
    with pytest.raises(UsageError, match=r"^The method front-to-back is DeltaCNN's, for truncation; the gate is input-norm\."):
        Request(KeepQuality(), "front-to-back", "input-norm")


def test_an_interrupted_search_keeps_the_best_so_far(model: Model, footage: list[Footage]) -> None:
    calls = iter([False] * 4 + [True] * 99)
    tuned = tune(model, footage, Request(KeepQuality(0.5), "uniform", engine="reference", threads=1), stop=lambda: next(calls))
    assert not tuned.complete
    assert tuned.verified is None
    assert len(tuned.search.trials) == 4
    assert tuned.found is tuned.search.best


def _priced_by_macs(stream: Stream, images: object) -> Prices:
    """A full pass costs 1 ms; unlike a clock, it says the same each time."""
    plan = stream.plan
    macs = np.array([plan.op_macs[op.name] for op in plan.ops], np.float64)
    return Prices(0.0, macs / macs.sum(), np.array([plan.tensors[op.output].pixels for op in plan.ops]), 1.0)


def test_a_speed_is_reached_at_the_least_loss(model: Model, footage: list[Footage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("skipvid.tune.trial.measure_prices", _priced_by_macs)
    ms = 0.5 * Bench(footage, engine="reference", threads=1).run(exact(Truncation())).ms
    tuned = tune(model, footage, Request(ReachSpeed(ms), "uniform", engine="reference", threads=1))
    assert tuned.search.best is tuned.found
    assert 0 < tuned.found.ms <= ms
    assert tuned.found.loss == min(t.loss for t in tuned.search.trials if t.ms <= ms)
    assert tuned.thresholds.measured["goal"] == {"target_fps": pytest.approx(1e3 / ms)}
    slower = [t for t in tuned.search.trials if t.ms > ms]
    assert slower, "a search that tries only what is fast enough does not know what is best"


def test_a_speed_out_of_reach_gives_the_fastest_and_says_so(model: Model, footage: list[Footage]) -> None:
    tuned = tune(model, footage, Request(ReachSpeed(1e-6), "uniform", engine="reference", threads=1))
    assert not tuned.met
    assert tuned.search.best is None
    assert tuned.found.ms == min(t.ms for t in tuned.search.trials)


def test_ground_truth_is_the_reference_where_there_is_one(model: Model, footage: list[Footage], bench: Bench) -> None:
    clips = [clip for item in footage for clip in item.clips]
    dense = bench.run(exact(Truncation()))
    found = {}
    for clip in clips:
        stream = model.stream("exact", engine="reference")
        for k, image in enumerate(clip.images):
            stream.step_image(image)
            found[clip.start + k] = model.decode(stream.outputs(), footage[0].fit)
    same = GroundTruth(found, complete=False)
    shifted = GroundTruth({k: Detections(d.boxes + 500, d.scores, d.labels) for k, d in found.items()}, complete=False)
    coarse = Truncation(5.0, input_threshold=200, input_noise=0)
    judged = Bench(footage, "reference", 1, truths=[same])
    assert judged.run(exact(Truncation())).drop == pytest.approx(0, abs=1e-6)
    assert judged.run(coarse).drop > 0.1
    # Of a truth that the dense network misses altogether nothing can be lost.
    assert Bench(footage, "reference", 1, truths=[shifted]).run(coarse).drop == pytest.approx(0, abs=1e-6)
    assert dense.drop == 0
    with pytest.raises(UsageError, match=r"^The ground truth of walk names none of the 24 frames"):
        tune(model, footage, Request(KeepQuality(0.1), engine="reference"), [GroundTruth({999: found[clips[0].start]}, False)])


def test_an_operator_is_priced_by_what_it_recomputes(model: Model, footage: list[Footage]) -> None:
    stream = model.stream("exact", engine="reference")
    prices = measure_prices(stream, footage[0].clips[0].images)
    assert prices.ms(np.zeros(len(model.plan.ops))) == prices.idle
    assert prices.ms(prices.pixels) == pytest.approx(prices.dense)
    half = prices.pixels // 2
    assert prices.idle < prices.ms(half) < prices.dense


def test_what_is_made_finer_is_made_finer_at_the_input_too() -> None:
    policy = InputNorm(0.1, input_threshold=2.0, input_noise=0.5, vector_threshold=0.04, layers={"a": 0.2, "input": 4.0})
    half = finer(policy, 0.5)
    assert half == InputNorm(0.05, input_threshold=1.0, input_noise=0.25, vector_threshold=0.02, layers={"a": 0.1, "input": 4.0})


def test_thresholds_are_tuned_with_the_care_that_the_file_names(model: Model, footage: list[Footage], tmp_path: Path) -> None:
    careful, even = (
        tune(model, footage, Request(KeepQuality(0.1), engine="reference", threads=1, care=care)).thresholds
        for care in (True, False)
    )
    assert (careful.care, even.care) == (model.card.care, None)
    for method in ("uniform", "front-to-back"):
        request = Request(KeepQuality(0.1), method, engine="reference", threads=1)
        assert tune(model, footage, request).thresholds.care is None
    save_thresholds(tmp_path / "careful.json", careful)
    loaded = load_thresholds(tmp_path / "careful.json", model.plan)
    assert gating_of(loaded, model).care == Care(*model.card.care, conf=model.conf)
    assert gating_of(even, model).care is None


@pytest.mark.parametrize("care", [[1.0, 2.0], [0.0, 1.0, 2.0], [2.0, 1.0, 3.0], [1.0, 2.0, "3"], 2.0])
def test_a_file_with_impossible_care_is_refused(model: Model, care: object) -> None:
    data = {**Thresholds(InputNorm(0.1), model.plan.sha256).to_dict(), "care": care}
    with pytest.raises(UsageError, match=r"care|factor"):
        thresholds_for(model.plan, data, Path("t.json"))
