"""Promises of annotations: drawn where the objects are, in stable colours, on frames of any size and with any numbers."""

from __future__ import annotations

import numpy as np
import pytest

from skipvid.draw.boxes import Style, annotate
from skipvid.draw.palette import class_colour, text_colour
from skipvid.draw.text import Font
from skipvid.models.detection import Detections


def detections(boxes, scores=None, labels=None, keypoints=None):
    n = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores if scores is not None else [0.9] * n, np.float32),
        np.array(labels if labels is not None else [0] * n, np.int32),
        keypoints,
    )


def blank(width=640, height=360):
    return np.full((height, width, 3), 80, np.uint8)


def test_box_is_drawn_in_place_on_its_edge_and_leaves_the_inside_alone():
    image = blank()
    assert annotate(image, detections([(100, 100, 300, 300)]), ["face"]) is image
    for x, y in [(100, 200), (300, 200), (200, 300)]:
        assert tuple(image[y, x]) == class_colour(0)
    assert (image[150:250, 150:250] == 80).all()


def test_nothing_found_draws_nothing():
    np.testing.assert_array_equal(annotate(blank(), Detections.none(5)), blank())


def test_label_stands_above_the_box_and_inside_where_there_is_no_room():
    above, inside = blank(), blank()
    annotate(above, detections([(100, 100, 300, 300)]))
    annotate(inside, detections([(100, 0, 300, 300)]))
    assert (above[80:95, 110:150] != 80).any()
    assert (inside[5:20, 110:150] != 80).any()


def test_label_at_the_right_edge_stays_in_the_frame():
    image = blank()
    annotate(image, detections([(630, 100, 640, 120)]), ["a long name of a class"])
    assert (image[85:95, 500:600] != 80).any()


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (176, 144), (1920, 1080)])
@pytest.mark.parametrize("box", [(-50, -50, 5000, 5000), (10, 10, 10, 10), (20, 20, 5, 5), (np.nan, 0, 1, 1), (0, 0, np.inf, 1)])
def test_any_box_on_any_frame(size, box):
    points = np.full((1, 5, 3), np.nan, np.float32)
    annotate(blank(*size), detections([box], labels=[999], keypoints=points), [], [(0, 1), (7, 9)])


def test_joints_below_the_threshold_and_their_limbs_are_left_out():
    points = np.array([[[100, 100, 0.9], [300, 100, 0.9], [300, 300, 0.1]]], np.float32)
    image = blank()
    annotate(image, detections([(50, 50, 400, 330)], keypoints=points), ["person"], [(0, 1), (1, 2)])
    assert (image[100, 200] != 80).any(), "a limb between two seen joints"
    assert (image[200, 300] == 80).all(), "no limb to an unseen joint"


def test_points_without_a_skeleton_are_dots():
    points = np.array([[[100, 100, 1.0], [200, 200, 1.0]]], np.float32)
    image = blank()
    annotate(image, detections([(50, 50, 400, 330)], keypoints=points))
    assert (image[100, 100] != 80).any()
    assert (image[150, 150] == 80).all()


def test_surest_detection_is_on_top():
    image = blank()
    annotate(image, detections([(100, 100, 300, 300), (100, 100, 300, 300)], [0.9, 0.3], [0, 1]))
    assert tuple(image[200, 100]) == class_colour(0)


def test_neighbouring_classes_differ_and_labels_have_contrast():
    colours = np.array([class_colour(i) for i in range(20)], int)
    assert len({tuple(c) for c in colours}) == 20
    assert np.abs(np.diff(colours, axis=0)).sum(axis=1).min() > 120
    luma = np.array([0.114, 0.587, 0.299])
    for colour in colours:
        assert abs((np.array(text_colour(tuple(int(v) for v in colour))) - colour) @ luma) > 90


def test_sizes_follow_the_frame():
    small, large = Style.of(176, 144), Style.of(1920, 1080)
    assert small.line == 1
    assert large.line > 3
    assert 6 <= small.font.height < large.font.height


@pytest.mark.parametrize("height", [7, 10, 20, 40])
def test_fonts_have_the_height_asked_for(height):
    image = np.zeros((100, 200, 3), np.uint8)
    Font(height).put(image, "H", 10, 80, (255, 255, 255))
    rows = np.flatnonzero(image.max(axis=(1, 2)) > 100)
    assert rows.max() - rows.min() + 1 == pytest.approx(height, abs=2)


def test_a_label_that_would_hide_a_box_of_its_class_goes_elsewhere():
    box, within = [50, 100, 250, 180], [60, 90, 75, 98]

    def above(boxes, labels=None):
        """Whether a label is above the first box, right of the other."""
        image = annotate(blank(400, 200), detections(boxes, np.linspace(0.9, 0.5, len(boxes)), labels), ["person", "tie"])
        return (image[93:97, 85:100] == class_colour(0)).all(axis=2).mean() > 0.3

    assert above([box])
    assert above([box, [260, 100, 350, 190]])
    assert not above([box, within])
    assert above([box, within], [0, 1])  # a tie moves no person's name


def test_of_labels_that_meet_the_surer_has_the_place():
    boxes = [[60, 100, 260, 180], [50, 100, 250, 180]]
    both = annotate(blank(400, 200), detections(boxes, [0.9, 0.5]), ["person"])
    surer = annotate(blank(400, 200), detections(boxes[:1], [0.9]), ["person"])
    np.testing.assert_array_equal(both[80:95], surer[80:95])
    assert (both[102:108, 55:95] != 80).any(axis=2).all()  # the other stands inside its box


def test_where_there_is_no_room_for_a_label_there_is_none():
    rows = [[10, 12 * k, 110, 12 * k + 11] for k in range(16)]
    image = annotate(blank(400, 200), detections(rows, np.linspace(0.9, 0.5, 16)), ["text"])
    filled = (image[:, :90] == class_colour(0)).all(axis=2).mean(axis=1) > 0.4
    assert 0 < filled.sum() < 100  # most lines can be read
