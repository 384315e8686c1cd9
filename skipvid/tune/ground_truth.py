"""Ground truth of a video: MOT text and COCO JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skipvid.errors import UsageError
from skipvid.models.detection import Detections

__all__ = ["GroundTruth", "read_ground_truth"]

_Row = tuple[int, float, float, float, float, int]  # frame, x, y, width, height, label
_MOT_PEDESTRIAN = 1


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """The objects of a video.

    Attributes:
        frames: Objects by number of the frame, from 0; those of frames that were looked at and show none are empty.
        complete: Whether a frame that is not named was looked at and shows nothing (MOT), or was not looked at (COCO).
        ignored: Names of classes that the model does not know, whose objects were left out.
    """

    frames: Mapping[int, Detections]
    complete: bool
    ignored: tuple[str, ...] = ()

    def at(self, frame: int) -> Detections | None:
        """The objects of a frame, or None where nobody looked."""
        found = self.frames.get(frame)
        return Detections.none() if found is None and self.complete else found


def read_ground_truth(path: Path, labels: Sequence[str], label: int = 0) -> GroundTruth:
    """Read ground truth.

    Args:
        path: COCO JSON where it ends in ``.json``, else MOT text: ``frame,id,x,y,width,height,flag[,class[,visibility]]``, frames
            from 1. Rows of flag 0, and of another class than pedestrian where there is a class, are left out.
        labels: The model's class names; COCO's categories are matched by name.
        label: The model's class that the rows of a MOT file belong to.

    Raises:
        UsageError: The file cannot be read or is neither.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        message = f"The ground truth {path} cannot be read: {reason}."
        raise UsageError(message, "Check the path given to --gt.") from error
    if path.suffix.lower() == ".json":
        return _coco(path, text, labels)
    return GroundTruth(_columns(_mot(path, text, label), {}), complete=True)


def _mot(path: Path, text: str, label: int) -> list[_Row]:
    rows: list[_Row] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            frame, _, x, y, width, height, *rest = (float(v) for v in re.split(r"[,\s]+", line.strip().rstrip(",")))
        except ValueError as error:
            message = f"Line {number} of the ground truth {path} is not a MOT row: {line.strip()[:60]!r}."
            raise UsageError(
                message, "Give frame,id,x,y,width,height,... in numbers, or a COCO file that ends in .json."
            ) from error
        flag = rest[0] if rest else 1.0
        other = len(rest) > 1 and rest[1] > 0 and int(rest[1]) != _MOT_PEDESTRIAN
        if flag != 0 and not other:
            rows.append((int(frame) - 1, x, y, width, height, label))
    if not rows:
        message = f"The ground truth {path} holds no objects."
        raise UsageError(message, "Give a MOT text file or a COCO JSON file with annotations.")
    return rows


def _coco(path: Path, text: str, labels: Sequence[str]) -> GroundTruth:
    try:
        data = json.loads(text)
        names = {int(c["id"]): str(c["name"]) for c in data["categories"]}
        frames = {image["id"]: _frame_of(image) for image in data["images"]}
        known = {name.lower(): k for k, name in enumerate(labels)}
        rows: list[_Row] = []
        ignored = set()
        for entry in data["annotations"]:
            name = names[int(entry["category_id"])]
            if name.lower() not in known:
                ignored.add(name)
            elif not entry.get("iscrowd", 0):
                x, y, width, height = (float(v) for v in entry["bbox"])
                rows.append((frames[entry["image_id"]], x, y, width, height, known[name.lower()]))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        message = f"The ground truth {path} is not COCO JSON: {type(error).__name__} {error}."
        raise UsageError(message, "Give images, categories and annotations with bbox, as COCO has them.") from error
    if not rows:
        message = (
            f"The ground truth {path} holds no object of a class that the model knows ({', '.join(sorted(names.values()))})."
        )
        raise UsageError(message, "Name the model's classes with --labels.")
    return GroundTruth(_columns(rows, dict.fromkeys(frames.values())), complete=False, ignored=tuple(sorted(ignored)))


def _frame_of(image: Mapping[str, Any]) -> int:
    """Number of the frame, from 0: ``frame_id`` where a tool wrote it, else the last number in the file's name, else the id."""
    if "frame_id" in image:
        return int(image["frame_id"])
    digits = re.findall(r"\d+", Path(str(image.get("file_name", ""))).stem)
    return int(digits[-1]) if digits else int(image["id"])


def _columns(rows: Sequence[_Row], empty: Mapping[int, None]) -> dict[int, Detections]:
    by_frame: dict[int, list[_Row]] = {frame: [] for frame in empty}
    for row in rows:
        by_frame.setdefault(row[0], []).append(row)
    result = {}
    for frame, found in by_frame.items():
        table = np.array([row[1:5] for row in found], np.float32).reshape(-1, 4)
        boxes = np.concatenate([table[:, :2], table[:, :2] + table[:, 2:]], axis=1)
        result[frame] = Detections(boxes, np.ones(len(found), np.float32), np.array([r[5] for r in found], np.int32))
    return result
