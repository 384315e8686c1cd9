"""Promises of clocks: ticks only ever rise, times that fit the time base survive exactly."""

from __future__ import annotations

import itertools
import threading
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipvid.video.clock import Clock, Pacer, Timing

BASES = st.sampled_from([Fraction(1, 1000), Fraction(1, 90_000), Fraction(1001, 30_000), Fraction(1, 12_800)])


@given(times=st.lists(st.floats(-10, 1e5), min_size=1, max_size=50), base=BASES)
def test_ticks_strictly_increase_whatever_the_times(times, base):
    clock = Clock(Timing(base))
    ticks = [clock.tick(t) for t in times]
    assert all(a < b for a, b in itertools.pairwise(ticks))
    assert (clock.first, clock.last) == (ticks[0], ticks[-1])


@given(ticks=st.lists(st.integers(0, 10**9), min_size=1, max_size=50, unique=True).map(sorted), base=BASES)
def test_times_on_the_grid_come_back_exactly(ticks, base):
    clock = Clock(Timing(base))
    assert [clock.tick(float(t * base)) for t in ticks] == ticks


@pytest.mark.parametrize(
    ("base", "used"),
    [(Fraction(1, 15_360), Fraction(1, 15_360)), (None, Fraction(1, 90_000)), (Fraction(1, 14_112_000), Fraction(1, 90_000))],
)
def test_time_base_of_the_source_is_used_where_an_mp4_can_count_in_it(base, used):
    assert Timing.of(base, 30.0).time_base == used


def test_duration_of_a_frame_follows_the_stride():
    assert Clock(Timing.of(Fraction(1, 1000), 25.0, stride=3)).usual == 120


def test_pacer_waits_for_the_time_and_not_after_stop():
    pacer, stop = Pacer(), threading.Event()
    begin = time.monotonic()
    pacer.wait(5.0, stop)
    pacer.wait(5.1, stop)
    assert 0.09 < time.monotonic() - begin < 0.5
    stop.set()
    pacer.wait(100.0, stop)
    assert time.monotonic() - begin < 1
