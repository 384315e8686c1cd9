"""From BGR images to the planes a video encoder takes.

swscale could do it, but truncates where it should round (each pass darkens the picture by half a level) and takes longer.
"""

from __future__ import annotations

from typing import TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from skipvid.video.cv import cv2
from skipvid.video.probe import Colour

__all__ = ["YuvConverter"]

ByteArray: TypeAlias = NDArray[np.uint8]

_FULL_RANGE = 2
# Weights of red and blue in luma by matrix code point, ITU-T H.273 table 4. What is not named is decoded as BT.601 by OpenCV,
# and so must be encoded.
_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593), 10: (0.2627, 0.0593)}
_BT601 = (0.299, 0.114)


class YuvConverter:
    """Converts images of one size to 4:2:0 frames with the matrix and range of ``colour``.

    Args:
        width: Even, in pixels.
        height: Even, in pixels.
        colour: Tags of the frames made.
    """

    def __init__(self, width: int, height: int, colour: Colour) -> None:
        self.width, self.height, self.colour = width, height, colour
        self._matrix = _matrix(colour)
        self._full = np.empty((height, width, 3), np.uint8)
        self._half = np.empty((height // 2, width // 2, 3), np.uint8)

    def convert(self, image: ByteArray) -> av.VideoFrame:
        """A new frame ``yuv420p`` of an image ``(height, width, 3)`` BGR."""
        frame = av.VideoFrame(self.width, self.height, "yuv420p")
        cv2.transform(image, self._matrix, dst=self._full)
        cv2.resize(self._full, (self.width // 2, self.height // 2), dst=self._half, interpolation=cv2.INTER_AREA)
        for number, source in enumerate((self._full, self._half, self._half)):
            plane = frame.planes[number]
            rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
            cv2.extractChannel(source, number, dst=rows[:, : plane.width])
        frame.colorspace, frame.color_range = self.colour.matrix, self.colour.range
        return frame


def _matrix(colour: Colour) -> NDArray[np.float64]:
    """``(3, 4)``: Y, Cb, Cr of 8 bits as affine functions of B, G, R (ITU-T H.273, equations 38 to 43)."""
    red, blue = _WEIGHTS.get(colour.matrix, _BT601)
    luma = np.array([blue, 1 - red - blue, red])
    cb = (np.array([1.0, 0, 0]) - luma) / (2 * (1 - blue))
    cr = (np.array([0, 0, 1.0]) - luma) / (2 * (1 - red))
    if colour.range == _FULL_RANGE:
        rows, offsets = np.stack([luma, cb, cr]), [0.0, 128.0, 128.0]
    else:
        rows, offsets = np.stack([luma * 219, cb * 224, cr * 224]) / 255, [16.0, 128.0, 128.0]
    return np.column_stack([rows, offsets])
