"""Finished boxes with their scores in an output of their own: PP-YOLOE, DAMO-YOLO, RTMDet of mmdeploy, RT-DETR and D-FINE."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import MANY_CLASSES, Defaults, Facts, Outputs, best_class, chosen, finish
from skipvid.models.names import LABELS

__all__ = ["Boxes"]

_GRIDS = ((8, 16, 32), (8, 16, 32, 64), (8, 16, 32, 64, 128))


@dataclass(frozen=True, eq=False)
class Boxes:
    """Decodes boxes with a score per class, one box to a cell; or boxes that were chosen already, with a score and a label each.

    Per class: corners in pixels ``(1, N, 4)``, scores ``(1, N, C)`` or ``(1, C, N)``. Chosen: corners in pixels ``(1, N, 4)``,
    scores and labels ``(1, N)``; or corners and score ``(1, N, 5)``, labels ``(1, N)``.
    """

    boxes: str
    scores: str
    labels: str | None  # None: a score per class
    upright: bool
    classes: int
    keypoints: int = 0
    name: str = "boxes"

    @property
    def defaults(self) -> Defaults:
        pixels = Preprocess(order="rgb", std=(255.0, 255.0, 255.0), fit="stretch", pad=114)
        labels = LABELS["coco80"] if self.classes in (80, MANY_CLASSES) else ()
        return Defaults(pixels, conf=0.3, iou=0.6 if self.labels is None else 1.0, labels=labels)

    @classmethod
    def match(cls, facts: Facts) -> Boxes | None:
        """The head for these outputs, or None."""
        shapes = facts.shapes
        boxes = [n for n, s in shapes.items() if len(s) == 3 and s[0] == 1 and s[2] in (4, 5)]
        flat = [n for n, s in shapes.items() if len(s) == 2 and s[0] == 1]
        if len(boxes) == 1 and len(boxes) + len(flat) == len(shapes) and flat:
            return cls._match_chosen(facts, boxes[0], flat)
        if len(shapes) != 2 or any(len(s) != 3 or s[0] != 1 for s in shapes.values()):
            return None
        for box, score in (tuple(shapes), tuple(shapes)[::-1]):
            count, wide = shapes[box][1:]
            if wide == 4 and count in [facts.cells(g) for g in _GRIDS] and count in shapes[score][1:]:
                upright = shapes[score][1] == count
                return cls(box, score, None, upright, shapes[score][2 if upright else 1])
        return None

    @classmethod
    def _match_chosen(cls, facts: Facts, box: str, flat: list[str]) -> Boxes | None:
        if any(facts.shapes[n][1] != facts.shapes[box][1] for n in flat):
            return None
        classes = facts.classes or MANY_CLASSES
        if facts.shapes[box][2] == 5:
            return cls(box, box, flat[0], True, classes) if len(flat) == 1 else None
        labels = [n for n in flat if "label" in n.lower() or "class" in n.lower()]
        scores = [n for n in flat if n not in labels]
        return cls(box, scores[0], labels[0], True, classes) if (len(labels), len(scores)) == (1, 1) else None

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        boxes, scores = outputs[self.boxes][0], outputs[self.scores][0]
        if self.labels is None:
            index, scores, labels = best_class(scores if self.upright else scores.T, conf, classes)
        else:
            labels = outputs[self.labels][0]
            scores = scores[:, 4] if self.scores == self.boxes else scores
            index = chosen(scores, labels, conf, self.classes, classes)
            scores, labels = scores[index], labels[index]
        return finish(boxes[index, :4], scores, labels, None, iou=iou, max_det=max_det)
