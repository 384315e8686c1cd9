"""Ground truth is read as its formats say, and refused with a clear line where it is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from skipvid.errors import UsageError
from skipvid.tune.ground_truth import read_ground_truth

LABELS = ("person", "car")


def test_mot_frames_start_at_one_and_distractors_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "gt.txt"
    path.write_text("1,1,10,20,30,40,1,1,0.9\n1,2,5,5,5,5,0,1,1\n3,1,11,21,30,40,1,7,1\n3,1,12,22,30,40\n\n")
    truth = read_ground_truth(path, LABELS, label=1)
    found = truth.at(0)
    assert found is not None
    assert found.boxes.tolist() == [[10, 20, 40, 60]]
    assert found.labels.tolist() == [1]
    assert len(truth.at(1) or ()) == 0
    assert (truth.at(2) or found).boxes[:, 0].tolist() == [12]


def test_coco_matches_classes_by_name_and_frames_by_number(tmp_path: Path) -> None:
    path = tmp_path / "gt.json"
    data = {
        "images": [{"id": 7, "file_name": "clip/000004.png"}, {"id": 8, "frame_id": 5}, {"id": 9}],
        "categories": [{"id": 1, "name": "Car"}, {"id": 2, "name": "kite"}],
        "annotations": [
            {"image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]},
            {"image_id": 7, "category_id": 1, "bbox": [0, 0, 9, 9], "iscrowd": 1},
            {"image_id": 8, "category_id": 2, "bbox": [1, 2, 3, 4]},
        ],
    }
    path.write_text(json.dumps(data))
    truth = read_ground_truth(path, LABELS)
    assert {frame: len(found) for frame, found in truth.frames.items()} == {4: 1, 5: 0, 9: 0}
    assert truth.frames[4].boxes.tolist() == [[1, 2, 4, 6]]
    assert truth.frames[4].labels.tolist() == [1]
    assert truth.ignored == ("kite",)
    assert truth.at(6) is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.txt", "1,2,three\n", r"^Line 1 of the ground truth .*a\.txt is not a MOT row: '1,2,three'\."),
        ("a.txt", "", r"^The ground truth .*a\.txt holds no objects\."),
        ("a.json", "{", r"^The ground truth .*a\.json is not COCO JSON: JSONDecodeError"),
        ("a.json", "{}", r"^The ground truth .*a\.json is not COCO JSON: KeyError 'categories'\."),
    ],
)
def test_what_is_neither_is_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=message):
        read_ground_truth(tmp_path / name, LABELS)
    with pytest.raises(UsageError, match=r"cannot be read: No such file or directory\."):
        read_ground_truth(tmp_path / "missing.txt", LABELS)
