"""What heads share: their interface, non-maximum suppression, and how they read outputs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skipvid.models.card import Preprocess
from skipvid.models.detection import Detections
from skipvid.models.names import Skeleton
from skipvid.plan import FloatArray

__all__ = [
    "MANY_CLASSES",
    "MAX_CANDIDATES",
    "Defaults",
    "Facts",
    "Head",
    "Index",
    "Outputs",
    "as_sure_as",
    "best_class",
    "chosen",
    "finish",
    "grid",
    "keep_classes",
    "rows",
    "suppress",
    "tidy",
]

MANY_CLASSES = 1000
"""Where neither layout nor labels tell the number of classes, so many are let through."""

Index = NDArray[np.intp]
Outputs = Mapping[str, FloatArray]
Shapes = Mapping[str, tuple[int, ...]]

MAX_CANDIDATES = 3000
"""Candidates that reach non-maximum suppression, the strongest first, so that a confidence near zero cannot stall a video."""


@dataclass(frozen=True)
class Defaults:
    """What is usual for a family of networks, where the card is silent.

    Attributes:
        preprocess: How frames become the input.
        conf: Lowest confidence.
        iou: Overlap of non-maximum suppression.
        labels: Class names by number of classes.
        skeleton: Lines between keypoints.
    """

    preprocess: Preprocess
    conf: float = 0.25
    iou: float = 0.7
    labels: tuple[str, ...] = ()
    skeleton: Skeleton = ()


@dataclass(frozen=True)
class Facts:
    """What a head is recognised from.

    Attributes:
        shapes: Output name -> shape, in the graph's order.
        height: Height of the network's input.
        width: Width of the network's input.
        classes: Number of classes, or 0 where unknown.
        options: The card's options for the head.
    """

    shapes: Shapes
    height: int
    width: int
    classes: int = 0
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def cells(self, strides: Sequence[int]) -> int:
        """How many cells the grids of these strides have together."""
        return sum(-(-self.height // s) * -(-self.width // s) for s in strides)


class Head(Protocol):
    """Decodes the outputs of one family of networks.

    Attributes:
        name: Name of the family, as in a card's ``head``.
        classes: Number of classes.
        keypoints: Number of keypoints of an object, or 0.
        defaults: What is usual for the family.
    """

    @property
    def name(self) -> str: ...

    @property
    def classes(self) -> int: ...

    @property
    def keypoints(self) -> int: ...

    @property
    def defaults(self) -> Defaults: ...

    def decode(
        self, outputs: Outputs, *, conf: float, iou: float, max_det: int = 300, classes: Collection[int] | None = None
    ) -> Detections:
        """Find the objects of one frame.

        Args:
            outputs: Output name -> array, as the ONNX graph gives them.
            conf: Lowest confidence, exclusive.
            iou: Overlap at which the weaker of two boxes of one class is dropped.
            max_det: At most so many objects, the strongest.
            classes: Classes to keep, or None for all.

        Returns:
            Objects by falling score, in pixels of the network's input. Values that are not finite give no object.
        """


def rows(array: FloatArray) -> FloatArray:
    """An output as ``(N, K)``: leading dimensions of one dropped."""
    return array.reshape(array.shape[-2], array.shape[-1])


def grid(height: int, width: int) -> tuple[FloatArray, FloatArray]:
    """Column and row of each cell, ``(height * width,)`` each, row by row."""
    ys, xs = np.divmod(np.arange(height * width), width)
    return xs.astype(np.float32), ys.astype(np.float32)


def as_sure_as(scores: FloatArray, places: FloatArray) -> FloatArray:
    """Landmarks ``(N, K, 2)`` that have no confidence of their own, each as sure as its object: ``(N, K, 3)``."""
    sure = np.broadcast_to(scores[:, None, None], (*places.shape[:2], 1))
    return np.concatenate([places, sure], axis=2)


def keep_classes(scores: FloatArray, classes: Collection[int] | None) -> FloatArray:
    """Scores ``(N, C)`` with those of unwanted classes set to zero."""
    if classes is None:
        return scores
    wanted = np.zeros(scores.shape[1], bool)
    wanted[[c for c in classes if 0 <= c < scores.shape[1]]] = True
    return np.where(wanted, scores, np.float32(0))


def chosen(scores: FloatArray, labels: NDArray[Any], conf: float, known: int, classes: Collection[int] | None) -> Index:
    """Rows with a score ``(N,)`` above ``conf`` and a label ``(N,)`` below ``known`` that is asked for."""
    good = (scores > conf) & (labels >= 0) & (labels < known)
    if classes is not None:
        good &= np.isin(labels, list(classes))
    return np.flatnonzero(good)


def best_class(scores: FloatArray, conf: float, classes: Collection[int] | None) -> tuple[Index, FloatArray, Index]:
    """Rows of ``(N, C)`` scores whose best class is above ``conf``: their indices, scores and classes."""
    scores = keep_classes(scores, classes)
    index = np.unique(np.flatnonzero(scores > conf) // scores.shape[1])
    labels = scores[index].argmax(axis=1)
    return index, scores[index, labels], labels


def suppress(boxes: FloatArray, scores: FloatArray, labels: NDArray[Any], iou: float, max_det: int) -> NDArray[np.intp]:
    """Greedy non-maximum suppression, class by class.

    Args:
        boxes: ``(N, 4)`` corners.
        scores: ``(N,)``.
        labels: ``(N,)``; boxes of different classes do not suppress each other.
        iou: A box is dropped iff a stronger kept one of its class overlaps it by more than this.
        max_det: At most so many are kept.

    Returns:
        Indices of the kept boxes by falling score; equal scores in the order given.
    """
    from cv2.dnn import NMSBoxes

    order = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    rects, group = boxes[order].astype(np.float64), labels[order]
    rects[:, 2:] -= rects[:, :2]
    kept: list[NDArray[np.intp]] = []
    for label in set(group.tolist()):
        members = np.flatnonzero(group == label)
        rank = range(len(members), 0, -1)  # in place of scores: what is equal stays in the order given
        kept.append(members[list(NMSBoxes(rects[members].tolist(), rank, 0.0, iou))])
    return order[np.sort(np.concatenate(kept))[:max_det]] if kept else order


def tidy(found: Detections) -> Detections:
    """The detections whose numbers are all finite and whose box is not empty."""
    good = np.isfinite(found.boxes).all(axis=1) & np.isfinite(found.scores)
    good &= (found.boxes[:, 2] > found.boxes[:, 0]) & (found.boxes[:, 3] > found.boxes[:, 1])
    if found.keypoints is not None:
        good &= np.isfinite(found.keypoints).all(axis=(1, 2))
    return found if good.all() else found.take(good)


def finish(
    boxes: FloatArray, scores: FloatArray, labels: NDArray[Any], points: FloatArray | None, *, iou: float, max_det: int
) -> Detections:
    """Candidates in any order -> detections: drops what is not finite, then suppresses."""
    points = None if points is None else np.asarray(points, np.float32)
    found = tidy(Detections(np.asarray(boxes, np.float32), np.asarray(scores, np.float32), labels.astype(np.int32), points))
    return found.take(suppress(found.boxes, found.scores, found.labels, iou, max_det))
