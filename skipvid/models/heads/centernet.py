"""Centre heatmaps: one peak per object, with its size, offset and landmarks read at the peak.

CenterFace (Xu et al., arXiv 1911.03599) and CenterNet's object detection form (Zhou et al., arXiv 1904.07850).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Index, Outputs, as_sure_as, finish
from skipvid.models.names import LABELS
from skipvid.plan import FloatArray

__all__ = ["CenterNet"]


@dataclass(frozen=True, eq=False)
class CenterNet:
    """Decodes heat ``(1, C, h, w)``, size and offset ``(1, 2, h, w)`` and, where present, landmarks ``(1, 2K, h, w)``.

    CenterFace: heat is a probability, size is (log height, log width) in cells, offset and landmarks are (y, x), landmarks in
    units of the box from its top left corner. With ``form = "ctdet"`` in the card's options: size is (width, height) in cells,
    offset is (x, y), a cell's own coordinate is its corner, and only peaks of their 3x3 surroundings count.
    """

    heat: str
    size: str
    offset: str
    landmarks: str | None
    classes: int
    keypoints: int
    stride: float
    face: bool
    name: str = "centernet"

    @property
    def defaults(self) -> Defaults:
        if self.face:
            pixels = Preprocess(order="rgb", fit="letterbox", pad=0)
            return Defaults(pixels, conf=0.5, iou=0.3, labels=LABELS["face"] if self.classes == 1 else ())
        pixels = Preprocess("rgb", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "letterbox-centre", 0)
        return Defaults(pixels, conf=0.3, iou=1.0, labels=LABELS["coco80"] if self.classes == 80 else ())

    @classmethod
    def match(cls, facts: Facts) -> CenterNet | None:
        """The head for these outputs, or None."""
        shapes = list(facts.shapes.items())
        if len(shapes) not in (3, 4) or any(len(s) != 4 for _, s in shapes) or len({s[2:] for _, s in shapes}) != 1:
            return None
        channels = [s[1] for _, s in shapes]
        if channels[1:3] != [2, 2] or (len(channels) == 4 and channels[3] % 2):
            return None
        names = [n for n, _ in shapes]
        stride = facts.height / shapes[0][1][2]
        points = channels[3] // 2 if len(channels) == 4 else 0
        face = facts.options.get("form", "face" if channels[0] == 1 or points else "ctdet") == "face"
        return cls(names[0], names[1], names[2], names[3] if points else None, channels[0], points, stride, face)

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        heat = outputs[self.heat][0]
        sure = np.flatnonzero(heat.reshape(-1) > conf)
        if len(sure) == 0:
            return Detections.none(self.keypoints)
        labels, ys, xs = np.unravel_index(sure, heat.shape)
        if classes is not None:
            wanted = np.isin(labels, list(classes))
            labels, ys, xs = labels[wanted], ys[wanted], xs[wanted]
        if not self.face:
            peak = _is_peak(heat, labels, ys, xs)
            labels, ys, xs = labels[peak], ys[peak], xs[peak]
        scores = heat[labels, ys, xs]
        size, offset = outputs[self.size][0][:, ys, xs], outputs[self.offset][0][:, ys, xs]
        with np.errstate(over="ignore", invalid="ignore"):
            if self.face:
                high, wide = np.exp(size) * self.stride
                cy, cx = (ys + offset[0] + 0.5) * self.stride, (xs + offset[1] + 0.5) * self.stride
            else:
                wide, high = size * self.stride
                cx, cy = (xs + offset[0]) * self.stride, (ys + offset[1]) * self.stride
            boxes = np.stack([cx - wide / 2, cy - high / 2, cx + wide / 2, cy + high / 2], axis=1)
            points = self._points(outputs, ys, xs, boxes, scores)
        return finish(boxes, scores, labels, points, iou=iou, max_det=max_det)

    def _points(self, outputs: Outputs, ys: Index, xs: Index, boxes: FloatArray, scores: FloatArray) -> FloatArray | None:
        if self.landmarks is None:
            return None
        raw = outputs[self.landmarks][0][:, ys, xs].T.reshape(len(ys), self.keypoints, 2)
        low, span = boxes[:, None, :2], boxes[:, None, 2:] - boxes[:, None, :2]
        return as_sure_as(scores, raw[..., ::-1] * span + low)


def _is_peak(heat: FloatArray, labels: Index, ys: Index, xs: Index) -> NDArray[np.bool_]:
    """Which of the given cells are the largest of their 3x3 surroundings."""
    padded = np.pad(heat, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    around = [padded[labels, ys + dy, xs + dx] for dy in range(3) for dx in range(3)]
    return np.asarray(heat[labels, ys, xs] >= np.max(around, axis=0)) if len(ys) else np.zeros(0, bool)
