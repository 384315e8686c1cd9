"""Counting what a run does."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skipvid.pipeline.observer import RunResult, Status
from skipvid.stats.audit import AuditCount
from skipvid.stats.budget import BudgetCount
from skipvid.stats.savings import network_ms, pass_ms

__all__ = ["Tally"]


class Tally:
    """Totals over the frames of a run."""

    def __init__(self) -> None:
        self.frames = self.detections = self.macs = self.dense_macs = self.unchanged = 0
        self.ms: defaultdict[str, float] = defaultdict(float)
        self.refreshes: Counter[str] = Counter()
        self._refresh_ms: list[float] = []
        self.budget, self.audit = BudgetCount(), AuditCount()
        self.precision: dict[str, float] = {}

    def add(
        self, *, detections: int, macs: int, dense_macs: int, refresh: str | None, changed: bool, ms: Mapping[str, float]
    ) -> None:
        """Count a frame."""
        self.frames += 1
        self.detections += detections
        self.macs += macs
        self.dense_macs += dense_macs
        self.unchanged += not changed
        for stage, time in ms.items():
            self.ms[stage] += time
        if refresh is not None:
            self.refreshes[refresh] += 1
            self._refresh_ms.append(pass_ms(ms))

    @property
    def full(self) -> tuple[float, int]:
        """Mean time of a full pass, in ms, and over how many frames computed in full it is taken."""
        times = self._refresh_ms
        return (sum(times) / len(times), len(times)) if times else (0.0, 0)

    @property
    def network_ms(self) -> float:
        """Time in the network, summed over frames: deciding what to compute, computing it, and the graph's tail."""
        return network_ms(self.ms)

    def result(
        self, status: Status, folder: Path | None, seconds: float, dropped: int, notices: tuple[str, ...], signal: int | None
    ) -> RunResult:
        """The totals as the outcome of a run."""
        refresh_ms, refreshes = self.full
        return RunResult(
            status=status,
            folder=folder,
            frames=self.frames,
            dropped=dropped,
            detections=self.detections,
            macs=self.macs,
            dense_macs=self.dense_macs,
            network_ms=self.network_ms,
            refresh_ms=refresh_ms,
            refreshes=refreshes,
            seconds=seconds,
            ms=dict(self.ms),
            notices=notices,
            signal=signal,
            checks=self._checks(),
        )

    def _checks(self) -> dict[str, Any]:
        """Totals of the budget and the audits, where there were any."""
        budget, audit = self.budget.to_dict(), self.audit.to_dict()
        found = {} if budget is None else {"budget": budget}
        return found if audit is None else {**found, "audit": {**audit, **self.precision}}

    def to_dict(self, seconds: float, dropped: int) -> dict[str, Any]:
        """The totals as recorded in ``run.json``."""
        refresh_ms, refreshes = self.full
        return {
            "frames": self.frames,
            "dropped": dropped,
            "detections": self.detections,
            "macs": self.macs,
            "dense_macs": self.dense_macs,
            "frames_unchanged": self.unchanged,
            "refreshes": dict(self.refreshes),
            "network_ms": round(self.network_ms, 3),
            "refresh_ms": round(refresh_ms, 3),
            "refresh_ms_frames": refreshes,
            "ms": {stage: round(total, 3) for stage, total in self.ms.items()},
            "seconds": round(seconds, 3),
            **self._checks(),
        }
