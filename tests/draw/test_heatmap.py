"""Promises of heatmaps: grey where nothing happened, colour that grows with the share updated, a legend where there is room."""

from __future__ import annotations

import numpy as np
import pytest

from skipvid.draw.heatmap import HeatSum, accumulated_heat, heatmap_frame


def frame(width=640, height=360):
    return np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)


def saturation(pixels):
    return (pixels.max(axis=-1).astype(int) - pixels.min(axis=-1)).mean()


def test_quiet_parts_are_grey_and_busy_parts_coloured():
    heat = np.zeros((36, 64), np.float32)
    heat[5:15, 5:15] = 1
    image = frame()
    before = image.copy()
    out = heatmap_frame(image, heat, 0.04)
    np.testing.assert_array_equal(image, before)
    assert out.shape == image.shape
    assert saturation(out[60:140, 60:140]) > 100
    assert saturation(out[60:140, 300:600]) == 0


def test_more_updates_are_brighter():
    heat = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (36, 1))
    out = heatmap_frame(np.zeros((360, 640, 3), np.uint8), heat, 0.5)[:250]
    luma = out.astype(float) @ [0.114, 0.587, 0.299]
    columns = luma.mean(axis=0)[20:-10]
    # The colour map is perceptually uniform, and the opacity grows too: brightness only ever rises.
    assert (np.diff(columns) > -1).all()
    assert columns[-1] > columns[0] + 100


def test_trace_of_an_update_can_be_seen():
    heat = np.zeros((36, 64), np.float32)
    heat[10, 10] = 0.05
    assert saturation(heatmap_frame(frame(), heat, 0.001)[98:112, 98:112]) > 10


@pytest.mark.parametrize("size", [(176, 144), (320, 240), (640, 360), (1920, 1080), (360, 640)])
def test_legend_is_there_and_changes_with_the_rate(size):
    heat = np.zeros((9, 16), np.float32)
    low, high = (heatmap_frame(frame(*size), heat, rate) for rate in (0.031, 0.874))
    differing = np.flatnonzero((low != high).any(axis=(1, 2)))
    assert differing.size > 0
    assert differing.min() > size[1] * 0.75, "the legend is a strip at the bottom"
    assert saturation(low[-size[1] // 4 :, size[0] // 2 :]) > 1, "the colour bar"


def test_a_remark_is_told_where_there_is_room():
    heat = np.zeros((9, 16), np.float32)
    for size, room in (((640, 360), True), ((176, 144), False)):
        plain, remarked = (heatmap_frame(frame(*size), heat, 0.031, remark=r) for r in ("", "looked at all over"))
        assert (plain != remarked).any() == room


@pytest.mark.parametrize("size", [(1, 1), (2, 300), (300, 2), (31, 17), (64, 64)])
def test_frames_too_small_for_a_legend(size):
    assert heatmap_frame(frame(*size), np.ones((3, 5), np.float32), 1.0).shape == (size[1], size[0], 3)


def test_numbers_beyond_the_scale_do_no_harm():
    heat = np.array([[np.nan, -1.0, 2.0, np.inf]], np.float32)
    assert heatmap_frame(frame(), heat, 0.0).dtype == np.uint8


def test_sum_of_heat_is_a_mean_and_survives_a_change_of_size():
    total = HeatSum()
    assert total.mean.max() == 0
    total.add(np.full((4, 6), 0.5, np.float32))
    total.add(np.full((8, 12), 0.1, np.float32))
    np.testing.assert_allclose(total.mean, np.full((8, 12), 0.3), rtol=1e-6)


def test_accumulated_heat_uses_the_whole_scale_for_a_quiet_video():
    mean = np.zeros((36, 64), np.float32)
    mean[5:15, 5:15] = 0.01
    out = accumulated_heat(frame(), mean)
    assert saturation(out[60:140, 60:140]) > 100
    assert accumulated_heat(frame(), np.zeros((1, 1), np.float32)).shape == (360, 640, 3)


def test_a_frame_without_heat_is_grey_like_the_cold_part_of_one_with_heat() -> None:
    image = np.random.default_rng(5).integers(0, 256, (96, 128, 3), np.uint8)
    cold, warm = np.zeros((12, 16), np.float32), np.zeros((12, 16), np.float32)
    warm[:, 12:] = 1
    without, with_heat = heatmap_frame(image, cold, 0.0), heatmap_frame(image, warm, 0.0)
    left = np.s_[:40, :64]  # above the legend, beside the heat
    assert np.abs(without[left].astype(int) - with_heat[left]).max() <= 1  # rounded in another order
    assert (without[left] == without[left][..., :1]).all()
