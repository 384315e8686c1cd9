"""Thresholds that follow how sure the network is of what it sees.

A network that scores an object far above the usual confidence goes on finding it at thresholds that make it lose another one
which it scores a little above. CenterFace at the thresholds of ``balanced`` loses 0.00 of the score of faces that it gives 0.9,
and 0.19 of that of faces it gives 0.6 (medians; `docs/quality.md`). So thresholds that suit the sure are for scenes where
everything found is sure; in others they are finer, and stay so for a while after.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.gates.options import NOISE_MOST
from skipvid.gates.settings import GateSettings

__all__ = ["UNSURE", "USUAL", "Care", "Caution", "Shift"]

UNSURE = "unsure"
"""Why a frame is computed in full: so that thresholds may fall."""


@dataclass(frozen=True)
class Shift:
    """How gates differ from the policy's for a while.

    Attributes:
        factor: What all thresholds inside the network are multiplied by.
        input: What the input's is multiplied by, up to `NOISE_MOST` grey levels.
        dilation: Pixels around a changed input pixel that are taken along; None: as the policy says.
    """

    factor: float = 1.0
    input: float = 1.0
    dilation: int | None = None

    def of(self, settings: GateSettings) -> GateSettings:
        """The settings with the gates shifted."""
        if self == USUAL:
            return settings
        gate = settings.input
        level = min(gate.threshold * self.input, max(gate.threshold, NOISE_MOST))
        dilation = gate.dilation if self.dilation is None else self.dilation
        return replace(settings.coarser(self.factor), input=replace(gate, threshold=level, dilation=dilation))


USUAL = Shift()


@dataclass(frozen=True)
class Care:
    """When gates are finer or coarser than the policy's, and by how much.

    Attributes:
        sure: Score from which a detection counts as sure.
        floor: Score below which it counts as nothing.
        unsure: The gates while something is neither.
        certain: The gates while something is sure and nothing unsure.
        hold: Frames for which either lasts after the last of such.
    """

    sure: float
    floor: float
    unsure: Shift = USUAL
    certain: Shift = USUAL
    hold: int = 60


class Caution:
    """What care makes of the frames of one stream; without care, nothing.

    Attributes:
        shift: The gates of the next frame.
        falls: Whether its thresholds are finer than those of the last one.
    """

    def __init__(self, care: Care | None) -> None:
        self.care = care
        self.reset()

    def reset(self) -> None:
        """Forget the video."""
        self.shift = USUAL
        self.falls = False
        self._unsure = self._sure = False
        self._doubt = self._trust = 0

    def saw(self, scores: NDArray[np.floating[Any]]) -> None:
        """What was found in the last frame; that holds until told otherwise.

        Args:
            scores: ``(N,)``; those below the floor may be left out.
        """
        if self.care is not None:
            sure = scores >= self.care.sure
            self._sure = bool(sure.any())
            self._unsure = bool((~sure & (scores >= self.care.floor)).any())

    def advance(self) -> bool:
        """Settle the gates of the next frame; whether they are others."""
        if self.care is None:
            return False
        before = self.shift
        self._doubt = self.care.hold if self._unsure else max(self._doubt - 1, 0)
        self._trust = self.care.hold if self._sure else max(self._trust - 1, 0)
        self.shift = self.care.unsure if self._doubt else self.care.certain if self._trust else USUAL
        self.falls = self.shift.factor < before.factor
        return self.shift != before
