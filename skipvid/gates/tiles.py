"""The picture in tiles: how much each differs, sums over windows of them, and copying some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.gates.settings import Rect
from skipvid.plan import FloatArray

__all__ = ["BoolTiles", "ByteImage", "Tiles"]

ByteImage = NDArray[np.uint8]
BoolTiles = NDArray[np.bool_]


class Tiles:
    """A grid of square tiles over pictures of one size; those at the right and lower edge may be smaller.

    Args:
        height: Of the pictures.
        width: Of the pictures.
        side: Of a tile, in pixels.
        ignore: Rectangles of the picture in which no difference counts.
    """

    def __init__(self, height: int, width: int, side: int, ignore: Sequence[Rect] = ()) -> None:
        self.side = side
        self.rows, self.columns = -(-height // side), -(-width // side)
        self._height, self._width = height, width
        self._ignore = tuple(ignore)
        self._buffers: tuple[ByteImage, ByteImage] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of tiles."""
        return self.rows, self.columns

    @property
    def count(self) -> int:
        return self.rows * self.columns

    def difference(self, first: ByteImage, second: ByteImage) -> ByteImage:
        """``(H, W, C)`` absolute difference of two pictures, 0 in ignored rectangles; valid until the next call."""
        if self._buffers is None or self._buffers[0].shape != first.shape:
            self._buffers = (np.empty_like(first), np.empty_like(first))
        larger, smaller = self._buffers
        np.maximum(first, second, out=larger)
        larger -= np.minimum(first, second, out=smaller)
        for rect in self._ignore:
            larger[rect.y0 : rect.y1, rect.x0 : rect.x1] = 0
        return larger

    def largest(self, difference: ByteImage) -> ByteImage:
        """``(rows, columns)``: the largest value in each tile."""
        largest: ByteImage = self._reduced(difference, np.maximum, np.uint8).max(axis=2)
        return largest

    def total(self, difference: ByteImage) -> FloatArray:
        """``(rows, columns)``: the sum over each tile."""
        total: FloatArray = self._reduced(difference, np.add, np.uint16).sum(axis=2, dtype=np.float32)
        return total

    def _reduced(self, image: ByteImage, ufunc: np.ufunc, dtype: type[np.generic]) -> NDArray[Any]:
        """``(rows, columns, side * C)``: columns of pixels of each tile reduced; tiles beyond the edge are filled with zeros."""
        channels = image.shape[2]
        lines = image.reshape(self._height, -1)
        whole = self._height // self.side
        result = np.zeros((self.rows, self.columns * self.side * channels), dtype)
        inside = result[:, : lines.shape[1]]
        if whole:
            upper = lines[: whole * self.side].reshape(whole, self.side, -1)
            ufunc.reduce(upper, axis=1, dtype=dtype, out=inside[:whole])
        if whole < self.rows:
            ufunc.reduce(lines[whole * self.side :], axis=0, dtype=dtype, out=inside[whole])
        return result.reshape(self.rows, self.columns, self.side * channels)

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
