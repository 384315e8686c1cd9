"""Real weights on real frames: objects that anyone can see are found where they are.

The boxes and points below were read off the frames by eye.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skipvid.models.detection import Detection
from skipvid.models.loading import load
from skipvid.models.model import Model

PERSON = ("one-by-one-person-detection.mp4", 120, (387, 15, 513, 393))  # seen from behind, standing
FACE = ("asl_book.mkv", 20, (272, 97, 332, 170))  # the same frame serves for the poses: she faces the camera
PATIENCE = 25.0  # pixels; a joint is not a point


def frame(shared_data: Path, video: str, index: int) -> np.ndarray:
    from skipvid.video.cv import cv2

    capture = cv2.VideoCapture(str(shared_data / "videos" / video))
    for _ in range(index + 1):
        ok, image = capture.read()
        assert ok
    return np.asarray(image)


def iou(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    wide = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    high = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return wide * high / (area - wide * high)


def detect(model: Model, image: np.ndarray) -> list[Detection]:
    return model.detect(model.stream("exact", engine="reference"), image)


@pytest.mark.parametrize(
    ("weights", "head"),
    [
        ("yolox_nano_416", "yolox"),
        ("nanodet_m_320", "gfl"),
        ("picodet_s_320_coco", "gfl"),
        ("fastestdet_352", "fastestdet"),
        ("yolo_fastest_xl_coco_320", "darknet"),
    ],
)
def test_detectors_find_the_person(shared_data: Path, weights: str, head: str) -> None:
    model = load(shared_data / "weights" / f"{weights}.onnx")
    video, index, box = PERSON
    found = detect(model, frame(shared_data, video, index))
    assert model.head.name == head
    people = [d for d in found if model.labels[d.label] == "person"]
    assert people
    assert iou(people[0].box, box) > 0.6
    assert people[0] is found[0]


@pytest.mark.parametrize(("weights", "head"), [("ultraface_rfb_320_nopost", "ssd"), ("yunet_n_640", "yunet")])
def test_face_detectors_find_the_face(shared_data: Path, weights: str, head: str) -> None:
    model = load(shared_data / "weights" / f"{weights}.onnx")
    video, index, box = FACE
    found = detect(model, frame(shared_data, video, index))
    assert (model.head.name, model.labels) == (head, ("face",))
    assert len(found) == 1
    assert iou(found[0].box, box) > 0.6


JOINTS_COCO = {0: (296, 138), 5: (378, 219), 6: (238, 226)}  # nose, left and right shoulder
JOINTS_MPII = {0: (301, 90), 6: (380, 219), 2: (238, 226)}  # head top, left and right shoulder


@pytest.mark.parametrize(
    ("weights", "joints"),
    [
        ("ultralight_simplepose_bnspatial", JOINTS_COCO),
        ("ultralight_simplepose", JOINTS_COCO),
        ("efficientpose_rt_224", JOINTS_MPII),
        ("efficientpose_rt_lite_224", JOINTS_MPII),
    ],
)
def test_pose_networks_find_the_shoulders(shared_data: Path, weights: str, joints: dict[int, tuple[int, int]]) -> None:
    model = load(shared_data / "weights" / f"{weights}.onnx")
    image = frame(shared_data, FACE[0], FACE[1])
    stream = model.stream("exact", engine="reference")
    fit = model.fit((640, 480), roi=(190, 80, 230, 400)) if weights.startswith("ultralight") else model.fit((640, 480))
    stream.step_image(fit.apply(image))
    found = model.decode(stream.outputs(), fit)
    assert (model.head.name, model.labels, len(found)) == ("keypoints", ("person",), 1)
    points = found[0].keypoints
    assert points is not None
    for joint, place in joints.items():
        assert np.hypot(*(points[joint, :2] - place)) < PATIENCE, joint
        assert points[joint, 2] > model.conf


def test_the_same_labels_and_skeletons_for_every_network_of_a_kind(shared_data: Path) -> None:
    model = load(shared_data / "weights" / "efficientpose_rt_lite_224.onnx")
    assert model.head.keypoints == 16
    assert len(model.skeleton) == 15
    assert model.preprocess.std == (127.5, 127.5, 127.5)
    assert model.class_indices(["person"]) == (0,)
