"""YOLOX: one anchor-free prediction per cell, all levels in one tensor (Ge et al., arXiv 2107.08430)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs, best_class, finish, grid, rows
from skipvid.models.names import LABELS
from skipvid.plan import FloatArray

__all__ = ["YoloX"]

_LARGEST_LOG = 16.0  # exp(16) cells is wider than any picture: a larger value is a size in pixels, decoded by the graph itself


@dataclass(frozen=True, eq=False)
class YoloX:
    """Decodes ``(1, A, 5 + C)``: centre, log size, objectness and classes, levels one after the other, each row by row.

    Graphs exported with their own box arithmetic give centre and size in pixels; they are told apart by the sizes' magnitude.
    """

    output: str
    classes: int
    origin: FloatArray  # (A, 2): column and row of each cell
    stride: FloatArray  # (A, 1)
    name: str = "yolox"
    keypoints: int = 0

    @property
    def defaults(self) -> Defaults:
        labels = LABELS["coco80"] if self.classes == 80 else ()
        return Defaults(Preprocess(order="bgr", fit="letterbox", pad=114), labels=labels)

    @classmethod
    def match(cls, facts: Facts) -> YoloX | None:
        """The head for these outputs, or None."""
        if len(facts.shapes) != 1:
            return None
        ((output, shape),) = facts.shapes.items()
        strides = tuple(facts.options.get("strides", (8, 16, 32)))
        if len(shape) != 3 or shape[2] < 6 or shape[1] != facts.cells(strides):
            return None
        # As many columns as four and the classes: the other YOLOs' boxes without objectness, lying down.
        if shape[2] - 4 == (facts.classes or 80):
            return None
        origin, stride = [], []
        for s in strides:
            xs, ys = grid(-(-facts.height // s), -(-facts.width // s))
            origin.append(np.stack([xs, ys], axis=1))
            stride.append(np.full((len(xs), 1), s, np.float32))
        return cls(output, shape[2] - 5, np.concatenate(origin), np.concatenate(stride))

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        out = rows(outputs[self.output])
        near = np.flatnonzero(out[:, 4] > conf)  # a score is at most its objectness
        if len(near) == 0:
            return Detections.none()
        candidates = out[near]
        with np.errstate(over="ignore", invalid="ignore"):
            index, scores, labels = best_class(candidates[:, 4:5] * candidates[:, 5:], conf, classes)
            near, box = near[index], candidates[index, :4]
            if out[:, 2:4].max(initial=0.0) > _LARGEST_LOG:
                centre, half = box[:, :2], box[:, 2:] / 2
            else:
                centre = (box[:, :2] + self.origin[near]) * self.stride[near]
                half = np.exp(box[:, 2:]) * self.stride[near] / 2
            corners = np.concatenate([centre - half, centre + half], axis=1)
        return finish(corners, scores, labels, None, iou=iou, max_det=max_det)
