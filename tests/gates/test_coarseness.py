"""Thresholds rise where not all fits, never beyond what is allowed, and fall again where there is room."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipvid.gates.coarseness import CHEAPER, Coarseness


def fed(most: float, need: float, oldest: int, frames: int) -> Coarseness:
    coarseness = Coarseness(most, remembers=False)
    for _ in range(frames):
        coarseness.look(need, oldest)
    return coarseness


def test_a_passing_rush_changes_nothing() -> None:
    coarseness = Coarseness(4.0, remembers=False)
    for oldest in range(12):
        assert coarseness.look(3.0, oldest) == 1.0
    coarseness.look(0.5, 0)
    for oldest in range(12):
        assert coarseness.look(3.0, oldest) == 1.0
    assert coarseness.factor == 1.0


@pytest.mark.parametrize(("need", "factor"), [(1.2, 1.2), (9.0, 1.5), (math.inf, 1.5), (1.01, 1.1)])
def test_what_waits_for_long_raises_thresholds_by_what_is_lacking_within_bounds(need: float, factor: float) -> None:
    coarseness = Coarseness(4.0, remembers=False)
    rises = [coarseness.look(need, 20) for _ in range(6)]
    assert rises[:5] == [1.0] * 5
    assert rises[5] == coarseness.factor == pytest.approx(factor)


@given(st.floats(1, 10), st.lists(st.tuples(st.floats(0, 5), st.integers(0, 40)), max_size=300), st.booleans())
def test_the_factor_stays_between_one_and_the_most(most: float, frames: list[tuple[float, int]], remembers: bool) -> None:
    coarseness = Coarseness(most, remembers=remembers)
    for need, oldest in frames:
        before = coarseness.factor
        assert coarseness.look(need, oldest) == pytest.approx(coarseness.factor / before)
        assert 1.0 <= coarseness.factor <= most
        if coarseness.wants_finer:
            before = coarseness.factor
            coarseness.refine()
            assert 1.0 <= coarseness.factor < before


def test_a_most_of_one_leaves_thresholds_as_they_are() -> None:
    coarseness = fed(1.0, 9.0, 30, 100)
    assert coarseness.factor == 1.0
    assert not coarseness.wants_finer


@pytest.mark.parametrize(("need", "finer"), [(0.0, True), (0.4, True), (0.7, False), (1.2, False)])
def test_only_lasting_room_makes_them_finer(need: float, finer: bool) -> None:
    coarseness = fed(4.0, 9.0, 30, 12)
    high = coarseness.factor
    assert high == pytest.approx(2.25)
    for _ in range(39):
        coarseness.look(need, 0)
        assert not coarseness.wants_finer
    coarseness.look(need, 0)
    assert coarseness.wants_finer == finer
    if finer:
        coarseness.refine()
        assert coarseness.factor == pytest.approx(max(1.0, high * min(need / 0.6, 1 / 1.5)))
        assert not coarseness.wants_finer


def test_where_gates_remember_thresholds_follow_what_is_needed_both_ways() -> None:
    """What a load costs goes with a power of the factor; the mean need ends where all fits, and no full pass is asked for."""
    coarseness, needs = Coarseness(4.0, remembers=True), []
    for load in [2.0] * 120 + [0.7] * 120:
        needs.append(load * coarseness.factor**CHEAPER)
        coarseness.look(needs[-1], 0)
        assert not coarseness.wants_finer
        if len(needs) == 120:
            assert 0.75 <= needs[-1] <= 0.95
            assert coarseness.factor == pytest.approx((2 / 0.85) ** (-1 / CHEAPER), rel=0.2)
    assert coarseness.factor == 1.0


def test_where_gates_remember_they_change_in_small_steps_and_not_in_every_frame() -> None:
    coarseness, changes = Coarseness(4.0, remembers=True), []
    for need in [math.inf] * 60 + [0.0] * 60:
        changes.append(coarseness.look(need, 30))
    assert max(changes) == pytest.approx(1.3)
    assert min(changes) == pytest.approx(1 / 1.3)
    assert np.diff(np.flatnonzero(np.array(changes) != 1)).min() >= 8


def test_a_short_rush_raises_nothing_where_gates_remember() -> None:
    coarseness = Coarseness(4.0, remembers=True)
    for frame in range(80):
        coarseness.look(2.0 if frame % 8 == 0 else 0.6, frame % 8)
    assert coarseness.factor == 1.0
