"""Care: gates are coarse where nothing was found or all is sure, finer around what is neither, and everywhere once in a while."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skipvid.errors import UsageError
from skipvid.gates.care import Attention, Care
from skipvid.gates.settings import GateSettings, InputGate, OpenGate

CARE = Care(unsure=0.5, certain=2.0, elsewhere=3.0, conf=0.25, hold=3, every=100)
HEIGHT, WIDTH = 96, 160  # 6 by 10 cells
UNSURE, SURE, NOTHING = 0.3, 0.9, 0.05


def see(attention: Attention, *found: tuple[tuple[float, float, float, float], float]) -> np.ndarray:
    """The factors of the frame behind one in which these boxes were found with these scores."""
    boxes = np.array([box for box, _ in found], np.float32).reshape(-1, 4)
    attention.saw(boxes, np.array([score for _, score in found], np.float32))
    attention.advance()
    return attention.factors


def attending(care: Care | None = CARE) -> Attention:
    return Attention(care, HEIGHT, WIDTH)


def test_a_candidate_counts_from_a_share_of_the_confidence_on_and_is_sure_half_way_to_one() -> None:
    assert (CARE.floor, CARE.sure) == (pytest.approx(0.15), pytest.approx(0.625))
    strict = replace(CARE, conf=0.6)
    assert (strict.floor, strict.sure) == (pytest.approx(0.36), pytest.approx(0.8))
    box = (40.0, 40.0, 56.0, 56.0)
    for score, factor in ((0.149, 3.0), (0.151, 0.5), (0.62, 0.5), (0.63, 2.0)):
        assert see(attending(), (box, score))[2, 2] == factor


@pytest.mark.parametrize(
    "wrong", [{"unsure": 0}, {"certain": -1}, {"elsewhere": float("nan")}, {"conf": 2}, {"hold": 0}, {"every": 0}]
)
def test_numbers_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(UsageError, match=name):
        Care(**wrong)  # type: ignore[arg-type]


def test_until_something_is_told_nothing_is_coarse() -> None:
    attention = attending()
    assert not attention.advance()
    assert (attention.factors == 1).all()
    assert attention.factors.shape == (6, 10)
    assert (see(attention) == 3).all()


def test_the_cells_around_a_box_are_finer_and_others_are_not() -> None:
    factors = see(attending(), ((32, 16, 64, 48), UNSURE), ((112, 64, 144, 80), SURE))
    expected = np.full((6, 10), 3.0)
    expected[3:6, 6:10] = 2.0
    expected[0:4, 1:5] = 0.5
    assert np.array_equal(factors, expected)


def test_where_boxes_overlap_doubt_counts() -> None:
    for order in (1, -1):
        found = [((32.0, 16.0, 64.0, 48.0), UNSURE), ((32.0, 16.0, 96.0, 48.0), SURE)][::order]
        factors = see(attending(), *found)
        assert factors[1, 2] == 0.5
        assert factors[1, 6] == 2.0


def test_what_was_found_counts_for_a_while_after() -> None:
    attention = attending()
    see(attention, ((32, 16, 64, 48), UNSURE))
    assert [see(attention)[1, 2] for _ in range(4)] == [0.5, 0.5, 3.0, 3.0]


def test_what_is_not_told_again_still_holds() -> None:
    attention = attending()
    see(attention, ((32, 16, 64, 48), UNSURE))
    for _ in range(10):
        assert not attention.advance()
        assert attention.factors[1, 2] == 0.5


def test_once_in_a_while_all_of_the_picture_is_looked_at() -> None:
    attention = attending(replace(CARE, every=4))
    looks = []
    for _ in range(9):
        factors = see(attention)
        looks.append(attention.looks)
        assert ((factors == 0.5).all(), (factors == 3).all()) == (attention.looks, not attention.looks)
    assert looks == [frame == 3 for frame in range(9)]


def test_the_next_look_comes_later_where_one_found_nothing_new() -> None:
    known, other = (32.0, 16.0, 64.0, 48.0), (112.0, 64.0, 144.0, 80.0)

    def looked(*found: tuple[tuple[float, float, float, float], float]) -> list[int]:
        """The frames that look, where all see one box and the first look these, too."""
        attention, frames = attending(replace(CARE, every=4)), []
        for frame in range(1, 30):
            see(attention, (known, SURE), *(found if attention.looks and len(frames) == 1 else ()))
            if attention.looks:
                frames.append(frame)
        return frames

    assert looked() == [4, 12, 20, 28]
    assert looked((other, 0.24)) == [4, 12, 20, 28]  # below the confidence: nobody would be shown it
    assert looked((other, UNSURE)) == [4, 8, 16, 24]


def test_a_full_pass_is_such_a_look_and_a_budget_has_no_time_for_one() -> None:
    attention = attending(replace(CARE, every=2))
    attention.saw(np.zeros((0, 4)), np.zeros(0))
    for full in (False, True, False):
        attention.advance(full=full)
        assert (attention.factors == 3).all()
    attention.advance(tight=True)
    assert (attention.factors == 3).all()
    attention.advance()
    assert (attention.factors == 0.5).all()


def test_it_says_when_the_factors_are_others() -> None:
    attention = attending()
    attention.saw(np.array([[32, 16, 64, 48]]), np.array([UNSURE]))
    assert [attention.advance() for _ in range(3)] == [True, False, False]
    attention.saw(np.zeros((0, 4)), np.zeros(0))
    assert [attention.advance() for _ in range(4)] == [False, False, True, False]


def test_reset_forgets() -> None:
    attention = attending()
    see(attention, ((32, 16, 64, 48), UNSURE))
    attention.reset()
    assert not attention.advance()
    assert (attention.factors == 1).all()


def test_without_care_nothing_happens() -> None:
    attention = attending(None)
    assert (see(attention, ((32, 16, 64, 48), UNSURE)) == 1).all()


@given(
    boxes=hnp.arrays(np.float32, (5, 4), elements=st.floats(-1e6, 1e6, width=32)),
    scores=hnp.arrays(np.float32, 5, elements=st.floats(0, 1, width=32)),
)
def test_boxes_may_lie_anywhere(boxes: np.ndarray, scores: np.ndarray) -> None:
    attention = attending()
    boxes[:, 2:] = np.maximum(boxes[:, :2], boxes[:, 2:])
    attention.saw(boxes, scores)
    attention.advance()
    assert set(np.unique(attention.factors)) <= {0.5, 2.0, 3.0}


def test_the_input_is_twice_as_coarse_up_to_four_grey_levels_and_nothing_else_moves() -> None:
    for level, raised in ((1.0, 2.0), (3.0, 4.0), (6.0, 6.0)):
        settings = GateSettings(InputGate(level, 1), opens={"conv": OpenGate(0.3)})
        eased = CARE.eased(settings, attending=False)
        assert eased.input.relieved == raised
        assert replace(eased, input=settings.input) == settings
    assert CARE.eased(GateSettings(), attending=True).input.relieved == 0
    assert InputGate(3.0).relieved == 3.0


def test_the_input_is_twice_as_fine_around_the_unsure_where_factors_leave_nothing_between() -> None:
    settings = GateSettings(InputGate(2.0, 1), opens={"conv": OpenGate(0.3)})
    eased = CARE.eased(settings, attending=True)
    assert (eased.input.threshold, eased.input.relieved) == (1.0, 4.0)
    assert replace(eased, input=settings.input) == settings
    for care in (replace(CARE, certain=1.0), replace(CARE, unsure=1.0), Care(1.5, 2.0, 3.0)):
        assert care.eased(settings, attending=True) == care.eased(settings, attending=False)
