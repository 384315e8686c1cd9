"""A wish to stop interrupts where nothing is being written, and waits where something is."""

from __future__ import annotations

import signal

import pytest

from skipvid.pipeline.stop import Interrupted, Stop


def test_it_interrupts_at_once_outside_of_deferred() -> None:
    with pytest.raises(Interrupted, match="before anything was written") as caught:
        Stop().request(signal.SIGTERM)
    assert caught.value.exit_code == 143


def test_it_is_noted_inside_and_interrupts_the_second_time() -> None:
    stop = Stop()
    with stop.deferred():
        stop.request(signal.SIGINT)
        assert stop.requested
        with pytest.raises(Interrupted, match="part files") as caught:
            stop.request(signal.SIGINT)
    assert caught.value.exit_code == 130


def test_it_is_no_exception_that_could_be_taken_for_a_failure() -> None:
    assert not issubclass(Interrupted, Exception)
