"""A stage in a thread gives what the plain iterator gives."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from skipvid.pipeline.ahead import Ahead


def _ahead_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("stage")]


@pytest.mark.parametrize("depth", [1, 3, 100])
def test_items_come_whole_and_in_order(depth: int) -> None:
    with Ahead(iter(range(500)), depth) as items:
        assert list(items) == list(range(500))
    assert not _ahead_threads()


def test_it_runs_ahead_by_no_more_than_its_depth() -> None:
    made = []

    def source() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with Ahead(source(), 2) as items:
        first = next(iter(items))
        time.sleep(0.2)
        assert first == 0
        assert len(made) <= 1 + 2 + 1  # consumed, waiting, in the thread's hand


def test_an_error_reaches_the_consumer_after_the_items_before_it() -> None:
    def source() -> Iterator[int]:
        yield 1
        raise ValueError("torn")  # noqa: EM101

    seen = []
    with Ahead(source()) as items, pytest.raises(ValueError, match="torn"):
        seen.extend(items)
    with Ahead(source()) as items:
        assert next(iter(items)) == 1
    assert not _ahead_threads()


def test_a_consumer_that_leaves_ends_the_thread() -> None:
    def endless() -> Iterator[int]:
        while True:
            yield 0

    with Ahead(endless(), 1) as items:
        next(iter(items))
    assert not _ahead_threads()


def test_waiting_ends_when_asked_to() -> None:
    release = threading.Event()

    def silent() -> Iterator[int]:
        release.wait(10)
        yield 0

    asked = threading.Event()
    threading.Timer(0.15, asked.set).start()
    items = Ahead(silent(), until=asked.is_set)
    assert list(items) == []
    release.set()
    items.close()


def test_stages_in_a_row_end_from_the_first_to_the_last() -> None:
    first = Ahead(iter(range(10**9)), 1)
    second = Ahead((2 * item for item in first), 1)
    assert next(iter(second)) == 0
    began = time.monotonic()
    first.close()
    second.close()
    assert time.monotonic() - began < 2
    assert not _ahead_threads()
