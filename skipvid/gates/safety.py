"""When not to trust the past: scene cuts, exposure steps, moving cameras.

Truncation never drifts, but three events make it pointless or leave traces below the threshold everywhere: a cut (nothing of the
old picture is of use), a step of exposure (old and new light would lie side by side in patches), and a camera that moves
(everything changes all the time). All three are seen in a thumbnail of some thousand sampled pixels, cut into cells of 6x6
samples. Cells are compared by correlation, which does not depend on how bright or how contrasty a scene is: two night cameras
differ in it as much as two at noon.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from skipvid.plan import FloatArray

__all__ = ["EXPOSURE", "MOVING", "SCENE_CUT", "Safety", "Watch"]

SCENE_CUT: Final = "scene-cut"
MOVING: Final = "moving"
EXPOSURE: Final = "exposure"

_CELL = 6


@dataclass(frozen=True)
class Safety:
    """What counts as a cut, a step of exposure or a moving camera. Shares are of the cells that show any texture.

    Attributes:
        samples: Thumbnail samples along the longer side of the picture.
        texture: Standard deviation, in grey levels, above which a cell shows texture.
        cut: Share of cells whose correlation with the previous frame falls below one half that makes a cut.
        cut_over: The same share must exceed this multiple of its recent median: a bus that fills the picture is no cut in every
            frame.
        moving: Share of cells whose correlation with ``lag`` frames ago falls below 0.9 that counts as a moving camera.
        calm: The same share below which a moving camera counts as at rest again.
        lag: Frames between the pictures compared for movement; probed every ``lag / 2`` frames.
        probes: Successive probes for moving that switch to dense; two calm ones switch back.
        worth: Dense for a moving camera only where skipping executed at least this share of the arithmetic since the last probe.
            From three quarters on, skipping takes as long as a full pass.
        exposure: Grey levels by which most of the picture must have become brighter or darker since the last refresh; probed as
            above.
        hold: Frames between two refreshes for exposure: flickering light is left to the gates.
    """

    samples: int = 84
    texture: float = 4.0
    cut: float = 0.6
    cut_over: float = 2.5
    moving: float = 0.6
    calm: float = 0.4
    lag: int = 8
    probes: int = 3
    worth: float = 0.75
    exposure: float = 3.0
    hold: int = 15

    def watch(self) -> Watch:
        """The state of one video."""
        return Watch(self)


class Watch:
    """Looks at every frame of one video and says whether the next step must recompute everything, and why."""

    def __init__(self, safety: Safety) -> None:
        self._safety = safety
        self.reset()

    def reset(self) -> None:
        """Forget the video."""
        self._last: _Thumbnail | None = None
        self._reference: _Thumbnail | None = None
        self._past: deque[_Thumbnail] = deque(maxlen=2)
        self._changes: deque[float] = deque(maxlen=10)
        self._shares: list[float] = []
        self._moving = False
        self._votes = 0
        self._frame = 0
        self._held = 0

    @property
    def moving(self) -> bool:
        """Whether the camera is taken to be moving, so that every frame runs dense."""
        return self._moving

    def refreshed(self) -> None:
        """Everything was recomputed for another reason, from the picture last decided on."""
        self._reference = self._last

    def decide(self, image: NDArray[Any], *, share: float | None = None, unit: float = 1.0, repeated: bool = False) -> str | None:
        """Look at the next frame, before it is executed.

        Args:
            image: ``(H, W, C)``, uint8 or float, at the network's input size; sampled, not kept.
            share: Share of the arithmetic that the previous frame executed, None where unknown.
            unit: What one grey level is in ``image``.
            repeated: ``image`` is known to equal the one before.

        Returns:
            ``scene-cut``, ``exposure`` or ``moving`` where everything must be recomputed, else None.
        """
        before = self._last
        if before is None or not repeated:
            now = _Thumbnail.of(image, self._safety.samples, unit)
        if before is not None and (repeated or now.equals(before)):
            now = before  # with all that is already known about it
        self._last = now
        self._frame += 1
        self._held = max(self._held - 1, 0)
        if share is not None:
            self._shares.append(share)
        if before is None or before.shape != now.shape:
            self._restart(now)
            return None
        if self._is_cut(before, now):
            self._restart(now)
            return SCENE_CUT
        probing = self._frame % max(self._safety.lag // 2, 1) == 0
        if probing:
            self._probe(now)
        if self._moving:
            self._reference = now
            return MOVING
        if probing and self._is_exposure(now):
            self._reference = now
            self._held = self._safety.hold
            return EXPOSURE
        return None

    def _restart(self, now: _Thumbnail) -> None:
        self._reference = now
        self._past.clear()
        self._past.append(now)
        self._shares.clear()
        self._moving = False
        self._votes = self._frame = self._held = 0

    def _is_cut(self, before: _Thumbnail, now: _Thumbnail) -> bool:
        # Correlating takes most of the time, and no cut leaves the picture all but unchanged.
        still = now is before or float(np.abs(now.mean - before.mean).mean()) < 1.0
        change = 0.0 if still else now.unlike(before, 0.5, self._safety.texture)
        usual = median(self._changes) if self._changes else 0.0
        self._changes.append(change)
        return change > max(self._safety.cut, self._safety.cut_over * usual)

    def _probe(self, now: _Thumbnail) -> None:
        """Compare with ``lag`` frames ago and vote for or against a moving camera."""
        if len(self._past) == self._past.maxlen:
            change = now.unlike(self._past[0], 0.9, self._safety.texture)
            costly = not self._shares or sum(self._shares) / len(self._shares) >= self._safety.worth
            if self._moving:
                self._votes = self._votes + 1 if change < self._safety.calm else 0
                switch = self._votes >= 2
            else:
                self._votes = self._votes + 1 if change > self._safety.moving and costly else 0
                switch = self._votes >= self._safety.probes
            if switch:
                self._moving = not self._moving
                self._votes = 0
        self._shares.clear()
        self._past.append(now)

    def _is_exposure(self, now: _Thumbnail) -> bool:
        if self._reference is None or self._held:
            return False
        if now is self._reference or now.furthest(self._reference) < self._safety.exposure:
            return False
        shift = now.brighter(self._reference, self._safety.texture)
        if abs(shift) < self._safety.exposure:
            return False
        return now.unlike(self._reference, 0.5, self._safety.texture) < 0.5 * self._safety.cut


class _Thumbnail:
    """Samples of a picture in cells, with what comparing them takes, worked out when it is asked for."""

    def __init__(self, grid: NDArray[Any], unit: float, shape: tuple[int, int]) -> None:
        self.shape = shape
        self._grid = grid
        self._unit = unit
        cell = (min(_CELL, grid.shape[0]), min(_CELL, grid.shape[1]))
        self._split = (grid.shape[0] // cell[0], cell[0], grid.shape[1] // cell[1], cell[1])

    @cached_property
    def _whole(self) -> FloatArray:
        rows, cell_h, columns, cell_w = self._split
        whole = self._grid[: rows * cell_h, : columns * cell_w].astype(np.float32)
        return whole if self._unit == 1.0 else whole / np.float32(self._unit)

    @cached_property
    def mean(self) -> FloatArray:
        rows, cell_h, columns, cell_w = self._split
        sums = self._whole.reshape(rows, cell_h, -1).sum(axis=1).reshape(rows * columns, cell_w).sum(axis=1)
        return np.asarray(sums / np.float32(cell_h * cell_w), np.float32)

    @cached_property
    def centred(self) -> FloatArray:
        rows, cell_h, columns, cell_w = self._split
        cells = self._whole.reshape(self._split).transpose(0, 2, 1, 3).reshape(rows * columns, cell_h * cell_w)
        return np.asarray(cells - self.mean[:, None], np.float32)

    @cached_property
    def spread(self) -> FloatArray:
        return np.asarray(np.sqrt(np.square(self.centred).mean(axis=1)), np.float32)

    @classmethod
    def of(cls, image: NDArray[Any], samples: int, unit: float) -> _Thumbnail:
        """Point samples of one channel (green of BGR): averaging would cost a pass over the picture and hide fine texture."""
        height, width, channels = image.shape
        stride = max(max(height, width) // samples, 1)
        grid = image[stride // 2 :: stride, stride // 2 :: stride, min(1, channels - 1)]
        return cls(np.ascontiguousarray(grid), unit, (height, width))

    def equals(self, other: _Thumbnail) -> bool:
        """Whether the samples are the same ones."""
        return self.shape == other.shape and self._unit == other._unit and np.array_equal(self._grid, other._grid)

    def furthest(self, other: _Thumbnail) -> float:
        """Grey levels by which the cell that changed most became brighter or darker."""
        return float(np.abs(self.mean - other.mean).max())

    def unlike(self, other: _Thumbnail, correlation: float, texture: float) -> float:
        """Share of cells with texture in either picture whose correlation between the two is below ``correlation``."""
        if self is other:
            return 0.0
        textured = np.maximum(self.spread, other.spread) > texture
        count = int(textured.sum())
        if count == 0:
            return 0.0
        product = (self.centred * other.centred).mean(axis=1)
        unlike = textured & (product < correlation * self.spread * other.spread + 1e-3)
        return float(unlike.sum()) / count

    def brighter(self, other: _Thumbnail, texture: float) -> float:
        """Grey levels by which at least 70 % of the textured cells became brighter (or darker: negative), else 0."""
        textured = np.maximum(self.spread, other.spread) > texture
        if not textured.any():
            return 0.0
        shifts = np.sort((self.mean - other.mean)[textured])
        low, high = np.interp((0.3 * (len(shifts) - 1), 0.7 * (len(shifts) - 1)), np.arange(len(shifts)), shifts)
        return float(low if low > 0 else min(high, 0.0))
