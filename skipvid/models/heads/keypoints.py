"""One person's keypoints as heatmaps: SimplePose and HRNet (a quarter of the input's size), EfficientPose (full size)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs
from skipvid.models.heads.peaks import Peaks, peaks, smoothed_peaks
from skipvid.models.names import LABELS, SKELETONS
from skipvid.plan import FloatArray

__all__ = ["Keypoints", "around_points"]

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_ENOUGH = 0.25  # share of the keypoints that must be seen for there to be a person


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Decodes ``(1, K, h, w)``: the highest point of each map, with its height as confidence.

    Maps as large as the input are smoothed first (``blur``, the sigma in pixels, in the card's options). On smaller maps the
    point moves a quarter of a cell towards the higher neighbour (Newell et al., arXiv 1603.06937). The box surrounds the points
    seen; its score is their mean confidence.
    """

    output: str
    keypoints: int
    stride: tuple[float, float]  # horizontal and vertical
    blur: float
    classes: int = 1
    name: str = "keypoints"

    @property
    def defaults(self) -> Defaults:
        full = max(self.stride) == 1
        skeleton = {17: "coco17", 16: "mpii16-head-first" if full else "mpii16"}.get(self.keypoints, "none")
        pixels = Preprocess("rgb", 1 / 255, _MEAN, _STD, "letterbox-centre", 0)
        return Defaults(pixels, conf=0.15 if full else 0.2, iou=1.0, labels=LABELS["person"], skeleton=SKELETONS[skeleton])

    @classmethod
    def match(cls, facts: Facts) -> Keypoints | None:
        """The head for these outputs, or None."""
        maps = [(n, s) for n, s in facts.shapes.items() if len(s) == 4]
        if len(facts.shapes) != 1 or len(maps) != 1:
            return None
        output, shape = maps[0]
        stride = (facts.width / shape[3], facts.height / shape[2])
        if shape[1] not in (16, 17) and "blur" not in facts.options:
            return None
        if max(stride) > 8:
            return None
        return cls(output, shape[1], stride, float(facts.options.get("blur", 1.0 if max(stride) == 1 else 0.0)))

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`; a keypoint counts as seen above ``conf``."""
        if (classes is not None and 0 not in classes) or max_det < 1:
            return Detections.none(self.keypoints)
        heat = outputs[self.output][0]
        points = self._points(smoothed_peaks(heat, self.blur) if self.blur else peaks(heat))
        return around_points(points, conf)

    def _points(self, found: Peaks) -> FloatArray:
        """``(K, 3)``: x, y in pixels of the input, confidence."""
        around = found.around
        if self.stride == (1, 1):
            dx = dy = np.full(len(around), 0.5)
        else:
            with np.errstate(invalid="ignore"):
                dx = 0.25 * np.sign(around[:, 1, 2] - around[:, 1, 0])
                dy = 0.25 * np.sign(around[:, 2, 1] - around[:, 0, 1])
        peak = around[:, 1, 1]
        good = np.isfinite(peak) & np.isfinite(dx) & np.isfinite(dy)
        points = np.stack([(found.x + dx) * self.stride[0], (found.y + dy) * self.stride[1], peak], axis=1)
        return np.where(good[:, None], points, 0.0).astype(np.float32)


def around_points(points: FloatArray, conf: float) -> Detections:
    """The one person with these keypoints ``(K, 3)``, or none where too few are above ``conf``.

    The box surrounds the points seen; its score is their mean confidence.
    """
    seen = points[points[:, 2] > conf]
    if len(seen) < max(1.0, _ENOUGH * len(points)):
        return Detections.none(len(points))
    low, high = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
    grow = np.maximum(0.1 * (high - low), 1.0)
    box = np.concatenate([low - grow, high + grow])[None].astype(np.float32)
    return Detections(box, seen[:, 2].mean(keepdims=True), np.zeros(1, np.int32), points[None])
