"""Making people unrecognisable: boxes that grow and persist, and what is done to the picture inside them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skipvid.plan import FloatArray
from skipvid.video.cv import cv2

__all__ = ["BlurHold", "blur", "covered", "grow"]

ByteArray: TypeAlias = NDArray[np.uint8]

_CELLS = 6  # what is left of a face across: far below the 16 or so pixels that recognition needs
_SMALLEST_CELL = 4.0


def grow(boxes: FloatArray, factor: float) -> FloatArray:
    """Boxes ``(N, 4)`` x1, y1, x2, y2 scaled about their centres."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = np.abs(boxes[:, 2:] - boxes[:, :2]) / 2 * factor
    return np.concatenate([centre - half, centre + half], axis=1).astype(np.float32)


@dataclass
class _Held:
    box: FloatArray
    age: int = 0


class BlurHold:
    """Keeps blurring where something was found a moment ago, so that a missed detection shows nobody.

    Args:
        factor: How much boxes are grown.
        frames: For how many frames after its last detection a box is held.
        overlap: Intersection over union above which a detection is the held object seen again.
        spread: Growth of a held box per frame: the face may have moved on.
    """

    def __init__(self, factor: float = 1.3, frames: int = 10, overlap: float = 0.2, spread: float = 0.02) -> None:
        self.factor, self.frames, self.overlap, self.spread = factor, frames, overlap, spread
        self._held: list[_Held] = []

    def update(self, boxes: FloatArray) -> FloatArray:
        """Take the detections of the next frame.

        Args:
            boxes: ``(N, 4)`` x1, y1, x2, y2 in pixels of the frame; N may be 0.

        Returns:
            ``(M, 4)`` all boxes to blur: the detections, grown, and those held.
        """
        found = grow(np.asarray(boxes, np.float32).reshape(-1, 4), self.factor)
        found = found[np.isfinite(found).all(axis=1)]
        kept = [_Held(box) for box in found]
        for held in self._held:
            held.age += 1
            seen_again = len(found) > 0 and float(_iou(held.box, found).max()) > self.overlap
            if not seen_again and held.age <= self.frames:
                kept.append(held)
        self._held = kept
        drawn = [grow(held.box, 1 + self.spread * held.age) for held in kept]
        return np.concatenate(drawn) if drawn else np.zeros((0, 4), np.float32)

    def reset(self) -> None:
        """Forget everything, as after a jump to another part of the video."""
        self._held = []


def _iou(box: FloatArray, others: FloatArray) -> FloatArray:
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    area = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - shared
    return np.asarray(shared / np.maximum(area, 1e-9), np.float32)


def blur(
    image: ByteArray,
    boxes: FloatArray,
    *,
    kind: Literal["smooth", "mosaic"] = "smooth",
    shape: Literal["ellipse", "rectangle"] = "ellipse",
) -> ByteArray:
    """Destroy what is inside boxes: at most six independent values across are left of the longer side, whatever its size.

    Args:
        image: ``(H, W, 3)`` BGR, changed in place.
        boxes: ``(N, 4)`` x1, y1, x2, y2 in pixels, already grown (see `BlurHold`). Parts outside the image are ignored.
        kind: Smooth gradients or visible squares.
        shape: What part of a box is changed.

    Returns:
        ``image``.
    """
    for box, left, top, right, bottom in _places(boxes, image.shape[1], image.shape[0]):
        part = image[top:bottom, left:right]
        coarse = _coarse(part, max(float(box[2] - box[0]), float(box[3] - box[1])), kind)
        if shape == "rectangle":
            part[:] = coarse
        else:
            mask = _ellipse(box, left, top, part.shape[:2])
            cv2.copyTo(coarse, mask, part)
    return image


def covered(size: tuple[int, int], boxes: FloatArray) -> NDArray[np.bool_]:
    """Which pixels of a picture of (height, width) `blur` changes, with ellipses: ``(H, W)``."""
    result = np.zeros(size, bool)
    for box, left, top, right, bottom in _places(boxes, size[1], size[0]):
        part = result[top:bottom, left:right]
        part |= _ellipse(box, left, top, part.shape).astype(bool)
    return result


def _places(boxes: FloatArray, width: int, height: int) -> Iterator[tuple[FloatArray, int, int, int, int]]:
    """The boxes that show in a picture, each with its left, top, right and bottom pixel there."""
    for box in np.asarray(boxes, np.float32).reshape(-1, 4):
        if not np.isfinite(box).all():
            continue
        left, top = (int(max(0, np.floor(v))) for v in box[:2])
        right, bottom = int(min(width, np.ceil(box[2]))), int(min(height, np.ceil(box[3])))
        if right > left and bottom > top:
            yield box, left, top, right, bottom


def _coarse(part: ByteArray, side: float, kind: str) -> ByteArray:
    cell = max(_SMALLEST_CELL, side / _CELLS)
    height, width = part.shape[:2]
    small = cv2.resize(part, (max(1, round(width / cell)), max(1, round(height / cell))), interpolation=cv2.INTER_AREA)
    way = cv2.INTER_NEAREST if kind == "mosaic" else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(small, (width, height), interpolation=way), np.uint8)


def _ellipse(box: FloatArray, left: int, top: int, size: tuple[int, ...]) -> ByteArray:
    mask = np.zeros(size, np.uint8)
    x1, y1, x2, y2 = (float(v) for v in box)
    centre = ((x1 + x2) / 2 - left, (y1 + y2) / 2 - top)
    axes = ((x2 - x1) / 2 + 1, (y2 - y1) / 2 + 1)
    cv2.ellipse(mask, (centre, (2 * axes[0], 2 * axes[1]), 0.0), 255, cv2.FILLED)
    return mask
