"""The maps of YOLOv3 and v4 as darknet leaves them: anchors per cell, nothing decoded (Redmon and Farhadi, arXiv 1804.02767)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from skipvid.errors import DecodeError
from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.heads.base import Defaults, Facts, Outputs, best_class, finish
from skipvid.models.names import LABELS
from skipvid.plan import FloatArray

__all__ = ["Darknet"]

_PER_CELL = 3


@dataclass(frozen=True, eq=False)
class _Map:
    output: str
    anchors: FloatArray  # (A, 2): width and height in pixels of the input
    scale: float  # how far beyond its cell a centre may lie: scale_x_y


@dataclass(frozen=True, eq=False)
class Darknet:
    """Decodes maps ``(A * (5 + C), h, w)``.

    The card's options give ``anchors``, pairs in pixels of the network's input from small to large; ``masks``, the anchors of
    each map from the finest to the coarsest (without it, in order); ``scale_xy``, one number per map in that order.
    """

    maps: tuple[_Map, ...]
    classes: int
    width: int
    height: int
    keypoints: int = 0
    name: str = "darknet"

    @property
    def defaults(self) -> Defaults:
        pixels = Preprocess(order="rgb", std=(255.0, 255.0, 255.0), fit="stretch", pad=0)
        return Defaults(pixels, conf=0.25, iou=0.45, labels=LABELS["coco80"] if self.classes == 80 else ())

    @classmethod
    def match(cls, facts: Facts) -> Darknet | None:
        """The head for these outputs, or None.

        Raises:
            DecodeError: They are such maps, but the card gives no anchors, or too few.
        """
        shapes = {n: s[-3:] for n, s in facts.shapes.items() if len(s) == 3 or (len(s) == 4 and s[0] == 1)}
        depths = {s[0] for s in shapes.values()}
        if len(shapes) != len(facts.shapes) or len(depths) != 1:
            return None
        depth = depths.pop()
        known = "anchors" in facts.options
        strides = [facts.height // s[1] for s in shapes.values()]
        if depth % _PER_CELL or depth // _PER_CELL < 6 or (not known and (depth != 255 or not set(strides) <= {8, 16, 32, 64})):
            return None
        if not known:
            raise _no_anchors(len(shapes))
        names = sorted(shapes, key=lambda n: -shapes[n][1])
        maps = _assign(names, facts)
        return cls(maps, depth // len(maps[0].anchors) - 5, facts.width, facts.height)

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """See `Head.decode`."""
        parts = [self._decode_map(m, outputs[m.output], conf, classes) for m in self.maps]
        boxes, scores, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
        return finish(boxes, scores, labels, None, iou=iou, max_det=max_det)

    def _decode_map(
        self, level: _Map, out: FloatArray, conf: float, classes: Collection[int] | None
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        high, wide = out.shape[-2:]
        cells = out.reshape(len(level.anchors), -1, high, wide)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            # sigmoid(t) > conf, without the sigmoid of every cell
            which, ys, xs = np.nonzero(cells[:, 4] > np.log(conf / (1 - conf)))
            cell = cells[which, :, ys, xs]
            index, scores, labels = best_class(_sigmoid(cell[:, 4:5]) * _sigmoid(cell[:, 5:]), conf, classes)
            cell = cell[index]
            offset = _sigmoid(cell[:, :2]) * level.scale - (level.scale - 1) / 2
            centre = (np.stack([xs, ys], axis=1)[index] + offset) * (self.width / wide, self.height / high)
            half = np.exp(cell[:, 2:4]) * level.anchors[which[index]] / 2
        return np.concatenate([centre - half, centre + half], axis=1), scores, np.asarray(labels)


def _assign(names: Sequence[str], facts: Facts) -> tuple[_Map, ...]:
    """The anchors of each map, the finest first."""
    anchors = np.asarray(facts.options["anchors"], np.float32).reshape(-1, 2)
    each = max(1, len(anchors) // len(names))
    masks = facts.options.get("masks", [range(i * each, (i + 1) * each) for i in range(len(names))])
    scales = facts.options.get("scale_xy", [1.0] * len(names))
    depth = facts.shapes[names[0]][-3]
    counts = (len(masks), len(scales)) == (len(names), len(names))
    if not counts or max(max(m) for m in masks) >= len(anchors) or any(depth % len(m) for m in masks):
        message = f"The card gives {len(anchors)} anchors, {len(masks)} masks and {len(scales)} scales for {len(names)} maps."
        raise DecodeError(message, "Give the anchors of all maps, and per map one mask and one scale, the finest map first.")
    return tuple(_Map(n, anchors[list(m)], float(s)) for n, m, s in zip(names, masks, scales, strict=True))


def _no_anchors(maps: int) -> DecodeError:
    message = f"The outputs are {maps} maps of a YOLOv3 network, whose anchors are not in the file."
    pairs = ", ".join("[10, 14]" for _ in range(_PER_CELL * maps))
    remedy = (
        "Write a card beside the file, model.toml, with the anchors of the network's .cfg:\n"
        f'  head = "darknet"\n  labels = "coco80"\n  [options]\n  anchors = [{pairs}]  # your own numbers'
    )
    return DecodeError(message, remedy)


def _sigmoid(x: FloatArray) -> FloatArray:
    return np.asarray(1 / (1 + np.exp(-x)), np.float32)
