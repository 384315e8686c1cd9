"""Text of a wanted height in pixels."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skipvid.draw.palette import Colour
from skipvid.video.cv import cv2

__all__ = ["Font"]

ByteArray: TypeAlias = NDArray[np.uint8]

_FACE = cv2.FONT_HERSHEY_SIMPLEX


@lru_cache(maxsize=1)
def _capital() -> float:
    """Height of a capital letter at scale 1, in pixels; measured on a drawn one, since ``getTextSize`` adds to it as it likes."""
    image = np.zeros((200, 200), np.uint8)
    cv2.putText(image, "H", (10, 190), _FACE, 4.0, 255, 1, cv2.LINE_AA)
    rows = np.flatnonzero(image.max(axis=1) > 127)
    return float(rows[-1] - rows[0] + 1) / 4.0


@lru_cache(maxsize=512)
def _width(text: str, scale: float, thickness: int) -> int:
    """Kept: in a run, the same texts come back in every frame, and each call of OpenCV lets other threads in between."""
    return int(cv2.getTextSize(text, _FACE, scale, thickness)[0][0])


class Font:
    """A font at one size.

    Args:
        height: Of a capital letter, in pixels; at least 6, below which nothing can be read.

    Attributes:
        height: Of a capital letter, in pixels.
        descent: Below the baseline, in pixels.
    """

    def __init__(self, height: int) -> None:
        self.height = max(6, height)
        self.scale = self.height / _capital()
        self.thickness = max(1, round(self.height / 12))
        self.descent = max(2, round(self.height / 3))

    @staticmethod
    @lru_cache(maxsize=64)
    def of(height: int) -> Font:
        """The font of a height; measuring one takes longer than drawing a frame, so they are kept."""
        return Font(height)

    def width(self, text: str) -> int:
        """Width of a text in pixels."""
        return _width(text, self.scale, self.thickness)

    def put(self, image: ByteArray, text: str, x: int, y: int, colour: Colour) -> None:
        """Write in place; ``(x, y)`` is the left end of the baseline, in pixels."""
        cv2.putText(image, text, (x, y), _FACE, self.scale, colour, self.thickness, cv2.LINE_AA)

    def put_outlined(self, image: ByteArray, text: str, x: int, y: int, colour: Colour) -> None:
        """Write with a dark rim, to be read on any background."""
        # Of the same thickness: since OpenCV 5 a thicker text is also a wider one, and its rim would run ahead of it.
        for dx, dy in ((1, 1), (-1, 1), (1, -1), (-1, -1)):
            self.put(image, text, x + dx, y + dy, (0, 0, 0))
        self.put(image, text, x, y, colour)
