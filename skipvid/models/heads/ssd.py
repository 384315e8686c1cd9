"""Boxes and scores over prior boxes, as SSD has them: UltraFace (Ultra-Light-Fast-Generic-Face-Detector-1MB), raw and decoded;
RetinaFace (Deng et al., arXiv 1905.00641), with landmarks.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Index, Outputs, as_sure_as, best_class, finish, grid, rows
from skipvid.models.names import LABELS
from skipvid.plan import FloatArray

__all__ = ["Ssd"]

_STRIDES = (8, 16, 32, 64)
_SIZES = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))  # UltraFace's square priors in pixels, by stride
_FACE_STRIDES = (8, 16, 32)
_FACE_SIZES = ((16, 32), (64, 128), (256, 512))  # RetinaFace's
_ORDERED = 0.95  # share of the boxes whose corners are in order if they are corners; about a quarter if they are distances
_CENTRE_VARIANCE, _SIZE_VARIANCE = 0.1, 0.2


@dataclass(frozen=True, eq=False)
class Ssd:
    """Decodes scores ``(1, P, 1 + C)``, background first, boxes ``(1, P, 4)`` and, where present, landmarks ``(1, P, 2K)``.

    Landmarks are distances from the centre of the prior. Boxes are corners relative to the picture, or distances from the priors.
    Which of the two shows: corners are in order, distances mostly are not. A card may give ``strides`` and ``sizes`` of the
    priors in its options.
    """

    scores: str
    boxes: str
    classes: int
    priors: FloatArray  # (P, 4): centre and size, relative to the picture
    width: int
    height: int
    landmarks: str | None = None
    keypoints: int = 0
    name: str = "ssd"

    @property
    def defaults(self) -> Defaults:
        if self.landmarks is not None:
            pixels = Preprocess(order="bgr", mean=(104.0, 117.0, 123.0), fit="letterbox", pad=0)
            return Defaults(pixels, conf=0.5, iou=0.4, labels=LABELS["face"] if self.classes == 1 else ())
        pixels = Preprocess(order="rgb", mean=(127.0, 127.0, 127.0), std=(128.0, 128.0, 128.0), fit="stretch", pad=0)
        return Defaults(pixels, conf=0.7, iou=0.3, labels=LABELS["face"] if self.classes == 1 else ())

    @classmethod
    def match(cls, facts: Facts) -> Ssd | None:
        """The head for these outputs, or None."""
        shapes = facts.shapes
        if len(shapes) not in (2, 3) or any(len(s) != 3 or s[0] != 1 for s in shapes.values()):
            return None
        boxes = [n for n, s in shapes.items() if s[2] == 4]
        marks = [n for n, s in shapes.items() if s[2] >= 6 and s[2] % 2 == 0] if len(shapes) == 3 else []
        scores = [n for n, s in shapes.items() if n not in boxes and n not in marks and s[2] >= 2]
        counts = {s[1] for s in shapes.values()}
        if (len(boxes), len(scores), len(marks), len(counts)) != (1, 1, len(shapes) - 2, 1):
            return None
        usual = (_FACE_STRIDES, _FACE_SIZES) if marks else (_STRIDES, _SIZES)
        strides, sizes = facts.options.get("strides", usual[0]), facts.options.get("sizes", usual[1])
        priors = _priors(facts, strides, sizes, bool(marks))
        if len(priors) != counts.pop():
            return None
        found = (marks[0], shapes[marks[0]][2] // 2) if marks else (None, 0)
        return cls(scores[0], boxes[0], shapes[scores[0]][2] - 1, priors, facts.width, facts.height, *found)

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        index, scores, labels = best_class(rows(outputs[self.scores])[:, 1:], conf, classes)
        every = rows(outputs[self.boxes])
        box = every[index]
        if (every[:, 2:] > every[:, :2]).all(axis=1).mean() < _ORDERED:
            box = _decoded(box, self.priors[index])
        with np.errstate(over="ignore"):
            box = box * np.array([self.width, self.height, self.width, self.height], np.float32)
            points = self._points(outputs, index, scores)
        return finish(box, scores, labels, points, iou=iou, max_det=max_det)

    def _points(self, outputs: Outputs, index: Index, scores: FloatArray) -> FloatArray | None:
        if self.landmarks is None:
            return None
        prior = self.priors[index][:, None]
        raw = rows(outputs[self.landmarks])[index].reshape(-1, self.keypoints, 2)
        places = (raw * _CENTRE_VARIANCE * prior[..., 2:] + prior[..., :2]) * np.array([self.width, self.height], np.float32)
        return as_sure_as(scores, places)


def _decoded(box: FloatArray, prior: FloatArray) -> FloatArray:
    """Corners from distances ``(N, 4)`` to priors ``(N, 4)``."""
    with np.errstate(over="ignore", invalid="ignore"):
        centre = box[:, :2] * _CENTRE_VARIANCE * prior[:, 2:] + prior[:, :2]
        half = np.exp(box[:, 2:] * _SIZE_VARIANCE) * prior[:, 2:] / 2
        return np.concatenate([centre - half, centre + half], axis=1)


def _priors(facts: Facts, strides: Sequence[int], sizes: Sequence[Sequence[int]], steps: bool) -> FloatArray:
    """Prior boxes ``(P, 4)``, level by level, cell by cell, size by size; ``steps``: cells are as wide as the stride, even where
    the last one reaches beyond the picture, and so may the prior."""
    levels = []
    scale = np.array([facts.width, facts.height], np.float32)
    for stride, sides in zip(strides, sizes, strict=True):
        high, wide = -(-facts.height // stride), -(-facts.width // stride)
        xs, ys = grid(high, wide)
        cells = scale / np.float32(stride) if steps else np.array([wide, high], np.float32)
        centre = (np.stack([xs, ys], axis=1) + np.float32(0.5)) / cells
        size = np.asarray(sides, np.float32)[:, None] / scale
        pair = np.concatenate([np.repeat(centre, len(sides), axis=0), np.tile(size, (len(centre), 1))], axis=1)
        levels.append(pair if steps else np.clip(pair, 0.0, 1.0))
    return np.concatenate(levels).astype(np.float32)
