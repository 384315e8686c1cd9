"""How well the detections of a gated network agree with those of the dense one.

The dense network's detections above the usual confidence are taken for the truth; the gated network's are judged at every
confidence, as average precision wants it. Where nothing is ever detected there is nothing to agree on, and false detections are
what counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np

from skipvid.models.detection import Detections
from skipvid.tune.coco import VISIBLE, Precision, average_precision, sigmas_of
from skipvid.tune.matching import match, overlaps, same_label

__all__ = ["Agreement", "Pairs", "above", "agreement", "losses", "plain"]

Pairs: TypeAlias = Sequence[tuple[Detections, Detections]]

_SAME = 0.5  # overlap from which two boxes show the same object in one frame
_NEXT = 0.3  # the same from one frame to the next, in which it may have moved
_NEAR = 0.1  # share of the longer side of the box within which a keypoint is found (PCK of Yang and Ramanan, PAMI 2013)


@dataclass(frozen=True)
class Agreement:
    """Agreement over some frames.

    Attributes:
        frames: Frames compared.
        objects: Dense detections above the confidence.
        boxes: Average precision by overlap of boxes.
        poses: Average precision by object keypoint similarity, or None where there are no bodies.
        pck: Share of the visible keypoints of matched objects that lie within a tenth of the box's longer side; None without
            keypoints.
        strict50: AP50 with the gated detections cut at the same confidence as the dense ones.
        missed: Share of dense detections without a gated one above the confidence.
        longest_miss: Longest run of frames in which an object that the dense network follows is missed.
        false_detections: Gated detections above the confidence without a dense one, per frame.
        loss: Mean over dense detections of 1 - overlap x score / dense score of the gated detection on it, plus the same with the
            roles changed, for what is found and should not be. It moves where AP does not yet, and smoothly.
    """

    frames: int
    objects: int
    boxes: Precision
    poses: Precision | None
    pck: float | None
    strict50: float
    missed: float
    longest_miss: int
    false_detections: float
    loss: float

    @property
    def main(self) -> Precision:
        """Precision of poses where there are bodies, else of boxes."""
        return self.boxes if self.poses is None else self.poses

    @property
    def quality(self) -> float:
        """AP50, or 1 - false detections per frame where there is nothing to agree on; 1 is perfect."""
        return self.main.ap50 if self.objects else max(0.0, 1.0 - self.false_detections)

    @property
    def objects_per_frame(self) -> float:
        """Dense detections per frame."""
        return self.objects / max(self.frames, 1)

    def to_dict(self) -> dict[str, Any]:
        """A JSON value; what is not defined is null."""
        data = {**asdict(self), "objects_per_frame": self.objects_per_frame}
        result: dict[str, Any] = plain(data)
        return result


def plain(value: Any) -> Any:
    """A value as JSON has it: tuples become lists, keys text, and numbers that are not finite None."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def above(found: Detections, conf: float) -> Detections:
    """The detections above a confidence."""
    return found.take(found.scores > conf)


def agreement(chunks: Iterable[Pairs], conf: float) -> Agreement:
    """Compare the detections of two networks.

    Args:
        chunks: Runs of successive frames; of each frame the dense and the gated detections, both decoded well below ``conf`` and
            in the same pixels.
        conf: The usual confidence.
    """
    chunks = [list(chunk) for chunk in chunks]
    all_frames = [pair for chunk in chunks for pair in chunk]
    runs = [[(above(dense, conf), gated) for dense, gated in chunk] for chunk in chunks]
    frames = [pair for run in runs for pair in run]
    dense, gated = [d for d, _ in frames], [g for _, g in frames]
    objects = sum(len(d) for d in dense)
    sure = [above(g, conf) for g in gated]
    points = next((d.keypoints.shape[1] for d in dense if d.keypoints is not None), 0)
    misses = [_misses(run, conf) for run in runs]
    found = [same_label(d, g) for d, g in zip(dense, sure, strict=True)]
    false = sum(int((overlap.max(axis=0, initial=0.0) < _SAME).sum()) for overlap in found)
    return Agreement(
        frames=len(frames),
        objects=objects,
        boxes=average_precision(dense, gated),
        poses=average_precision(dense, gated, poses=True) if sigmas_of(points) else None,
        pck=_pck(frames) if points else None,
        strict50=average_precision(dense, sure).ap50,
        missed=sum(m for m, _ in misses) / max(objects, 1),
        longest_miss=max((longest for _, longest in misses), default=0),
        false_detections=false / max(len(frames), 1),
        loss=_mean([losses(d, g) for d, g in frames]) + _mean([losses(s, d) for s, (d, _) in zip(sure, all_frames, strict=True)]),
    )


def losses(wanted: Detections, found: Detections) -> np.ndarray:
    """``(N,)`` for each wanted detection: 1 - overlap x score ratio of the best one found."""
    if len(found) == 0:
        return np.ones(len(wanted))
    ratio = np.minimum(found.scores[None] / np.maximum(wanted.scores[:, None], 1e-6), 1.0)
    loss: np.ndarray = 1.0 - (same_label(wanted, found) * ratio).max(axis=1)
    return loss


def _mean(parts: Sequence[np.ndarray]) -> float:
    values = np.concatenate(parts) if parts else np.zeros(0)
    return float(values.mean()) if values.size else 0.0


def _misses(run: Pairs, conf: float) -> tuple[int, int]:
    """Missed dense detections of a run of successive frames, and the longest miss of one object followed from frame to frame."""
    total = longest = 0
    previous, ages = Detections.none(), np.zeros(0, int)
    for dense, gated in run:
        missed = match(same_label(dense, above(gated, conf)), _SAME) < 0
        total += int(missed.sum())
        origin = match(same_label(dense, previous), _NEXT)
        before = np.where(origin >= 0, ages[origin], 0) if len(ages) else np.zeros(len(dense), int)
        ages = np.where(missed, before + 1, 0)
        longest = max(longest, int(ages.max(initial=0)))
        previous = dense
    return total, longest


def _pck(frames: Pairs) -> float | None:
    """Share of visible dense keypoints that the gated network puts within `_NEAR` of the longer side of the box."""
    near = visible = 0
    for dense, gated in frames:
        if dense.keypoints is None or gated.keypoints is None:
            continue
        partner = match(overlaps(dense.boxes, gated.boxes), _SAME)
        for k, other in enumerate(partner):
            seen = dense.keypoints[k, :, 2] > VISIBLE
            visible += int(seen.sum())
            if other >= 0:
                x1, y1, x2, y2 = dense.boxes[k]
                distance = np.linalg.norm(dense.keypoints[k, :, :2] - gated.keypoints[other, :, :2], axis=1)
                near += int((seen & (distance <= _NEAR * max(x2 - x1, y2 - y1))).sum())
    return near / visible if visible else None
