"""A file in the place of a camera."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skipvid.video.clock import Pacer, Timing
from skipvid.video.live import LiveSource
from skipvid.video.source import FileSource, Frame

__all__ = ["PacedFile"]

ByteArray: TypeAlias = NDArray[np.uint8]

_POLL_S = 0.2  # how soon a reader that waits to begin notices that it should end


class _PacedFeed:
    """A file that delivers its frames at the times they carry; all but the first from when it is told to begin."""

    def __init__(self, source: FileSource, stop: threading.Event) -> None:
        self._frames = iter(source)
        self._source, self._stop, self._pacer = source, stop, Pacer()
        self._first = True
        self._begun = threading.Event()
        self.pts = 0.0

    def begin(self) -> None:
        """Let time run, from the first frame on."""
        if not self._begun.is_set():
            self._pacer.wait(self.pts, self._stop)
            self._begun.set()

    def read(self) -> tuple[bool, ByteArray | None]:
        while not self._first and not self._begun.wait(_POLL_S) and not self._stop.is_set():
            pass
        frame = next(self._frames, None)
        if frame is None:
            return False, None
        if not self._first:
            self._pacer.wait(frame.pts, self._stop)
        self._first = False
        self.pts = frame.pts
        return True, frame.image

    def release(self) -> None:
        self._source.close()


class PacedFile(LiveSource):
    """A file fed at its own speed, once somebody looks. As from a camera, what is not fetched in time is dropped."""

    def __init__(self, source: FileSource, vid_stride: int = 1) -> None:
        stop = threading.Event()
        self._paced = _PacedFeed(source, stop)
        super().__init__(source.name, lambda: self._paced, vid_stride, fps=source.fps, path=source.path)
        self._paced_stop = stop
        self.frames = source.frames
        self.facts = source.facts
        self.timing = Timing(source.timing.time_base, vid_stride / self.fps)

    def _time(self) -> float:
        return self._paced.pts

    def __iter__(self) -> Iterator[Frame]:
        self._paced.begin()
        yield from super().__iter__()

    def close(self) -> None:
        self._paced_stop.set()
        super().close()
