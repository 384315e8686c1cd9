"""Running a stage of the pipeline in a thread of its own.

A stage is an iterator over what the stage before it yields. `Ahead` runs one in a thread, a few items ahead of its consumer;
order and values are those of the plain iterator, so results do not depend on which stages overlap.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Generic, Self, TypeVar

__all__ = ["Ahead"]

T = TypeVar("T")

_POLL_S = 0.1  # how soon a thread that waits for the queue notices that it should end
_JOIN_S = 5.0  # a camera that hangs is left behind after this


@dataclass(frozen=True)
class _End:
    error: BaseException | None = None


class Ahead(Generic[T]):
    """Iterates over ``items`` in a thread.

    Args:
        items: The stage. It is advanced by the thread alone.
        depth: Most items between the thread and the consumer.
        name: Of the thread, for debuggers.
        until: Asked while the consumer waits; once true, the iteration ends.
    """

    def __init__(
        self, items: Iterable[T], depth: int = 3, name: str = "stage", until: Callable[[], bool] = lambda: False
    ) -> None:
        self._items = items
        self._until = until
        # The queue without a bound is the one that is not written in Python; a second one holds the permits that bound it.
        self._done: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
        self._permits: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(depth):
            self._permits.put(None)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            for item in self._items:
                if not self._put(item):
                    return
        except BaseException as error:
            self._put(_End(error))
        else:
            self._put(_End())

    def _put(self, item: T | _End) -> bool:
        while not self._ended.is_set():
            try:
                self._permits.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            self._done.put(item)
            return True
        return False

    def __iter__(self) -> Iterator[T]:
        while not self._ended.is_set():
            try:
                item = self._done.get(timeout=_POLL_S)
            except queue.Empty:
                if self._until():
                    return
                continue
            self._permits.put(None)
            if isinstance(item, _End):
                self._ended.set()
                if item.error is not None:
                    raise item.error
                return
            yield item

    def close(self) -> None:
        """Stop the thread; items that were not consumed are lost."""
        self._ended.set()
        self._thread.join(_JOIN_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()
