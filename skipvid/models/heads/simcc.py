"""One person's keypoints as two one-dimensional heatmaps each (SimCC, Li et al., arXiv 2107.03332): RTMPose."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs
from skipvid.models.heads.keypoints import around_points
from skipvid.models.names import LABELS, SKELETONS

__all__ = ["SimCC"]

_MEAN, _STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
_FINEST = 4  # bins per pixel


@dataclass(frozen=True, eq=False)
class SimCC:
    """Decodes ``(1, K, a * width)`` and ``(1, K, a * height)``: the highest bin of each row, ``a`` bins to a pixel.

    A keypoint is as sure as the lower of its two peaks.
    """

    across: str
    down: str
    keypoints: int
    bins: int  # per pixel
    classes: int = 1
    name: str = "simcc"

    @property
    def defaults(self) -> Defaults:
        skeleton = SKELETONS["coco17" if self.keypoints == 17 else "none"]
        pixels = Preprocess("rgb", 1.0, _MEAN, _STD, "letterbox-centre", 0)
        return Defaults(pixels, conf=0.3, iou=1.0, labels=LABELS["person"], skeleton=skeleton)

    @classmethod
    def match(cls, facts: Facts) -> SimCC | None:
        """The head for these outputs, or None."""
        shapes = list(facts.shapes.items())
        if len(shapes) != 2 or any(len(s) != 3 or s[0] != 1 for _, s in shapes) or shapes[0][1][1] != shapes[1][1][1]:
            return None
        for (across, a), (down, b) in (shapes, shapes[::-1]):
            bins = a[2] // facts.width
            if 1 <= bins <= _FINEST and (a[2], b[2]) == (bins * facts.width, bins * facts.height):
                return cls(across, down, a[1], bins)
        return None

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`; a keypoint counts as seen above ``conf``."""
        if (classes is not None and 0 not in classes) or max_det < 1:
            return Detections.none(self.keypoints)
        x, y = outputs[self.across][0], outputs[self.down][0]
        sure = np.minimum(x.max(axis=1), y.max(axis=1))
        points = np.stack([x.argmax(axis=1) / self.bins, y.argmax(axis=1) / self.bins, sure], axis=1)
        points = np.where(np.isfinite(sure)[:, None], points, 0.0).astype(np.float32)
        return around_points(points, conf)
