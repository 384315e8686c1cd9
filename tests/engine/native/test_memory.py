"""Streams give back what they took, also while others that share pages with them live on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from engine.building import make_plan
from skipvid.engine import create_executor
from skipvid.engine.executor import Executor
from skipvid.plan import Conv, Plan

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
    pytest.mark.skipif("SKIPVID_TEST_CORE" in os.environ, reason="sanitizers keep freed memory for a while"),
]


def _plan(side: int, channels: int) -> Plan:
    weight = np.full((channels, 1, 3, 3), 0.1, np.float32)
    bias = np.zeros(channels, np.float32)
    op = Conv(name="conv", inputs=("x",), output="y", weight=weight, bias=bias, pads=(1, 1, 1, 1), groups=channels)
    size = (side, side, channels)
    return make_plan(size, [op], {"y": size}, ["y"])


def _resident() -> int:
    """MB that this process holds in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 >> 20


def _step(executor: Executor, side: int, channels: int) -> None:
    executor.step(np.ones((1, channels, side, side), np.float32))


def test_streams_that_end_leave_no_memory_behind() -> None:
    small, large = _plan(64, 16), _plan(512, 16)  # 2 x 0.25 MB and 2 x 16 MB of maps
    living, before = [], 0
    for turn in range(12):
        living.append(create_executor(small, "native", threads=1))
        _step(living[-1], 64, 16)
        passing = create_executor(large, "native", threads=1)
        _step(passing, 512, 16)
        del passing
        if turn == 3:
            before = _resident()
    assert _resident() - before < 32
