"""What a frame will cost, learned from what the frames before it did cost.

What changed is recomputed with all that it reaches, until truncation stops it: a strong change goes far, and two close to each
other go the same way. The cost of a compact region goes with its *load*, the square root of the sum of its differences. Over
random regions of street footage this explains 0.87 (YOLOX-nano) and 0.84 (CenterFace) of the variance of the executed
arithmetic; the area of the region and its surroundings explains 0.65 and 0.57. The rest differs from place to place, so each
tile has a weight, which is learned too.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection
from statistics import median

import numpy as np

from skipvid.gates.tiles import BoolTiles
from skipvid.plan import FloatArray

__all__ = ["CostModel"]

_KEPT = 24  # frames with work from which the price is taken
_SCATTER_KEPT = 96  # frames with work from which the scatter of costs is taken: 5 % of them are a few
_UNKNOWN = 1.8  # scatter that is assumed until some frames with work were seen
_RATE = 0.2  # of learning the weights: what a share of the error is put down to the place
_HEAVIEST = 16.0


class CostModel:
    """Predicts the cost of frames as ``idle + price * load``. Costs are in ms, or whatever unit they are reported in.

    Prices are medians weighted by load: a frame with little work says little of what much work costs, and one that was held up by
    another program says nothing.

    Args:
        shape: Rows and columns of tiles.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._weights = np.ones(shape, np.float32)
        self._prices: deque[tuple[float, float]] = deque(maxlen=_KEPT)
        self._ratios: deque[tuple[float, float]] = deque(maxlen=_SCATTER_KEPT)
        self._idle: deque[float] = deque(maxlen=_KEPT)
        self._dense: deque[float] = deque(maxlen=5)

    @property
    def dense(self) -> float:
        """The cost of a full pass; infinite before one was seen."""
        return median(self._dense) if self._dense else math.inf

    @property
    def idle(self) -> float:
        """The cost of a frame without work; 0 before one was seen."""
        return median(self._idle) if self._idle else 0.0

    @property
    def price(self) -> float:
        """The cost per unit of load; 0 before a frame with work was seen."""
        return _quantile(self._prices, 0.5) if self._prices else 0.0

    @property
    def scatter(self) -> float:
        """The 97.5th percentile of what frames with work cost over what was predicted."""
        return _quantile(self._ratios, 0.975) if len(self._ratios) >= _KEPT // 2 else _UNKNOWN

    def weighted(self, strength: FloatArray) -> FloatArray:
        """``(rows, columns)``: the sums of differences of tiles, by what changes there have cost so far."""
        result: FloatArray = strength * self._weights
        return result

    def predict(self, load: float) -> float:
        """The cost of a frame."""
        return min(self.idle + self.price * load, max(self.dense, self.idle)) if load else self.idle

    def affords(self, cost: float, load: float) -> float:
        """The largest load whose predicted cost is no higher; infinite before anything was seen.

        Args:
            cost: What a frame may cost.
            load: Of all that changed: before a price is known it is taken to cost as much as a full pass.
        """
        if not self._prices:
            return load * cost / self.dense if self._dense else math.inf
        return max((cost - self.idle) / max(self.price, 1e-12), 0.0)

    def expect(self, share: float) -> None:
        """From now on a load costs this share of what it did, as far as is known."""
        self._prices = deque(((price * share, load) for price, load in self._prices), maxlen=_KEPT)

    def observe(self, cost: float, load: float, taken: BoolTiles) -> None:
        """Learn from a frame that was not computed in full by order."""
        if load == 0:
            self._idle.append(cost)
            return
        if self._prices:
            ratio = cost / max(self.predict(load), 1e-9)
            self._ratios.append((ratio, load))
            # The load is a square root, so the weights bear the square of the error.
            error = min(max(ratio, 1 / 3), 3.0) ** (2 * _RATE)
            self._weights[taken] = np.clip(self._weights[taken] * error, 1 / _HEAVIEST, _HEAVIEST)
        self._prices.append((max(cost - self.idle, 0.0) / load, load))

    def observe_dense(self, cost: float) -> None:
        """Learn from a frame that was computed in full by order."""
        self._dense.append(cost)


def _quantile(weighted: Collection[tuple[float, float]], share: float) -> float:
    """The smallest value at or below which lies this share of the weight."""
    ordered = sorted(weighted)
    left = share * sum(weight for _, weight in ordered)
    for value, weight in ordered:
        left -= weight
        if left <= 0:
            return value
    return ordered[-1][0]
