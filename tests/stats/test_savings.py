"""What was saved is never flattered: it is told against what full passes take, without the work that only skipping has."""

from __future__ import annotations

import pytest

from skipvid.pipeline.tally import Tally
from skipvid.stats.savings import Savings, SavingsCount, network_ms, pass_ms
from skipvid.stats.words import error_share, giga, savings_words

FIRST = {"decode": 1.0, "gate": 50.0, "network": 20.0, "tail": 2.0, "head": 1.0}  # the first frame learns the video's noise


def test_a_full_pass_does_not_decide_what_to_compute() -> None:
    assert network_ms(FIRST) == 72.0
    assert pass_ms(FIRST) == 22.0


def test_a_run_is_compared_with_full_passes_without_their_deciding() -> None:
    tally = Tally()
    tally.add(detections=0, macs=10, dense_macs=10, refresh="first", changed=True, ms=FIRST)
    tally.add(detections=0, macs=1, dense_macs=10, refresh=None, changed=True, ms={"gate": 1.0, "network": 4.0, "tail": 0.5})
    facts = tally.to_dict(1.0, 0)
    assert facts["full_ms"] == 22.0
    assert facts["network_ms"] == 77.5  # what was spent on deciding counts as spent


def measured(*frames: tuple[int, float, float], seconds: float = 0.1, live: bool = False) -> Savings:
    """Frames as (MACs of 10, ms of deciding, ms of the pass)."""
    count = SavingsCount()
    for macs, gate, network in frames:
        count.add(macs, 10, {"gate": gate, "network": network})
    return count.measure(seconds, live=live)


def test_the_first_frame_warms_up_and_counts_only_where_no_other_was_computed_in_full() -> None:
    saved = measured((10, 50.0, 22.0), (1, 1.0, 4.0), (10, 3.0, 20.0))
    assert (saved.full_ms, saved.full_frames) == (20.0, 1)
    assert saved.network == pytest.approx(1 - (100 / 3) / 20)
    assert saved.dense_seconds == pytest.approx(0.1 + 3 * (20 - 100 / 3) / 1000)
    assert not saved.cold
    alone = measured((10, 50.0, 22.0), (1, 1.0, 4.0))
    assert (alone.full_ms, alone.cold) == (22.0, True)
    assert alone.basis == "Times are against the first frame, the only one computed in full (22.0 ms): a rough figure."


def test_passes_made_in_the_end_count_as_frames_computed_in_full_do() -> None:
    count = SavingsCount()
    for macs, network in ((10, 30.0), (1, 4.0)):
        count.add(macs, 10, {"network": network})
    assert count.first_ms == 30.0
    count.add_passes([21.0])
    assert (count.first_ms, count.full) == (None, (21.0, 1))
    assert count.measure(0.1).basis == "Times are against one full pass (21.0 ms): a rough figure."
    count.add_passes([20.0])
    count.add(10, 10, {"network": 19.0})
    assert count.full == (20.0, 3)
    saved = count.measure(0.1)
    assert (saved.cold, saved.basis) == (False, "Times are against 3 full passes (median 20.0 ms).")


def test_a_single_frame_saves_no_time_and_has_nothing_to_compare_with() -> None:
    saved = measured((10, 50.0, 22.0))
    assert (saved.macs, saved.network, saved.program) == (0.0, None, None)
    assert saved.basis == "The only frame was computed in full, so there is nothing to compare times with."


def test_a_camera_sets_the_pace_so_no_time_of_the_program_is_claimed_as_saved() -> None:
    saved = measured((10, 5.0, 20.0), (1, 1.0, 4.0), (1, 1.0, 4.0), live=True)
    assert saved.network is not None
    assert (saved.program, saved.dense_seconds) == (None, None)
    details = dict((title, text) for title, _, text in savings_words(saved))
    assert details["Whole-program time saved"] == "0.1 s at the pace of the camera"


@pytest.mark.parametrize(
    ("macs", "text"),
    [(999, "999"), (1_500, "1.50 k"), (46_330, "46.3 k"), (999_600, "1.00 M"), (1.0127e12, "1.01 T")],
)
def test_macs_are_told_to_three_digits(macs: float, text: str) -> None:
    assert giga(macs) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0 %"), (0.00461, "0.46 %"), (0.0994, "9.9 %"), (0.0996, "10 %"), (1.2, "120 %")]
)
def test_errors_are_told_in_two_digits_without_powers_of_ten(value: float, text: str) -> None:
    assert error_share(value) == text
