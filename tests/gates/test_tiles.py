"""Tiles cover a picture whole, also where it is no multiple of their side."""

from __future__ import annotations

import numpy as np
import pytest

from skipvid.gates.settings import Rect
from skipvid.gates.tiles import Tiles, apart


@pytest.mark.parametrize(("height", "width"), [(64, 96), (70, 101), (9, 13), (16, 16)])
def test_differences_of_tiles_see_every_pixel_once(height: int, width: int) -> None:
    tiles = Tiles(height, width, 16)
    first, second = np.random.default_rng(0).integers(0, 256, (2, height, width, 3), np.uint8)
    largest, total = tiles.apart(first, second)
    assert largest.shape == total.shape == tiles.shape
    for row in range(tiles.rows):
        for column in range(tiles.columns):
            part = (slice(16 * row, 16 * row + 16), slice(16 * column, 16 * column + 16))
            difference = np.abs(first[part].astype(int) - second[part])
            assert largest[row, column] == difference.max()
            assert total[row, column] == difference.sum()


def test_ignored_rectangles_do_not_differ() -> None:
    first, second = np.random.default_rng(1).integers(0, 256, (2, 40, 50, 3), np.uint8)
    same = first.copy()
    same[4:20, 10:30] = second[4:20, 10:30]
    for found, expected in zip(
        Tiles(40, 50, 8, (Rect(10, 4, 30, 20),)).apart(first, second), apart(same, second, 8), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("height", "width"), [(40, 50), (48, 64)])
def test_pasting_copies_the_chosen_tiles_and_nothing_else(height: int, width: int) -> None:
    tiles = Tiles(height, width, 16)
    target, source = np.zeros((height, width, 3), np.uint8), np.full((height, width, 3), 7, np.uint8)
    chosen = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [0, 1, 0, 1]], bool)
    tiles.paste(target, source, chosen)
    expected = chosen.repeat(16, 0).repeat(16, 1)[:height, :width]
    np.testing.assert_array_equal(target[..., 0], 7 * expected)


@pytest.mark.parametrize("side", [1, 2, 3, 9])
def test_window_sums_are_those_of_the_windows(side: int) -> None:
    tiles = Tiles(60, 75, 16)
    values = np.random.default_rng(2).random(tiles.shape, np.float32)
    for row in range(tiles.rows):
        for column in range(tiles.columns):
            top, left = row - side // 2, column - side // 2
            window = values[max(top, 0) : top + side, max(left, 0) : left + side]
            assert tiles.window_sums(values, side)[row, column] == pytest.approx(window.sum(), rel=1e-5)
