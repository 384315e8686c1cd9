"""Distances to the box's sides as distributions: generalised focal loss (Li et al., arXiv 2006.04388), NanoDet and PicoDet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs, best_class, finish, grid, rows
from skipvid.models.names import LABELS
from skipvid.plan import FloatArray

__all__ = ["Gfl"]

_STRIDES = (4, 8, 16, 32, 64, 128)
_BINS = 8
_MEAN, _STD = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)


@dataclass(frozen=True, eq=False)
class _Level:
    stride: int
    scores: str
    sides: str
    rows: slice  # of the outputs: all of them, or this level's part of one tensor
    centre: FloatArray  # (n, 2) in pixels


@dataclass(frozen=True, eq=False)
class Gfl:
    """Decodes, per level, scores ``(n, C)`` and sides ``(n, 4 * bins)``; or one tensor ``(1, N, C + 4 * bins)`` (NanoDet-Plus).

    A side's distance is the mean of its distribution over 0, 1, ... ``bins - 1`` cells. Levels are told by their number of rows.
    A card may give ``bins`` and ``shift`` in its options: where a cell's centre lies, in cells and in pixels.
    """

    levels: tuple[_Level, ...]
    classes: int
    bins: int
    keypoints: int = 0
    name: str = "gfl"

    @property
    def defaults(self) -> Defaults:
        labels = LABELS["coco80"] if self.classes == 80 else ()
        return Defaults(Preprocess("bgr", 1.0, _MEAN, _STD, "stretch", 0), conf=0.35, iou=0.6, labels=labels)

    @classmethod
    def match(cls, facts: Facts) -> Gfl | None:
        """The head for these outputs, or None."""
        bins = int(facts.options.get("bins", _BINS))
        if len(facts.shapes) == 1:
            return cls._match_one(facts, bins)
        widths: dict[int, list[str]] = {}
        for name, shape in facts.shapes.items():
            if len(shape) not in (2, 3) or (len(shape) == 3 and shape[0] != 1):
                return None
            widths.setdefault(shape[-2], []).append(name)
        levels, classes = [], 0
        for stride in _STRIDES:
            high, wide = -(-facts.height // stride), -(-facts.width // stride)
            names = widths.pop(high * wide, [])
            sides = [n for n in names if facts.shapes[n][-1] == 4 * bins][-1:]
            scores = [n for n in names if n not in sides]
            if not names:
                continue
            if len(sides) != 1 or len(scores) != 1:
                return None
            classes = facts.shapes[scores[0]][-1]
            centre = _centres(high, wide, stride, facts, (0.5, -0.5))
            levels.append(_Level(stride, scores[0], sides[0], slice(None), centre))
        return cls(tuple(levels), classes, bins) if levels and not widths else None

    @classmethod
    def _match_one(cls, facts: Facts, bins: int) -> Gfl | None:
        ((name, shape),) = facts.shapes.items()
        strides = (8, 16, 32, 64)
        if len(shape) != 3 or shape[1] != facts.cells(strides) or shape[2] <= 4 * bins:
            return None
        levels, start = [], 0
        for stride in strides:
            high, wide = -(-facts.height // stride), -(-facts.width // stride)
            part = slice(start, start + high * wide)
            levels.append(_Level(stride, name, name, part, _centres(high, wide, stride, facts, (0.0, 0.0))))
            start = part.stop
        return cls(tuple(levels), shape[2] - 4 * bins, bins)

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        scores, labels, bins, centres, strides = [], [], [], [], []
        for level in self.levels:
            index, score, label = best_class(rows(outputs[level.scores])[level.rows, : self.classes], conf, classes)
            if len(index) == 0:
                continue
            scores.append(score)
            labels.append(label)
            bins.append(rows(outputs[level.sides])[level.rows, -4 * self.bins :][index])
            centres.append(level.centre[index])
            strides.append(np.full((len(index), 1), level.stride, np.float32))
        if not scores:
            return Detections.none()
        with np.errstate(over="ignore", invalid="ignore"):
            sides = np.concatenate(bins).reshape(-1, 4, self.bins)
            weight = np.exp(sides - sides.max(axis=2, keepdims=True))
            distance = weight @ np.arange(self.bins, dtype=np.float32) / weight.sum(axis=2) * np.concatenate(strides)
            centre = np.concatenate(centres)
            boxes = np.concatenate([centre - distance[:, :2], centre + distance[:, 2:]], axis=1)
        return finish(boxes, np.concatenate(scores), np.concatenate(labels), None, iou=iou, max_det=max_det)


def _centres(high: int, wide: int, stride: int, facts: Facts, usual: tuple[float, float]) -> FloatArray:
    cells, pixels = facts.options.get("shift", usual)
    return (np.stack(grid(high, wide), axis=1) + np.float32(cells)) * np.float32(stride) + np.float32(pixels)
