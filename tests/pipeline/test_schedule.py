"""Overlapping stages changes when things happen, never what comes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, islice

import pytest

from skipvid.pipeline.schedule import Mode, Schedule, Trials


def running_sum(items: Iterable[int]) -> Iterator[int]:
    yield from (10 * item for item in items)


@pytest.mark.parametrize("frames", [0, 1, 24, 25, 200])
@pytest.mark.parametrize(("budget", "live"), [(1, False), (2, False), (2, True)])
def test_order_and_values_are_those_of_the_plain_stages(frames: int, budget: int, live: bool) -> None:
    used: list[int] = []
    schedule = Schedule(iter(range(frames)), running_sum, used.append, budget, live=live)
    assert list(schedule) == [10 * i for i in range(frames)]
    assert all(1 <= threads <= budget for threads in used)
    if frames == 200 and budget == 2 and not live:
        assert set(used) == {1, 2}


def test_a_consumer_may_leave_at_any_frame() -> None:
    for stop in (3, 30, 60, 150):
        walk = iter(Schedule(count(), running_sum, lambda _threads: None, 2))
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


@pytest.mark.parametrize("faster", list(Mode))
def test_the_fastest_mode_goes_on_and_all_are_tried_again_later(faster: Mode) -> None:
    trials = Trials()
    stretches = []
    for _ in range(1 + 2 * (2 * len(trials.order) + 1)):
        mode, length = trials.next()
        stretches.append((mode, length))
        trials.took(mode, 1.0 if mode is faster else 1.2)
    settling, rest = stretches[0], stretches[1:]
    assert settling == (Mode.SHARED, trials.settle)
    once = [(mode, trials.stretch) for mode in (*trials.order, *reversed(trials.order))] + [(faster, trials.hold)]
    assert rest == once + once


def test_a_mode_far_behind_is_not_tried_twice() -> None:
    trials = Trials()
    times = dict(zip(trials.order, (1.0, 1.1, 3.0), strict=True))
    modes = []
    for _ in range(1 + 3 + 2 + 1):
        mode, _ = trials.next()
        modes.append(mode)
        trials.took(mode, times[mode])
    first, second, third = trials.order
    assert modes[1:] == [first, second, third, second, first, first]


def test_a_video_that_grows_slower_during_the_trials_favours_no_mode() -> None:
    trials = Trials(order=(Mode.SEQUENTIAL, Mode.OVERLAPPED))
    trials.took(trials.next()[0], 1.0)
    for seconds in (1.0, 1.05, 1.15, 1.25):  # overlapped is quicker at any one time
        trials.took(trials.next()[0], seconds)
    assert trials.next()[0] is Mode.OVERLAPPED
