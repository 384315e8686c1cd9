"""A whole tuning run: sample, search, verify on frames the search has not seen, and what to write down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from skipvid.engine import EngineName
from skipvid.gates.policies import Truncation
from skipvid.gates.presets import PRESETS
from skipvid.gates.thresholds import Thresholds
from skipvid.models.model import Model
from skipvid.tune.front_to_back import front_to_back
from skipvid.tune.sampling import Footage
from skipvid.tune.search import Goal, Search, Stopped, sweep
from skipvid.tune.shaping import moves, sensitivities, shape
from skipvid.tune.trial import Bench, Trial

__all__ = ["METHODS", "Request", "Tuned", "tune"]

METHODS = ("shaped", "uniform", "front-to-back")

_MARGIN = 0.5  # share of the allowed loss that the search may use up; the rest is for frames it has not seen
_BACK = (1.0, 0.85, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)  # thresholds are multiplied by these until unseen frames agree too


@dataclass(frozen=True)
class Request:
    """What to tune for.

    Attributes:
        goal: What must be kept.
        method: ``shaped``: per layer by measured worth; ``uniform``: one threshold for all; ``front-to-back``: DeltaCNN's.
        engine: ``auto``, ``native`` or ``reference``.
        threads: Threads of the engine.
        seconds: Time for the search; None: until no move pays.
    """

    goal: Goal
    method: str = "shaped"
    engine: EngineName = "auto"
    threads: int = 0
    seconds: float | None = None


@dataclass(frozen=True, eq=False)
class Tuned:
    """What came of it.

    Attributes:
        thresholds: For the file.
        search: The search, with all its trials.
        found: The best trial on the frames searched on.
        verified: The same policy on the frames held out; None where it was interrupted before.
        complete: Whether the search ended by itself.
        met: Whether the goal is met, on the held-out frames too where they were tried.
    """

    thresholds: Thresholds
    search: Search
    found: Trial
    verified: Trial | None
    complete: bool
    met: bool


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
    *,
    stage: Callable[[str], None] = lambda text: None,
    report: Callable[[Search, Trial], None] = lambda search, trial: None,
    stop: Callable[[], bool] = lambda: False,
) -> Tuned:
    """Find thresholds for a model.

    Half of the clips are searched on, for half of the allowed loss: what is chosen as the best of many on some frames looks
    better on them than it is. The result is tried on the other half, and made finer until it meets the goal there too.
    Thresholds are shares of scales that the file carries: those of the frames searched on. The noise of the input is left to each
    video.

    Args:
        model: The network.
        footage: From `skipvid.tune.sampling.sample` with ``even``.
        request: What to tune for.
        stage: Told what is being done.
        report: Told after every trial.
        stop: Asked between trials; the best so far is kept.
    """
    stage("running the dense network")
    halves = [item.split() for item in footage]
    base = PRESETS["balanced"]
    assert isinstance(base, Truncation)
    bench = Bench([first for first, _ in halves], request.engine, request.threads, norm=base.norm)
    scales = bench.scales
    bench.use_scales(scales)
    search = Search(bench, request.goal.scaled(_MARGIN), base, report, _Watch(stop, request.seconds))
    complete = True
    try:
        _search(search, model, request.method, stage)
    except Stopped:
        complete = not stop()
    found = search.best or Bench.run(bench, PRESETS["exact"])
    verified, met = None, search.best is not None
    if complete and any(item.clips for _, item in halves):
        stage("verifying on frames not searched on")
        unseen = Bench([second for _, second in halves if second.clips], request.engine, request.threads, norm=base.norm)
        unseen.use_scales(scales)
        verified = _verify(unseen, found, request.goal)
        met = met and request.goal.met(verified)
    policy = found.policy if verified is None else verified.policy
    measured = {
        "goal": {"max_drop": request.goal.max_drop},
        "method": request.method,
        "complete": complete,
        "searched": found.to_dict(),
        "held_out": None if verified is None else verified.to_dict(),
        "dense_ms": bench.dense_ms,
        "trials": len(search.trials),
    }
    thresholds = Thresholds(
        policy=policy,
        sha256=model.plan.sha256,
        model=model.name,
        input_size=(model.plan.input.height, model.plan.input.width),
        scales=scales,
        footage=tuple(item.facts() for item in footage),
        measured=measured,
    )
    return Tuned(thresholds, search, found, verified, complete, met)


def _search(search: Search, model: Model, method: str, stage: Callable[[str], None]) -> None:
    plan = search.bench.footage[0].model.plan
    if method == "front-to-back":
        stage("searching front to back")
        front_to_back(search, plan)
        return
    stage("sweeping uniform settings")
    uniform = sweep(search)
    if uniform is None or method == "uniform":
        return
    stage(f"measuring the {len(plan.gates) - 1} gates one by one")
    found = sensitivities(search, uniform, plan, lambda trial: trial.macs)
    stage("shaping thresholds")
    shaped = shape(search, uniform, plan, found)
    stage("moving single gates")
    moves(search, shaped, plan, found)


def _verify(unseen: Bench, found: Trial, goal: Goal) -> Trial:
    """The policy on unseen frames, all of its thresholds made finer until the goal is met; the finest where none meets it."""
    policy = found.policy
    trial = unseen.run(policy)
    if not isinstance(policy, Truncation):
        return trial
    for factor in _BACK[1:]:
        if goal.met(trial):
            break
        trial = unseen.run(policy.scaled(factor))
    return trial
