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
from collections.abc import Collection, Sequence
from statistics import median

import numpy as np

from skipvid.gates.tiles import BoolTiles
from skipvid.plan import FloatArray

__all__ = ["CostModel"]

_KEPT = 24  # frames with work from which the price is taken
_BASE_KEPT = 48  # and the base,
_APART = 1.5  # if their loads differ: those of the upper third by this factor from those of the lower third
_FEWEST = 4  # frames in a third
_SCATTER_KEPT = 96  # frames with work from which the scatter of costs is taken: 5 % of them are a few
_UNKNOWN = 1.8  # scatter that is assumed until some frames with work were seen
_RATE = 0.2  # of learning the weights: what a share of the error is put down to the place
_HEAVIEST = 16.0


class CostModel:
    """Predicts the cost of frames as ``base + price * load``. Costs are in ms, or whatever unit they are reported in.

    The base is what a frame costs whatever it shows: looking at it, passing masks on, waiting for a processor. Where encoders
    have the processors it is most of the cost, and to take it for a price would have thresholds rise that make nothing cheaper.
    Prices are medians weighted by load: a frame with little work says little of what much work costs, and one that was held up by
    another program says nothing.

    Args:
        shape: Rows and columns of tiles.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._weights = np.ones(shape, np.float32)
        self._costs: deque[tuple[float, float]] = deque(maxlen=_BASE_KEPT)  # (load, cost)
        self._base = self._price = 0.0
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
        return self._price

    @property
    def base(self) -> float:
        """The part of the cost of a frame with work that does not depend on its load."""
        return max(self._base, self.idle)

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
        base = self.base
        return min(base + self.price * load, max(self.dense, base)) if load else self.idle

    def affords(self, cost: float, load: float, least: float = 0.0) -> float:
        """The largest load whose predicted cost is no higher; infinite before anything was seen.

        Args:
            cost: What a frame may cost.
            load: Of all that changed: before a price is known it is taken to cost as much as a full pass.
            least: What the load may cost in any case, however high the base is.
        """
        if not self._costs:
            return load * cost / self.dense if self._dense else math.inf
        return max(cost - self.base, least) / max(self.price, 1e-12)

    def expect(self, share: float) -> None:
        """From now on a load costs this share of what it did, as far as is known."""
        self._costs = deque(((load / share, cost) for load, cost in self._costs), maxlen=_BASE_KEPT)
        if self._costs:
            self._fit()

    def observe(self, cost: float, load: float, taken: BoolTiles) -> None:
        """Learn from a frame that was not computed in full by order."""
        if load == 0:
            self._idle.append(cost)
            return
        if self._costs:
            ratio = cost / max(self.predict(load), 1e-9)
            self._ratios.append((ratio, load))
            # The load is a square root, so the weights bear the square of the error.
            error = min(max(ratio, 1 / 3), 3.0) ** (2 * _RATE)
            self._weights[taken] = np.clip(self._weights[taken] * error, 1 / _HEAVIEST, _HEAVIEST)
        self._costs.append((load, cost))
        self._fit()

    def _fit(self) -> None:
        """The base, by Tukey's resistant line (Exploratory Data Analysis, 1977), and the price, from what costs are above it."""
        ordered = sorted(self._costs)
        third = len(ordered) // 3
        if third >= _FEWEST:
            (low, cheap), (high, dear) = (_middle(part) for part in (ordered[:third], ordered[-third:]))
            if high > _APART * low:
                slope = max((dear - cheap) / (high - low), 0.0)
                self._base = min(max(cheap - slope * low, 0.0), cheap)
        base, recent = self.base, list(self._costs)[-_KEPT:]
        self._price = _quantile([(max(cost - base, 0.0) / load, load) for load, cost in recent], 0.5)

    def observe_dense(self, cost: float) -> None:
        """Learn from a frame that was computed in full by order."""
        self._dense.append(cost)


def _middle(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The medians of both coordinates."""
    return median(x for x, _ in points), median(y for _, y in points)


def _quantile(weighted: Collection[tuple[float, float]], share: float) -> float:
    """The smallest value at or below which lies this share of the weight."""
    ordered = sorted(weighted)
    left = share * sum(weight for _, weight in ordered)
    for value, weight in ordered:
        left -= weight
        if left <= 0:
            return value
    return ordered[-1][0]
