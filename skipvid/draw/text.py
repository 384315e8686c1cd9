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


class Font:
    """A font at one size.

    Args:
        height: Of a capital letter, in pixels; at least 7, below which nothing can be read.

    Attributes:
        height: Of a capital letter, in pixels.
        descent: Below the baseline, in pixels.
    """

    def __init__(self, height: int) -> None:
        height = max(7, height)
        # Measured large, because sizes are whole pixels.
        unit = cv2.getTextSize("H0", _FACE, 10.0, 1)[0][1] / 10.0
        self.scale = height / unit
        self.thickness = max(1, round(height / 14))
        (_, self.height), descent = cv2.getTextSize("H0", _FACE, self.scale, self.thickness)
        self.descent = max(2, descent)

    @staticmethod
    @lru_cache(maxsize=64)
    def of(height: int) -> Font:
        """The font of a height; measuring one takes longer than drawing a frame, so they are kept."""
        return Font(height)

    def width(self, text: str) -> int:
        """Width of a text in pixels."""
        return int(cv2.getTextSize(text, _FACE, self.scale, self.thickness)[0][0])

    def put(self, image: ByteArray, text: str, x: int, y: int, colour: Colour) -> None:
        """Write in place; ``(x, y)`` is the left end of the baseline, in pixels."""
        cv2.putText(image, text, (x, y), _FACE, self.scale, colour, self.thickness, cv2.LINE_AA)

    def put_outlined(self, image: ByteArray, text: str, x: int, y: int, colour: Colour) -> None:
        """Write with a dark rim, to be read on any background."""
        cv2.putText(image, text, (x + 1, y + 1), _FACE, self.scale, (0, 0, 0), self.thickness + 1, cv2.LINE_AA)
        self.put(image, text, x, y, colour)
