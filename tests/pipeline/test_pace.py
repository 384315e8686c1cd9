"""What holding a number of frames per second leaves for the network."""

from __future__ import annotations

from skipvid.pipeline.pace import Pace

MS = {
    "decode": 3.0,
    "letterbox": 1.0,
    "gate": 0.5,
    "network": 20.0,
    "tail": 1.0,
    "head": 0.5,
    "heat": 1.5,
    "encode": 6.0,
    "audit": 90.0,
}


def test_one_after_the_other_the_network_gets_what_all_others_leave() -> None:
    pace = Pace(25)
    assert pace.ms == 40
    for _ in range(15):
        pace.add(MS, overlapped=False)
    assert pace.ms == 40 - (3 + 1 + 0.5 + 1.5 + 6)
    assert pace.notice is None


def test_where_stages_overlap_only_what_follows_in_its_thread_counts() -> None:
    pace = Pace(25)
    for _ in range(15):
        pace.add(MS, overlapped=False)
    pace.add(MS, overlapped=True)
    assert pace.ms == 38


def test_a_single_slow_frame_changes_nothing() -> None:
    pace = Pace(25)
    for _ in range(10):
        pace.add(MS, overlapped=False)
    pace.add({**MS, "encode": 500.0}, overlapped=False)
    assert pace.ms == 28


def test_a_rate_that_the_other_stages_do_not_allow_is_told() -> None:
    pace = Pace(100)
    for _ in range(15):
        assert pace.notice is None
        pace.add(MS, overlapped=False)
    assert pace.ms == 1
    assert pace.notice == "100 frames per second cannot be held: all but the network takes 12 ms of the 10 ms of a frame"
