"""Which detection is which: overlaps and one-to-one matches of two sets of detections."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.models.detection import Detections
from skipvid.plan import FloatArray

__all__ = ["match", "overlaps", "same_label"]


def overlaps(first: FloatArray, second: FloatArray) -> NDArray[np.float64]:
    """Intersection over union of every pair of boxes: ``(N, 4)`` and ``(M, 4)`` corners to ``(N, M)``."""
    a, b = first.astype(np.float64)[:, None], second.astype(np.float64)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(np.maximum(sides, 0), axis=-1)
    areas = np.prod(np.maximum(a[..., 2:] - a[..., :2], 0), axis=-1) + np.prod(np.maximum(b[..., 2:] - b[..., :2], 0), axis=-1)
    result: NDArray[np.float64] = shared / np.maximum(areas - shared, 1e-12)
    return result


def same_label(first: Detections, second: Detections) -> NDArray[np.float64]:
    """`overlaps` of two sets of detections, 0 where the labels differ."""
    return np.where(first.labels[:, None] == second.labels[None], overlaps(first.boxes, second.boxes), 0.0)


def match(overlap: NDArray[np.float64], least: float) -> NDArray[Any]:
    """One-to-one matches, the largest overlap first.

    Args:
        overlap: ``(N, M)``.
        least: Smallest overlap of a match.

    Returns:
        ``(N,)``: for each row its column, or -1.
    """
    left = overlap.copy()
    partner = np.full(overlap.shape[0], -1)
    for _ in range(min(overlap.shape)):
        row, column = np.unravel_index(int(left.argmax()), left.shape)
        if left[row, column] < least:
            break
        partner[row] = column
        left[row] = left[:, column] = -1.0
    return partner
