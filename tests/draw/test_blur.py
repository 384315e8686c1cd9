"""Promises of anonymising: nothing recognisable is left inside a box, and nothing is shown between detections."""

from __future__ import annotations

import numpy as np
import pytest

from skipvid.draw.blur import BlurHold, blur, grow

NONE = np.zeros((0, 4), np.float32)


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize("kind", ["smooth", "mosaic"])
@pytest.mark.parametrize("side", [12, 40, 120, 300])
def test_no_detail_is_left_whatever_the_size(kind, side):
    noise = np.random.default_rng(0).integers(0, 2, (400, 400, 1), dtype=np.uint8).repeat(3, axis=2) * 255
    image = noise.copy()
    blur(image, boxes((20, 20, 20 + side, 20 + side)), kind=kind, shape="rectangle")
    inside = image[20 : 20 + side, 20 : 20 + side, 0].astype(float)
    # Noise of one pixel has a standard deviation of 127; averages over cells of n pixels have 127 / sqrt(n), n >= 16.
    assert inside.std() < 127 / 4 * 1.3
    values = len(np.unique(image[20 : 20 + side, 20 : 20 + side].reshape(-1, 3), axis=0))
    assert kind == "smooth" or values <= 36
    outside = np.ones((400, 400), bool)
    outside[20 : 20 + side, 20 : 20 + side] = False
    np.testing.assert_array_equal(image[outside], noise[outside])


def test_ellipse_covers_the_box_that_was_found():
    image = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    before = image.copy()
    found = boxes((60, 60, 140, 140))
    blur(image, grow(found, 1.3))
    changed = (image != before).any(axis=2)
    assert changed[60:140, 100].all()
    assert changed[100, 60:140].all()
    assert changed[62:138, 62:138].mean() > 0.97
    assert not changed[0:40].any()


@pytest.mark.parametrize("box", [(-50, -50, 20, 20), (190, 190, 500, 500), (300, 300, 400, 400), (5, 5, 5, 5), (np.nan, 0, 1, 1)])
def test_boxes_over_the_edge_are_fine(box):
    image = np.zeros((200, 200, 3), np.uint8)
    assert blur(image, boxes(box)) is image


def test_boxes_are_grown_about_their_centre():
    np.testing.assert_allclose(BlurHold(1.3).update(boxes((100, 100, 200, 300))), [[85, 70, 215, 330]])


def test_box_is_held_ten_frames_after_its_last_detection():
    hold = BlurHold()
    hold.update(boxes((100, 100, 200, 200)))
    for _ in range(10):
        held = hold.update(NONE)
        assert len(held) == 1
        assert (held[0, :2] <= 85).all(), "a held box never shrinks"
        assert (held[0, 2:] >= 215).all()
    assert len(hold.update(NONE)) == 0


def test_object_seen_again_replaces_its_held_box():
    hold = BlurHold()
    hold.update(boxes((100, 100, 200, 200)))
    hold.update(NONE)
    np.testing.assert_allclose(hold.update(boxes((110, 100, 210, 200))), [[95, 85, 225, 215]])


def test_each_object_is_held_on_its_own():
    hold = BlurHold()
    hold.update(boxes((0, 0, 50, 50), (300, 300, 350, 350)))
    assert len(hold.update(boxes((2, 0, 52, 50)))) == 2


def test_flicker_never_uncovers_the_face():
    hold = BlurHold()
    rng = np.random.default_rng(3)
    seen_at = -1
    for frame in range(200):
        x = 100 + frame
        found = rng.random() < 0.4
        seen_at = frame if found else seen_at
        covered = hold.update(boxes((x, 100, x + 80, 180)) if found else NONE)
        if 0 <= seen_at >= frame - 5:
            inside = (covered[:, 0] <= x + 8) & (covered[:, 2] >= x + 72)
            assert inside.any(), f"frame {frame}: a face moving a pixel per frame stays covered for five frames undetected"


def test_reset_forgets():
    hold = BlurHold()
    hold.update(boxes((0, 0, 50, 50)))
    hold.reset()
    assert len(hold.update(NONE)) == 0
