"""Tiles cover a picture whole, also where it is no multiple of their side."""

from __future__ import annotations

import numpy as np
import pytest

from skipvid.gates.settings import Rect
from skipvid.gates.tiles import Tiles


@pytest.mark.parametrize(("height", "width"), [(64, 96), (70, 101), (9, 13), (16, 16)])
def test_reductions_see_every_pixel_once(height: int, width: int) -> None:
    tiles = Tiles(height, width, 16)
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    for row in range(tiles.rows):
        for column in range(tiles.columns):
            part = image[16 * row : 16 * row + 16, 16 * column : 16 * column + 16]
            assert tiles.largest(image)[row, column] == part.max()
            assert tiles.total(image)[row, column] == part.sum()


def test_a_difference_is_absolute_and_leaves_ignored_rectangles_out() -> None:
    first, second = np.random.default_rng(1).integers(0, 256, (2, 40, 50, 3), np.uint8)
    expected = np.abs(first.astype(int) - second)
    expected[4:20, 10:30] = 0
    np.testing.assert_array_equal(Tiles(40, 50, 8, (Rect(10, 4, 30, 20),)).difference(first, second), expected)


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
