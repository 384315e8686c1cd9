"""The export layouts of YOLOv5 to v8, v11 and their kin: one tensor with finished boxes, before non-maximum suppression."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs, best_class, finish, rows
from skipvid.models.names import LABELS, SKELETONS

__all__ = ["Yolo"]

_GRIDS = ((8, 16, 32), (8, 16, 32, 64))
_ANCHORS = 3  # predictions per cell of the families that have anchors


@dataclass(frozen=True, eq=False)
class Yolo:
    """Decodes one row per prediction: centre and size in pixels, objectness where there is one, classes, keypoints, mask weights.

    ``(1, N, 5 + C)`` with objectness (v5, v7) or ``(1, 4 + C, N)`` without (v8, v11). A card may say ``objectness``,
    ``keypoints`` (their number, three values each) and ``masks`` (weights per prediction, ignored) in its options.
    """

    output: str
    upright: bool  # (N, K) as it is; else (K, N)
    objectness: bool
    classes: int
    keypoints: int = 0
    name: str = "yolo"

    @property
    def defaults(self) -> Defaults:
        labels = {80: LABELS["coco80"], 20: LABELS["voc20"]}.get(self.classes, ())
        if self.keypoints and self.classes == 1:
            labels = LABELS["person"] if self.keypoints == 17 else labels
        skeleton = SKELETONS["coco17"] if self.keypoints == 17 else ()
        pixels = Preprocess(order="rgb", std=(255.0, 255.0, 255.0), fit="letterbox-centre", pad=114)
        return Defaults(pixels, labels=labels, skeleton=skeleton)

    @classmethod
    def match(cls, facts: Facts) -> Yolo | None:
        """The head for these outputs, or None."""
        tables = {n: s for n, s in facts.shapes.items() if len(s) == 3}
        others = [s for s in facts.shapes.values() if len(s) != 3]
        # Segmentation adds mask prototypes (1, M, h, w); old exports add the raw maps (1, 3, h, w, K).
        if len(tables) != 1 or any(len(s) not in (4, 5) for s in others):
            return None
        ((output, shape),) = tables.items()
        upright = _is_upright(shape, facts)
        if upright is None:
            return None
        count, width = (shape[1], shape[2]) if upright else (shape[2], shape[1])
        masks = int(facts.options.get("masks", next((s[1] for s in others if len(s) == 4), 0)))
        anchored = count in [_ANCHORS * facts.cells(g) for g in _GRIDS]
        objectness = bool(facts.options.get("objectness", anchored or width - masks == facts.classes + 5))
        keypoints = int(facts.options.get("keypoints", 17 if not objectness and width == 56 and facts.classes <= 1 else 0))
        classes = width - (5 if objectness else 4) - masks - 3 * keypoints
        return cls(output, upright, objectness, classes, keypoints) if classes >= 1 else None

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        out = rows(outputs[self.output])
        out = out if self.upright else out.T
        first = 5 if self.objectness else 4
        last = first + self.classes
        if self.objectness:
            out = out[out[:, 4] > conf]
            with np.errstate(invalid="ignore", over="ignore"):
                scores = out[:, 4:5] * out[:, 5:last]
        else:
            # Class scores lie row by row in memory when transposed: the maximum along them is taken there.
            out = out[out[:, 4:last].max(axis=1) > conf]
            scores = out[:, 4:last]
        index, best, labels = best_class(scores, conf, classes)
        chosen = out[index]
        half = chosen[:, 2:4] / 2
        with np.errstate(invalid="ignore", over="ignore"):
            boxes = np.concatenate([chosen[:, :2] - half, chosen[:, :2] + half], axis=1)
        points = chosen[:, -3 * self.keypoints :].reshape(-1, self.keypoints, 3) if self.keypoints else None
        return finish(boxes, best, labels, points, iou=iou, max_det=max_det)


def _is_upright(shape: tuple[int, ...], facts: Facts) -> bool | None:
    """Whether predictions are rows; None when neither dimension counts the cells of a grid."""
    counts = {m * facts.cells(g) for g in _GRIDS for m in (1, _ANCHORS)}
    if shape[0] != 1 or min(shape[1:]) < 5:
        return None
    if (shape[1] in counts) != (shape[2] in counts):
        return shape[1] in counts
    if "objectness" in facts.options or shape[1] in counts:
        return shape[1] >= shape[2]
    return None
