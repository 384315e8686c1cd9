"""Relief: by how much thresholds are coarser in places, see `skipvid.engine.executor.Executor.relieve`."""

from __future__ import annotations

import torch
from torch import Tensor

from skipvid.plan import FloatArray

__all__ = ["Relief"]


class Relief:
    """What a grid over the picture says of the pixels of maps.

    Attributes:
        asks: Whether closed pixels are asked again in this frame.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Factors of 1 everywhere."""
        self._factors = self._last = torch.ones(1, 1)
        self._common = torch.ones(())
        self._finer = self._asked = torch.zeros(1, 1, dtype=torch.bool)
        self.asks = False

    def set(self, factors: FloatArray, common: float) -> None:
        """Other factors from the next frame on; a grid of another size than the last one's is compared with factors of 1."""
        self._common = torch.tensor(common, dtype=torch.float32)
        self._factors = torch.tensor(factors, dtype=torch.float32) * self._common
        if self._last.shape != self._factors.shape:
            self._last = torch.ones_like(self._factors)
        self._finer = self._factors < self._last

    def begin(self) -> None:
        """A frame begins."""
        self.asks = bool(self._finer.any())
        self._asked, self._finer = self._finer, torch.zeros_like(self._finer)
        self._last = self._factors

    def factors(self, height: int, width: int) -> Tensor:
        """``(height, width)`` float32: what limits are multiplied by."""
        return _spread(self._factors, height, width)

    def coarse(self, height: int, width: int) -> Tensor:
        """``(height, width)`` bool: where the factor, without what is common to all, is above 1."""
        return _spread(self._factors > self._common, height, width)

    def asked(self, height: int, width: int) -> Tensor | None:
        """``(height, width)`` bool: pixels of cells that have become finer with this frame; None where there are none."""
        return _spread(self._asked, height, width) if self.asks else None


def _spread(cells: Tensor, height: int, width: int) -> Tensor:
    rows = torch.arange(height) * cells.shape[0] // height
    columns = torch.arange(width) * cells.shape[1] // width
    return cells[rows][:, columns]
