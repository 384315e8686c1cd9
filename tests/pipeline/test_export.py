"""Exported predictions say what ``predictions.jsonl`` says, in the conventions of each format."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from skipvid.models.detection import Detections
from skipvid.pipeline.config import Export
from skipvid.pipeline.export import export
from skipvid.stats import files, rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = Detections(np.array([[10, 20, 30, 60]], np.float32), np.array([0.75], np.float32), np.array([1], np.int32))
    points = Detections(found.boxes, found.scores, found.labels, np.array([[[11, 22, 0.5], [3, 4, 0.1]]], np.float32))
    with rows.JsonLines(tmp_path / files.PREDICTIONS) as lines:
        lines.write(rows.prediction_row(0, 0.0, Detections.none(), ("cat", "dog")))
        lines.write(rows.prediction_row(4, 0.16, found, ("cat", "dog")))
        lines.write(rows.prediction_row(8, 0.32, points, ("cat", "dog")))
    return tmp_path


def test_mot_counts_frames_from_one_and_has_no_identity(folder: Path) -> None:
    (path,) = export(folder, [Export.MOT], labels=("cat", "dog"), size=(64, 48))
    assert path.read_text().splitlines()[0] == "5,-1,10.00,20.00,20.00,40.00,0.75000,-1,-1,-1"


def test_csv_has_a_row_per_detection(folder: Path) -> None:
    (path,) = export(folder, [Export.CSV], labels=("cat", "dog"), size=(64, 48))
    table = list(csv.DictReader(path.open()))
    assert len(table) == 2
    assert table[0] == {
        "frame": "4", "pts": "0.16", "x1": "10.0", "y1": "20.0", "x2": "30.0", "y2": "60.0", "score": "0.75",
        "label": "1", "name": "dog",
    }  # fmt: skip


def test_coco_lists_every_frame_and_category_and_numbers_annotations_from_one(folder: Path) -> None:
    results, whole = export(folder, [Export.COCO, Export.COCO], labels=("cat", "dog"), size=(64, 48))
    listed = json.loads(results.read_text())
    assert listed[0] == {"image_id": 4, "category_id": 1, "bbox": [10.0, 20.0, 20.0, 40.0], "score": 0.75}
    assert listed[1]["keypoints"] == [11.0, 22.0, 0.5, 3.0, 4.0, 0.1]
    dataset = json.loads(whole.read_text())
    assert [image["id"] for image in dataset["images"]] == [0, 4, 8]
    assert dataset["categories"] == [{"id": 0, "name": "cat"}, {"id": 1, "name": "dog"}]
    assert [entry["id"] for entry in dataset["annotations"]] == [1, 2]
    assert dataset["annotations"][0]["area"] == 800.0
    assert "num_keypoints" not in dataset["annotations"][0]
    # Annotations have visibility, 0 or 2, where results have confidence.
    assert dataset["annotations"][1]["keypoints"] == [11.0, 22.0, 2, 0, 0, 0]
    assert dataset["annotations"][1]["num_keypoints"] == 1
