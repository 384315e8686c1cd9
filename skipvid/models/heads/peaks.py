"""The highest point of each of many heatmaps, and of what smoothing would make of them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skipvid.plan import FloatArray

__all__ = ["Peaks", "peaks", "smoothed_peaks"]

_NEAR = 4  # rows about a map's highest value among which its smoothed peak is looked for first
_ROUNDING = 1e-4  # share of a value that is more than the rounding of a weighted mean


@dataclass(frozen=True, eq=False)
class Peaks:
    """The highest point of each of K maps; of equal ones the first, row by row.

    Attributes:
        y: ``(K,)`` row.
        x: ``(K,)`` column.
        around: ``(K, 3, 3)`` the values there and beside it; beyond the border, those of the border.
    """

    y: NDArray[np.intp]
    x: NDArray[np.intp]
    around: FloatArray


def peaks(heat: FloatArray) -> Peaks:
    """The peak of each map of ``(K, h, w)``; a value that is no number is higher than any."""
    count, rows, columns = heat.shape
    y, x = np.divmod(heat.reshape(count, -1).argmax(axis=1), columns)
    beside = np.arange(-1, 2)
    ys = np.clip(y[:, None] + beside, 0, rows - 1)[:, :, None]
    xs = np.clip(x[:, None] + beside, 0, columns - 1)[:, None, :]
    return Peaks(y, x, heat[np.arange(count)[:, None, None], ys, xs])


def smoothed_peaks(heat: FloatArray, sigma: float) -> Peaks:
    """The peak of each map after smoothing, bit for bit, without smoothing all of it.

    A smoothed value is a weighted mean, hence at most the highest value within the filter's reach. So the smoothed peak lies
    within reach of a value that is as high as any smoothed one, and rows far from such values need not be smoothed.

    Args:
        heat: ``(K, h, w)`` float32; fastest where the K values of a place lie side by side, as the engine keeps them.
        sigma: Of the Gaussian, in cells.
    """
    from skipvid.video.cv import cv2

    maps = np.ascontiguousarray(heat.transpose(1, 2, 0))
    # The sum of magnitudes shows whether all values can be compared. Where not, maps are smoothed whole.
    comparable = math.isfinite(cv2.norm(maps.reshape(len(maps), -1), cv2.NORM_L1))
    tops = np.ascontiguousarray(cv2.reduce(maps, 1, cv2.REDUCE_MAX).reshape(len(maps), -1).T)
    found = [_smoothed_peak(maps[:, :, k], tops[k] if comparable else None, sigma) for k in range(len(heat))]
    y, x, around = zip(*found, strict=True)
    return Peaks(np.array(y), np.array(x), np.stack(around))


def _smoothed_peak(source: FloatArray, tops: FloatArray | None, sigma: float) -> tuple[int, int, FloatArray]:
    """That of one map ``(h, w)`` whose rows have the highest values ``tops``; where they are not known, of all its rows."""
    rows, reach = len(source), _radius(sigma)
    if tops is None:
        return _in_rows(source, 0, rows, sigma)
    middle = int(tops.argmax())
    first, last = max(0, middle - _NEAR - reach), min(rows, middle + _NEAR + reach + 1)
    found = _in_rows(source, first, last, sigma)
    known = float(found[2][1, 1])
    high = (tops >= known - abs(known) * _ROUNDING).nonzero()[0]
    low, end = max(0, int(high[0]) - reach), min(rows, int(high[-1]) + reach + 1)
    return found if first <= low and end <= last else _in_rows(source, min(first, low), max(last, end), sigma)


def _in_rows(source: FloatArray, first: int, last: int, sigma: float) -> tuple[int, int, FloatArray]:
    """The smoothed peak among rows ``first`` to ``last``: its row, its column and the values around it.

    Smoothed are those rows, the ones beside, and what is read for them.
    """
    from skipvid.video.cv import cv2

    reach, (rows, columns) = _radius(sigma), source.shape
    start, end = max(0, first - 1 - reach), min(rows, last + 1 + reach)
    size = (2 * reach + 1, 2 * reach + 1)
    smooth = np.asarray(cv2.GaussianBlur(np.ascontiguousarray(source[start:end]), size, sigma), np.float32)
    y, x = divmod(int(smooth[first - start : last - start].argmax()), columns)
    y += first
    beside = [max(y - 1, 0) - start, y - start, min(y + 1, rows - 1) - start]
    return y, x, smooth[beside][:, [max(x - 1, 0), x, min(x + 1, columns - 1)]]


def _radius(sigma: float) -> int:
    """Reach of the filter, as OpenCV chooses it for values that are not of 8 bits."""
    return int(round(8 * sigma + 1) | 1) // 2
