"""Which stages of a run overlap: measured, not guessed.

On few cores, two ways through a frame compete. Overlapped: decoding, network and writing each in a thread, the network on one
thread less than the budget, so that they do not take each other's processor. Sequential: one stage after the other, the network
on all of the budget. Which is faster depends on how much of the network a video leaves to compute, so both are tried in turns on
the first frames and the faster one goes on; from time to time they are tried again. Order and values do not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from time import perf_counter
from typing import Generic, TypeVar

from skipvid.pipeline.ahead import Ahead

__all__ = ["Mode", "Schedule", "Trials"]

In = TypeVar("In")
Out = TypeVar("Out")

_DEPTH = 3  # items between two stages


class Mode(Enum):
    """How the stages of a frame follow each other."""

    OVERLAPPED = "overlapped"
    SEQUENTIAL = "sequential"


@dataclass
class Trials:
    """Decides the mode of the next stretch of frames from the times of those before.

    Attributes:
        settle: Frames before the first trial, overlapped: the first frames calibrate and are computed in full.
        stretch: Frames of a trial.
        order: Modes tried in turns, mirrored so that a video that grows busier favours none.
        hold: Frames for which the decision stands.
    """

    settle: int = 24
    stretch: int = 24
    order: tuple[Mode, ...] = (Mode.SEQUENTIAL, Mode.OVERLAPPED, Mode.OVERLAPPED, Mode.SEQUENTIAL)
    hold: int = 1500
    _times: dict[Mode, float] = field(default_factory=dict)
    _step: int = -1

    def next(self) -> tuple[Mode, int]:
        """Mode and length of the next stretch."""
        if self._step < 0:
            return Mode.OVERLAPPED, self.settle
        if self._step < len(self.order):
            return self.order[self._step], self.stretch
        return min(self._times, key=lambda mode: self._times[mode]), self.hold

    def took(self, mode: Mode, seconds: float) -> None:
        """Note the time per frame of the stretch that `next` asked for."""
        if 0 <= self._step < len(self.order):
            self._times[mode] = self._times.get(mode, 0.0) + seconds
        elif self._step == len(self.order):
            self._times.clear()
            self._step = -1
        self._step += 1


class Schedule(Generic[In, Out]):
    """Runs two stages over a source, overlapped with their consumer or not.

    Args:
        items: What the first stage yields.
        stage: The second stage, with state of its own; called once per stretch.
        threads: Told how many threads the second stage may use.
        budget: Threads for everything.
        live: Items are wanted as fresh as can be: overlapped throughout, with as little as possible in between.
        until: Asked while waiting; once true, the iteration ends.
    """

    def __init__(
        self,
        items: Iterator[In],
        stage: Callable[[Iterable[In]], Iterator[Out]],
        threads: Callable[[int], None],
        budget: int,
        *,
        live: bool = False,
        until: Callable[[], bool] = lambda: False,
    ) -> None:
        self._items, self._stage, self._threads, self._budget = items, stage, threads, budget
        self._live, self._until = live, until

    def __iter__(self) -> Generator[Out, None, None]:
        if self._live:
            yield from self._overlapped(self._items, 1)
            return
        if self._budget < 2:
            yield from self._stage(self._items)
            return
        trials = Trials()
        while not self._until():
            mode, length = trials.next()
            began, done = perf_counter(), 0
            for item in self._stretch(mode, length):
                done += 1
                yield item
            if done < length:
                return
            trials.took(mode, (perf_counter() - began) / length)

    def _stretch(self, mode: Mode, length: int) -> Iterator[Out]:
        part = islice(self._items, length)
        if mode is Mode.SEQUENTIAL:
            self._threads(self._budget)
            return self._stage(part)
        self._threads(max(1, self._budget - 1))
        return self._overlapped(part, _DEPTH)

    def _overlapped(self, items: Iterator[In], depth: int) -> Iterator[Out]:
        with ExitStack() as stack:
            reading = Ahead(items, depth, "decode")
            stack.callback(reading.close)
            computing = Ahead(self._stage(reading), depth, "network", until=self._until)
            # The reader ends first, else the network's thread would wait for it.
            stack.callback(computing.close)
            stack.callback(reading.close)
            yield from computing
