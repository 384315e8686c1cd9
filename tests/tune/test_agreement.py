"""Agreement counts what it says: perfect copies agree, and each kind of damage shows in its own figure."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from skipvid.models.detection import Detections
from skipvid.tune.agreement import agreement
from skipvid.tune.coco import average_precision, sigmas_of
from skipvid.tune.matching import match, overlaps


def _dets(*rows: tuple[float, float, float, float, float, int], points: int = 0) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 6)
    keypoints = None
    if points:
        corners = table[:, None, :2] + (table[:, None, 2:4] - table[:, None, :2]) * np.linspace(0, 1, points)[None, :, None]
        keypoints = np.concatenate([corners, np.full((len(table), points, 1), 0.9)], axis=2).astype(np.float32)
    return Detections(table[:, :4], table[:, 4], table[:, 5].astype(np.int32), keypoints)


def _walk(frames: int, points: int = 0) -> list[Detections]:
    """A large object that walks and a small one that rests."""
    return [_dets((10 + 4 * i, 20, 70 + 4 * i, 140, 0.9, 0), (300, 50, 340, 90, 0.8, 2), points=points) for i in range(frames)]


def test_a_copy_agrees_perfectly() -> None:
    walk = _walk(20, points=17)
    result = agreement([list(zip(walk, walk, strict=True))], 0.5)
    assert (result.boxes.ap50, result.boxes.ap75, result.boxes.class_mean50, result.strict50) == (1, 1, 1, 1)
    assert result.poses is not None
    assert result.poses.ap == 1
    assert (result.pck, result.missed, result.longest_miss, result.false_detections, result.quality) == (1, 0, 0, 0, 1)
    assert result.loss == pytest.approx(0, abs=1e-6)
    assert result.objects_per_frame == 2


def test_weak_detections_of_the_gated_network_do_not_cost_precision() -> None:
    walk = _walk(10)
    weak = [_dets((10 + 4 * i, 20, 70 + 4 * i, 140, 0.45, 0), (300, 50, 340, 90, 0.8, 2)) for i in range(10)]
    result = agreement([list(zip(walk, weak, strict=True))], 0.5)
    assert result.boxes.ap50 == 1
    assert result.strict50 == pytest.approx(0.5)
    assert result.missed == 0.5
    assert result.longest_miss == 10
    assert 0.2 < result.loss < 0.3


def test_the_longest_miss_follows_an_object_and_ends_with_a_clip() -> None:
    walk = _walk(20)
    seen = [d.take(d.labels != 0) if 5 <= i < 12 else d for i, d in enumerate(walk)]
    pairs = list(zip(walk, seen, strict=True))
    assert agreement([pairs], 0.5).longest_miss == 7
    assert agreement([pairs[:8], pairs[8:]], 0.5).longest_miss == 4
    assert agreement([pairs], 0.5).missed == pytest.approx(7 / 40)


def test_a_stale_box_loses_at_a_high_overlap_first() -> None:
    walk = _walk(20)
    late = [walk[max(i - 2, 0)] for i in range(20)]  # 8 of 60 pixels behind: overlap 0.76 at worst
    late5 = [walk[max(i - 5, 0)] for i in range(20)]  # 20 of 60 behind: 0.5
    near, far = (agreement([list(zip(walk, other, strict=True))], 0.5) for other in (late, late5))
    assert (near.boxes.ap50, near.boxes.ap75) == (1, 1)
    assert near.boxes.ap < 1
    assert far.boxes.ap75 < 0.8


def test_false_detections_are_counted_where_nothing_is_ever_detected() -> None:
    nothing, ghost = Detections.none(), _dets((5, 5, 50, 50, 0.9, 1))
    result = agreement([[(nothing, nothing)] * 9 + [(nothing, ghost)]], 0.5)
    assert math.isnan(result.boxes.ap50)
    assert result.false_detections == pytest.approx(0.1)
    assert result.quality == pytest.approx(0.9)
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["boxes"]["ap50"] is None


def test_a_wrong_class_is_a_miss_and_a_false_detection() -> None:
    walk = _walk(10)
    wrong = [Detections(d.boxes, d.scores, np.array([0, 3], np.int32)) for d in walk]
    result = agreement([list(zip(walk, wrong, strict=True))], 0.5)
    assert result.boxes.ap50 == 0.5
    assert result.boxes.classes == {0: (10, 1.0), 2: (10, 0.0)}
    assert result.false_detections == 1


def test_classes_weigh_by_their_objects_unless_asked_otherwise() -> None:
    reference = [_dets((0, 0, 10, 10, 0.9, 0))] * 9 + [_dets((0, 0, 10, 10, 0.9, 1))]
    found = [_dets((0, 0, 10, 10, 0.9, 0))] * 10
    precision = average_precision(reference, found)
    assert precision.ap50 == pytest.approx(0.9, abs=0.01)
    assert precision.class_mean50 == pytest.approx(0.5, abs=0.01)


def test_moved_keypoints_show_in_poses_and_not_in_boxes() -> None:
    walk = _walk(10, points=16)
    moved = []
    for d in walk:
        assert d.keypoints is not None
        points = d.keypoints.copy()
        points[:, :8, 0] += 30
        moved.append(Detections(d.boxes, d.scores, d.labels, points))
    result = agreement([list(zip(walk, moved, strict=True))], 0.5)
    assert result.boxes.ap == 1
    assert result.poses is not None
    assert result.poses.ap75 < 0.6
    assert result.pck == pytest.approx(0.5)
    assert result.quality == result.poses.ap50


def test_face_landmarks_are_no_body() -> None:
    assert sigmas_of(5) is None
    assert [len(sigmas_of(n) or ()) for n in (16, 17)] == [16, 17]
    walk = _walk(5, points=5)
    assert agreement([list(zip(walk, walk, strict=True))], 0.5).poses is None


def test_overlaps_and_matches() -> None:
    a = np.array([[0, 0, 10, 10], [20, 20, 30, 30]], np.float32)
    b = np.array([[0, 0, 10, 5], [0, 0, 10, 10], [5, 5, 5, 5]], np.float32)
    table = overlaps(a, b)
    assert table.tolist() == [[0.5, 1, 0], [0, 0, 0]]
    assert match(table, 0.5).tolist() == [1, -1]
    assert match(table[:, :0], 0.5).tolist() == [-1, -1]
    assert match(np.array([[0.9, 0.8], [0.85, 0.0]]), 0.5).tolist() == [0, -1]
