"""Promises of the conversion to YUV: the numbers of the standard, rounded, on average neither darker nor lighter."""

from __future__ import annotations

import numpy as np
import pytest

from skipvid.video.probe import Colour
from skipvid.video.yuv import YuvConverter


def planes(image, colour):
    frame = YuvConverter(image.shape[1], image.shape[0], colour).convert(image)
    return [np.frombuffer(p, np.uint8).reshape(p.height, p.line_size)[:, : p.width] for p in frame.planes]


# Rec. 601 and 709, limited range, 8 bits, as printed in the tables of colour bars.
@pytest.mark.parametrize(
    ("matrix", "bgr", "ycc"),
    [
        (6, (255, 255, 255), (235, 128, 128)),
        (6, (0, 0, 0), (16, 128, 128)),
        (6, (0, 0, 255), (81, 90, 240)),
        (6, (255, 0, 0), (41, 240, 110)),
        (1, (0, 0, 255), (63, 102, 240)),
        (1, (0, 255, 0), (173, 42, 26)),
        (2, (0, 255, 0), (145, 54, 34)),
    ],
)
def test_colours_of_the_standard(matrix, bgr, ycc):
    got = planes(np.full((4, 6, 3), bgr, np.uint8), Colour(matrix, 1))
    assert [int(p[0, 0]) for p in got] == pytest.approx(ycc, abs=1)  # OpenCV multiplies in 10-bit fixed point
    assert all((p == p[0, 0]).all() for p in got)


def test_full_range_uses_all_of_it():
    assert [int(p[0, 0]) for p in planes(np.full((2, 2, 3), 255, np.uint8), Colour(6, 2))] == [255, 128, 128]


def test_rounding_has_no_bias():
    image = np.random.default_rng(0).integers(0, 256, (200, 302, 3), dtype=np.uint8)
    luma = 16 + image.astype(float) @ np.array([0.114, 0.587, 0.299]) * 219 / 255
    difference = planes(image, Colour())[0] - luma
    assert abs(difference.mean()) < 0.1  # fixed-point factors; truncation would give 0.5
    assert np.abs(difference).max() <= 0.7
