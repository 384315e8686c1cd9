"""The export layouts of YOLOv5 to v8, v11 and their kin: one tensor with finished boxes, before non-maximum suppression."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs, as_sure_as, best_class, finish, rows
from skipvid.models.names import LABELS, SKELETONS
from skipvid.plan import FloatArray

__all__ = ["Yolo"]

_GRIDS = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32))
_ANCHORS = 3  # predictions per cell of the families that have anchors
_FACE_WIDTH = 4 + 1 + 2 * 5 + 1  # YOLOv5-face: box, objectness, landmarks, one class
_PERSON_WIDTH = 4 + 1 + 1 + 3 * 17  # YOLOv7-pose: box, objectness, one class, keypoints; YOLOv8-pose has no objectness


@dataclass(frozen=True, eq=False)
class Yolo:
    """Decodes one row per prediction: centre and size in pixels, objectness where there is one, classes, keypoints, mask weights.

    ``(1, N, 5 + C)`` with objectness (v5, v7) or ``(1, 4 + C, N)`` without (v8, v11). A card may say ``objectness``,
    ``keypoints`` (their number, three values each), ``landmarks`` (points between objectness and classes, two values each, as
    YOLOv5-face has them), ``angle`` (a last value by which the box is turned) and ``masks`` (weights per prediction, ignored) in
    its options. Of a turned box the upright one around it is told.
    """

    output: str
    upright: bool  # (N, K) as it is; else (K, N)
    objectness: bool
    classes: int
    keypoints: int = 0
    landmarks: bool = False  # whether the keypoints stand in front of the classes and have no confidence of their own
    angle: bool = False
    name: str = "yolo"

    @property
    def defaults(self) -> Defaults:
        labels = {80: LABELS["coco80"], 20: LABELS["voc20"]}.get(self.classes, ())
        if self.keypoints and self.classes == 1:
            labels = LABELS["person"] if self.keypoints == 17 else LABELS["face"] if self.landmarks else labels
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
        layout = _layout(count, width - masks, upright, facts)
        extra = (2 if layout.landmarks else 3) * layout.keypoints + layout.angle
        classes = width - (5 if layout.objectness else 4) - masks - extra
        if classes < 1:
            return None
        return cls(output, upright, layout.objectness, classes, layout.keypoints, layout.landmarks, layout.angle)

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        out = rows(outputs[self.output])
        out = out if self.upright else out.T
        first = (5 if self.objectness else 4) + (2 * self.keypoints if self.landmarks else 0)
        last = first + self.classes
        if self.objectness:
            out = out[out[:, 4] > conf]
            with np.errstate(invalid="ignore", over="ignore"):
                scores = out[:, 4:5] * out[:, first:last]
        else:
            # Class scores lie row by row in memory when transposed: the maximum along them is taken there.
            out = out[out[:, first:last].max(axis=1) > conf]
            scores = out[:, first:last]
        index, best, labels = best_class(scores, conf, classes)
        chosen = out[index]
        with np.errstate(invalid="ignore", over="ignore"):
            half = _around(chosen[:, 2:4], chosen[:, -1]) if self.angle else chosen[:, 2:4] / 2
            boxes = np.concatenate([chosen[:, :2] - half, chosen[:, :2] + half], axis=1)
        return finish(boxes, best, labels, self._points(chosen, best), iou=iou, max_det=max_det)

    def _points(self, chosen: FloatArray, scores: FloatArray) -> FloatArray | None:
        if not self.keypoints:
            return None
        if not self.landmarks:
            return chosen[:, -3 * self.keypoints :].reshape(-1, self.keypoints, 3)
        places = chosen[:, 5 : 5 + 2 * self.keypoints].reshape(-1, self.keypoints, 2)
        return as_sure_as(scores, places)


def _around(size: FloatArray, angle: FloatArray) -> FloatArray:
    """Half the size of the upright boxes around boxes ``(N, 2)`` that are turned."""
    cos, sin = np.abs(np.cos(angle)), np.abs(np.sin(angle))
    half = np.stack([size[:, 0] * cos + size[:, 1] * sin, size[:, 0] * sin + size[:, 1] * cos], axis=1) / 2
    return np.asarray(half, np.float32)


@dataclass(frozen=True)
class _Layout:
    """What a prediction consists of besides its box and classes."""

    objectness: bool
    keypoints: int
    landmarks: bool
    angle: bool


def _layout(count: int, width: int, upright: bool, facts: Facts) -> _Layout:
    """What the card says, else what ``count`` predictions of ``width`` values usually consist of."""
    options = facts.options
    anchored = count in [_ANCHORS * facts.cells(g) for g in _GRIDS]
    spare = width == facts.classes + 5  # one value more than box and classes
    angle = bool(options.get("angle", spare and not upright and not anchored and "objectness" not in options))
    objectness = bool(options.get("objectness", anchored or (spare and not angle)))
    usual = {_FACE_WIDTH: 5, _PERSON_WIDTH: 17} if objectness and anchored else {} if objectness else {_PERSON_WIDTH - 1: 17}
    found = usual.get(width, 0) if facts.classes <= 1 else 0
    landmarks = int(options.get("landmarks", 5 if found == 5 else 0)) if "keypoints" not in options else 0
    return _Layout(objectness, landmarks or int(options.get("keypoints", found)), landmarks > 0, angle)


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
