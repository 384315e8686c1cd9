"""The network's share of a frame's time: what holding a number of frames per second leaves for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from statistics import median

from skipvid.gates.budget import COARSEST, MAX_AGE, Budget
from skipvid.gates.presets import coarsest
from skipvid.pipeline.config import RunConfig

__all__ = ["Pace", "budget_of"]

_KEPT = 15  # frames over which the time of the other stages is taken
_LEAST = 0.1  # of a frame's time, however long the other stages take
_NETWORK = frozenset({"gate", "network", "tail", "audit"})
_BESIDE = frozenset({"head", "heat"})  # what follows the network in its own thread where stages overlap


class Pace:
    """Divides the time of a frame.

    Where the stages follow each other, the network gets what all the others leave. Where they overlap, each has a thread and a
    frame's time of its own, and the network shares that with what follows it in the same thread.

    Args:
        fps: Frames per second to hold.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._whole = 1000 / fps
        self._other: deque[float] = deque(maxlen=_KEPT)
        self._overlapped: bool | None = None

    @property
    def ms(self) -> float:
        """Network time for the next frame, in ms."""
        return max(self._whole - self._others, _LEAST * self._whole)

    @property
    def _others(self) -> float:
        return median(self._other) if self._other else 0.0

    @property
    def notice(self) -> str | None:
        """What the user should know where the network is not what is slow, or None."""
        if len(self._other) < _KEPT or self._whole - self._others >= _LEAST * self._whole:
            return None
        return (
            f"{self._fps:g} frames per second cannot be held: all but the network takes {self._others:.0f} ms of the "
            f"{self._whole:.0f} ms of a frame"
        )

    def add(self, ms: Mapping[str, float], *, overlapped: bool) -> None:
        """Note the times of a frame's stages.

        Args:
            ms: By stage.
            overlapped: Whether the stages overlap.
        """
        if overlapped is not self._overlapped:
            self._other.clear()
            self._overlapped = overlapped
        counted = _BESIDE if overlapped else ms.keys() - _NETWORK
        self._other.append(sum(ms.get(stage, 0.0) for stage in counted))


def budget_of(config: RunConfig, pace: Pace | None) -> Budget | None:
    """What the next frame of a run may cost, or None where that is not limited.

    Args:
        config: Of the run.
        pace: That of a run with frames per second to hold.
    """
    choice = config.budget
    ms = choice.ms if pace is None else pace.ms
    if ms is None:
        return None
    most = COARSEST if config.preset is None else coarsest(config.preset)
    return Budget(ms, MAX_AGE if choice.max_age is None else choice.max_age, coarsest=most)
