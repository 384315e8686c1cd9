"""Boxes, labels, landmarks and skeletons on a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skipvid.draw.palette import Colour, class_colour, text_colour
from skipvid.draw.text import Font
from skipvid.models.detection import Detection, Detections
from skipvid.plan import FloatArray
from skipvid.video.cv import cv2

__all__ = ["Style", "annotate"]

ByteArray: TypeAlias = NDArray[np.uint8]

_RIM: Colour = (25, 25, 25)
_SHIFT = 4  # cv2 draws circles and lines at 1/16 pixel
_FEET = 1 << _SHIFT


@dataclass(frozen=True)
class Style:
    """How things are drawn on frames of one size.

    Attributes:
        line: Width of a box's line, in pixels.
        font: For labels.
        joint: Radius of a joint, in pixels.
    """

    line: int
    font: Font
    joint: float

    @classmethod
    def of(cls, width: int, height: int) -> Style:
        """A style that looks alike on all sizes of frame."""
        side = (width * height) ** 0.5
        return cls(max(1, round(side / 260)), Font.of(round(side / 56)), max(2.0, side / 180))


def annotate(
    image: ByteArray,
    detections: Detections,
    labels: Sequence[str] = (),
    skeleton: Sequence[tuple[int, int]] = (),
    *,
    joint_conf: float = 0.2,
    style: Style | None = None,
) -> ByteArray:
    """Draw detections.

    Args:
        image: ``(H, W, 3)`` BGR, drawn upon in place.
        detections: In pixels of the image.
        labels: Names of the classes.
        skeleton: Pairs of keypoints joined by a limb; without it, keypoints are dots.
        joint_conf: Keypoints below this confidence are left out.
        style: Sizes; by default those for this size of image.

    Returns:
        ``image``.
    """
    if len(detections) == 0:
        return image
    style = style or Style.of(image.shape[1], image.shape[0])
    # The surest last, on top of the others.
    order = range(len(detections) - 1, -1, -1)
    for i in order:
        _box(image, detections[i], style)
    for i in order:
        found = detections[i]
        if found.keypoints is not None:
            _keypoints(image, found.keypoints, skeleton, joint_conf, style, _size(found))
    for i in order:
        found = detections[i]
        name = labels[found.label] if 0 <= found.label < len(labels) else f"class {found.label}"
        _tag(image, found, f"{name} {found.score:.2f}", style)
    return image


def _size(found: Detection) -> float:
    x1, y1, x2, y2 = found.box
    return max(x2 - x1, y2 - y1)


def _corners(found: Detection, image: ByteArray) -> tuple[int, int, int, int] | None:
    if not np.isfinite(found.box).all():
        return None
    height, width = image.shape[:2]
    x1, y1, x2, y2 = found.box
    left, right = (round(min(max(v, 0), width - 1)) for v in (x1, x2))
    top, bottom = (round(min(max(v, 0), height - 1)) for v in (y1, y2))
    return left, top, right, bottom


def _box(image: ByteArray, found: Detection, style: Style) -> None:
    corners = _corners(found, image)
    if corners is None:
        return
    left, top, right, bottom = corners
    if style.line > 1:
        # The dark rim keeps the line visible where the picture has the line's colour. Small frames have no room for it.
        cv2.rectangle(image, (left, top), (right, bottom), _RIM, style.line + 2)
    cv2.rectangle(image, (left, top), (right, bottom), class_colour(found.label), style.line)


def _tag(image: ByteArray, found: Detection, text: str, style: Style) -> None:
    corners = _corners(found, image)
    if corners is None:
        return
    left, top, _, _ = corners
    colour, font, margin = class_colour(found.label), style.font, max(2, style.font.height // 3)
    width, height = font.width(text) + 2 * margin, font.height + 2 * margin
    x = max(0, min(left - style.line // 2, image.shape[1] - width))
    # Above the box; inside where there is no room above.
    y = top - height if top >= height else min(top, image.shape[0] - height)
    y = max(0, y)
    cv2.rectangle(image, (x, y), (x + width - 1, y + height - 1), colour, cv2.FILLED)
    font.put(image, text, x + margin, y + margin + font.height, text_colour(colour))


def _keypoints(
    image: ByteArray, points: FloatArray, skeleton: Sequence[tuple[int, int]], conf: float, style: Style, size: float
) -> None:
    # A small person gets thin limbs, or they would hide it.
    radius = min(style.joint, max(1.0, size / 28))
    seen = (points[:, 2] >= conf) & np.isfinite(points).all(axis=1) & (np.abs(points) < 1e5).all(axis=1)
    at = [(round(float(x) * _FEET), round(float(y) * _FEET)) for x, y, _ in np.where(seen[:, None], points, 0)]
    thickness = max(1, round(radius))
    for number, (a, b) in enumerate(skeleton):
        if a < len(at) and b < len(at) and seen[a] and seen[b]:
            cv2.line(image, at[a], at[b], _RIM, thickness + 2, cv2.LINE_AA, _SHIFT)
            cv2.line(image, at[a], at[b], class_colour(number), thickness, cv2.LINE_AA, _SHIFT)
    for number, point in enumerate(at):
        if seen[number]:
            inner: Colour = (255, 255, 255) if skeleton else class_colour(number + 1)
            cv2.circle(image, point, round((radius + 1) * _FEET), _RIM, cv2.FILLED, cv2.LINE_AA, _SHIFT)
            cv2.circle(image, point, round(radius * _FEET), inner, cv2.FILLED, cv2.LINE_AA, _SHIFT)
