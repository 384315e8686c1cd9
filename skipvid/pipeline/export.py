"""Copies of ``predictions.jsonl`` in formats that other tools read.

- COCO: ``predictions.coco_results.json``, the list that evaluators load as results, and ``predictions.coco.json``, the
  same with images and categories, as annotation tools load it. ``image_id`` is the number of the frame,
  ``category_id`` the index of the class.
- MOT: ``predictions.mot.txt`` in its detection form, ``frame,-1,x,y,w,h,score,-1,-1,-1`` with frames counted from 1.
- CSV: ``predictions.csv``, a row per detection.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from skipvid.pipeline.config import Export
from skipvid.stats import files, rows

__all__ = ["export"]

_Row = Mapping[str, Any]

_SEEN = 0.2  # least confidence of a keypoint in annotations, as in the pictures


def export(folder: Path, formats: Sequence[Export], *, labels: Sequence[str], size: tuple[int, int]) -> list[Path]:
    """Write the predictions of a run folder in other formats.

    Args:
        folder: Holds ``predictions.jsonl``.
        formats: Which formats.
        labels: Class names by index.
        size: (width, height) of the frames.

    Returns:
        The files written.

    Raises:
        OutputError: A file cannot be written.
    """
    written = []
    for form in dict.fromkeys(formats):
        for name, text in _WRITERS[form](folder / files.PREDICTIONS, labels, size).items():
            files.write_atomically(folder / name, text.encode())
            written.append(folder / name)
    return written


def _detections(path: Path) -> Iterator[tuple[_Row, _Row]]:
    for row in rows.read_rows(path):
        for found in row["detections"]:
            yield row, found


def _xywh(found: _Row) -> list[float]:
    x1, y1, x2, y2 = found["box"]
    return [x1, y1, round(x2 - x1, 3), round(y2 - y1, 3)]


def _coco(path: Path, labels: Sequence[str], size: tuple[int, int]) -> dict[str, str]:
    results: list[dict[str, Any]] = []
    used = set(range(len(labels)))
    for row, found in _detections(path):
        used.add(found["label"])
        entry = {"image_id": row["frame"], "category_id": found["label"], "bbox": _xywh(found), "score": found["score"]}
        if "keypoints" in found:
            entry["keypoints"] = [value for point in found["keypoints"] for value in point]
        results.append(entry)
    width, height = size
    images = [
        {"id": row["frame"], "file_name": f"{row['frame']:06d}.png", "width": width, "height": height}
        for row in rows.read_rows(path)
    ]
    names = [{"id": index, "name": labels[index] if index < len(labels) else str(index)} for index in sorted(used)]
    annotations = [
        {"id": number, "area": round(entry["bbox"][2] * entry["bbox"][3], 3), "iscrowd": 0, **entry, **_annotated(entry)}
        for number, entry in enumerate(results, start=1)
    ]
    return {
        "predictions.coco_results.json": json.dumps(results),
        "predictions.coco.json": json.dumps({"images": images, "categories": names, "annotations": annotations}),
    }


def _annotated(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Keypoints as annotations have them: with 2 where one is seen and zeros where not, in place of a confidence."""
    if "keypoints" not in entry:
        return {}
    values = entry["keypoints"]
    points = [(x, y, 2) if conf >= _SEEN else (0, 0, 0) for x, y, conf in zip(*[iter(values)] * 3, strict=True)]
    return {"keypoints": [value for point in points for value in point], "num_keypoints": sum(point[2] == 2 for point in points)}


def _mot(path: Path, labels: Sequence[str], size: tuple[int, int]) -> dict[str, str]:
    lines = []
    for row, found in _detections(path):
        box = ",".join(f"{value:.2f}" for value in _xywh(found))
        lines.append(f"{row['frame'] + 1},-1,{box},{found['score']:.5f},-1,-1,-1\n")
    return {"predictions.mot.txt": "".join(lines)}


def _csv(path: Path, labels: Sequence[str], size: tuple[int, int]) -> dict[str, str]:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["frame", "pts", "x1", "y1", "x2", "y2", "score", "label", "name"])
    for row, found in _detections(path):
        table.writerow([row["frame"], row["pts"], *found["box"], found["score"], found["label"], found.get("name", "")])
    return {"predictions.csv": text.getvalue()}


_WRITERS: dict[Export, Callable[[Path, Sequence[str], tuple[int, int]], dict[str, str]]] = {
    Export.COCO: _coco,
    Export.MOT: _mot,
    Export.CSV: _csv,
}
