"""What was saved is never flattered: it is told against what full passes take, without the work that only skipping has."""

from __future__ import annotations

import numpy as np
import pytest

from skipvid.pipeline.tally import Tally
from skipvid.stats.savings import measure_savings, network_ms, pass_ms

FIRST = {"decode": 1.0, "gate": 50.0, "network": 20.0, "tail": 2.0, "head": 1.0}  # the first frame learns the video's noise


def test_a_full_pass_does_not_decide_what_to_compute() -> None:
    assert network_ms(FIRST) == 72.0
    assert pass_ms(FIRST) == 22.0


def test_a_run_is_compared_with_full_passes_without_their_deciding() -> None:
    tally = Tally()
    tally.add(detections=0, macs=10, dense_macs=10, refresh="first", changed=True, ms=FIRST)
    tally.add(detections=0, macs=1, dense_macs=10, refresh=None, changed=True, ms={"gate": 1.0, "network": 4.0, "tail": 0.5})
    facts = tally.to_dict(1.0, 0)
    assert facts["refresh_ms"] == 22.0
    assert facts["network_ms"] == 77.5  # what was spent on deciding counts as spent


def test_the_report_compares_with_the_same() -> None:
    network, passes = np.array([72.0, 5.0, 23.0]), np.array([22.0, 4.0, 20.0])
    full = np.array([True, False, True])
    saved = measure_savings(21, 30, network, passes, full, seconds=0.1)
    assert saved.full_ms == 20.0
    assert saved.network == pytest.approx(1 - (100 / 3) / 20)
    assert saved.dense_seconds == pytest.approx(0.1 + 3 * (20 - 100 / 3) / 1000)
