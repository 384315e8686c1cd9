"""Threads that give way do so for good, and take nobody else along."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from skipvid.pipeline.priority import give_way

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads give way on Linux only")


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def started() -> int:
    """Of a thread that this one starts."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(niceness).result()


def test_a_thread_gives_way_with_what_it_starts_and_no_other() -> None:
    before = niceness()
    with ThreadPoolExecutor(1, initializer=give_way) as worker:
        assert worker.submit(niceness).result() == min(before + 10, 19)
        assert worker.submit(started).result() == min(before + 10, 19)
        assert niceness() == started() == before
