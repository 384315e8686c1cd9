"""Lines of text, from a map of how likely each pixel is text (DBNet, Liao et al., arXiv 1911.08947)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs, finish
from skipvid.plan import FloatArray

__all__ = ["Text"]

_THRESHOLD = 0.3  # above which a pixel is text
_UNCLIP = 1.6  # a line's map is shrunk by its area over its perimeter, times about this
_LEAST = 3.0  # pixels: shorter sides are specks


@dataclass(frozen=True, eq=False)
class Text:
    """Decodes ``(1, 1, height, width)``, as large as the input: the upright box around each line that hangs together.

    Its score is the mean of the map in the line's own, turned box. The card's options may give ``threshold`` and ``unclip``.
    Any network that gives one map has such outputs, so a card or ``--head`` has to name this head.
    """

    output: str
    threshold: float
    unclip: float
    classes: int = 1
    keypoints: int = 0
    name: str = "text"

    @property
    def defaults(self) -> Defaults:
        pixels = Preprocess("bgr", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "letterbox", 0)
        return Defaults(pixels, conf=0.5, iou=1.0, labels=("text",))

    @classmethod
    def match(cls, facts: Facts) -> Text | None:
        """The head for these outputs, or None."""
        if list(facts.shapes.values()) != [(1, 1, facts.height, facts.width)]:
            return None
        options = facts.options
        return cls(next(iter(facts.shapes)), float(options.get("threshold", _THRESHOLD)), float(options.get("unclip", _UNCLIP)))

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        import cv2

        if classes is not None and 0 not in classes:
            return Detections.none()
        likely = outputs[self.output][0, 0]
        with np.errstate(invalid="ignore"):
            text = (likely > self.threshold) & np.isfinite(likely)
        contours, _ = cv2.findContours(text.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes, scores = [], []
        for contour in contours:
            middle, (wide, high), angle = cv2.minAreaRect(contour)
            if min(wide, high) < _LEAST:
                continue
            score = _mean(likely, np.asarray(cv2.boxPoints((middle, (wide, high), angle)), np.float32))
            if not score > conf:
                continue
            grow = self.unclip * wide * high / (wide + high)  # twice the distance: area over perimeter, on both sides
            corners = cv2.boxPoints((middle, (wide + grow, high + grow), angle))
            boxes.append([*corners.min(axis=0), *corners.max(axis=0)])
            scores.append(score)
        found = np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32)
        return finish(*found, np.zeros(len(scores), np.int32), None, iou=iou, max_det=max_det)


def _mean(likely: FloatArray, corners: FloatArray) -> float:
    """The mean of a map in a quadrangle ``(4, 2)``."""
    import cv2

    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, likely.shape[::-1])
    part = likely[low[1] : high[1], low[0] : high[0]]
    mask = np.zeros(part.shape, np.uint8)
    cv2.fillPoly(mask, [np.round(corners - low).astype(np.int32)], 1)
    return float(part[mask > 0].mean()) if mask.any() else 0.0
