"""What a search aims at: a quality to be kept as cheaply as can be, or a speed to be reached at the least loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from skipvid.tune.trial import Trial

__all__ = ["Goal", "KeepQuality", "ReachSpeed"]


class Goal(Protocol):
    """What a policy must keep, and what is to be had as well as possible beside it.

    Along a path of ever coarser policies both time and quality fall. So one figure is *held* at a level, and the other *scored*,
    the less the better.
    """

    def met(self, trial: Trial) -> bool:
        """Whether the trial keeps it."""

    def holds(self, trial: Trial, bound: float) -> bool:
        """Whether the trial keeps it, and would on other footage.

        Args:
            trial: On frames not searched on.
            bound: The loss of AP50 that other footage hardly exceeds.
        """

    def held(self, trial: Trial) -> float:
        """The figure that is held while settings are compared."""

    def scored(self, trial: Trial) -> float:
        """The figure that should be small."""

    @property
    def coarsest(self) -> bool:
        """Whether of those that meet the goal on a path from fine to coarse the last is wanted; otherwise the first."""

    @property
    def quality(self) -> float:
        """The quality asked for; 0 where it is none."""

    def with_margin(self, share: float) -> Goal:
        """The goal to search for, using up this share of the loss, so that it is met on frames that the search has not seen."""

    def to_dict(self) -> dict[str, Any]:
        """For threshold files."""


@dataclass(frozen=True)
class KeepQuality:
    """As cheap as can be at a stated loss.

    Attributes:
        max_drop: Largest loss of AP50, see `Trial.drop`.
        max_drop75: The same for AP75; None: three and a third times as much, the usual proportion (0.03 and 0.1).
    """

    max_drop: float = 0.01
    max_drop75: float | None = None

    @property
    def _drop75(self) -> float:
        return self.max_drop * 10 / 3 if self.max_drop75 is None else self.max_drop75

    @property
    def coarsest(self) -> bool:
        return True

    def met(self, trial: Trial) -> bool:
        return trial.drop <= self.max_drop and trial.drop75 <= self._drop75

    def holds(self, trial: Trial, bound: float) -> bool:
        return self.met(trial) and bound <= self.max_drop

    def held(self, trial: Trial) -> float:
        return trial.loss

    def scored(self, trial: Trial) -> float:
        return trial.ms

    @property
    def quality(self) -> float:
        return 1.0 - self.max_drop

    def with_margin(self, share: float) -> KeepQuality:
        return KeepQuality(self.max_drop * share, None if self.max_drop75 is None else self.max_drop75 * share)

    def to_dict(self) -> dict[str, Any]:
        return {"max_drop": self.max_drop, "max_drop75": self._drop75}


@dataclass(frozen=True)
class ReachSpeed:
    """As little loss as can be at a stated time in the network.

    Attributes:
        ms: Most time per frame in the network, in ms.
    """

    ms: float

    @property
    def coarsest(self) -> bool:
        return False

    def met(self, trial: Trial) -> bool:
        return trial.ms <= self.ms

    def holds(self, trial: Trial, bound: float) -> bool:
        return self.met(trial)

    def held(self, trial: Trial) -> float:
        return trial.ms

    def scored(self, trial: Trial) -> float:
        return trial.loss

    @property
    def quality(self) -> float:
        return 0.0

    def with_margin(self, share: float) -> ReachSpeed:
        # Time is a mean over frames and holds on unseen ones within what the footage varies: no margin would change that.
        return self

    def to_dict(self) -> dict[str, Any]:
        return {"target_fps": 1e3 / self.ms}
