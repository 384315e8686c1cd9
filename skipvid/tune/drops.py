"""What a video loses to gates, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TypeAlias

import numpy as np

from skipvid.models.detection import Detections
from skipvid.tune.agreement import Agreement, above, agreement
from skipvid.tune.coco import average_precision, sigmas_of

__all__ = ["Judged", "Runs", "Watched", "doubt", "drops", "pairs", "watched"]

LEAST_OBJECTS = 0.3
"""Dense detections per frame from which a video's average precision says something."""

_BLOCK = 10  # frames: errors of successive ones are much the same


@dataclass(frozen=True, eq=False)
class Judged:
    """A frame.

    Attributes:
        dense: What the dense network finds.
        gated: What the gated one finds.
        truth: What there is; None where that is not known.
    """

    dense: Detections
    gated: Detections
    truth: Detections | None = None


Runs: TypeAlias = Sequence[Sequence[Judged]]
"""Runs of successive frames of a video."""


@dataclass(frozen=True, eq=False)
class Watched:
    """What came of a policy on one video.

    Attributes:
        runs: The frames.
        conf: The usual confidence.
        by_truth: Whether ground truth decides.
        agreed: Agreement with the dense network.
        drop: Loss of AP50.
        drop75: Loss of AP75.
    """

    runs: Runs
    conf: float
    by_truth: bool
    agreed: Agreement
    drop: float
    drop75: float

    @property
    def telling(self) -> bool:
        """Whether there is enough to be seen for average precision to say something."""
        return self.agreed.objects_per_frame >= LEAST_OBJECTS


def watched(runs: Runs, conf: float, by_truth: bool) -> Watched:
    """Judge the frames of a video; arguments as of `drops`."""
    agreed = agreement(pairs(runs), conf)
    return Watched(runs, conf, by_truth, agreed, *drops(runs, conf, by_truth, agreed))


def pairs(runs: Runs) -> list[list[tuple[Detections, Detections]]]:
    """Dense and gated detections, run by run and frame by frame."""
    return [[(frame.dense, frame.gated) for frame in run] for run in runs]


def drops(runs: Runs, conf: float, by_truth: bool, agreed: Agreement | None = None) -> tuple[float, float]:
    """Loss of AP50 and AP75.

    Args:
        runs: Runs of successive frames.
        conf: The usual confidence.
        by_truth: Whether ground truth decides, in the frames that have it; else the dense network's detections.
        agreed: The agreement over these frames, where it is known.
    """
    if not by_truth:
        agreed = agreed or agreement(pairs(runs), conf)
        drop = 1.0 - agreed.quality
        return drop, 1.0 - agreed.main.ap75 if agreed.objects else drop
    known = [(frame.truth, frame) for run in runs for frame in run if frame.truth is not None]
    truth = [objects for objects, _ in known]
    before, after = (average_precision(truth, found) for found in ([f.dense for _, f in known], [f.gated for _, f in known]))
    if np.isnan(before.ap50):
        agreed = agreed or agreement(pairs(runs), conf)
        return max(0.0, agreed.false_detections), 0.0
    return before.ap50 - after.ap50, before.ap75 - after.ap75


def doubt(runs: Runs, conf: float, by_truth: bool) -> float:
    """Standard error of the loss of AP50: the jackknife over blocks of ten successive frames (Efron and Stein, 1981).

    Args:
        runs: Runs of successive frames; fewer than two blocks tell nothing, and give infinity.
        conf: As of `drops`.
        by_truth: As of `drops`.
    """
    blocks = [run[k : k + _BLOCK] for run in runs for k in range(0, len(run), _BLOCK)]
    count = len(blocks)
    if count < 2:
        return float("inf")
    rests = ([*blocks[:k], *blocks[k + 1 :]] for k in range(count))
    left = np.array([drops(rest, conf, True)[0] if by_truth else _drop_by_dense(rest, conf) for rest in rests])
    return sqrt((count - 1) / count * float(np.square(left - left.mean()).sum()))


def _drop_by_dense(runs: Runs, conf: float) -> float:
    """The loss of AP50 against the dense network's detections, without the rest of an agreement where there are any."""
    dense = [above(frame.dense, conf) for run in runs for frame in run]
    if not any(map(len, dense)):
        return drops(runs, conf, False)[0]
    points = next((found.keypoints.shape[1] for found in dense if found.keypoints is not None), 0)
    gated = [frame.gated for run in runs for frame in run]
    return 1.0 - average_precision(dense, gated, poses=sigmas_of(points) is not None).ap50
