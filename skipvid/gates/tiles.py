"""The picture in tiles: how much each differs, sums over windows of them, and copying some."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skipvid.gates.settings import Rect
from skipvid.plan import FloatArray

__all__ = ["BoolTiles", "ByteImage", "Compare", "Tiles", "apart"]

ByteImage = NDArray[np.uint8]
BoolTiles = NDArray[np.bool_]
Compare: TypeAlias = Callable[[ByteImage, ByteImage, int], tuple[ByteImage, FloatArray]]


def apart(first: ByteImage, second: ByteImage, side: int) -> tuple[ByteImage, FloatArray]:
    """How far two pictures are apart in each of their tiles.

    Args:
        first: ``(H, W, C)`` uint8.
        second: The same.
        side: Of a tile, in pixels; those at the right and lower edge may be smaller.

    Returns:
        The largest absolute difference, ``(rows, columns)`` uint8, and the sum of all, float32.
    """
    height, width, channels = first.shape
    difference = np.maximum(first, second) - np.minimum(first, second)
    short = (-height % side, -width % side)
    whole = np.pad(difference, ((0, short[0]), (0, short[1]), (0, 0)))
    tiles = whole.reshape(whole.shape[0] // side, side, whole.shape[1] // side, side * channels)
    return tiles.max(axis=(1, 3)), tiles.sum(axis=(1, 3), dtype=np.float32)


class Tiles:
    """A grid of square tiles over pictures of one size; those at the right and lower edge may be smaller.

    Args:
        height: Of the pictures.
        width: Of the pictures.
        side: Of a tile, in pixels.
        ignore: Rectangles of the picture in which no difference counts.
        compare: Compares two pictures; `apart`, or a faster form of it.
    """

    def __init__(self, height: int, width: int, side: int, ignore: Sequence[Rect] = (), compare: Compare = apart) -> None:
        self.side = side
        self.rows, self.columns = -(-height // side), -(-width // side)
        self._height, self._width = height, width
        self._ignore = tuple(ignore)
        self._compare = compare

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        return self.rows, self.columns

    @property
    def count(self) -> int:
        return self.rows * self.columns

    def apart(self, first: ByteImage, second: ByteImage) -> tuple[ByteImage, FloatArray]:
        """As the function `apart`, with no difference in ignored rectangles."""
        if self._ignore:
            first = first.copy()
            for rect in self._ignore:
                area = (slice(rect.y0, rect.y1), slice(rect.x0, rect.x1))
                first[area] = second[area]
        return self._compare(first, second, self.side)

    def paste(self, target: ByteImage, source: ByteImage, chosen: BoolTiles) -> None:
        """Copy the chosen tiles of one picture into another."""
        if self._height % self.side == 0 and self._width % self.side == 0:
            np.copyto(self._cut(target), self._cut(source), where=chosen[:, None, :])
            return
        for rows, columns in self._runs(chosen):
            target[rows, columns] = source[rows, columns]

    def _cut(self, image: ByteImage) -> NDArray[np.void]:
        """``(rows, side, columns)``: the lines of each tile, as one value each, of a picture that tiles divide evenly."""
        line = np.dtype((np.void, self.side * image.shape[2]))
        return image.reshape(self._height, -1).view(line).reshape(self.rows, self.side, self.columns)

    def _runs(self, chosen: BoolTiles) -> Iterator[tuple[slice, slice]]:
        """Rows and columns of pixels of neighbouring chosen tiles."""
        edges = np.diff(np.pad(chosen, ((0, 0), (1, 1))).astype(np.int8), axis=1)
        starts, ends = np.argwhere(edges == 1), np.argwhere(edges == -1)
        for (row, start), (_, end) in zip(starts.tolist(), ends.tolist(), strict=True):
            yield slice(row * self.side, (row + 1) * self.side), slice(start * self.side, end * self.side)

    def window_sums(self, values: FloatArray, side: int) -> FloatArray:
        """``(rows, columns)``: sums over windows of ``side`` x ``side`` tiles about each tile, cut off at the edges."""
        total = np.zeros((self.rows + 1, self.columns + 1))
        total[1:, 1:] = values.cumsum(axis=0).cumsum(axis=1)
        before, after = side // 2, side - side // 2
        top, bottom = _span(self.rows, before, after)
        left, right = _span(self.columns, before, after)
        sums = total[bottom][:, right] - total[top][:, right] - total[bottom][:, left] + total[top][:, left]
        return sums.astype(np.float32)


def _span(count: int, before: int, after: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    places = np.arange(count)
    return np.maximum(places - before, 0), np.minimum(places + after, count)
