"""What users may count on: a bound of what is lost on footage of the same camera that nobody has looked at.

The loss of AP50 on the frames that verify a result is not what other frames lose. Two things are known beside it.

- *Looks.* Frames of the same object within a second show the same error or the same absence of one. What is counted is pairs
  of an object and a second of it. Of few of them little follows: where none of n was lost, still one in n may be.
- *Near misses.* An object whose box or score has half gone is not lost yet, and will be with a little more of the same. Each
  counts with the sixth power of what its detection is short of, as a share of what it may be short of and still be found. That
  is there where nothing was lost, and as thresholds fall it falls to nothing, as what is lost does.

The near misses count as much as a few looks: beside many looks what was lost in these decides, beside few the near misses do,
which are taken for more than they are there. To that, a standard error of so many looks is added. Where what they are short of
is drawn from an exponential distribution and one in 300 to one in 17 objects is lost, the bound, with a hundredth added, holds in
more than four of five sets of twenty looks, and in more than nine of ten sets of two hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from skipvid.models.detection import Detections
from skipvid.tune.agreement import above, losses
from skipvid.tune.drops import Runs
from skipvid.tune.matching import match, same_label

__all__ = ["Evidence", "bound", "evidence"]

_SECOND = 25  # frames within which errors on an object are one error
_GONE = 10  # frames after which an object that is found again is another
_MOVED = 0.3  # overlap from which a box is that of the same object in a frame before
_LOST = 0.5  # what a detection is short of, where it counts as lost
_POWER = 6
_PRIOR = 20  # looks that near misses count as much as
_SURE = 1.0  # standard errors
_FEW = 3.0  # of near misses, by the root of the looks: how much nearer others may be


@dataclass(frozen=True)
class Evidence:
    """What some frames say of losses beside the loss itself.

    Attributes:
        looks: Pairs of an object and a second in which it was seen.
        near: Mean over objects of how near to being lost they were, from 0 to 1; of the dense network's and of the gated one's,
            which finds what it should not.
    """

    looks: int
    near: float


def evidence(runs: Runs, conf: float) -> Evidence:
    """What the frames say; see the module.

    Args:
        runs: Runs of successive frames.
        conf: The usual confidence.
    """
    short: list[np.ndarray] = []
    for run in runs:
        for frame in run:
            sure, found = above(frame.dense, conf), above(frame.gated, conf)
            short += [losses(sure, frame.gated), losses(found, frame.dense)]
    values = np.concatenate(short) if short else np.zeros(0)
    near = float((np.minimum(values / _LOST, 1.0) ** _POWER).mean()) if values.size else 0.0
    return Evidence(sum(_looks([above(frame.dense, conf) for frame in run]) for run in runs), near)


def _looks(frames: Sequence[Detections]) -> int:
    """Pairs of an object and a second; objects are followed from frame to frame by their boxes."""
    boxes, labels = np.zeros((0, 4), np.float32), np.zeros(0, np.int32)
    last, names = np.zeros(0, int), np.zeros(0, int)
    seen, objects = set[tuple[int, int]](), 0
    for k, found in enumerate(frames):
        live = k - last <= _GONE
        boxes, labels, last, names = boxes[live], labels[live], last[live], names[live]
        before = Detections(boxes, np.ones(len(boxes), np.float32), labels)
        origin = match(same_label(found, before), _MOVED)
        fresh = np.arange(objects, objects + len(found))
        objects += len(found)
        ids = np.where(origin >= 0, names[origin], fresh) if len(names) else fresh
        seen.update((int(name), k // _SECOND) for name in ids)
        kept = np.setdiff1d(np.arange(len(boxes)), origin)
        boxes, labels = np.concatenate([boxes[kept], found.boxes]), np.concatenate([labels[kept], found.labels])
        last, names = np.concatenate([last[kept], np.full(len(found), k)]), np.concatenate([names[kept], ids])
    return len(seen)


def bound(drop: float, seen: Evidence) -> float:
    """The loss of AP50 that other footage of the camera hardly exceeds.

    Args:
        drop: The loss on these frames.
        seen: What else they say.
    """
    weight = seen.looks + _PRIOR
    near = min(seen.near * (1.0 + _FEW / sqrt(max(seen.looks, 1))), 1.0)
    expected = (seen.looks * max(drop, 0.0) + _PRIOR * near) / weight
    return min(max(expected + _SURE * sqrt(expected * (1.0 - expected) / weight), drop), 1.0)
