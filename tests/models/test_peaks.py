"""Peaks of smoothed heatmaps equal, bit for bit, those of maps that were smoothed whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skipvid.models.heads.peaks import Peaks, peaks, smoothed_peaks
from skipvid.video.cv import cv2


def _smoothed_whole(heat: np.ndarray, sigma: float) -> Peaks:
    return peaks(np.stack([cv2.GaussianBlur(np.ascontiguousarray(one), (0, 0), sigma) for one in heat]))


def _assert_equal(found: Peaks, wanted: Peaks) -> None:
    np.testing.assert_array_equal(found.y, wanted.y)
    np.testing.assert_array_equal(found.x, wanted.x)
    np.testing.assert_array_equal(found.around, wanted.around)


def _bumps(seed: int, size: tuple[int, int], count: int, noise: float) -> np.ndarray:
    """``(3, h, w)`` maps of bumps of any width, which may overlap or lie at the border, in noise."""
    random = np.random.default_rng(seed)
    ys, xs = np.mgrid[: size[0], : size[1]]
    maps = noise * random.random((3, *size))
    for one in maps:
        for _ in range(count):
            y, x = random.uniform(0, size[0]), random.uniform(0, size[1])
            one += random.random() * np.exp(-((ys - y) ** 2 + (xs - x) ** 2) / (2 * random.uniform(0.2, 6) ** 2))
    return maps.astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    size=st.tuples(st.integers(3, 90), st.integers(3, 70)),
    count=st.integers(0, 4),
    noise=st.sampled_from([0.0, 1e-3, 1.0]),
    sigma=st.sampled_from([0.6, 1.0, 2.5]),
    offset=st.sampled_from([0.0, -2.0]),
)
def test_peaks_are_those_of_maps_smoothed_whole(
    seed: int, size: tuple[int, int], count: int, noise: float, sigma: float, offset: float
) -> None:
    heat = _bumps(seed, size, count, noise) + np.float32(offset)
    _assert_equal(smoothed_peaks(heat, sigma), _smoothed_whole(heat, sigma))


def test_a_peak_far_from_the_highest_value_is_found() -> None:
    heat = np.zeros((1, 200, 40), np.float32)
    heat[0, 20, 20] = 1.0  # a single high value, which smoothing flattens
    heat[0, 150:156, 10:16] = 0.6
    found = smoothed_peaks(heat, 1.0)
    assert found.y[0] in range(152, 154)
    _assert_equal(found, _smoothed_whole(heat, 1.0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_cannot_be_compared_do_what_they_do_to_a_whole_map(value: float) -> None:
    heat = _bumps(1, (60, 50), 2, 0.01)
    heat[1, 40, 30] = value
    _assert_equal(smoothed_peaks(heat, 1.0), _smoothed_whole(heat, 1.0))


def test_maps_as_the_engine_keeps_them_give_the_same() -> None:
    heat = _bumps(2, (64, 48), 3, 0.1)
    interleaved = np.ascontiguousarray(heat.transpose(1, 2, 0)).transpose(2, 0, 1)
    _assert_equal(smoothed_peaks(interleaved, 1.0), smoothed_peaks(heat, 1.0))


def test_neighbours_beyond_the_border_are_those_of_the_border() -> None:
    heat = np.zeros((2, 4, 5), np.float32)
    heat[0, 0, 0], heat[0, 0, 1] = 3, 2
    heat[1, 3, 4], heat[1, 2, 4] = 3, 1
    found = peaks(heat)
    assert (found.y.tolist(), found.x.tolist()) == ([0, 3], [0, 4])
    np.testing.assert_array_equal(found.around[0], [[3, 3, 2], [3, 3, 2], [0, 0, 0]])
    np.testing.assert_array_equal(found.around[1], [[0, 1, 1], [0, 3, 3], [0, 3, 3]])
