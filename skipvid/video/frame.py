"""What every source of frames is: an iterator of `Frame` that says what it will deliver."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skipvid.video.clock import Timing
from skipvid.video.cv import cv2
from skipvid.video.probe import SourceFacts

__all__ = ["USUAL_FPS", "ByteArray", "Frame", "Source", "three_channels"]

ByteArray: TypeAlias = NDArray[np.uint8]

USUAL_FPS = 25.0
"""Frames per second where nothing says."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        image: ``(H, W, 3)`` BGR, upright, all of one size: where a file changes its size, OpenCV scales to the first. Not touched
            again by the source.
        index: Number of the frame in the source, counted from 0 over decoded frames, those skipped or dropped included.
        pts: Presentation time in seconds: of the container's own clock for files, since the first frame for live sources.
        gap: Whether the source was interrupted before this frame (lost connection, seek): it need not resemble the one before.
    """

    image: ByteArray
    index: int
    pts: float
    gap: bool = False


class Source:
    """A sequence of frames; a context manager and an iterator that can be walked once.

    Attributes:
        name: Short, for run folders and messages: a file's name without suffix.
        path: The file, or None.
        width: Of the first frame, upright.
        height: The same.
        fps: Average frames per second as claimed, else 25.
        frames: Number of frames claimed, or None; containers lie, so count what arrives.
        live: Whether frames that are not fetched in time are dropped.
        timing: Time base and usual duration of the frames delivered.
        facts: What the file says of itself; None for images and live sources.
        notes: Remarks for the user, complete when the last frame was delivered.
        dropped: Frames of a live source that nobody fetched in time.
    """

    def __init__(self, name: str, path: Path | None, *, live: bool = False) -> None:
        self.name = name
        self.path = path
        self.live = live
        self.width = self.height = 0
        self.fps = USUAL_FPS
        self.frames: int | None = None
        self.timing = Timing()
        self.facts: SourceFacts | None = None
        self.notes: list[str] = []
        self.dropped = 0

    def __iter__(self) -> Iterator[Frame]:
        raise NotImplementedError

    def close(self) -> None:
        """Give back the file or camera. Twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def three_channels(image: NDArray[Any]) -> ByteArray:
    """A grey picture with its one channel three times; others as they are."""
    if image.ndim == 2 or image.shape[2] == 1:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return np.asarray(image, np.uint8)
