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
    top = _run((image == first).all(axis=(1, 2)))
    left = _run((image == first).all(axis=(0, 2)))
    bottom = _run((image == last).all(axis=(1, 2))[::-1])
    right = _run((image == last).all(axis=(0, 2))[::-1])
    height, width = image.shape[:2]
    if top == height or left == width:
        return slice(0, 0), slice(0, 0)
    return slice(top, height - bottom), slice(left, width - right)


def _run(flags: NDArray[np.bool_]) -> int:
    """How many flags are set before the first that is not."""
    return int(flags.size if flags.all() else np.argmin(flags))


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
