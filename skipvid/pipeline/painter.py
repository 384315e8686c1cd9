"""What the pictures of a run show."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skipvid.draw.blur import BlurHold, blur
from skipvid.draw.boxes import annotate
from skipvid.draw.heatmap import heatmap_frame
from skipvid.models.names import Skeleton
from skipvid.pipeline.config import BLUR_GROW, BLUR_HOLD
from skipvid.pipeline.stages import Computed

__all__ = ["Painter"]

ByteArray = NDArray[np.uint8]


class Painter:
    """Draws the frames of one video, in order.

    With ``cover``, what was detected is covered in the picture that everything else is drawn on, so that no picture shows it.

    Args:
        labels: Class names by index.
        skeleton: Lines between keypoints.
        cover: Make what was detected unrecognisable instead of outlining it.
    """

    def __init__(self, labels: tuple[str, ...] = (), skeleton: Skeleton = (), *, cover: bool = False) -> None:
        self._labels, self._skeleton = labels, skeleton
        self._hold = BlurHold(BLUR_GROW, BLUR_HOLD) if cover else None

    def base(self, item: Computed) -> ByteArray:
        """The frame as it may leave the program. To be called once per frame."""
        if self._hold is None:
            return item.frame.image
        return blur(item.frame.image, self._hold.update(item.found.boxes))

    def heatmap(self, base: ByteArray, item: Computed) -> ByteArray:
        """Where the network was recomputed, over the greyed frame; ``base`` is left alone."""
        if item.heat is None:
            return base
        return heatmap_frame(base, item.heat, item.cost.share)

    def annotated(self, base: ByteArray, item: Computed) -> ByteArray:
        """What was found; ``base`` is drawn on."""
        if self._hold is not None:
            return base
        return annotate(base, item.found, self._labels, self._skeleton)
