"""How the stages of a run share the processors: measured, not guessed.

Decoding, network and writing each have a thread, so that whichever has work takes what is free. The network runs on all of the
budget (*shared*), which is fastest as long as the others wait for it. Where it is the last stage that all wait for - it draws and
encodes -, threads of the network's that take its processor away cost more than they bring: there the network is tried on one
thread less than the budget (*overlapped*), and what is faster goes on. With a budget of one thread, the stages follow each other
(*sequential*). Order and values do not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum
from itertools import takewhile
from time import perf_counter
from typing import Generic, TypeVar

from skipvid.pipeline.ahead import Ahead

__all__ = ["Balance", "Mode", "Schedule"]

In = TypeVar("In")
Out = TypeVar("Out")

_DEPTH = 3  # items between two stages


class Mode(Enum):
    """How the stages of a frame follow each other."""

    SEQUENTIAL = "sequential"
    OVERLAPPED = "overlapped"
    SHARED = "shared"


@dataclass
class Balance:
    """Decides between `Mode.SHARED` and `Mode.OVERLAPPED` from the times of the last stage.

    Attributes:
        settle: Frames before the first look; the first ones are computed in full.
        stretch: Frames of a trial.
        skip: Frames at the beginning of a stretch that were computed before it: they are not timed.
        busy: Share of its time that the last stage works, from which on the network might as well leave it a thread.
        margin: Overlapped must take less than this times what shared takes, or chance would decide where they are alike.
        hold: Frames for which a decision stands.
        mode: In force.
    """

    settle: int = 12
    stretch: int = 12
    skip: int = _DEPTH + 1
    busy: float = 0.6
    margin: float = 0.95
    hold: int = 250
    mode: Mode = Mode.SHARED
    _ahead: list[Mode] = field(default_factory=list)  # of the trials, in order; their first is the stretch under way
    _times: dict[Mode, float] = field(default_factory=dict)
    _length: int = 0
    _frames: int = 0
    _waited: float = 0.0
    _worked: float = 0.0

    def __post_init__(self) -> None:
        self._begin(self.mode, self.settle)

    def _begin(self, mode: Mode, length: int) -> None:
        self.mode, self._length = mode, length
        self._frames, self._waited, self._worked = 0, 0.0, 0.0

    def frame(self, waited: float, worked: float) -> None:
        """Note a frame.

        Args:
            waited: Seconds that the last stage waited for it.
            worked: Seconds that it worked on it.
        """
        self._frames += 1
        if self._frames > self.skip:
            self._waited += waited
            self._worked += worked
        if self._frames == self._length:
            self._end()

    def _end(self) -> None:
        total = self._waited + self._worked
        if not self._ahead:
            if self.mode is Mode.SHARED and self._worked <= self.busy * total:
                self._begin(Mode.SHARED, self.hold)
                return
            # There and back, so that a video that grows busier favours neither.
            self._times = {Mode.SHARED: 0.0, Mode.OVERLAPPED: 0.0}
            self._ahead = [Mode.SHARED, Mode.OVERLAPPED, Mode.OVERLAPPED, Mode.SHARED]
        else:
            self._times[self._ahead.pop(0)] += total
        if self._ahead:
            self._begin(self._ahead[0], self.stretch)
        else:
            faster = self._times[Mode.OVERLAPPED] < self.margin * self._times[Mode.SHARED]
            self._begin(Mode.OVERLAPPED if faster else Mode.SHARED, self.hold)


class Schedule(Generic[In, Out]):
    """Runs two stages over a source, overlapped with their consumer or not.

    Args:
        items: What the first stage yields.
        stage: The second stage.
        threads: Told how many threads the second stage may use, between two of its items.
        budget: Threads for everything.
        live: Items are wanted as fresh as can be: overlapped throughout, with as little as possible in between.
        light: The consumer does next to nothing with an item: less than it takes to hand it to another thread.
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
        light: bool = False,
        until: Callable[[], bool] = lambda: False,
    ) -> None:
        self._items, self._stage, self._threads, self._budget = items, stage, threads, budget
        self._depth = 1 if live else _DEPTH
        self._until = until
        self._balance = Balance()
        self._light = light and not live
        self._sequential = budget < 2 and not live
        self._adapts = budget >= 2 and not live

    @property
    def mode(self) -> Mode:
        """How the stages follow each other at present."""
        return Mode.SEQUENTIAL if self._sequential else self._balance.mode

    def __iter__(self) -> Generator[Out, None, None]:
        if self._sequential:
            yield from self._stage(self._items)
            return
        with ExitStack() as stack:
            reading = Ahead(self._items, self._depth, "decode", until=self._until)
            if self._light:
                stack.callback(reading.close)
                yield from takewhile(lambda _: not self._until(), self._stage(reading))
                return
            stack.callback(reading.close)
            computing = Ahead(self._stage(self._granted(reading)), self._depth, "network", until=self._until)
            # The reader ends first, else the network's thread would wait for it.
            stack.callback(computing.close)
            stack.callback(reading.close)
            yield from self._watched(computing)

    def _granted(self, items: Iterable[In]) -> Iterator[In]:
        """The items, each handed over when the second stage, whose thread this runs in, has been told its threads."""
        granted = self._budget
        for item in items:
            wanted = self._budget - 1 if self._balance.mode is Mode.OVERLAPPED else self._budget
            if wanted != granted:
                self._threads(wanted)
                granted = wanted
            yield item

    def _watched(self, items: Iterable[Out]) -> Iterator[Out]:
        asked = perf_counter()
        for item in items:
            came = perf_counter()
            yield item
            if self._until():
                return
            done = perf_counter()
            if self._adapts:
                self._balance.frame(came - asked, done - came)
            asked = done
