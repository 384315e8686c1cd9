"""Live sources: cameras and network streams, read by a thread that keeps the newest frame only."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeAlias, cast
from urllib.parse import urlsplit, urlunsplit

import numpy as np
from numpy.typing import NDArray

from skipvid.errors import SourceError
from skipvid.video.clock import Timing
from skipvid.video.cv import cv2
from skipvid.video.inputs import is_camera
from skipvid.video.source import FileSource, Frame, Source

__all__ = ["Backoff", "Feed", "LiveSource", "camera_error", "open_live"]

ByteArray: TypeAlias = NDArray[np.uint8]

_NETWORK_TIMEOUT_MS = 10_000
_POLL_S = 0.2  # how soon a waiting main thread sees Ctrl-C


class Feed(Protocol):
    """What a live source reads from; the part of ``cv2.VideoCapture`` that it uses."""

    def read(self) -> tuple[bool, ByteArray | None]: ...

    def release(self) -> None: ...


class Backoff:
    """Waiting times between attempts to connect: 0.5 s, doubling to 8 s, for at most ``patience`` seconds in all."""

    def __init__(self, first: float = 0.5, longest: float = 8.0, patience: float = 300.0) -> None:
        self.first, self.longest, self.patience = first, longest, patience

    def delays(self) -> Iterator[float]:
        """The waits, in seconds."""
        total, delay = 0.0, self.first
        while total < self.patience:
            yield delay
            total += delay
            delay = min(delay * 2, self.longest)


class LiveSource(Source):
    """A source that does not wait: frames that are not fetched before the next arrives are dropped, and counted.

    When the connection is lost, the reader connects again with growing pauses; the next frame has ``gap`` set. No frame is
    invented meanwhile.

    Args:
        name: For messages.
        connect: Opens the feed; None when it cannot be opened.
        vid_stride: Deliver every n-th frame that arrives.
        backoff: Pauses between attempts to connect again; None: a feed that ends has ended.
        fps: Claimed frames per second.
        path: The file behind a paced feed.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], Feed | None],
        vid_stride: int = 1,
        *,
        backoff: Backoff | None = None,
        fps: float | None = None,
        path: Path | None = None,
    ) -> None:
        super().__init__(name, path, live=True)
        self._connect, self._stride, self._backoff = connect, vid_stride, backoff
        self._news = threading.Condition()
        self._slot: Frame | None = None
        self._stop = threading.Event()
        self._ended = False
        self._failure: BaseException | None = None
        self._arrived = 0
        self.reconnects = 0
        feed = connect()
        image = self._first_image(feed) if feed is not None else None
        if feed is None or image is None:
            if feed is not None:
                feed.release()
            message = f"{name} opened but delivered no frame."
            raise SourceError(message, "Check that no other program uses it and that the address is right.")
        self._feed: Feed = feed
        self.height, self.width = image.shape[:2]
        if fps is not None and math.isfinite(fps) and 0 < fps <= 1000:
            self.fps = fps
        self.timing = Timing(frame_duration=vid_stride / self.fps)
        self._origin = time.monotonic()
        self._offer(image, self._time(), gap=False)
        self._thread = threading.Thread(target=self._read, name=f"reader of {name}", daemon=True)
        self._thread.start()

    @staticmethod
    def _first_image(feed: Feed) -> ByteArray | None:
        # Cameras may fail a few reads while they wake up.
        for _ in range(5):
            ok, image = feed.read()
            if ok and image is not None and image.size:
                return image
        return None

    def _time(self) -> float:
        return time.monotonic() - self._origin

    def _offer(self, image: ByteArray, pts: float, gap: bool) -> None:
        index = self._arrived
        self._arrived += 1
        if index % self._stride and not gap:
            return
        with self._news:
            if self._slot is not None:
                self.dropped += 1
                gap = gap or self._slot.gap
            self._slot = Frame(image, index, pts, gap)
            self._news.notify()

    def _read(self) -> None:
        try:
            gap = False
            while not self._stop.is_set():
                ok, image = self._feed.read()
                if ok and image is not None and image.size:
                    self._offer(image, self._time(), gap)
                    gap = False
                elif not self._reconnected():
                    break
                else:
                    gap = True
        except BaseException as error:  # it belongs to the thread that iterates
            self._failure = error
        finally:
            # Released here, since a capture must not be closed while it reads.
            self._feed.release()
            with self._news:
                self._ended = True
                self._news.notify()

    def _reconnected(self) -> bool:
        if self._backoff is None or self._stop.is_set():
            return False
        self._feed.release()
        for delay in self._backoff.delays():
            if self._stop.wait(delay):
                return False
            feed = self._connect()
            if feed is not None:
                self._feed = feed
                self.reconnects += 1
                return True
        message = f"{self.name} was lost and could not be reached again for {self._backoff.patience:g} s."
        raise SourceError(message, "Check the camera and the network, then start again.")

    def __iter__(self) -> Iterator[Frame]:
        while True:
            with self._news:
                while self._slot is None and not self._ended and not self._stop.is_set():
                    self._news.wait(_POLL_S)
                frame, self._slot = self._slot, None
            if frame is None:
                break
            yield frame
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        self._stop.set()
        with self._news:
            self._news.notify_all()
        # A read that hangs in the driver is left to the daemon thread: waiting for it would hang the program instead.
        self._thread.join(timeout=2.0)


def open_live(spec: str, vid_stride: int = 1, threads: int = 0) -> Source:
    """Open a camera by number, or a stream by address. An address of a finite video gives every frame, like a file.

    Raises:
        SourceError: There is no such camera, or the address cannot be reached.
    """
    if is_camera(spec):
        index = int(spec)
        capture = cv2.VideoCapture(index)
        if not capture.isOpened():
            raise camera_error(index)
        fps = capture.get(cv2.CAP_PROP_FPS)
        return LiveSource(f"camera {index}", _opener(index, capture), vid_stride, backoff=Backoff(), fps=fps)
    name = without_password(spec)
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _NETWORK_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _NETWORK_TIMEOUT_MS]
    capture = cv2.VideoCapture(spec, cv2.CAP_FFMPEG, timeouts)
    if not capture.isOpened():
        message = f"{name} cannot be opened: it does not answer, refuses, or sends no video."
        raise SourceError(message, "Check the address, the user name and password, and that the camera is on.")
    if urlsplit(spec).scheme in {"http", "https", "file"} and capture.get(cv2.CAP_PROP_FRAME_COUNT) > 0:
        capture.release()
        return FileSource(spec, vid_stride, threads)
    fps = capture.get(cv2.CAP_PROP_FPS)
    return LiveSource(name, _opener(spec, capture, timeouts), vid_stride, backoff=Backoff(), fps=fps)


def _opener(target: int | str, opened: cv2.VideoCapture, options: list[int] | None = None) -> Callable[[], Feed | None]:
    """A function that hands out ``opened`` first, and connects anew from then on."""
    ready = [opened]

    def connect() -> Feed | None:
        capture = ready.pop() if ready else None
        if capture is None and isinstance(target, int):
            capture = cv2.VideoCapture(target)
        elif capture is None:
            capture = cv2.VideoCapture(str(target), cv2.CAP_FFMPEG, options or [])
        return cast(Feed, capture) if capture.isOpened() else None

    return connect


def camera_error(index: int, devices: Path = Path("/dev")) -> SourceError:
    """Why a camera cannot be opened, and which there are.

    Args:
        index: The camera's number.
        devices: Folder of device files.
    """
    device = devices / f"video{index}"
    others = sorted(path.name for path in devices.glob("video*"))
    if device.exists():
        message = f"Camera {index} ({device}) cannot be opened: it is in use, not permitted, or no capture device."
        return SourceError(message, "Close other programs that use it, or run: sudo usermod -aG video $USER")
    if others:
        known = ", ".join(name.removeprefix("video") for name in others)
        return SourceError(f"There is no camera {index}: {device} does not exist.", f"Use one of the cameras {known}.")
    message = f"There is no camera {index}: {device} does not exist, nor any other {devices}/video*."
    return SourceError(message, "Connect a camera, or give a video file or an rtsp:// address instead.")


def without_password(url: str) -> str:
    """An address as it may be printed and stored: without what stands before the host."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=""))
