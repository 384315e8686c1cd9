"""Care: gates are fine where the network is not sure of what it sees, and coarse where it is, or sees nothing.

A network that scores an object far above the usual confidence goes on finding it at thresholds that make it lose another one
which it scores a little above, and where it sees nothing there is nothing to lose until something comes. So the picture is
divided into cells, and what was found in the last frames tells how coarse the gates of a cell are (`docs/quality.md`, *Care*).

That needs gates which remember what they turned down: where thresholds fall they are asked again, and nothing has to be computed
anew. Norm gates with an accumulating reference do.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.errors import UsageError
from skipvid.gates.options import NOISE_MOST
from skipvid.gates.settings import GateSettings

__all__ = ["Attention", "Care", "are_factors", "is_factor"]

_CELL = 16  # side of a cell in pixels of the network's input, about
_MARGIN = 0.1  # what is looked at around a box, as a share of its size,
_MARGIN_CELLS = 0.5  # and besides
_PATIENCE = 2  # by how much longer the next look is waited for where the last one found nothing new
_FLOOR = 0.6  # share of the lowest confidence from which a candidate counts
_INPUT, _INPUT_FINE = 2.0, 0.5  # what the input's threshold is multiplied by where relief is above 1, and where it is below


def is_factor(value: object) -> bool:
    """Whether something may multiply thresholds: a number above 0 and below 100."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 100


def are_factors(value: object) -> bool:
    """Whether something is three factors - around the unsure, around the sure, elsewhere -, none below the one before."""
    if not isinstance(value, tuple) or len(value) != 3 or not all(is_factor(factor) for factor in value):
        return False
    return bool(value[0] <= value[1] <= value[2])


@dataclass(frozen=True)
class Care:
    """How coarse the gates are by what was found, as factors of the policy's thresholds.

    Attributes:
        unsure: Around what is neither sure nor nothing.
        certain: Around what is sure.
        elsewhere: Around nothing. Where two of these apply, the smaller one holds.
        conf: The lowest confidence of what is asked for. Candidates count from 0.6 times that, and are sure from half way
            between it and 1.
        hold: Frames for which something counts after it was last seen.
        every: Frames after which all of the picture is looked at as finely as the unsure, or twice as many where that found
            nothing new the last time; what nobody has seen yet is found then at the latest.

    Raises:
        UsageError: A number is out of range.
    """

    unsure: float = 0.75
    certain: float = 2.0
    elsewhere: float = 3.0
    conf: float = 0.25
    hold: int = 15
    every: int = 30

    def __post_init__(self) -> None:
        for name in ("unsure", "certain", "elsewhere"):
            if not is_factor(value := getattr(self, name)):
                message = f"{name} is {value!r}; it multiplies thresholds."
                raise UsageError(message, "Give a number above 0 and below 100.")
        if not 0 <= self.conf <= 1:
            message = f"conf is {self.conf!r}; it is a confidence."
            raise UsageError(message, "Give a number between 0 and 1.")
        if min(self.hold, self.every) < 1:
            message = f"hold is {self.hold} and every is {self.every}; both count frames, from 1 on."
            raise UsageError(message, "Leave them out for 15 and 30 frames.")

    @property
    def floor(self) -> float:
        """Score below which a candidate counts as nothing."""
        return _FLOOR * self.conf

    @property
    def sure(self) -> float:
        """Score from which a detection counts as sure."""
        return (1 + self.conf) / 2

    def eased(self, settings: GateSettings, *, attending: bool) -> GateSettings:
        """The rules with thresholds of the input to go with relief.

        Where that is above 1 the input is twice as coarse, up to `NOISE_MOST`. Where it is below 1 it is twice as fine: what the
        network is hardly sure of is lost to less than what the noise hides. Executors know one threshold for 1 and below, so the
        latter is for factors none of which is 1.

        Args:
            settings: The rules.
            attending: Whether factors are those of care by now; all are 1 before.
        """
        level = settings.input.threshold
        fine = _INPUT_FINE * level if attending and self.unsure < 1 < self.certain else level
        coarse = max(level, min(_INPUT * level, NOISE_MOST))
        return replace(settings, input=replace(settings.input, threshold=fine, coarse=coarse))


class Attention:
    """What care makes of the frames of one stream; without care, nothing.

    Args:
        care: How coarse gates are, or None.
        height: Of the network's input.
        width: Of the network's input.

    Attributes:
        factors: ``(rows, columns)`` float32: what thresholds are multiplied by in each cell of the picture in the next frame.
        looks: Whether all of the picture is looked at as finely as the unsure in that frame.
        began: Whether anything was told.
    """

    def __init__(self, care: Care | None, height: int, width: int) -> None:
        self.care = care
        self._size = (height, width)
        self._cells = (math.ceil(height / _CELL), math.ceil(width / _CELL))
        self.reset()

    def reset(self) -> None:
        """Forget the video."""
        self.factors = np.ones(self._cells, np.float32)
        self._unsure = self._sure = np.zeros((0, 4), np.float32)
        # Frames up to which a cell counts as unsure, and as sure.
        self._doubt, self._trust = np.zeros(self._cells, np.int64), np.zeros(self._cells, np.int64)
        self.began = self.looks = False
        self._every = 0 if self.care is None else self.care.every
        self._frame = self._looked = 0  # frames so far, and when all of the picture was looked at

    def saw(self, boxes: NDArray[np.floating[Any]], scores: NDArray[np.floating[Any]]) -> None:
        """What was found in the last frame; that holds until told otherwise.

        Args:
            boxes: ``(N, 4)`` x0, y0, x1, y1 in pixels of the network's input.
            scores: ``(N,)``; those below the floor may be left out.
        """
        if self.care is None:
            return
        sure = scores >= self.care.sure
        self._sure, self._unsure = boxes[sure], boxes[~sure & (scores >= self.care.floor)]
        self.began = True
        if self.looks:
            news = self._is_strange(boxes[scores >= self.care.conf])
            self._every = self.care.every * (1 if news else _PATIENCE)

    def _is_strange(self, boxes: NDArray[np.floating[Any]]) -> bool:
        """Whether the middle of any box lies where nothing was known of."""
        (height, width), (rows, columns) = self._size, self._cells
        y = np.clip((boxes[:, 1] + boxes[:, 3]) / 2 * rows / height, 0, rows - 1).astype(int)
        x = np.clip((boxes[:, 0] + boxes[:, 2]) / 2 * columns / width, 0, columns - 1).astype(int)
        known = np.maximum(self._doubt, self._trust) >= self._frame
        return not bool(known[y, x].all())

    def advance(self, *, full: bool = False, tight: bool = False) -> bool:
        """Settle the factors of the next frame; whether they are others. Until something was told they are 1.

        Args:
            full: The next frame is computed in full.
            tight: There is no time to look at all of the picture.
        """
        self.looks = False
        if self.care is None or not self.began:
            return False
        self._frame += 1
        self._note(self._unsure, self._doubt)
        self._note(self._sure, self._trust)
        self.looks = not (full or tight) and self._frame - self._looked >= self._every
        if full or self.looks:
            self._looked = self._frame
        before = self.factors
        self.factors = np.full(self._cells, self.care.unsure if self.looks else self.care.elsewhere, np.float32)
        if not self.looks:
            self.factors[self._trust >= self._frame] = min(self.care.certain, self.care.elsewhere)
            self.factors[self._doubt >= self._frame] = min(self.care.unsure, self.care.certain, self.care.elsewhere)
        return not np.array_equal(self.factors, before)

    def _note(self, boxes: NDArray[np.floating[Any]], until: NDArray[np.int64]) -> None:
        """From now on cells around the boxes count for a while."""
        assert self.care is not None
        (height, width), (rows, columns) = self._size, self._cells
        across, down = columns / width, rows / height
        last = self._frame + self.care.hold - 1
        for x0, y0, x1, y1 in boxes.tolist():
            x, y = _MARGIN * (x1 - x0) * across + _MARGIN_CELLS, _MARGIN * (y1 - y0) * down + _MARGIN_CELLS
            left, right = max(math.floor(x0 * across - x), 0), max(math.ceil(x1 * across + x), 0)
            top, bottom = max(math.floor(y0 * down - y), 0), max(math.ceil(y1 * down + y), 0)
            until[top:bottom, left:right] = last
