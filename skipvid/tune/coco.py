"""Average precision by a maintained COCO evaluator (faster-coco-eval), fed from memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skipvid.errors import SkipvidError
from skipvid.models.detection import Detections
from skipvid.plan import FloatArray

__all__ = ["VISIBLE", "Precision", "average_precision", "sigmas_of"]

VISIBLE = 0.15  # confidence from which a keypoint of a reference counts as visible

# Standard deviations of human labels, in units of the square root of the object's area (COCO keypoint evaluation).
_HEAD, _EYE, _EAR, _SHOULDER, _ELBOW, _WRIST, _HIP, _KNEE, _ANKLE = 0.026, 0.025, 0.035, 0.079, 0.072, 0.062, 0.107, 0.087, 0.089
_COCO_SIGMAS = (_HEAD, *(s for part in (_EYE, _EAR, _SHOULDER, _ELBOW, _WRIST, _HIP, _KNEE, _ANKLE) for s in (part, part)))
# The points of MPII: head, neck, right arm, thorax, left arm, pelvis, right leg, left leg; the trunk's take those nearby.
_ARM, _LEG = (_SHOULDER, _ELBOW, _WRIST), (_HIP, _KNEE, _ANKLE)
_MPII_SIGMAS = (_HEAD, _SHOULDER, *_ARM, _SHOULDER, *_ARM, _HIP, *_LEG, *_LEG)


@dataclass(frozen=True)
class Precision:
    """Average precision over 101 points of recall, as COCO defines it.

    Attributes:
        ap50: At an overlap (IoU, or OKS for keypoints) of 0.5, every reference object counting the same: the mean over classes
            weighted by their objects. NaN where there is no reference object.
        ap75: At 0.75.
        ap: Mean over 0.5, 0.55, ... 0.95.
        class_mean50: As ``ap50``, every class counting the same: COCO's mAP.
        class_mean75: As ``ap75``, every class counting the same.
        classes: ``(objects, ap50)`` by class.
    """

    ap50: float
    ap75: float
    ap: float
    class_mean50: float
    class_mean75: float
    classes: Mapping[int, tuple[int, float]]


def sigmas_of(points: int) -> tuple[float, ...] | None:
    """Tolerances of the keypoints of a body of so many points, or None where it is no body."""
    return {17: _COCO_SIGMAS, 16: _MPII_SIGMAS}.get(points)


def average_precision(reference: Sequence[Detections], found: Sequence[Detections], *, poses: bool = False) -> Precision:
    """Average precision of detections against reference objects, frame by frame.

    Args:
        reference: The objects of each frame.
        found: The detections of each frame, at every confidence that should count.
        poses: Overlap is object keypoint similarity instead of IoU of boxes; for bodies of 16 or 17 points.

    Raises:
        SkipvidError: The evaluator is not installed.
    """
    objects = {int(c): int(n) for c, n in zip(*np.unique(_labels(reference), return_counts=True), strict=True)}
    nothing = float("nan")
    if not objects:
        return Precision(nothing, nothing, nothing, nothing, nothing, {})
    table = _evaluate(reference, found, sorted(objects), poses)  # (10, classes): AP by overlap and class
    count = np.array([objects[c] for c in sorted(objects)], np.float64)
    weighted = (table * count).sum(axis=1) / count.sum()
    classes = {c: (objects[c], float(table[0, k])) for k, c in enumerate(sorted(objects))}
    return Precision(
        ap50=float(weighted[0]),
        ap75=float(weighted[5]),
        ap=float(weighted.mean()),
        class_mean50=float(table[0].mean()),
        class_mean75=float(table[5].mean()),
        classes=classes,
    )


def _labels(frames: Sequence[Detections]) -> np.ndarray:
    return np.concatenate([f.labels for f in frames]) if frames else np.zeros(0, np.int32)


def _evaluate(reference: Sequence[Detections], found: Sequence[Detections], classes: list[int], poses: bool) -> FloatArray:
    """``(10, classes)`` AP by overlap threshold and class."""
    try:
        from faster_coco_eval import COCO, COCOeval_faster
    except ImportError as error:
        message = f"Average precision needs the package faster-coco-eval, which cannot be loaded: {error}."
        raise SkipvidError(message, "Install it with `pip install faster-coco-eval`.") from error

    results = _rows(found, set(classes), poses)
    if not results:
        return np.zeros((10, len(classes)), np.float32)
    truth = COCO(
        {
            "info": {},
            "images": [{"id": i + 1} for i in range(len(reference))],
            "categories": [{"id": c + 1, "name": str(c)} for c in classes],
            "annotations": [
                {**row, "id": k + 1, "iscrowd": 0} for k, row in enumerate(_rows(reference, set(classes), poses, truth=True))
            ],
        }
    )
    points = next((f.keypoints.shape[1] for f in reference if f.keypoints is not None), 0)
    evaluator = COCOeval_faster(
        truth,
        truth.loadRes(results),
        iouType="keypoints" if poses else "bbox",
        kpt_oks_sigmas=list(sigmas_of(points) or ()) if poses else None,
        print_function=_silent,
    )
    evaluator.params.areaRng, evaluator.params.areaRngLbl = [[0.0, 1e12]], ["all"]
    evaluator.params.maxDets = [1000]
    evaluator.evaluate()
    evaluator.accumulate()
    precision = np.asarray(evaluator.eval["precision"])[:, :, :, 0, 0]  # (overlaps, recalls, classes)
    table: FloatArray = precision.mean(axis=1).clip(min=0).astype(np.float32)
    return table


def _rows(frames: Sequence[Detections], classes: set[int], poses: bool, truth: bool = False) -> list[dict[str, Any]]:
    """COCO's rows; coordinates as Python floats."""
    rows: list[dict[str, Any]] = []
    for image, frame in enumerate(frames, start=1):
        for k in range(len(frame)):
            if int(frame.labels[k]) not in classes:
                continue
            x1, y1, x2, y2 = frame.boxes[k].tolist()
            box = [x1, y1, x2 - x1, y2 - y1]
            row = {"image_id": image, "category_id": int(frame.labels[k]) + 1, "bbox": box, "area": max(box[2] * box[3], 1e-6)}
            if not truth:
                row["score"] = float(frame.scores[k])
            if poses and frame.keypoints is not None:
                keypoints = frame.keypoints[k].astype(np.float64).copy()
                visible = keypoints[:, 2] > VISIBLE
                keypoints[:, 2] = np.where(visible, 2, 0) if truth else 2
                row["keypoints"] = keypoints.reshape(-1).tolist()
                row["num_keypoints"] = int(visible.sum())
            rows.append(row)
    return rows


def _silent(*_: object, **__: object) -> None:
    """The evaluator's print function."""
