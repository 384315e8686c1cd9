"""Verifying what a search found on frames that it has not seen, and what may be promised then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from skipvid.tune.drops import Watched, doubt
from skipvid.tune.goals import Goal
from skipvid.tune.promise import bound, evidence
from skipvid.tune.trial import Bench, Trial
from skipvid.tune.tunable import Tunable, finer

__all__ = ["Verified", "verify"]

FINER = (0.8, 0.64, 0.5, 0.4, 0.32, 0.22, 0.15, 0.1, 0.07, 0.045, 0.03, 0.02)
"""Factors on thresholds, by bisection, where frames not searched on do not agree."""
BEST = 0.99
"""The best that is promised unless better was asked for: some hundred frames do not tell a loss of one in a hundred from none."""

_ABOUT = 0.25  # of the allowed loss: bounds no further apart are about the same


@dataclass(frozen=True, eq=False)
class Verified:
    """A policy on frames that were not searched on.

    Attributes:
        trial: What it came to.
        bound: The loss of AP50 that other footage of the camera hardly exceeds, of the worst video.
        looks: How often an object was looked at, of the video where that is least, see `skipvid.tune.promise.Evidence`.
        videos: The videos that show something, or all where none does.
    """

    trial: Trial
    bound: float
    looks: int
    videos: Sequence[Watched]

    def low(self, goal: Goal) -> float:
        """The quality to count on, not better than `BEST` or what was asked for if that is more."""
        return max(min(1.0 - self.bound, max(BEST, goal.quality)), 0.0)

    def to_dict(self, goal: Goal) -> dict[str, Any]:
        """For threshold files; ``quality_low`` is what to count on."""
        return {**self.trial.to_dict(), "quality_low": self.low(goal), "looks": self.looks}


def verify(unseen: Bench, policy: Tunable, goal: Goal) -> Verified:
    """Make all thresholds of a policy finer until it keeps the goal, and would where nobody has looked.

    Args:
        unseen: The frames held back.
        policy: What the search found.
        goal: What must be kept. Where it is a speed, the policy is tried as it is.

    Returns:
        The coarsest tried that keeps it for sure. Where none does, of those that keep it on these frames, or of all, the coarsest
        about as sure as the surest: finer thresholds than that only cost.
    """
    tried = [_tried(unseen, policy)]
    if not goal.coarsest or _sure(tried, goal):
        return tried[-1]
    low, high, best = -1, len(FINER), None
    while high - low > 1:
        middle = (low + high) // 2
        tried.append(_tried(unseen, finer(policy, FINER[middle])))
        if _sure(tried, goal):
            best, high = tried[-1], middle
        else:
            low = middle
    if best is not None:
        return best
    kept = [verified for verified in tried if goal.met(verified.trial)] or tried
    most = min(verified.bound for verified in kept) + _ABOUT * (1.0 - goal.quality)
    return next(verified for verified in kept if verified.bound <= most)


def _sure(tried: list[Verified], goal: Goal) -> bool:
    """Whether the last one keeps the goal for sure."""
    if goal.holds(tried[-1].trial, tried[-1].bound):
        tried[-1] = _doubted(tried[-1])
    return goal.holds(tried[-1].trial, tried[-1].bound)


def _tried(unseen: Bench, policy: Tunable) -> Verified:
    trial, watched = unseen.watch(policy)
    videos = [video for video in watched if video.telling] or watched
    seen = [evidence(video.runs, video.conf) for video in videos]
    worst = max(bound(video.drop, found) for video, found in zip(videos, seen, strict=True))
    return Verified(trial, max(worst, trial.drop), min(found.looks for found in seen), videos)


def _doubted(verified: Verified) -> Verified:
    """With what the loss differs by from part to part of the footage, which takes a while to know."""
    errors = [video.drop + doubt(video.runs, video.conf, video.by_truth) for video in verified.videos if video.drop > 0]
    return replace(verified, bound=max([verified.bound, *(error for error in errors if isfinite(error))]))
