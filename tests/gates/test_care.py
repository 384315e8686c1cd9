"""Care: gates are finer while something is neither sure nor nothing, coarser while all is sure, and for a while after."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from skipvid.gates.care import USUAL, Care, Caution, Shift
from skipvid.gates.settings import GateSettings, InputGate, LayerGate, OpenGate

FINE, COARSE = Shift(0.5), Shift(2.0, input=2.0, dilation=0)
CAREFUL = Care(sure=0.8, floor=0.4, unsure=FINE, hold=3)
BOTH = replace(CAREFUL, certain=COARSE)


def shifts(caution: Caution, frames: list[list[float]]) -> list[Shift]:
    """The shift of each frame, where the scores of one are known when the next begins."""
    found = []
    for scores in frames:
        caution.advance()
        found.append(caution.shift)
        caution.saw(np.array(scores, np.float32))
    return found


def test_scenes_without_doubt_keep_their_thresholds() -> None:
    assert shifts(Caution(CAREFUL), [[], [0.9], [0.8, 0.95], [0.39], [0.9, 0.1]]) == [USUAL] * 5


def test_doubt_makes_the_next_frames_finer_and_wears_off() -> None:
    shown = shifts(Caution(CAREFUL), [[0.9], [0.9, 0.7], [0.9], [], [], [], []])
    assert shown == [USUAL, USUAL, FINE, FINE, FINE, USUAL, USUAL]


def test_certainty_makes_the_next_frames_coarser_and_wears_off() -> None:
    shown = shifts(Caution(BOTH), [[], [0.9, 0.1], [0.8], [], [], [], []])
    assert shown == [USUAL, USUAL, COARSE, COARSE, COARSE, COARSE, USUAL]


def test_doubt_counts_before_certainty() -> None:
    shown = shifts(Caution(BOTH), [[0.9], [0.9, 0.7], [0.9], [0.9], [0.9], [0.9]])
    assert shown == [USUAL, COARSE, FINE, FINE, FINE, COARSE]


def test_the_floor_counts_and_the_sure_score_does_not() -> None:
    assert shifts(Caution(BOTH), [[0.4], []])[1] == FINE
    assert shifts(Caution(BOTH), [[0.8], []])[1] == COARSE
    assert shifts(Caution(BOTH), [[0.39], []])[1] == USUAL


def test_what_is_not_told_again_still_holds() -> None:
    caution = Caution(CAREFUL)
    caution.saw(np.array([0.6]))
    for _ in range(10):
        caution.advance()
        assert caution.shift == FINE


def test_it_says_when_the_gates_are_others_and_when_their_thresholds_fall() -> None:
    caution = Caution(BOTH)
    assert not caution.advance()
    caution.saw(np.array([0.6]))
    assert (caution.advance(), caution.falls) == (True, True)
    assert (caution.advance(), caution.falls) == (False, False)
    caution.saw(np.array([0.9]))
    assert [caution.advance() for _ in range(3)] == [False, False, True]
    assert (caution.shift, caution.falls) == (COARSE, False)
    caution.saw(np.zeros(0))
    assert [caution.advance() for _ in range(3)] == [False, False, True]
    assert (caution.shift, caution.falls) == (USUAL, True)


def test_reset_forgets() -> None:
    caution = Caution(BOTH)
    for score in (0.6, 0.9):
        caution.saw(np.array([score]))
        caution.advance()
        caution.reset()
        assert caution.shift == USUAL
        assert not caution.advance()


def test_without_care_nothing_happens() -> None:
    caution = Caution(None)
    caution.saw(np.array([0.6]))
    assert not caution.advance()
    assert caution.shift == USUAL


def test_a_shift_moves_thresholds_inside_and_the_inputs_by_itself() -> None:
    settings = GateSettings(InputGate(1.5, 1), {"map": LayerGate(0.2)}, {"conv": OpenGate(0.3)})
    shifted = COARSE.of(settings)
    assert shifted.input == InputGate(3.0, 0)
    assert shifted.layers["map"].threshold == pytest.approx(0.4)
    assert shifted.opens["conv"].threshold == pytest.approx(0.6)
    assert FINE.of(settings).input == settings.input
    assert USUAL.of(settings) is settings


def test_the_input_is_raised_to_four_grey_levels_at_most_and_never_lowered_by_that() -> None:
    for level, raised in ((0.0, 0.0), (1.0, 2.0), (3.0, 4.0), (6.0, 6.0)):
        assert COARSE.of(GateSettings(InputGate(level))).input.threshold == raised
