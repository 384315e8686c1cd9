"""What the pictures of a run show."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skipvid.draw.blur import BlurHold, blur
from skipvid.draw.boxes import annotate
from skipvid.draw.heatmap import heatmap_frame
from skipvid.models.detection import Detections
from skipvid.models.names import Skeleton
from skipvid.pipeline.config import BLUR_GROW, BLUR_HOLD
from skipvid.pipeline.stages import Computed
from skipvid.plan import FloatArray

__all__ = ["Painter"]

ByteArray = NDArray[np.uint8]


@dataclass
class _Drawn:
    """A picture and what it was drawn from."""

    picture: ByteArray
    base: ByteArray
    found: Detections | None = None
    boxes: FloatArray | None = None


class Painter:
    """Draws the frames of one video, in order.

    Frames are never drawn upon: where there is something to draw, it is drawn on a copy. Where a frame is the same array as the
    one before (`skipvid.pipeline.stages.prepare`) and is to show the same, the picture is the same array, too: whoever compares
    arrays by identity knows that there is nothing new to see.

    With ``cover``, what was detected is covered in the picture that everything else is drawn on, so that no picture shows it.

    Args:
        labels: Class names by index.
        skeleton: Lines between keypoints.
        cover: Make what was detected unrecognisable instead of outlining it.
    """

    def __init__(self, labels: tuple[str, ...] = (), skeleton: Skeleton = (), *, cover: bool = False) -> None:
        self._labels, self._skeleton = labels, skeleton
        self._hold = BlurHold(BLUR_GROW, BLUR_HOLD) if cover else None
        self._base: _Drawn | None = None
        self._annotated: _Drawn | None = None
        self._heatmap: _Drawn | None = None

    def base(self, item: Computed) -> ByteArray:
        """The frame as it may leave the program. To be called once per frame."""
        image = item.frame.image
        if self._hold is None:
            return image
        boxes = self._hold.update(item.found.boxes)
        if len(boxes) == 0:
            return image
        last = self._base
        if last is None or last.base is not image or last.boxes is None or not np.array_equal(last.boxes, boxes):
            last = self._base = _Drawn(blur(image.copy(), boxes), image, boxes=boxes)
        return last.picture

    def heatmap(self, base: ByteArray, item: Computed) -> ByteArray:
        """Where the network was recomputed, over the greyed frame."""
        if item.heat is None:
            return base
        if item.cost.macs:
            remark = "in full" if item.cost.refresh else "looked at all over" if item.cost.looked else ""
            return heatmap_frame(base, item.heat, item.cost.share, remark=remark)
        if self._heatmap is None or self._heatmap.base is not base:
            self._heatmap = _Drawn(heatmap_frame(base, item.heat, 0.0), base)
        return self._heatmap.picture

    def annotated(self, base: ByteArray, item: Computed) -> ByteArray:
        """What was found."""
        if self._hold is not None or len(item.found) == 0:
            return base
        last = self._annotated
        if last is None or last.base is not base or last.found is not item.found:
            drawn = annotate(base.copy(), item.found, self._labels, self._skeleton)
            last = self._annotated = _Drawn(drawn, base, item.found)
        return last.picture
