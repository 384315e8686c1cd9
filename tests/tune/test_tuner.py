"""Sampling takes runs of frames, trials measure, searches end with a policy that keeps the goal, files hold what was found."""

from __future__ import annotations

from pathlib import Path

import pytest

from skipvid.errors import UsageError
from skipvid.gates.policies import Truncation
from skipvid.gates.presets import preset
from skipvid.gates.thresholds import load_thresholds, save_thresholds
from skipvid.models.loading import load
from skipvid.models.model import Model
from skipvid.tune.sampling import Footage, sample
from skipvid.tune.search import Goal, Search
from skipvid.tune.trial import Bench
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


def test_too_few_frames_are_refused(model: Model, clip_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^20 frames are too few for 2 video\(s\)\. Allow at least 48 with --max-frames\.$"):
        sample(model, [str(clip_path)] * 2, 20, even=True)


def test_exact_agrees_and_a_coarse_gate_does_not(bench: Bench) -> None:
    exact = bench.run(preset("exact"))
    assert exact.agreement.objects_per_frame > 0.9
    assert (exact.agreement.quality, exact.agreement.loss) == (1, pytest.approx(0, abs=1e-6))
    assert 0 < exact.macs < 1
    coarse = bench.run(Truncation(5.0, input_threshold=200, input_noise=0))
    assert coarse.macs < exact.macs
    assert coarse.agreement.quality < 0.9
    assert coarse.agreement.loss > 0.1


def test_a_search_keeps_the_cheapest_that_meets_the_goal(bench: Bench) -> None:
    search = Search(bench, Goal(0.02), Truncation())
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
    tuned = tune(model, footage, Request(Goal(0.1), method, "reference", 1))
    assert tuned.complete
    assert tuned.met
    assert tuned.verified is not None
    assert tuned.verified.agreement.quality >= 0.9
    assert tuned.found.macs < bench.run(preset("exact")).macs
    save_thresholds(tmp_path / "t.json", tuned.thresholds)
    again = load_thresholds(tmp_path / "t.json", model.plan)
    assert again.policy == tuned.thresholds.policy
    assert again.measured["method"] == method
    assert "input" not in again.scales


def test_an_interrupted_search_keeps_the_best_so_far(model: Model, footage: list[Footage]) -> None:
    calls = iter([False] * 4 + [True] * 99)
    tuned = tune(model, footage, Request(Goal(0.5), "uniform", "reference", 1), stop=lambda: next(calls))
    assert not tuned.complete
    assert tuned.verified is None
    assert len(tuned.search.trials) == 4
    assert tuned.found is tuned.search.best
