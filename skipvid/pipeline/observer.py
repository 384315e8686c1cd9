"""What a run tells while it goes on, and when it is over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from skipvid.stats.savings import Savings

__all__ = ["FrameReport", "Observer", "RunResult", "Silent", "Started", "Status"]


class Status(StrEnum):
    """How a run stands, as ``run.json`` records it."""

    RUNNING = "running"
    COMPLETE = "complete"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


@dataclass(frozen=True)
class Started:
    """Known before the first frame.

    Attributes:
        source: Name of the source.
        frames: Frames to come, or None where that is unknown.
        width: Of the frames, in pixels.
        height: Of the frames, in pixels.
        model: Name of the model.
        network: (height, width) of its input.
        engine: Name of the engine that executes it.
        gate: The preset or thresholds in force.
        notes: Remarks of the loader.
    """

    source: str
    frames: int | None
    width: int
    height: int
    model: str
    network: tuple[int, int]
    engine: str
    gate: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrameReport:
    """Known after each frame.

    Attributes:
        done: Frames so far.
        update_rate: MAC-weighted share of the network that this frame recomputed.
        detections: Objects in this frame.
    """

    done: int
    update_rate: float
    detections: int


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    Attributes:
        status: Complete, or interrupted by the user.
        folder: Where the results are, or None.
        frames: Frames processed.
        dropped: Frames of a live source that came while another was processed.
        detections: Objects found, summed over frames.
        savings: What skipping saved, three ways.
        seconds: Time from the first frame to the last file closed, audits included.
        ms: Time per stage, summed over frames.
        notices: What the user was told.
        signal: The signal that interrupted the run, or None.
        checks: Totals of ``budget`` (`skipvid.stats.budget`) and ``audit`` (`skipvid.stats.audit`), where there were any.
    """

    status: Status
    folder: Path | None
    frames: int
    dropped: int
    detections: int
    savings: Savings
    seconds: float
    ms: dict[str, float]
    notices: tuple[str, ...] = ()
    signal: int | None = None
    checks: Mapping[str, Any] = field(default_factory=dict)


class Observer(Protocol):
    """Hears what happens in a run."""

    def started(self, facts: Started) -> None: ...

    def frame(self, report: FrameReport) -> None: ...

    def notice(self, text: str) -> None:
        """Something the user should know, once."""

    def finished(self, result: RunResult) -> None: ...


class Silent:
    """An observer that keeps quiet."""

    def started(self, facts: Started) -> None:
        pass

    def frame(self, report: FrameReport) -> None:
        pass

    def notice(self, text: str) -> None:
        pass

    def finished(self, result: RunResult) -> None:
        pass
