"""Outputs that are detections already: non-maximum suppression is part of the graph, or the network needs none (YOLOv10)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import MANY_CLASSES, Defaults, Facts, Outputs, chosen, finish, rows
from skipvid.models.names import LABELS
from skipvid.plan import FloatArray

__all__ = ["EndToEnd"]

_RELATIVE = 2.0  # boxes whose values are all as small are relative to the input: in pixels, none could be seen


@dataclass(frozen=True, eq=False)
class EndToEnd:
    """Decodes ``(1, N, 6)``: corners in pixels, score, class; RT-DETR's are centre and size relative to the input, which shows.

    Or ``(N, 7)``: batch, corners, class, score (YOLOv7); or ``(N, 6)`` beside the number of boxes: class, score, corners
    (PaddleDetection).
    """

    output: str
    columns: tuple[int, int, int]  # where corners, score and class are
    classes: int
    width: int
    height: int
    keypoints: int = 0
    name: str = "end-to-end"

    @property
    def defaults(self) -> Defaults:
        pixels = Preprocess(order="rgb", std=(255.0, 255.0, 255.0), fit="letterbox-centre", pad=114)
        return Defaults(pixels, iou=1.0, labels=LABELS["coco80"] if self.classes in (80, MANY_CLASSES) else ())

    @classmethod
    def match(cls, facts: Facts) -> EndToEnd | None:
        """The head for these outputs, or None."""
        classes = facts.classes or MANY_CLASSES
        tables = [(n, s) for n, s in facts.shapes.items() if len(s) > 1]
        if len(tables) != 1 or len(facts.shapes) > 2:
            return None
        ((output, shape),) = tables
        if len(facts.shapes) == 2:
            return cls(output, (2, 1, 0), classes, facts.width, facts.height) if len(shape) == 2 and shape[1] == 6 else None
        if len(shape) == 3 and shape[0] == 1 and shape[2] == 6:
            return cls(output, (0, 4, 5), classes, facts.width, facts.height)
        return cls(output, (1, 6, 5), classes, facts.width, facts.height) if len(shape) == 2 and shape[1] == 7 else None

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        out = rows(outputs[self.output])
        corners, score, label = self.columns
        boxes, scores, labels = out[:, corners : corners + 4], out[:, score], out[:, label]
        index = chosen(scores, labels, conf, self.classes, classes)
        boxes = self._corners(boxes, boxes[index])
        return finish(boxes, scores[index], labels[index], None, iou=iou, max_det=max_det)

    def _corners(self, every: FloatArray, chosen: FloatArray) -> FloatArray:
        """Corners in pixels of the chosen boxes, in the form that all of them show."""
        largest = np.max(every, initial=0.0, where=np.isfinite(every))
        if not 0 < largest <= _RELATIVE:
            return chosen
        half = chosen[:, 2:] / 2
        with np.errstate(over="ignore", invalid="ignore"):
            corners = np.concatenate([chosen[:, :2] - half, chosen[:, :2] + half], axis=1)
        return corners * np.array([self.width, self.height] * 2, np.float32)
