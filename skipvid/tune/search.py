"""The search for thresholds: trials that are remembered, and the coarse global sweep.

A search tries policies on two benches. The whole one decides whether a policy meets the goal; a part of it, a few frames of every
video, compares settings with each other. Average precision on few frames jumps, so settings are compared by the smooth
`Trial.loss` instead, at one *level* (`skipvid.tune.level`), and what wins is tried on the whole bench.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from skipvid.gates.presets import preset
from skipvid.tune.goals import Goal
from skipvid.tune.level import Level
from skipvid.tune.trial import Bench, Trial
from skipvid.tune.tunable import Tunable, tunable

__all__ = [
    "DILATIONS",
    "FINEST",
    "INPUTS",
    "THRESHOLDS",
    "Search",
    "Stopped",
    "joint_input",
    "joint_shaping",
    "nearest",
    "rising",
    "sweep",
    "uniform",
]

INPUTS: tuple[tuple[float, float], ...] = ((1.0, 0.25), (2.0, 0.5), (2.0, 1.0), (4.0, 1.0), (8.0, 1.0), (12.0, 1.5))
"""Input thresholds: grey levels, and multiples of the noise; the larger of the two holds."""
DILATIONS = (0, 1, 2)
SHAPINGS = (0.0, 0.25, 0.5)
"""How strongly thresholds follow the arithmetic that a gate saves, see `skipvid.gates.worth.followed`: networks differ in what
suits them, and one network on small and on large objects."""
CAREFUL = 4.0
"""Grey levels above which no input threshold is tried for a quality: on the frames searched on more saves one or two per cent, on
others it loses what is dim, whatever the layers do."""
COARSEST = 5.0
"""Times the threshold of the coarsest preset, above which none is swept for a quality: a network that computes next to nothing
agrees with one that does as long as nothing moves far, and when something does no factor mends it."""
THRESHOLDS = (0.0, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.04, 0.055, 0.075, 0.1, 0.14, 0.2, 0.28, 0.4, 0.8, 1.6)
FINEST = (0.001, 0.002)
"""Tried besides with care, which multiplies them nearly everywhere."""
NEARLY = 1.5
"""Of the allowed loss: what a uniform setting loses that layers of their own may mend."""
AROUND = (0.35, 0.5, 0.65, 0.78, 0.88, 1.0, 1.14, 1.3, 1.6)
_START = 1  # of INPUTS


class Stopped(Exception):
    """The search was asked to stop."""


@dataclass(eq=False)
class Search:
    """A search in progress.

    Attributes:
        bench: What policies are tried on.
        goal: What they must keep.
        base: The policy to start from: its norm and whatever a strategy leaves alone.
        report: Told after every trial on the whole bench.
        stop: Asked before every trial.
        small: A part of the bench to compare settings on; the bench itself where there is none.
        trials: All trials on the whole bench so far.
        compared: Number of trials on the small one.
        best: The best that met the goal.
        settled: What the search came to, once it did.
    """

    bench: Bench
    goal: Goal
    base: Tunable
    report: Callable[[Search, Trial], None] = lambda search, trial: None
    stop: Callable[[], bool] = lambda: False
    small: Bench | None = None
    trials: list[Trial] = field(default_factory=list)
    compared: int = 0
    best: Trial | None = None
    settled: Trial | None = None

    def attempt(self, policy: Tunable) -> Trial:
        """Try a policy on the whole bench, once.

        Raises:
            Stopped: The search was asked to stop; ``best`` and ``trials`` stand.
        """
        for trial in self.trials:
            if trial.policy == policy:
                self._keep(trial)
                return trial
        if self.stop():
            raise Stopped
        trial = self.bench.run(policy)
        self.trials.append(trial)
        self._keep(trial)
        self.report(self, trial)
        return trial

    def _keep(self, trial: Trial) -> None:
        if self.goal.met(trial) and (self.best is None or self.goal.scored(trial) < self.goal.scored(self.best)):
            self.best = trial

    def compare(self, policy: Tunable) -> Trial:
        """Try a policy on the small bench.

        Raises:
            Stopped: As `attempt`.
        """
        if self.stop():
            raise Stopped
        self.compared += 1
        return (self.small or self.bench).run(policy)

    def level(self, policy: Tunable) -> Level:
        """The level of a policy on the small bench."""
        return Level(self.compare, self.goal, self.goal.held(self.compare(policy)))

    def along(self, policies: Sequence[Tunable]) -> Trial | None:
        """The best of ever coarser policies that meets the goal, by bisection; None where none is found.

        Args:
            policies: From fine to coarse.
        """
        low, high, best = -1, len(policies), None
        while high - low > 1:
            middle = (low + high) // 2
            trial = self.attempt(policies[middle])
            met = self.goal.met(trial)
            best = trial if met else best
            low, high = (middle, high) if met == self.goal.coarsest else (low, middle)
        return best

    def scaled(self, policy: Tunable, factors: Iterable[float]) -> Trial | None:
        """`along` the policy with all thresholds multiplied by rising factors."""
        return self.along([policy.scaled(factor) for factor in factors])

    def confirmed(self, policy: Tunable, before: Tunable) -> Tunable:
        """A policy that did well on the small bench, scaled to the level that the one before has on the whole one.

        The one before where it does no better there: few frames mislead.
        """
        old = self.attempt(before)
        scaled, score = Level(self.attempt, self.goal, self.goal.held(old)).score(policy)
        return scaled if score < self.goal.scored(old) else before

    def settle(self, policy: Tunable) -> Trial | None:
        """Scale a policy so that it meets the goal by more than luck; None where none of the factors does.

        Average precision on a hundred frames jumps up and down along the factors. So all of them are tried, and the coarsest is
        taken that meets the goal itself and by the losses smoothed over the factors (`rising`).
        """
        if not self.goal.coarsest:
            self.settled = self.scaled(policy, AROUND)
            return self.settled
        trials = [self.attempt(policy.scaled(factor)) for factor in AROUND]
        drops, drops75 = (rising([getattr(trial, name) for trial in trials]) for name in ("drop", "drop75"))
        for trial, drop, drop75 in zip(trials[::-1], drops[::-1], drops75[::-1], strict=True):
            if self.goal.met(trial) and self.goal.met(replace(trial, drop=drop, drop75=drop75)):
                self.settled = trial
                break
        return self.settled

    @property
    def pareto(self) -> list[Trial]:
        """Trials that no other beats in both time and quality, by falling time."""
        front: list[Trial] = []
        for trial in sorted(self.trials, key=lambda t: (t.ms, t.drop)):
            if not front or trial.drop < front[-1].drop:
                front.append(trial)
        return front[::-1]


def uniform(base: Tunable, source: tuple[float, float], dilation: int, thresholds: Iterable[float] = THRESHOLDS) -> list[Tunable]:
    """One relative threshold for all layers, from fine to coarse; the policy's ``shaping`` stays."""
    policy = replace(base, input_threshold=source[0], input_noise=source[1], dilation=dilation, layers={})
    return [replace(policy, threshold=t, vector_threshold=_vector(base, t)) for t in thresholds]


def sweep(search: Search) -> Tunable | None:
    """The best uniform setting: one relative threshold for all layers, swept together with the input's threshold and dilation.

    Returns:
        The policy, or None where none of them meets the goal, or no quality is kept but with layers that pass everything on.
    """
    thresholds = _careful(search)
    # A quality that the usual input threshold spoils needs a finer one, a speed that it spoils a coarser.
    other = (INPUTS[0], DILATIONS[1]) if search.goal.coarsest else (INPUTS[-1], DILATIONS[0])
    for source, dilation in ((INPUTS[_START], DILATIONS[1]), other):
        found = search.along(uniform(search.base, source, dilation, thresholds))
        if found is not None and not (search.goal.coarsest and found.policy.threshold == 0):
            return joint_input(search, found.policy)
    return None


def nearest(search: Search) -> Tunable:
    """Where a sweep for a quality found nothing: the best uniform setting tried that nearly keeps it, or the finest there is."""
    nearly = search.goal.with_margin(NEARLY)
    tried = [trial for trial in search.trials if trial.policy.threshold > 0 and nearly.met(trial)]
    if tried:
        return min(tried, key=search.goal.scored).policy
    least = min(threshold for threshold in _careful(search) if threshold > 0)
    return uniform(search.base, INPUTS[0], DILATIONS[1], [least])[0]


def _careful(search: Search) -> Sequence[float]:
    """Thresholds to sweep; for a quality none that is coarser than footage can tell."""
    known = THRESHOLDS if search.bench.care is None else (0.0, *FINEST, *THRESHOLDS[1:])
    if not search.goal.coarsest:
        return known
    most = COARSEST * tunable(preset("fast", search.base.TYPE)).threshold
    return [threshold for threshold in known if threshold <= most]


def joint_input(search: Search, start: Tunable) -> Tunable:
    """The best threshold and dilation of the input for a policy, its own thresholds scaled to one level for each."""
    level = search.level(start)
    best, score = start, level.score(start)[1]
    for grey, noise in INPUTS:
        if search.goal.coarsest and grey > CAREFUL:
            break
        best, score = _better(level, replace(start, input_threshold=grey, input_noise=noise), best, score)
    for dilation in DILATIONS:
        best, score = _better(level, replace(best, dilation=dilation), best, score)
    return start if best == start else search.confirmed(best, start)


def joint_shaping(search: Search, start: Tunable) -> Tunable:
    """The best shape for a policy whose layers have one threshold, scaled to one level for each."""
    level = search.level(start)
    best, score = start, level.score(start)[1]
    for shaping in SHAPINGS:
        if shaping != start.shaping:
            best, score = _better(level, replace(start, shaping=shaping), best, score)
    return start if best == start else search.confirmed(best, start)


def _better(level: Level, policy: Tunable, best: Tunable, score: float) -> tuple[Tunable, float]:
    if policy == best:
        return best, score
    scaled, found = level.score(policy)
    return (scaled, found) if found < score else (best, score)


def rising(values: Sequence[float]) -> list[float]:
    """The nearest sequence that does not fall, by least squares: neighbours out of order are pooled to their mean."""
    pools: list[tuple[float, int]] = []
    for value in values:
        mean, size = value, 1
        while pools and pools[-1][0] > mean:
            before, count = pools.pop()
            mean, size = (before * count + mean * size) / (count + size), count + size
        pools.append((mean, size))
    return [mean for mean, size in pools for _ in range(size)]


def _vector(base: Tunable, threshold: float) -> float | None:
    """The threshold of broadcast vectors in the proportion that the base policy has."""
    if base.vector_threshold is None or base.threshold == 0:
        return base.vector_threshold
    return threshold * base.vector_threshold / base.threshold
