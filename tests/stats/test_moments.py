"""Moments of a video and how times are written."""

from __future__ import annotations

import numpy as np
import pytest

from skipvid.stats.moments import clock, extremes


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00.0"),
        (9.96, "0:10.0"),
        (59.97, "1:00.0"),
        (75.25, "1:15.2"),
        (3599.99, "1:00:00"),
        (3723, "1:02:03"),
        (-1, "0:00.0"),
    ],
)
def test_clock_carries_into_the_next_unit(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_video_shorter_than_a_moment_has_one() -> None:
    pts = np.array([0.0, 0.04])
    found = extremes(pts, np.arange(2), np.array([0.1, 0.3], np.float32), np.ones(2, bool), highest=False)
    assert [(m.start, m.end) for m in found] == [(0.0, 0.04)]
    assert found[0].update_rate == pytest.approx(0.2)


def test_where_nothing_counts_there_are_no_moments() -> None:
    assert extremes(np.zeros(3), np.arange(3), np.ones(3, np.float32), np.zeros(3, bool), highest=True) == ()
