"""The noise of a video: how far pixels that show nothing new move between frames, in grey levels.

What is measured is sensor noise as the codec left it, after scaling to the network's input. Codecs skip static blocks (difference
0) and repair them in bursts, so a standard deviation over pixels says little. The measure is taken blockwise, as the gate will
act: how high must an input threshold be so that noise hardly ever opens a pixel of a block where nothing happens?
"""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.gates.percentile import percentile
from skipvid.gates.picture import content

__all__ = ["NoiseMeter"]

_BLOCK = 16
_WITHIN = 99.0  # percentile over a block's pixels: one pixel in a hundred may open on noise
_ACROSS = 25.0  # percentile over blocks: up to three quarters of the picture may be moving
_OVER_TIME = 75.0  # percentile over pairs of frames: a key frame's jump counts, a scene cut does not
_ENOUGH = 4  # pairs from which on that percentile means something; before, the least says least wrong
_CEILING = 8.0  # grey levels; above this it is motion, whatever covers the picture


class NoiseMeter:
    """Noise of a video from pairs of successive frames.

    For each pair: the difference of a pixel is the largest of its channels; the level of a block of 16x16 pixels is the 99th
    percentile of its pixels; the level of the pair is the lower quartile over the blocks. The noise is the 75th percentile over
    pairs, at most 8 grey levels; of fewer than four pairs, the least. Blocks in which something moves lie above the lower
    quartile as long as they are fewer than three quarters; borders of a letterbox are left out.
    """

    def __init__(self) -> None:
        self._previous: NDArray[Any] | None = None
        self._region: tuple[slice, slice] | None = None  # inside the letterbox of the previous frame, where that was looked for
        self._levels: list[float] = []

    @property
    def pairs(self) -> int:
        """Pairs of frames measured so far."""
        return len(self._levels)

    @property
    def level(self) -> float:
        """The noise in grey levels; 0 before the first pair."""
        if not self._levels:
            return 0.0
        over_time = _OVER_TIME if len(self._levels) >= _ENOUGH else 0.0
        return min(float(percentile(np.array(self._levels), over_time)), _CEILING)

    def add(self, image: NDArray[Any]) -> None:
        """Take the next frame.

        Args:
            image: ``(H, W, C)`` in grey levels, uint8 or float, in the network's input size. It is copied.
        """
        now = image.copy() if image.dtype == np.uint8 else image.astype(np.float32)
        before, self._previous = self._previous, now
        if before is None or before.shape != now.shape or before.dtype != now.dtype:
            self._region = None
            return
        # A frame that is repeated has the same letterbox and no difference, and quiet footage is full of them.
        repeated = self._region is not None and now.dtype == np.uint8 and np.array_equal(now, before)
        if not repeated:
            self._region = content(now)
        inside, earlier = now[self._region], before[self._region]
        if inside.size:
            self._levels.append(0.0 if repeated else _pair_level(inside, earlier))

    def gap(self) -> None:
        """The next frame does not follow the last one."""
        self._previous = self._region = None


def _pair_level(now: NDArray[Any], before: NDArray[Any]) -> float:
    """Lower quartile over blocks of ``(H, W, C)`` of the 99th percentile of the differences within each."""
    height, width, channels = now.shape
    block_h, block_w = min(_BLOCK, height), min(_BLOCK, width)
    rows, columns = height // block_h, width // block_w
    whole = (slice(rows * block_h), slice(columns * block_w))
    now, before = now[whole], before[whole]
    differs = (now != before).reshape(rows, block_h, columns, block_w * channels)
    moved = differs.any(axis=1).any(axis=2).reshape(-1)
    # Most blocks of quiet footage did not, and where those alone make up the quartile nothing else needs to be known.
    if len(moved) - np.count_nonzero(moved) > np.ceil(_ACROSS / 100 * (len(moved) - 1)):
        return 0.0
    blocks = _difference(now, before).reshape(rows, block_h, columns, block_w).transpose(0, 2, 1, 3).reshape(len(moved), -1)
    levels = np.zeros(len(blocks))
    levels[moved] = percentile(blocks[moved], _WITHIN)
    return float(percentile(levels, _ACROSS))


def _difference(now: NDArray[Any], before: NDArray[Any]) -> NDArray[Any]:
    """``(H, W)``: the largest difference over the channels of ``(H, W, C)``."""
    low, high = (extreme(now, before) for extreme in (np.minimum, np.maximum))
    apart = np.subtract(high, low, out=high).reshape(-1)
    # Neighbours in memory, of which the first of each pixel counts: to reduce the short last axis takes ten times as long.
    channels, count = now.shape[2], apart.size - now.shape[2] + 1
    largest: NDArray[Any] = reduce(np.maximum, (apart[k : k + count] for k in range(channels)))
    return largest[::channels].reshape(now.shape[:2])
