"""Counting what a run does."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skipvid.pipeline.observer import RunResult, Status
from skipvid.stats.audit import AuditCount
from skipvid.stats.budget import BudgetCount
from skipvid.stats.savings import SavingsCount

__all__ = ["Tally"]


class Tally:
    """Totals over the frames of a run."""

    def __init__(self) -> None:
        self.frames = self.detections = self.unchanged = 0
        self.ms: defaultdict[str, float] = defaultdict(float)
        self.refreshes: Counter[str] = Counter()
        self.savings = SavingsCount()
        self.budget, self.audit = BudgetCount(), AuditCount()
        self.precision: dict[str, float] = {}

    def add(
        self, *, detections: int, macs: int, dense_macs: int, refresh: str | None, changed: bool, ms: Mapping[str, float]
    ) -> None:
        """Count a frame."""
        self.frames += 1
        self.detections += detections
        self.savings.add(macs, dense_macs, ms)
        self.unchanged += not changed
        for stage, time in ms.items():
            self.ms[stage] += time
        if refresh is not None:
            self.refreshes[refresh] += 1

    def result(
        self,
        status: Status,
        folder: Path | None,
        seconds: float,
        dropped: int,
        notices: tuple[str, ...],
        signal: int | None,
        *,
        live: bool = False,
    ) -> RunResult:
        """The totals as the outcome of a run."""
        return RunResult(
            status=status,
            folder=folder,
            frames=self.frames,
            dropped=dropped,
            detections=self.detections,
            savings=self.savings.measure(max(seconds - self.audit.ms / 1000, 0.0), live=live),
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
        full_ms, full_frames = self.savings.full
        return {
            "frames": self.frames,
            "dropped": dropped,
            "detections": self.detections,
            "macs": self.savings.macs,
            "dense_macs": self.savings.dense_macs,
            "frames_unchanged": self.unchanged,
            "refreshes": dict(self.refreshes),
            "network_ms": round(self.savings.network_ms, 3),
            "full_ms": round(full_ms, 3),
            "full_frames": full_frames,
            "passes_ms": [round(ms, 3) for ms in self.savings.passes],
            "ms": {stage: round(total, 3) for stage, total in self.ms.items()},
            "seconds": round(seconds, 3),
            **self._checks(),
        }
