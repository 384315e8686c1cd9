"""Overlapping stages changes when things happen, never what comes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, islice
from threading import get_ident
from time import sleep

import pytest

from skipvid.pipeline.schedule import Balance, Mode, Schedule


def running_sum(items: Iterable[int]) -> Iterator[int]:
    yield from (10 * item for item in items)


@pytest.mark.parametrize("frames", [0, 1, 24, 25, 200])
@pytest.mark.parametrize(
    ("budget", "live", "light"), [(1, False, False), (2, False, False), (2, True, False), (2, False, True), (2, True, True)]
)
def test_order_and_values_are_those_of_the_plain_stages(frames: int, budget: int, live: bool, light: bool) -> None:
    used: list[int] = []
    schedule = Schedule(iter(range(frames)), running_sum, used.append, budget, live=live, light=light)
    assert list(schedule) == [10 * i for i in range(frames)]
    assert all(1 <= threads <= budget for threads in used)


def test_a_budget_of_one_thread_runs_stage_after_stage() -> None:
    schedule = Schedule(iter(range(30)), running_sum, lambda _threads: None, 1)
    assert schedule.mode is Mode.SEQUENTIAL
    assert list(schedule) == [10 * i for i in range(30)]
    assert schedule.mode is Mode.SEQUENTIAL


def test_the_network_is_told_its_threads_between_two_frames_where_the_last_stage_is_slow() -> None:
    log: list[str] = []

    def stage(items: Iterable[int]) -> Iterator[int]:
        for item in items:
            log.append("begin")
            sleep(1e-4)
            log.append("end")
            yield item

    for _ in Schedule(iter(range(60)), stage, lambda threads: log.append(f"{threads} threads"), 2):
        sleep(2e-3)
    told = [i for i, entry in enumerate(log) if entry.endswith("threads")]
    assert log[told[0]] == "1 threads"
    assert all(log[i - 1] == "end" and log[i + 1] == "begin" for i in told)


def test_a_light_consumer_shares_the_thread_of_the_second_stage_alone() -> None:
    threads: dict[str, set[int]] = {"first": set(), "second": set()}

    def walk(items: Iterable[int], name: str) -> Iterator[int]:
        for item in items:
            threads[name].add(get_ident())
            yield item

    schedule = Schedule(walk(range(9), "first"), lambda items: walk(items, "second"), lambda _threads: None, 2, light=True)
    assert list(schedule) == list(range(9))
    assert threads["second"] == {get_ident()}
    assert threads["first"].isdisjoint(threads["second"])


@pytest.mark.parametrize("light", [False, True])
def test_a_consumer_may_leave_at_any_frame(light: bool) -> None:
    for stop in (3, 30, 60, 150):
        walk = iter(Schedule(count(), running_sum, lambda _threads: None, 2, light=light))
        assert list(islice(walk, stop)) == [10 * i for i in range(stop)]
        walk.close()


def test_a_wish_to_stop_ends_the_walk() -> None:
    seen: list[int] = []
    for item in Schedule(count(), running_sum, lambda _threads: None, 2, until=lambda: len(seen) >= 40):
        seen.append(item)
        assert len(seen) < 200
    assert seen == [10 * i for i in range(len(seen))]


def test_an_error_of_a_stage_arrives() -> None:
    def breaks(items: Iterable[int]) -> Iterator[int]:
        for item in items:
            if item == 40:
                message = "broken"
                raise ValueError(message)
            yield item

    with pytest.raises(ValueError, match="broken"):
        list(Schedule(count(), breaks, lambda _threads: None, 2))


def _modes(balance: Balance, frames: int, shared: float, overlapped: float, busy: float) -> list[Mode]:
    """The mode at each of so many frames, where one takes so long, and the last stage works for this share of it."""
    seen = []
    for _ in range(frames):
        seen.append(balance.mode)
        seconds = shared if balance.mode is Mode.SHARED else overlapped
        balance.frame((1 - busy) * seconds, busy * seconds)
    return seen


def test_a_network_that_all_wait_for_keeps_its_threads() -> None:
    assert set(_modes(Balance(), 2000, 1.0, 0.1, busy=0.4)) == {Mode.SHARED}


@pytest.mark.parametrize(("overlapped", "chosen"), [(0.9, Mode.OVERLAPPED), (1.0, Mode.SHARED), (1.2, Mode.SHARED)])
def test_where_all_wait_for_the_last_stage_the_faster_way_goes_on_and_is_asked_for_again(overlapped: float, chosen: Mode) -> None:
    balance = Balance()
    trials = [Mode.SHARED, Mode.OVERLAPPED, Mode.OVERLAPPED, Mode.SHARED]
    once = [mode for mode in trials for _ in range(balance.stretch)] + [chosen] * balance.hold
    modes = _modes(balance, balance.settle + 2 * len(once), 1.0, overlapped, busy=0.9)
    assert modes == [Mode.SHARED] * balance.settle + once + once


def test_frames_computed_before_a_change_do_not_count_for_it() -> None:
    balance = Balance(settle=3, skip=2, stretch=5)
    for _ in range(3):
        balance.frame(0.0, 1.0)
    for mode in (Mode.SHARED, Mode.OVERLAPPED, Mode.OVERLAPPED, Mode.SHARED):
        assert balance.mode is mode
        for number in range(5):  # the first two are slow whoever computed them
            balance.frame(0.0, 9.0 if number < 2 and mode is Mode.OVERLAPPED else 1.0 if mode is Mode.SHARED else 0.8)
    assert balance.mode is Mode.OVERLAPPED


def test_a_video_that_grows_slower_during_the_trials_favours_no_mode() -> None:
    balance = Balance(settle=1, skip=0, stretch=1)
    balance.frame(0.0, 1.0)
    for seconds in (1.0, 1.0, 1.2, 1.5):  # overlapped is quicker at any one time
        balance.frame(0.0, seconds)
    assert balance.mode is Mode.OVERLAPPED
