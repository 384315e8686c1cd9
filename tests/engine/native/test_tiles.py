"""The engine compares pictures tile by tile as the readable form does, bit for bit, with each instruction set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cases import grey_pixels, small_networks
from skipvid.engine import create_executor
from skipvid.gates.tiles import apart


@given(height=st.integers(1, 70), width=st.integers(1, 90), side=st.integers(4, 64), seed=st.integers(0, 2**32 - 1))
def test_differences_of_tiles_are_those_of_the_readable_form(isa: str, height: int, width: int, side: int, seed: int) -> None:
    first, second = np.random.default_rng(seed).integers(0, 256, (2, height, width, 3), np.uint8)
    native = create_executor(small_networks()["residual_block"], "native", grey_pixels(), None, 1)
    for found, expected in zip(native.apart(first, second, side), apart(first, second, side), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("side", [16, 256])
def test_the_largest_difference_everywhere_does_not_overflow(isa: str, side: int) -> None:
    native = create_executor(small_networks()["residual_block"], "native", grey_pixels(), None, 1)
    black, white = np.zeros((300, 520, 3), np.uint8), np.full((300, 520, 3), 255, np.uint8)
    largest, total = native.apart(black, white, side)
    assert (largest == 255).all()
    assert total[0, 0] == side * side * 3 * 255
