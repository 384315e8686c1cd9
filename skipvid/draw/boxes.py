"""Boxes, labels, landmarks and skeletons on a frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skipvid.draw.palette import Colour, class_colour, text_colour
from skipvid.draw.text import Font
from skipvid.models.detection import Detections
from skipvid.plan import FloatArray
from skipvid.video.cv import cv2

__all__ = ["Style", "annotate"]

ByteArray: TypeAlias = NDArray[np.uint8]

_RIM: Colour = (25, 25, 25)
_SHIFT = 4  # cv2 draws circles and lines at 1/16 pixel
_FEET = 1 << _SHIFT
_MOST_HIDDEN = 0.5  # share of a box that another's label may hide


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
    marks = list(_marks(image, detections))[::-1]
    for mark in marks:
        _box(image, mark, style)
    if detections.keypoints is not None:
        with np.errstate(invalid="ignore"):  # of boxes without end
            sizes = (detections.boxes[:, 2:] - detections.boxes[:, :2]).max(axis=1).tolist()
        for points, size in zip(detections.keypoints[::-1], sizes[::-1], strict=True):
            _keypoints(image, points, skeleton, joint_conf, style, size)
    for tag in _tags(image, marks, labels, style):
        image[tag.top : tag.bottom, tag.left : tag.right] = tag.picture[: tag.bottom - tag.top, : tag.right - tag.left]
    return image


class _Mark(NamedTuple):
    """A detection whose box can be drawn: whole pixels of the picture."""

    left: int
    top: int
    right: int
    bottom: int
    label: int
    score: float


def _marks(image: ByteArray, detections: Detections) -> Iterator[_Mark]:
    """Of all at once: a frame shows dozens, and numbers one by one take as long as drawing them."""
    drawn = np.flatnonzero(np.isfinite(detections.boxes).all(axis=1))
    height, width = image.shape[:2]
    last = np.array([width - 1, height - 1] * 2, np.float64)
    corners = np.rint(np.clip(detections.boxes[drawn].astype(np.float64), 0, last)).astype(int)
    columns = (*corners.T.tolist(), detections.labels[drawn].tolist(), detections.scores[drawn].tolist())
    return map(_Mark._make, zip(*columns, strict=True))


def _box(image: ByteArray, mark: _Mark, style: Style) -> None:
    low, high = mark[:2], mark[2:4]
    if style.line > 1:
        # The dark rim keeps the line visible where the picture has the line's colour. Small frames have no room for it.
        cv2.rectangle(image, low, high, _RIM, style.line + 2)
    cv2.rectangle(image, low, high, class_colour(mark.label), style.line)


class _Tag(NamedTuple):
    """A label and where it goes, in pixels of the picture; the ends lie behind it."""

    left: int
    top: int
    right: int
    bottom: int
    picture: ByteArray


def _tags(image: ByteArray, marks: Sequence[_Mark], labels: Sequence[str], style: Style) -> list[_Tag]:
    """Labels where they hide neither a surer one nor most of a box of their class; where that is nowhere, none.

    Args:
        image: The picture.
        marks: Boxes, the surest last.
        labels: Names of the classes.
        style: Sizes.
    """
    alike: dict[int, list[_Mark]] = {}
    for mark in marks:
        alike.setdefault(mark.label, []).append(mark)
    shown: list[_Tag] = []
    for mark in marks[::-1]:
        name = labels[mark.label] if 0 <= mark.label < len(labels) else f"class {mark.label}"
        picture = _tag_picture(f"{name} {mark.score:.2f}", class_colour(mark.label), style.font)
        for tag in _places(image, mark, picture, style):
            if not _meets(tag, shown) and not _hides(tag, alike[mark.label]):
                shown.append(tag)
                break
    return shown


def _places(image: ByteArray, mark: _Mark, picture: ByteArray, style: Style) -> Iterator[_Tag]:
    """Above the box, inside or below it, as far as there is room."""
    height, width = picture.shape[:2]
    x = max(0, min(mark.left - style.line // 2, image.shape[1] - width))
    room = [y for y in (mark.top - height, mark.top, mark.bottom) if 0 <= y <= image.shape[0] - height]
    for y in room or [0]:
        yield _Tag(x, y, min(x + width, image.shape[1]), min(y + height, image.shape[0]), picture)


def _meets(tag: _Tag, others: Sequence[_Tag]) -> bool:
    left, top, right, bottom, _ = tag
    return any(t.top < bottom and top < t.bottom and t.left < right and left < t.right for t in others)


def _hides(tag: _Tag, marks: Sequence[_Mark]) -> bool:
    """Whether a label would hide most of a box."""
    start, top, end, bottom, _ = tag
    for left, high, right, low, _, _ in marks:
        if high < bottom and top < low and left < end and start < right:
            common = (min(end, right) - max(start, left)) * (min(bottom, low) - max(top, high))
            if common > _MOST_HIDDEN * (right - left) * (low - high):
                return True
    return False


@lru_cache(maxsize=512)
def _tag_picture(text: str, colour: Colour, font: Font) -> ByteArray:
    """A label; kept, since the same few come back in every frame and letters take longer than all the rest of a detection."""
    margin = max(2, font.height // 3)
    tag = np.full((font.height + 2 * margin, font.width(text) + 2 * margin, 3), colour, np.uint8)
    font.put(tag, text, margin, margin + font.height, text_colour(colour))
    tag.flags.writeable = False
    return tag


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
