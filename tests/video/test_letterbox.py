"""Promises of the letterbox: the picture where the model expects it, and coordinates that come back where they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipvid.video.letterbox import Letterbox

FITS = ["stretch", "letterbox", "letterbox-centre"]
SIZES = st.tuples(st.integers(1, 200), st.integers(1, 200))


def test_letterbox_pastes_at_the_top_left_on_grey():
    out = Letterbox((640, 360), (416, 416), "letterbox", 114).apply(np.full((360, 640, 3), 200, np.uint8))
    assert out.shape == (416, 416, 3)
    assert (out[:234] == 200).all()
    assert (out[234:] == 114).all()


def test_centred_letterbox_has_equal_borders():
    out = Letterbox((640, 320), (416, 416), "letterbox-centre", 0).apply(np.full((320, 640, 3), 200, np.uint8))
    assert (out[:104] == 0).all()
    assert (out[104:312] == 200).all()
    assert (out[312:] == 0).all()


def test_stretch_fills_everything():
    assert (Letterbox((640, 360), (32, 64), "stretch").apply(np.full((360, 640, 3), 7, np.uint8)) == 7).all()


@pytest.mark.parametrize("fit", FITS)
def test_given_memory_is_written_whole_and_returned(fit):
    out = np.full((64, 96, 3), 255, np.uint8)
    frame = np.random.default_rng(0).integers(0, 200, (50, 90, 3), dtype=np.uint8)
    box = Letterbox((90, 50), (96, 64), fit, 9)
    assert box.apply(frame, out) is out
    np.testing.assert_array_equal(out, box.apply(frame))
    assert out.max() < 200


def test_frame_of_the_right_size_is_not_copied():
    frame = np.zeros((32, 64, 3), np.uint8)
    box = Letterbox((64, 32), (64, 32), "letterbox")
    assert box.is_identity
    assert box.apply(frame) is frame
    assert box.apply(frame, np.empty_like(frame)) is not frame


def test_frame_of_another_size_is_refused():
    with pytest.raises(ValueError, match="a frame of 10x20"):
        Letterbox((64, 32), (64, 32)).apply(np.zeros((20, 10, 3), np.uint8))


@given(src=SIZES, dst=SIZES, fit=st.sampled_from(FITS))
def test_whole_frame_comes_back_as_the_whole_frame(src, dst, fit):
    box = Letterbox(src, dst, fit)
    (x, y), (w, h) = box.offset, box.size
    assert 0 <= x <= x + w <= dst[0]
    assert 0 <= y <= y + h <= dst[1]
    back = box.to_frame_boxes(np.array([[x, y, x + w, y + h]], np.float32))
    np.testing.assert_allclose(back, [[0, 0, *src]], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("fit", FITS)
def test_a_bright_square_is_found_again_where_it_was(fit):
    frame = np.zeros((360, 640, 3), np.uint8)
    frame[100:200, 300:460] = 255
    box = Letterbox((640, 360), (320, 320), fit, 0)
    ys, xs = np.nonzero(box.apply(frame)[..., 0] > 127)
    found = box.to_frame_boxes(np.array([[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]], np.float32))
    np.testing.assert_allclose(found, [[300, 100, 460, 200]], atol=2)  # one pixel of the input is two of the frame


def test_boxes_are_clipped_and_points_are_not():
    box = Letterbox((100, 50), (200, 200), "letterbox")
    np.testing.assert_allclose(box.to_frame_boxes(np.array([[-10, -10, 300, 300]], np.float32)), [[0, 0, 100, 50]])
    points = box.to_frame_points(np.array([[[-10, 300, 0.5]]], np.float32))
    np.testing.assert_allclose(points, [[[-5, 150, 0.5]]])


@pytest.mark.parametrize("roi", [(100.0, 50.0, 60.0, 80.0), (100.25, 49.5, 61.0, 80.5), (-30.0, -20.0, 90.0, 120.0)])
def test_region_is_cropped_and_maps_back(roi):
    frame = np.zeros((360, 640, 3), np.uint8)
    x, y, w, h = roi
    cx, cy = int(x + w * 0.7), int(y + h * 0.6)
    frame[cy - 4 : cy + 4, cx - 4 : cx + 4] = 255
    box = Letterbox((640, 360), (192, 256), "stretch", 50, roi)
    out = box.apply(frame)
    ys, xs = np.nonzero(out[..., 0] > 127)
    centre = np.array([[xs.mean() + 0.5, ys.mean() + 0.5]], np.float32)
    np.testing.assert_allclose(box.to_frame_points(centre), [[cx, cy]], atol=0.3)
    if x < 0:
        assert (out[0, 0] == 50).all(), "beyond the frame there is padding"


@given(src=SIZES, dst=SIZES, fit=st.sampled_from(FITS), data=st.data())
def test_rectangle_covers_every_input_pixel_that_shows_it(src, dst, fit, data):
    x, y = data.draw(st.integers(0, src[0] - 1)), data.draw(st.integers(0, src[1] - 1))
    w, h = data.draw(st.integers(1, src[0] - x)), data.draw(st.integers(1, src[1] - y))
    box = Letterbox(src, dst, fit, 0)
    frame = np.zeros((src[1], src[0], 3), np.uint8)
    frame[y : y + h, x : x + w] = 255
    shown = box.apply(frame)[..., 0] > 0
    x0, y0, x1, y1 = box.to_input_rect(x, y, w, h)
    outside = shown.copy()
    outside[y0:y1, x0:x1] = False
    assert not outside.any()


def test_rectangle_outside_is_empty():
    x0, _, x1, _ = Letterbox((100, 100), (50, 50)).to_input_rect(500, 500, 10, 10)
    assert x0 == x1


@pytest.mark.parametrize(("src", "roi"), [((0, 5), None), ((5, 5), (0, 0, 0, 3))])
def test_nothing_to_fit_is_refused(src, roi):
    with pytest.raises(ValueError, match="nothing to fit"):
        Letterbox(src, (8, 8), roi=roi)
