"""Finer thresholds while the network is unsure of something it sees.

A network that scores an object far above the usual confidence goes on finding it at thresholds that make it lose another one
which it scores a little above. CenterFace at the thresholds of ``balanced`` loses 0.00 of the score of faces that it gives 0.9,
and 0.19 of that of faces it gives 0.6 (medians; `docs/quality.md`). So thresholds that suit the sure are for scenes where
everything found is sure; in others they become finer, and stay so for a while after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["UNSURE", "Care", "Caution"]

UNSURE = "unsure"
"""Why a frame is computed in full: so that thresholds may fall."""


@dataclass(frozen=True)
class Care:
    """When thresholds are finer, and by how much.

    Attributes:
        sure: Score from which a detection counts as sure.
        floor: Score below which it counts as nothing.
        factor: What all thresholds inside the network are multiplied by while something is neither, above 0 and below 1.
        hold: Frames for which they stay so after the last of such.
    """

    sure: float
    floor: float
    factor: float
    hold: int = 60


class Caution:
    """What care makes of the frames of one stream; without care, nothing.

    Attributes:
        factor: What the thresholds of the next frame are multiplied by.
        falls: Whether that is less than for the last one.
    """

    def __init__(self, care: Care | None) -> None:
        self.care = care
        self.reset()

    def reset(self) -> None:
        """Forget the video."""
        self.factor = 1.0
        self.falls = False
        self._unsure = False
        self._left = 0

    def saw(self, scores: NDArray[np.floating[Any]]) -> None:
        """What was found in the last frame; that holds until told otherwise.

        Args:
            scores: ``(N,)``; those below the floor may be left out.
        """
        if self.care is not None:
            self._unsure = bool(((scores >= self.care.floor) & (scores < self.care.sure)).any())

    def advance(self) -> bool:
        """Settle the factor of the next frame; whether it is another one."""
        if self.care is None:
            return False
        before = self.factor
        self._left = self.care.hold if self._unsure else max(self._left - 1, 0)
        self.factor = self.care.factor if self._left else 1.0
        self.falls = self.factor < before
        return self.factor != before
