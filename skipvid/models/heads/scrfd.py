"""SCRFD: faces as distances to the sides of the box, two predictions per cell (Guo et al., arXiv 2105.04714)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs, as_sure_as, finish, grid, rows
from skipvid.models.names import LABELS
from skipvid.plan import FloatArray

__all__ = ["Scrfd"]

_STRIDES = ((8, 16, 32), (8, 16, 32, 64, 128))
_PER_CELL = (2, 1)


@dataclass(frozen=True, eq=False)
class _Level:
    stride: int
    scores: str
    sides: str
    points: str | None
    corner: FloatArray  # (n, 2) in pixels: where distances are measured from


@dataclass(frozen=True, eq=False)
class Scrfd:
    """Decodes, per stride, probabilities ``(n, 1)``, distances to left, top, right and bottom ``(n, 4)`` and, where present,
    landmarks ``(n, 2K)``, all in cells from the cell's corner.
    """

    levels: tuple[_Level, ...]
    keypoints: int
    classes: int = 1
    name: str = "scrfd"

    @property
    def defaults(self) -> Defaults:
        pixels = Preprocess("rgb", 1.0, (127.5, 127.5, 127.5), (128.0, 128.0, 128.0), "letterbox", 0)
        return Defaults(pixels, conf=0.5, iou=0.4, labels=LABELS["face"])

    @classmethod
    def match(cls, facts: Facts) -> Scrfd | None:
        """The head for these outputs, or None."""
        if any(len(s) not in (2, 3) or (len(s) == 3 and s[0] != 1) for s in facts.shapes.values()):
            return None
        for strides in _STRIDES:
            for each in _PER_CELL:
                levels = [_level(facts, stride, each) for stride in strides]
                found = [level for level in levels if level is not None]
                marks = {facts.shapes[level.points][-1] if level.points else 0 for level in found}
                outputs = sum(2 + (level.points is not None) for level in found)
                if len(found) == len(strides) and len(marks) == 1 and outputs == len(facts.shapes):
                    return cls(tuple(found), marks.pop() // 2)
        return None

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        if classes is not None and 0 not in classes:
            return Detections.none(self.keypoints)
        boxes, scores, points = [], [], []
        for level in self.levels:
            score = rows(outputs[level.scores])[:, 0]
            index = np.flatnonzero(score > conf)
            corner, score = level.corner[index], score[index]
            with np.errstate(over="ignore", invalid="ignore"):
                sides = rows(outputs[level.sides])[index] * level.stride
                boxes.append(np.concatenate([corner - sides[:, :2], corner + sides[:, 2:]], axis=1))
                if level.points:
                    marks = rows(outputs[level.points])[index].reshape(-1, self.keypoints, 2) * level.stride + corner[:, None]
                    points.append(as_sure_as(score, marks))
            scores.append(score)
        every = np.concatenate(scores)
        found = np.concatenate(points) if points else None
        return finish(np.concatenate(boxes), every, np.zeros(len(every), np.int32), found, iou=iou, max_det=max_det)


def _level(facts: Facts, stride: int, each: int) -> _Level | None:
    """The outputs of a stride with so many predictions per cell, told by their number of rows."""
    high, wide = -(-facts.height // stride), -(-facts.width // stride)
    mine = {n: s[-1] for n, s in facts.shapes.items() if s[-2] == high * wide * each}
    scores, sides = [n for n, k in mine.items() if k == 1], [n for n, k in mine.items() if k == 4]
    points = [n for n, k in mine.items() if k > 4 and k % 2 == 0]
    if (len(scores), len(sides)) != (1, 1) or len(points) > 1 or len(mine) != 2 + len(points):
        return None
    corner = np.repeat(np.stack(grid(high, wide), axis=1) * np.float32(stride), each, axis=0)
    return _Level(stride, scores[0], sides[0], points[0] if points else None, corner)
