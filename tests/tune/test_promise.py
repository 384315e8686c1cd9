"""What is promised of other footage counts looks and near misses, errs on the safe side, and is little where little was seen."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipvid.gates.policies import InputNorm
from skipvid.models.detection import Detections
from skipvid.tune.drops import Judged, Watched, watched
from skipvid.tune.goals import KeepQuality, ReachSpeed
from skipvid.tune.held_out import verify
from skipvid.tune.promise import Evidence, bound, evidence
from skipvid.tune.trial import Trial
from skipvid.tune.tunable import Tunable

CONF = 0.5
NOTHING = Detections.none()


def boxes(*lefts: float, score: float = 0.9) -> Detections:
    """Objects of 20 x 20 pixels beside each other."""
    corners = np.array([[x, 10, x + 20, 30] for x in lefts], np.float32).reshape(-1, 4)
    return Detections(corners, np.full(len(lefts), score, np.float32), np.zeros(len(lefts), np.int32))


def same(frames: int, *lefts: float) -> list[Judged]:
    return [Judged(boxes(*lefts), boxes(*lefts)) for _ in range(frames)]


def test_a_look_is_an_object_and_a_second_of_it() -> None:
    assert evidence([same(25, 10)], CONF).looks == 1
    assert evidence([same(100, 10)], CONF).looks == 4
    assert evidence([same(100, 10, 200)], CONF).looks == 8
    assert evidence([same(50, 10), same(50, 10)], CONF).looks == 4
    assert evidence([[]], CONF) == evidence([same(30)], CONF) == Evidence(0, 0.0)


def test_an_object_that_was_out_of_sight_for_a_moment_is_the_same() -> None:
    gone = [Judged(NOTHING, NOTHING)]
    assert evidence([same(5, 10) + gone * 5 + same(5, 10)], CONF).looks == 1
    assert evidence([same(5, 10) + gone * 12 + same(5, 10)], CONF).looks == 2
    assert evidence([same(5, 10) + same(5, 200)], CONF).looks == 2


def test_near_misses_grow_before_anything_is_lost() -> None:
    def near(shift: float) -> float:
        return evidence([[Judged(boxes(10), boxes(10 + shift))] * 10], CONF).near

    assert near(0) == pytest.approx(0, abs=1e-12)
    assert 0 < near(1) < near(2) < near(4) < 1
    assert near(2) < 0.2  # an overlap of 0.8
    assert near(40) == 1
    assert evidence([[Judged(boxes(10), NOTHING)] * 10], CONF).near == 1
    assert evidence([[Judged(boxes(10), boxes(10, 200))] * 10], CONF).near == pytest.approx(1 / 3)


RATES = st.floats(0, 1)
LOOKS = st.integers(0, 2000)


@given(RATES, RATES, LOOKS)
def test_a_bound_is_a_share_and_never_better_than_what_was_expected(drop: float, near: float, looks: int) -> None:
    worst = bound(drop, Evidence(looks, near))
    assert min(drop, near) - 1e-9 <= worst <= 1


@given(RATES, RATES, LOOKS, st.floats(0, 0.2))
def test_more_lost_and_nearer_misses_never_promise_more(drop: float, near: float, looks: int, more: float) -> None:
    drop, near = 0.4 * drop, 0.4 * near
    before = bound(drop, Evidence(looks, near))
    assert bound(drop + more, Evidence(looks, near)) >= before - 1e-12
    assert bound(drop, Evidence(looks, near + more)) >= before - 1e-12


@given(st.floats(0, 0.3), st.integers(1, 500))
def test_more_looks_at_the_same_promise_more(rate: float, looks: int) -> None:
    assert bound(rate, Evidence(4 * looks, rate)) <= bound(rate, Evidence(looks, rate)) + 1e-12


def test_what_was_exact_is_promised_to_be() -> None:
    assert bound(0.0, Evidence(3, 0.0)) == 0.0


@pytest.mark.parametrize(("looks", "share"), [(20, 0.8), (50, 0.85), (200, 0.9)])
@pytest.mark.parametrize("truth", [0.003, 0.01, 0.02, 0.03, 0.06])
def test_the_truth_is_within_the_bound_in_most_draws(looks: int, share: float, truth: float) -> None:
    """What each look is short of is drawn from an exponential distribution; it is lost from one half on."""
    random = np.random.default_rng(looks)
    short = random.exponential(-0.5 / np.log(truth), (500, looks))
    drops, near = (short >= 0.5).mean(axis=1), (np.minimum(short / 0.5, 1) ** 6).mean(axis=1)
    held = [truth <= bound(float(d), Evidence(looks, float(n))) + 0.01 for d, n in zip(drops, near, strict=True)]
    assert np.mean(held) >= share


class _Unseen:
    """Frames on which one object in ten is nearly lost, the less the finer the policy is."""

    def watch(self, policy: Tunable) -> tuple[Trial, list[Watched]]:
        shift = 100 * policy.threshold
        run = [Judged(boxes(10), boxes(10 + (shift if k % 10 == 0 else 0))) for k in range(100)]
        seen = watched([run], CONF, False)
        return Trial(policy, seen.agreed, seen.drop, seen.drop75, seen.agreed.loss, policy.threshold, 1.0), [seen]


def test_what_is_nearly_lost_is_not_promised_to_be_found() -> None:
    policy = InputNorm(0.09, input_noise=0.0)  # an overlap of 0.38; of half of it 0.63
    bench: Any = _Unseen()
    found = verify(bench, policy, KeepQuality(0.01))
    assert found.bound <= 0.01
    assert found.trial.policy.threshold < 0.05
    assert found.low(KeepQuality(0.01)) == 0.99
    assert found.low(KeepQuality(0.001)) > 0.99
    lax = verify(bench, policy, KeepQuality(0.2))
    assert lax.trial.policy.threshold > found.trial.policy.threshold
    assert 0.8 <= lax.low(KeepQuality(0.2)) < 0.99
    assert verify(bench, policy, ReachSpeed(2.0)).trial.policy == policy


def test_thresholds_far_too_coarse_become_as_fine_as_the_goal_asks() -> None:
    frozen = verify(cast("Any", _Unseen()), InputNorm(1.0, input_noise=0.0), KeepQuality(0.01))
    assert frozen.trial.policy.threshold < 0.05
    assert frozen.low(KeepQuality(0.01)) == 0.99


def test_where_nothing_can_be_promised_it_is_said() -> None:
    hopeless = verify(cast("Any", _Unseen()), InputNorm(50.0, input_noise=0.0), KeepQuality(0.01))
    assert hopeless.low(KeepQuality(0.01)) <= 0.9
    assert hopeless.to_dict(KeepQuality(0.01))["looks"] == 4
