"""YuNet: faces with five landmarks, four outputs per level (Wu et al., Machine Intelligence Research 2023)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs, as_sure_as, finish, grid, rows
from skipvid.models.names import LABELS
from skipvid.plan import FloatArray

__all__ = ["YuNet"]

_STRIDES = (8, 16, 32)


@dataclass(frozen=True, eq=False)
class _Level:
    stride: int
    first: str  # class and objectness multiply, so their order does not matter
    second: str
    box: str
    points: str
    cells: FloatArray  # (n, 2): column and row


@dataclass(frozen=True, eq=False)
class YuNet:
    """Decodes, per stride, two probabilities ``(1, n, 1)``, boxes ``(1, n, 4)`` and landmarks ``(1, n, 2K)``."""

    levels: tuple[_Level, ...]
    keypoints: int
    classes: int = 1
    name: str = "yunet"

    @property
    def defaults(self) -> Defaults:
        return Defaults(Preprocess(order="bgr", fit="letterbox", pad=0), conf=0.6, iou=0.3, labels=LABELS["face"])

    @classmethod
    def match(cls, facts: Facts) -> YuNet | None:
        """The head for these outputs, or None."""
        levels, points = [], 0
        for stride in _STRIDES:
            high, wide = -(-facts.height // stride), -(-facts.width // stride)
            mine = {n: s[-1] for n, s in facts.shapes.items() if len(s) in (2, 3) and s[-2] == high * wide}
            scores = [n for n, k in mine.items() if k == 1]
            boxes = [n for n, k in mine.items() if k == 4]
            marks = [n for n, k in mine.items() if k > 4 and k % 2 == 0]
            if (len(scores), len(boxes), len(marks)) != (2, 1, 1):
                return None
            points = mine[marks[0]] // 2
            cells = np.stack(grid(high, wide), axis=1)
            levels.append(_Level(stride, scores[0], scores[1], boxes[0], marks[0], cells))
        return cls(tuple(levels), points) if len(facts.shapes) == 4 * len(levels) else None

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        if classes is not None and 0 not in classes:
            return Detections.none(self.keypoints)
        boxes, scores, points = [], [], []
        for level in self.levels:
            first = np.clip(rows(outputs[level.first])[:, 0], 0, 1)
            second = np.clip(rows(outputs[level.second])[:, 0], 0, 1)
            score = np.sqrt(first * second)
            index = np.flatnonzero(score > conf)
            cells, raw = level.cells[index], rows(outputs[level.box])[index]
            marks = rows(outputs[level.points])[index].reshape(-1, self.keypoints, 2)
            with np.errstate(over="ignore", invalid="ignore"):
                centre, half = cells + raw[:, :2], np.exp(raw[:, 2:]) / 2
                boxes.append(np.concatenate([centre - half, centre + half], axis=1) * level.stride)
            points.append(as_sure_as(score[index], (cells[:, None] + marks) * level.stride))
            scores.append(score[index])
        every = np.concatenate(scores)
        labels = np.zeros(len(every), np.int32)
        return finish(np.concatenate(boxes), every, labels, np.concatenate(points), iou=iou, max_det=max_det)
