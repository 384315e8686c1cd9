"""Images as videos: one as a video of one frame, a folder of numbered ones as the frames of a sequence."""

from __future__ import annotations

import configparser
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from skipvid.errors import SourceError
from skipvid.video.clock import Timing
from skipvid.video.cv import cv2
from skipvid.video.frame import USUAL_FPS, ByteArray, Frame, Source, three_channels
from skipvid.video.inputs import require_content, require_utf8

__all__ = ["ImageSource", "SequenceSource"]

_FACTS = "seqinfo.ini"  # of MOT Challenge, beside the folder or in it


class ImageSource(Source):
    """An image as a video of one frame.

    Raises:
        SourceError: The image cannot be decoded.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path.stem, path)
        require_content(path)
        image = _decoded(path)
        if image is None:
            message = f"{path} is not an image that can be decoded: it is damaged or in an unknown format."
            raise SourceError(message, "Give a JPEG, PNG, BMP, TIFF or WebP file.")
        self._image = image
        self.height, self.width = image.shape[:2]
        self.frames = 1

    def __iter__(self) -> Iterator[Frame]:
        yield Frame(self._image, 0, 0.0)


class SequenceSource(Source):
    """A folder of numbered images, frame by frame, at the rate that a ``seqinfo.ini`` of MOT Challenge names, else 25 per second.

    Images of another size than the first are scaled to it. One that cannot be decoded is left out, and said so in ``notes``.

    Args:
        folder: Where they are.
        images: Their paths, in order.
        vid_stride: Deliver every n-th frame only.

    Raises:
        SourceError: None of them can be decoded, or the folder's name is not in UTF-8.
    """

    def __init__(self, folder: Path, images: Sequence[Path], vid_stride: int = 1) -> None:
        require_utf8(folder)
        super().__init__(folder.resolve().name, folder)
        self._images = images
        self._stride = vid_stride
        first = next((image for image in map(_decoded, images) if image is not None), None)
        if first is None:
            message = f"None of the {len(images)} images in {folder} can be decoded: they are damaged or in an unknown format."
            raise SourceError(message, "Give a folder of JPEG, PNG, BMP, TIFF or WebP files.")
        self.height, self.width = first.shape[:2]
        self.frames = len(images)
        rate = _rate(folder)
        self.fps = USUAL_FPS if rate is None else rate
        self.timing = Timing.of(None, self.fps, vid_stride)
        if rate is None:
            self.notes.append(f"{self.name}: images carry no times; {self.fps:g} frames/s assumed.")

    def __iter__(self) -> Iterator[Frame]:
        lost, scaled = 0, 0
        for index in range(0, len(self._images), self._stride):
            image = _decoded(self._images[index])
            if image is None:
                lost += 1
                continue
            if image.shape[:2] != (self.height, self.width):
                scaled += 1
                image = np.asarray(cv2.resize(image, (self.width, self.height), interpolation=cv2.INTER_AREA), np.uint8)
            yield Frame(image, index, index / self.fps)
        if lost:
            self.notes.append(f"{self.name}: images that cannot be decoded, left out: {lost}.")
        if scaled:
            self.notes.append(f"{self.name}: images scaled to {self.width}x{self.height}, the size of the first: {scaled}.")


def _decoded(path: Path) -> ByteArray | None:
    try:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    except (OSError, cv2.error):
        return None
    return None if image is None else three_channels(image)


def _rate(folder: Path) -> float | None:
    """Frames per second that a ``seqinfo.ini`` names, or None."""
    for place in (folder, folder.resolve().parent):
        parser = configparser.ConfigParser()
        try:
            parser.read(place / _FACTS, encoding="utf-8")
            rate = parser.getfloat("Sequence", "frameRate")
        except (configparser.Error, UnicodeDecodeError, ValueError):
            continue
        if math.isfinite(rate) and 0 < rate <= 1000:
            return rate
    return None
