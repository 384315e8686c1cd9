"""Small facts of a picture that several measurements share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.gates.percentile import percentile

__all__ = ["content", "is_uniform"]


def content(image: NDArray[Any]) -> tuple[slice, slice]:
    """Rows and columns of a picture ``(H, W, C)`` inside its letterbox: without borders of one constant value.

    A border is what equals the nearest corner pixel over its whole length. A picture of one value has no content: both slices are
    empty.
    """
    height, width = image.shape[:2]
    first, last = image[0, 0], image[-1, -1]
    columns = image.swapaxes(0, 1)
    top = _run(image, first)
    left = width if top == height else _run(columns, first)
    if left == width:
        return slice(0, 0), slice(0, 0)
    return slice(top, height - _run(image[::-1], last)), slice(left, width - _run(columns[::-1], last))


def _run(lines: NDArray[Any], value: NDArray[Any]) -> int:
    """How many lines are of one value before the first that is not. Most pictures tell at their first."""
    if not (lines[0] == value).all():
        return 0
    count = 1
    while count < len(lines):
        # Each with its neighbour, which is as fast for columns as for rows; and twice as many each time.
        same = lines[count : 2 * count] == lines[count - 1 : 2 * count - 1][: len(lines) - count]
        equal = same.all(axis=(1, 2)) if same.flags.c_contiguous else same.all(axis=1).all(axis=1)
        if not equal.all():
            return count + int(equal.argmin())
        count += len(equal)
    return count


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
    channels = np.moveaxis(inside[::4, ::4], 2, 0).reshape(inside.shape[2], -1)
    return bool((percentile(channels, 98) - percentile(channels, 2)).max() < span)
