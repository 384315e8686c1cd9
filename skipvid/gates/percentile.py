"""Percentiles without NumPy's, which loads masked arrays for them: that takes longer than a full pass of a small network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["percentile"]


def percentile(values: NDArray[Any], share: float) -> NDArray[np.float64]:
    """As ``np.percentile(values, share, axis=-1)``: linear between the two values next to the place. Without NaN.

    Args:
        values: ``(..., N)``, N at least 1.
        share: 0 to 100.

    Returns:
        ``(...)`` float64.
    """
    place = share / 100 * (values.shape[-1] - 1)
    low = int(place)
    high = min(low + 1, values.shape[-1] - 1)
    ordered = np.partition(values, (low, high), axis=-1)
    below, above = (np.asarray(ordered[..., index], np.float64) for index in (low, high))
    return np.asarray(below + (above - below) * (place - low), np.float64)
