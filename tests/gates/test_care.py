"""Care: thresholds are finer while something is neither sure nor nothing, and for a while after."""

from __future__ import annotations

import numpy as np

from skipvid.gates.care import Care, Caution

CARE = Care(sure=0.8, floor=0.4, factor=0.5, hold=3)


def factors(caution: Caution, frames: list[list[float]]) -> list[float]:
    """The factor of each frame, where the scores of one are known when the next begins."""
    found = []
    for scores in frames:
        caution.advance()
        found.append(caution.factor)
        caution.saw(np.array(scores, np.float32))
    return found


def test_scenes_without_doubt_keep_their_thresholds() -> None:
    assert factors(Caution(CARE), [[], [0.9], [0.8, 0.95], [0.39], [0.9, 0.1]]) == [1.0] * 5


def test_doubt_makes_the_next_frames_finer_and_wears_off() -> None:
    shown = factors(Caution(CARE), [[0.9], [0.9, 0.7], [0.9], [], [], [], []])
    assert shown == [1.0, 1.0, 0.5, 0.5, 0.5, 1.0, 1.0]


def test_the_floor_counts_and_the_sure_score_does_not() -> None:
    assert factors(Caution(CARE), [[0.4], []])[1] == 0.5
    assert factors(Caution(CARE), [[0.8], []])[1] == 1.0


def test_what_is_not_told_again_still_holds() -> None:
    caution = Caution(CARE)
    caution.saw(np.array([0.6]))
    for _ in range(10):
        caution.advance()
        assert caution.factor == 0.5


def test_it_says_when_the_factor_is_another_and_when_it_falls() -> None:
    caution = Caution(CARE)
    assert not caution.advance()
    caution.saw(np.array([0.6]))
    assert caution.advance()
    assert caution.falls
    assert not caution.advance()
    assert not caution.falls
    caution.saw(np.zeros(0))
    changes = [caution.advance() for _ in range(4)]
    assert changes == [False, False, True, False]
    assert not caution.falls


def test_reset_forgets() -> None:
    caution = Caution(CARE)
    caution.saw(np.array([0.6]))
    caution.advance()
    caution.reset()
    assert caution.factor == 1.0
    assert not caution.advance()


def test_without_care_nothing_happens() -> None:
    caution = Caution(None)
    caution.saw(np.array([0.6]))
    assert not caution.advance()
    assert caution.factor == 1.0
