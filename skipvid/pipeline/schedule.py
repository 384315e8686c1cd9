"""Which stages of a run overlap: measured, not guessed.

On few cores, several ways through a frame compete. Sequential: one stage after the other, each on all of the budget. Overlapped:
decoding, network and writing in a thread each, the network on one thread less than the budget, so that they do not take each
other's processor. Shared: the same with the network on all of the budget; whoever has work takes what is free. Which is fastest
depends on how much of the network a video leaves to compute and on what is written, so all are tried on the first frames and the
fastest goes on; from time to time they are tried again. Order and values do not depend on it.
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
_FILL = 2  # items after which overlapping stages all have work; those before are not timed


class Mode(Enum):
    """How the stages of a frame follow each other."""

    SEQUENTIAL = "sequential"
    OVERLAPPED = "overlapped"
    SHARED = "shared"


@dataclass
class Trials:
    """Decides the mode of the next stretch of frames from the times of those before.

    Attributes:
        settle: Frames before the first trial, shared: the first are computed in full.
        stretch: Frames of a trial.
        order: Modes in the order they are tried, then tried again backwards, so that a video that grows busier favours none.
        hopeless: A mode this many times slower than the fastest is not tried again.
        hold: Frames for which the decision stands.
    """

    settle: int = 4
    stretch: int = 10
    order: tuple[Mode, ...] = (Mode.SHARED, Mode.SEQUENTIAL, Mode.OVERLAPPED)
    hopeless: float = 1.4
    hold: int = 1000
    _times: dict[Mode, float] = field(default_factory=dict)
    _ahead: list[Mode] = field(default_factory=list)
    _again: bool = False
    _settled: bool = False

    def next(self) -> tuple[Mode, int]:
        """Mode and length of the next stretch."""
        if not self._settled:
            return Mode.SHARED, self.settle
        if self._ahead:
            return self._ahead[0], self.stretch
        return min(self._times, key=lambda mode: self._times[mode]), self.hold

    def took(self, mode: Mode, seconds: float) -> None:
        """Note the time per frame of the stretch that `next` asked for."""
        if not self._settled or not self._ahead:  # settled now, or the decision has stood long enough
            self._settled, self._again = True, False
            self._times.clear()
            self._ahead = list(self.order)
            return
        self._times[mode] = (self._times[mode] + seconds) / 2 if self._again else seconds
        del self._ahead[0]
        if not self._ahead and not self._again:
            self._again = True
            limit = self.hopeless * min(self._times.values())
            self._times = {mode: time for mode, time in self._times.items() if time <= limit}
            # With a single one left there is nothing more to compare.
            self._ahead = [mode for mode in reversed(self.order) if mode in self._times] if len(self._times) > 1 else []


class Schedule(Generic[In, Out]):
    """Runs two stages over a source, overlapped with their consumer or not.

    Args:
        items: What the first stage yields.
        stage: The second stage, with state of its own; called once per stretch.
        threads: Told how many threads the second stage may use.
        budget: Threads for everything.
        live: Items are wanted as fresh as can be: overlapped throughout, with as little as possible in between.
        until: Asked while waiting and between items; once true, the iteration ends.
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
        self.mode = Mode.SHARED if live else Mode.SEQUENTIAL
        """How the stages follow each other at present."""

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
                yield item
                if self._until():
                    return
                done += 1
                if done == _FILL:
                    began = perf_counter()
            if done < length:
                return
            trials.took(mode, (perf_counter() - began) / (length - _FILL))

    def _stretch(self, mode: Mode, length: int) -> Iterator[Out]:
        part = islice(self._items, length)
        self.mode = mode
        if mode is Mode.SEQUENTIAL:
            self._threads(self._budget)
            return self._stage(part)
        self._threads(self._budget if mode is Mode.SHARED else max(1, self._budget - 1))
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
