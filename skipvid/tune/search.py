"""The search for thresholds: what it aims at, the coarse global sweep, and how a whole search runs.

A search tries policies on a bench and remembers all it tried; what it keeps is the cheapest trial that meets the goal. Strategies
are functions from a `Search` to nothing: they try. Two are here in their own modules: `skipvid.tune.shaping` and
`skipvid.tune.front_to_back`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from skipvid.gates.policies import Truncation
from skipvid.tune.trial import Bench, Trial

__all__ = ["Goal", "Search", "Stopped", "sweep"]

INPUTS: tuple[tuple[float, float], ...] = (
    (1.0, 0.5),
    (2.0, 1.0),
    (4.0, 1.0),
    (8.0, 1.0),
    (12.0, 1.5),
)  # grey levels, multiples of the noise
DILATIONS = (0, 1)
THRESHOLDS = (0.0, 0.005, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.32, 0.4)


class Stopped(Exception):
    """The search was asked to stop."""


@dataclass(frozen=True)
class Goal:
    """What a policy must keep.

    Attributes:
        max_drop: Largest loss of AP50 against the dense network's own detections.
        max_drop75: The same for AP75; None: three and a third times as much, the usual proportion (0.03 and 0.1).
    """

    max_drop: float = 0.01
    max_drop75: float | None = None

    def scaled(self, factor: float) -> Goal:
        """The same goal with every allowed loss multiplied."""
        return Goal(self.max_drop * factor, None if self.max_drop75 is None else self.max_drop75 * factor)

    def met(self, trial: Trial) -> bool:
        """Whether the trial keeps it."""
        return self.excess(trial) <= 0

    def excess(self, trial: Trial) -> float:
        """How far the trial is off, in shares of the allowed loss: 0 or less is good."""
        agreed = trial.agreement
        drop = 1.0 - agreed.quality
        if not agreed.objects:
            return drop - self.max_drop
        drop75 = 1.0 - agreed.main.ap75
        allowed75 = self.max_drop * 10 / 3 if self.max_drop75 is None else self.max_drop75
        return max(drop - self.max_drop, (drop75 - allowed75) * self.max_drop / max(allowed75, 1e-9))


@dataclass(eq=False)
class Search:
    """A search in progress.

    Attributes:
        bench: What policies are tried on.
        goal: What they must keep.
        base: The policy to start from: its norm and whatever a strategy leaves alone.
        report: Told after every trial.
        stop: Asked before every trial.
        trials: All trials so far.
        best: The cheapest that met the goal.
    """

    bench: Bench
    goal: Goal
    base: Truncation
    report: Callable[[Search, Trial], None] = lambda search, trial: None
    stop: Callable[[], bool] = lambda: False
    trials: list[Trial] = field(default_factory=list)
    best: Trial | None = None

    def attempt(self, policy: Truncation) -> Trial:
        """Try a policy, once.

        Raises:
            Stopped: The search was asked to stop; ``best`` and ``trials`` stand.
        """
        for trial in self.trials:
            if trial.policy == policy:
                return trial
        if self.stop():
            raise Stopped
        trial = self.bench.run(policy)
        self.trials.append(trial)
        if self.goal.met(trial) and (self.best is None or trial.macs < self.best.macs):
            self.best = trial
        self.report(self, trial)
        return trial

    def coarsest(self, policies: list[Truncation], floor: float | None = None) -> Trial | None:
        """The last of ever coarser policies that meets the goal, by bisection; None where the first already fails.

        Args:
            policies: From fine to coarse.
            floor: Give up as soon as even a policy that fails costs more than this.
        """
        low, high, best = -1, len(policies), None
        while high - low > 1:
            middle = (low + high) // 2
            trial = self.attempt(policies[middle])
            if self.goal.met(trial):
                low, best = middle, trial
            else:
                high = middle
                if floor is not None and trial.macs > floor:
                    return best
        return best

    @property
    def pareto(self) -> list[Trial]:
        """Trials that no other beats in both MACs and quality, by falling MACs."""
        front: list[Trial] = []
        for trial in sorted(self.trials, key=lambda t: (t.macs, -t.agreement.quality)):
            if not front or trial.agreement.quality > front[-1].agreement.quality:
                front.append(trial)
        return front[::-1]


def sweep(
    search: Search, inputs: Iterable[tuple[float, float]] = INPUTS, dilations: Iterable[int] = DILATIONS
) -> Truncation | None:
    """The best uniform setting: one relative threshold for all layers, swept together with the input's threshold and dilation.

    Quality falls and savings grow with the threshold, so that for each input setting its best value is found by bisection.

    Returns:
        The policy, or None where none of them meets the goal.
    """
    best: Trial | None = None
    for dilation in dilations:
        for grey, noise in inputs:
            base = replace(search.base, input_threshold=grey, input_noise=noise, dilation=dilation, layers={})
            policies = [replace(base, threshold=t, vector_threshold=_vector(search.base, t)) for t in THRESHOLDS]
            found = search.coarsest(policies, None if best is None else best.macs)
            if found is None:
                break  # a coarser input cannot be better
            if best is None or found.macs < best.macs:
                best = found
    return None if best is None or not isinstance(best.policy, Truncation) else best.policy


def _vector(base: Truncation, threshold: float) -> float | None:
    """The threshold of broadcast vectors in the proportion that the base policy has."""
    if base.vector_threshold is None or base.threshold == 0:
        return base.vector_threshold
    return threshold * base.vector_threshold / base.threshold
