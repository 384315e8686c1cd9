"""Small facts of a picture that several measurements share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["content", "is_uniform"]


def content(image: NDArray[Any]) -> tuple[slice, slice]:
    """Rows and columns of a picture ``(H, W, C)`` inside its letterbox: without borders of one constant value.

    A border is what equals the nearest corner pixel over its whole length. A picture of one value has no content: both slices are
    empty.
    """
    first, last = image[0, 0], image[-1, -1]
    columns = image.swapaxes(0, 1)
    top, left = _run(image, first), _run(columns, first)
    bottom, right = _run(image[::-1], last), _run(columns[::-1], last)
    height, width = image.shape[:2]
    if top == height or left == width:
        return slice(0, 0), slice(0, 0)
    return slice(top, height - bottom), slice(left, width - right)


def _run(lines: NDArray[Any], value: NDArray[Any]) -> int:
    """How many lines are of one value before the first that is not. Most pictures tell at their first."""
    for count, line in enumerate(lines):
        if not (line == value).all():
            return count
    return len(lines)


def is_uniform(image: NDArray[Any], span: float = 8.0) -> bool:
    """Whether a picture ``(H, W, C)`` in grey levels shows nothing: black, one colour, or noise alone.

    Args:
        image: The picture, letterbox included or not.
        span: Grey levels that must lie between the 2nd and the 98th percentile of some channel for the picture to show something.
    """
    rows, columns = content(image)
    inside = image[rows, columns]
    if inside.size == 0:
        return True
    low, high = np.percentile(inside[::4, ::4].reshape(-1, inside.shape[2]), (2, 98), axis=0)
    return bool((high - low).max() < span)
