"""FastestDet: one map, one prediction per cell."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs, best_class, finish
from skipvid.models.names import LABELS

__all__ = ["FastestDet"]


@dataclass(frozen=True, eq=False)
class FastestDet:
    """Decodes ``(1, 5 + C, h, w)``: objectness, offset, log-odds of the size, class probabilities."""

    output: str
    classes: int
    width: int
    height: int
    keypoints: int = 0
    name: str = "fastestdet"

    @property
    def defaults(self) -> Defaults:
        pixels = Preprocess(order="bgr", std=(255.0, 255.0, 255.0), fit="stretch", pad=0)
        return Defaults(pixels, conf=0.5, iou=0.45, labels=LABELS["coco80"] if self.classes == 80 else ())

    @classmethod
    def match(cls, facts: Facts) -> FastestDet | None:
        """The head for these outputs, or None."""
        if len(facts.shapes) != 1:
            return None
        ((output, shape),) = facts.shapes.items()
        if len(shape) != 4 or shape[1] < 6 or facts.height // shape[2] != 16 or facts.width // shape[3] != 16:
            return None
        return cls(output, shape[1] - 5, facts.width, facts.height)

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        out = outputs[self.output][0]
        # score = objectness^0.6 * class^0.4 > conf needs objectness > conf^(1/0.6), a class being at most 1
        ys, xs = np.nonzero(out[0] > conf ** (1 / 0.6))
        cell = out[:, ys, xs].T
        with np.errstate(over="ignore", invalid="ignore"):
            table = cell[:, :1] ** 0.6 * cell[:, 5:] ** 0.4
            index, scores, labels = best_class(table, conf, classes)
            cell, grid = cell[index], np.stack([xs, ys], axis=1)[index]
            centre = (grid + np.tanh(cell[:, 1:3])) / (out.shape[2], out.shape[1])
            half = 0.5 / (1 + np.exp(-cell[:, 3:5]))
        size = np.array([self.width, self.height, self.width, self.height], np.float32)
        boxes = np.concatenate([centre - half, centre + half], axis=1) * size
        return finish(boxes, scores, labels, None, iou=iou, max_det=max_det)
