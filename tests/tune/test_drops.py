"""The loss of a video, and how sure it is: the spread of the loss over blocks of frames."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skipvid.models.detection import Detections
from skipvid.tune.drops import Judged, doubt, drops

CONF = 0.5
NOTHING = Detections.none()


def box(x: float = 10.0, score: float = 0.9) -> Detections:
    return Detections(np.array([[x, 10, x + 20, 30]], np.float32), np.array([score], np.float32), np.zeros(1, np.int32))


def found(*missed: int, frames: int = 40) -> list[Judged]:
    """A run of frames in each of which there is one object, which the gated network misses in some."""
    return [Judged(box(), NOTHING if k in missed else box()) for k in range(frames)]


def test_nothing_lost_leaves_no_doubt() -> None:
    assert drops([found()], CONF, False) == (0.0, 0.0)
    assert doubt([found()], CONF, False) == 0.0


def test_losses_close_together_are_less_sure_than_as_many_spread_out() -> None:
    together, spread = found(0, 1, 2, 3), found(0, 10, 20, 30)
    assert drops([together], CONF, False)[0] == pytest.approx(drops([spread], CONF, False)[0]) == pytest.approx(0.1, abs=0.01)
    assert doubt([spread], CONF, False) == pytest.approx(0.0, abs=1e-3)
    assert doubt([together], CONF, False) == pytest.approx(0.1, abs=0.01)


def test_blocks_do_not_reach_over_the_ends_of_runs() -> None:
    assert doubt([found(0, frames=5), found(frames=5)], CONF, False) > 0


def test_one_block_tells_nothing() -> None:
    assert doubt([found(3, frames=10)], CONF, False) == math.inf


def test_ground_truth_decides_in_the_frames_that_have_it() -> None:
    seen = [Judged(box(), box() if k < 15 else NOTHING, box() if k < 20 else None) for k in range(40)]
    drop, drop75 = drops([seen], CONF, True)
    assert drop == pytest.approx(0.25, abs=0.01)
    assert drop75 == pytest.approx(drop)
    assert doubt([seen], CONF, True) > 0


def test_where_the_truth_is_that_there_is_nothing_false_detections_count() -> None:
    seen = [Judged(NOTHING, box() if k < 4 else NOTHING, NOTHING) for k in range(40)]
    assert drops([seen], CONF, True) == (0.1, 0.0)
