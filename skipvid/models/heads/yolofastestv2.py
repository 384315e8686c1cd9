"""Yolo-FastestV2: anchors that share the classes of their cell."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from skipvid.errors import DecodeError
from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs, best_class, finish, grid
from skipvid.models.names import LABELS
from skipvid.plan import FloatArray

__all__ = ["YoloFastestV2"]

_PER_CELL = 3
_STRIDES = (16, 32)
_ANCHORS = (12.64, 19.39, 37.88, 51.48, 55.71, 138.31, 126.91, 78.23, 131.57, 214.55, 279.92, 258.87)  # of the COCO network
_WIDTH = 5 * _PER_CELL  # boxes and objectness, in front of the classes


@dataclass(frozen=True, eq=False)
class YoloFastestV2:
    """Decodes the cells of strides 16 and 32: four values per anchor, an objectness per anchor, the classes of the cell.

    One table ``(N, 15 + C)`` of all cells, or a map ``(1, h, w, 15 + C)`` for each stride. With values between 0 and 1, as the
    network exports them, the centre is at ``2 v - 0.5`` cells and the size ``(2 v)^2`` anchors. The card's options give
    ``anchors``, six pairs in pixels of the network's input from small to large.
    """

    outputs: tuple[str, ...]  # the finest first where there is one for each stride
    classes: int
    origin: FloatArray  # (N, 2): column and row of each cell
    stride: FloatArray  # (N, 1)
    anchors: FloatArray  # (N, 3, 2)
    keypoints: int = 0
    name: str = "yolo-fastest-v2"

    @property
    def defaults(self) -> Defaults:
        pixels = Preprocess(order="bgr", std=(255.0, 255.0, 255.0), fit="stretch", pad=0)
        return Defaults(pixels, conf=0.3, iou=0.4, labels=LABELS["coco80"] if self.classes == 80 else ())

    @classmethod
    def match(cls, facts: Facts) -> YoloFastestV2 | None:
        """The head for these outputs, or None.

        Raises:
            DecodeError: They are such cells, but the card gives another number of anchors.
        """
        sizes = [(-(-facts.height // s), -(-facts.width // s)) for s in _STRIDES]
        names = sorted(facts.shapes, key=lambda n: -facts.shapes[n][1] if len(facts.shapes[n]) == 4 else 0)
        shapes = [facts.shapes[n] for n in names]
        table = len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][0] == facts.cells(_STRIDES)
        maps = [s[:3] for s in shapes] == [(1, *size) for size in sizes] and all(len(s) == 4 for s in shapes)
        widths = {s[-1] for s in shapes if s}
        if not (table or maps) or len(widths) != 1 or (width := widths.pop()) <= _WIDTH:
            return None
        given = np.asarray(facts.options.get("anchors", _ANCHORS), np.float32).reshape(-1)
        if given.size != len(_ANCHORS):
            message = f"The card gives {given.size // 2} anchors for two maps of {_PER_CELL} each."
            raise DecodeError(message, "Give six pairs of width and height, from small to large.")
        cells = [np.stack(grid(*size), axis=1) for size in sizes]
        counts = [len(c) for c in cells]
        stride = np.repeat(np.array(_STRIDES, np.float32), counts)[:, None]
        anchors = np.repeat(given.reshape(len(_STRIDES), _PER_CELL, 2), counts, axis=0)
        return cls(tuple(names), width - _WIDTH, np.concatenate(cells), stride, anchors)

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        parts = [outputs[name].reshape(-1, outputs[name].shape[-1]) for name in self.outputs]
        out = parts[0] if len(parts) == 1 else np.concatenate(parts)
        # A class is at most 1: a score above ``conf`` needs an objectness above it.
        rows, which = np.nonzero(out[:, 4 * _PER_CELL : _WIDTH] > conf)
        with np.errstate(over="ignore", invalid="ignore"):
            table = out[rows, 4 * _PER_CELL + which][:, None] * out[rows, _WIDTH:]
            index, scores, labels = best_class(table, conf, classes)
            rows, which = rows[index], which[index]
            box = out[rows[:, None], 4 * which[:, None] + np.arange(4)]
            centre = (2 * box[:, :2] - 0.5 + self.origin[rows]) * self.stride[rows]
            half = (2 * box[:, 2:]) ** 2 * self.anchors[rows, which] / 2
            boxes = np.concatenate([centre - half, centre + half], axis=1)
        return finish(boxes, scores, labels, None, iou=iou, max_det=max_det)
