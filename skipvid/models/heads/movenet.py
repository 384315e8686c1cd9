"""MoveNet: keypoints that the network itself has read from its maps, of one person or of up to six."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs, tidy
from skipvid.models.heads.keypoints import around_points
from skipvid.models.names import LABELS, SKELETONS

__all__ = ["MoveNet"]

_KEYPOINTS = 17
_MANY = 3 * _KEYPOINTS + 5  # keypoints, box and score


@dataclass(frozen=True, eq=False)
class MoveNet:
    """Decodes ``(1, 1, 17, 3)``, one person, or ``(1, P, 56)``, with a box (top, left, bottom, right) and a score for each.

    Points are rows, columns and confidences, in shares of the input.
    """

    output: str
    many: bool
    width: int
    height: int
    classes: int = 1
    keypoints: int = _KEYPOINTS
    name: str = "movenet"

    @property
    def defaults(self) -> Defaults:
        pixels = Preprocess(order="rgb", fit="letterbox-centre", pad=0)
        return Defaults(pixels, conf=0.3, iou=1.0, labels=LABELS["person"], skeleton=SKELETONS["coco17"])

    @classmethod
    def match(cls, facts: Facts) -> MoveNet | None:
        """The head for these outputs, or None."""
        if len(facts.shapes) != 1:
            return None
        ((output, shape),) = facts.shapes.items()
        many = len(shape) == 3 and shape[0] == 1 and shape[1] <= 20 and shape[2] == _MANY
        if not many and shape != (1, 1, _KEYPOINTS, 3):
            return None
        return cls(output, many, facts.width, facts.height)

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`; of one person, a keypoint counts as seen above ``conf``."""
        if (classes is not None and 0 not in classes) or max_det < 1:
            return Detections.none(_KEYPOINTS)
        out = outputs[self.output][0]
        size = np.array([self.width, self.height, 1], np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            points = out[:, : 3 * _KEYPOINTS].reshape(-1, _KEYPOINTS, 3) if self.many else out
            points = (points[..., [1, 0, 2]] * size).astype(np.float32)
            if not self.many:
                return around_points(np.where(np.isfinite(points).all(axis=-1, keepdims=True), points, 0)[0], conf)
            boxes = out[:, [-4, -5, -2, -3]] * np.tile(size[:2], 2)
        scores = out[:, -1].astype(np.float32)
        found = tidy(Detections(boxes.astype(np.float32), scores, np.zeros(len(scores), np.int32), points))
        order = np.argsort(-found.scores, kind="stable")
        return found.take(order[found.scores[order] > conf][:max_det])
