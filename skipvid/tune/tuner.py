"""A whole tuning run: sample, search, verify on frames the search has not seen, and what to write down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from skipvid.engine import EngineName
from skipvid.errors import UsageError
from skipvid.gates.norms import remembers
from skipvid.gates.policies import Truncation
from skipvid.gates.presets import DEFAULT_FAMILY
from skipvid.gates.thresholds import Thresholds
from skipvid.models.gating import gating
from skipvid.models.model import Model
from skipvid.tune.front_to_back import front_to_back
from skipvid.tune.goals import Goal, KeepQuality
from skipvid.tune.ground_truth import GroundTruth
from skipvid.tune.held_out import Verified, verify
from skipvid.tune.sampling import CHUNK, SEARCHED, Footage
from skipvid.tune.search import Search, Stopped, joint_input, joint_shaping, nearest, sweep
from skipvid.tune.shaping import moves, shape
from skipvid.tune.trial import Bench, Trial
from skipvid.tune.tunable import base_of, exact

__all__ = ["METHODS", "Request", "Tuned", "tune"]

SHAPED, UNIFORM, FRONT_TO_BACK = METHODS = ("shaped", "uniform", "front-to-back")

LEAST_FRAMES = 12
"""Of all videos together: half a second."""
_MARGIN = 0.5  # share of the allowed loss that the search may use up; the rest is for frames it has not seen
_SMALL = 60  # frames that settings are compared on, about; more where there are more than two videos
_SMALL_CLIP = 30


@dataclass(frozen=True)
class Request:
    """What to tune for.

    Attributes:
        goal: What must be kept.
        method: ``shaped``: per layer by measured worth; ``uniform``: one threshold for all; ``front-to-back``: DeltaCNN's.
        family: Kind of gate, see `skipvid.gates.presets.FAMILIES`; None: the presets' own, and truncation where the method is
            DeltaCNN's, which knows no other.
        engine: ``auto``, ``native`` or ``reference``.
        threads: Threads of the engine.
        seconds: Time for the search; None: until no move pays.
        care: Whether thresholds are for gates that are coarser where nothing or what is sure is found, as those of presets are;
            never where the method is ``uniform``, nor for gates that do not remember.
    """

    goal: Goal
    method: str = "shaped"
    family: str | None = None
    engine: EngineName = "auto"
    threads: int = 0
    seconds: float | None = None
    care: bool = True

    def __post_init__(self) -> None:
        if self.method == FRONT_TO_BACK and self.family not in (None, Truncation.TYPE):
            message = f"The method {FRONT_TO_BACK} is DeltaCNN's, for truncation; the gate is {self.family}."
            raise UsageError(message, "Use --method shaped, or --gate truncation.")

    @property
    def gate(self) -> str:
        """The kind of gate that is tuned."""
        return self.family or (Truncation.TYPE if self.method == FRONT_TO_BACK else DEFAULT_FAMILY)


@dataclass(frozen=True, eq=False)
class Tuned:
    """What came of it.

    Attributes:
        thresholds: For the file.
        search: The search, with all its trials.
        found: The best trial on the frames searched on.
        verified: The policy of the file on the frames held out; None where it was interrupted before.
        low: The quality to count on, on other footage of the camera; None likewise.
        complete: Whether the search ended by itself.
        met: Whether the goal is met, on the held-out frames too where they were tried.
        sure: Whether it can be promised of other footage too.
    """

    thresholds: Thresholds
    search: Search
    found: Trial
    verified: Trial | None
    low: float | None
    complete: bool
    met: bool
    sure: bool


@dataclass(eq=False)
class _Watch:
    """Stops a search when asked to, or when its time is up."""

    asked: Callable[[], bool]
    seconds: float | None
    start: float = field(default_factory=monotonic)

    def __call__(self) -> bool:
        return self.asked() or (self.seconds is not None and monotonic() - self.start > self.seconds)


def tune(
    model: Model,
    footage: list[Footage],
    request: Request,
    truths: Sequence[GroundTruth | None] = (),
    *,
    stage: Callable[[str], None] = lambda text: None,
    report: Callable[[Search, Trial], None] = lambda search, trial: None,
    stop: Callable[[], bool] = lambda: False,
) -> Tuned:
    """Find thresholds for a model.

    Some of the clips are searched on, for half of the allowed loss: what is chosen as the best of many on some frames looks
    better on them than it is. The result is tried on the others, and made finer until it meets the goal there too, and what is
    to be expected of yet other footage does.
    Thresholds for one video are shares of scales that the file carries: those of the frames searched on. Thresholds for several
    are shares of the scales that each video is measured to have. The noise of the input is left to each video in any case.

    Args:
        model: The network.
        footage: From `skipvid.tune.sampling.sample` with ``even``.
        request: What to tune for.
        truths: Ground truth by video; where there is none, the dense network's detections are the reference.
        stage: Told what is being done.
        report: Told after every trial.
        stop: Asked between trials; the best so far is kept.

    Raises:
        UsageError: There are next to no frames, or the ground truth says nothing about those that were sampled.
    """
    _check_length(footage)
    stage("running the dense network")
    halves = [item.split(max(SEARCHED // len(footage), CHUNK)) for item in footage]
    for item, truth in zip(footage, truths, strict=False):
        _check_truth(item, truth)
    base = base_of(request.gate, request.method == UNIFORM)
    careful = request.care and request.method == SHAPED and remembers(base)
    care = gating(model).care if careful else None
    bench = Bench([first for first, _ in halves], request.engine, request.threads, norm=base.norm, truths=truths, care=care)
    # One scene's scales belong to it. The mean of several does worse on other videos than what is measured there.
    scales = bench.scales if len(footage) == 1 else {}
    bench.use_scales(scales)
    small = bench.part(max(_SMALL // _SMALL_CLIP // len(footage), 1), _SMALL_CLIP)
    search = Search(bench, request.goal.with_margin(_MARGIN), base, report, _Watch(stop, request.seconds), small)
    try:
        _search(search, model, request, stage)
    except Stopped:
        stage("stopped")
    complete = not stop()
    found = search.settled or search.best or _nearest(search)
    met, sure = search.best is not None, False
    verified: Verified | None = None
    if complete and any(item.clips for _, item in halves):
        stage("verifying on frames not searched on")
        unseen = Bench(
            [second for _, second in halves if second.clips],
            request.engine,
            request.threads,
            norm=base.norm,
            truths=[truth for truth, (_, second) in zip(truths, halves, strict=False) if second.clips],
            care=care,
        )
        unseen.use_scales(scales)
        verified = verify(unseen, found.policy, request.goal)
        met, sure = met and request.goal.met(verified.trial), request.goal.holds(verified.trial, verified.bound)
    thresholds = Thresholds(
        policy=found.policy if verified is None else verified.trial.policy,
        sha256=model.plan.sha256,
        model=model.name,
        input_size=(model.plan.input.height, model.plan.input.width),
        scales=scales,
        care=None if care is None else (care.unsure, care.certain, care.elsewhere),
        footage=tuple(item.facts() for item in footage),
        measured={
            "goal": request.goal.to_dict(),
            "reference": "ground truth" if any(truths) else "dense detections",
            "method": request.method,
            "complete": complete,
            "met": met,
            "sure": met and sure,
            "searched": found.to_dict(),
            "held_out": None if verified is None else verified.to_dict(request.goal),
            "dense_ms": bench.dense_ms,
            "trials": len(search.trials),
            "compared": search.compared,
            "pareto": [_row(trial, trial is found) for trial in _table(search, found)],
        },
    )
    trial, low = (None, None) if verified is None else (verified.trial, verified.low(request.goal))
    return Tuned(thresholds, search, found, trial, low, complete, met, met and sure)


def _check_length(footage: Sequence[Footage]) -> None:
    frames = sum(item.frames for item in footage)
    if frames < LEAST_FRAMES:
        seen = f"{frames} frame{'' if frames == 1 else 's'}"
        message = f"The footage has {seen}; nothing can be said of thresholds from fewer than {LEAST_FRAMES}."
        raise UsageError(message, "Give longer footage of the camera, ten seconds or more.")


def _check_truth(item: Footage, truth: GroundTruth | None) -> None:
    frames = [clip.start + k for clip in item.clips for k in range(len(clip.images))]
    if truth is not None and all(truth.at(frame) is None for frame in frames):
        message = f"The ground truth of {item.name} names none of the {len(frames)} frames that were sampled."
        raise UsageError(message, "Sample more with --max-frames, or check that it belongs to this video.")


def _search(search: Search, model: Model, request: Request, stage: Callable[[str], None]) -> None:
    plan = search.bench.footage[0].model.plan
    if request.method == FRONT_TO_BACK:
        stage("searching front to back")
        most = request.goal.max_drop * _MARGIN if isinstance(request.goal, KeepQuality) else 1.0
        front_to_back(search, plan, most)
        return
    stage("sweeping uniform settings")
    start = sweep(search)
    if start is None and search.goal != request.goal:
        # One detection among a hundred is more than the margin leaves.
        search.goal = request.goal
        start = sweep(search)
    if request.method == UNIFORM or (start is None and not search.goal.coarsest):
        return
    if start is None:
        start = nearest(search)  # layer by layer the quality may be kept all the same
    stage("trying other shapes")
    start = joint_shaping(search, start)
    stage("shaping thresholds by what they save for what they lose")
    shaped, found = shape(search, start, plan)
    stage("trying other input settings")
    shaped = joint_input(search, shaped)
    if found is not None:
        stage("moving single layers")
        shaped = moves(search, shaped, plan, found)
    stage("settling")
    search.settle(shaped)


def _nearest(search: Search) -> Trial:
    """Where nothing meets the goal: what is exact; for a speed that is out of reach the fastest tried."""
    if isinstance(search.goal, KeepQuality) or not search.trials:
        return search.bench.run(exact(search.base))
    return min(search.trials, key=lambda trial: trial.ms)


def _table(search: Search, found: Trial) -> list[Trial]:
    """The trials that no other beats, and the chosen one, which may be beaten by one that fails the goal in AP75."""
    front = search.pareto
    return sorted([*front, *([] if found in front else [found])], key=lambda trial: -trial.ms)


def _row(trial: Trial, chosen: bool) -> dict[str, Any]:
    """A row of the table of trials that no other beats."""
    agreed = trial.agreement
    return {
        "macs": trial.macs,
        "ms": trial.ms,
        "quality": trial.quality,
        "quality75": 1.0 - trial.drop75,
        "longest_miss": agreed.longest_miss,
        "false_detections": agreed.false_detections,
        "chosen": chosen,
    }
