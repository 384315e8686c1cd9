"""What a run did, read back from its folder.

A run that was interrupted, or still goes on, is read as far as it got: a torn last row is left out, and a note says so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.errors import OutputError
from skipvid.plan import FloatArray
from skipvid.stats import files, rows
from skipvid.stats.checks import read_checks
from skipvid.stats.moments import Moment, extremes
from skipvid.stats.savings import NETWORK_STAGES, Savings, SavingsCount, network_ms

__all__ = ["LayerSummary", "RunSummary", "Series", "read_summary"]

STAGES = ("decode", "letterbox", *NETWORK_STAGES, "head", "draw", "heat", "encode", "audit")


@dataclass(frozen=True)
class LayerSummary:
    """One operator over the whole run.

    Attributes:
        name: Of the operator.
        kind: Its class in the plan, such as ``Conv``.
        macs: Multiply-accumulates of a full pass over one frame.
        update_rate: Mean share of its pixels that was recomputed, 0 to 1.
    """

    name: str
    kind: str
    macs: int
    update_rate: float

    @property
    def executed(self) -> float:
        """Multiply-accumulates executed per frame."""
        return self.macs * self.update_rate


@dataclass(frozen=True, eq=False)
class Series:
    """Values per frame, all of length ``(frames,)``.

    Attributes:
        frame: Number in the source.
        pts: Time in the source, in s.
        update_rate: MAC-weighted, 0 to 1.
        network_ms: Time in the network.
        detections: Objects found.
        refresh: Why the frame was computed in full, or "".
        forced: Whether it was computed in full or exactly by order (a refresh, a calibration), whatever changed in it.
        looked: Whether all of the picture was looked at as finely as what the network is not sure of.
    """

    frame: NDArray[np.int64]
    pts: NDArray[np.float64]
    update_rate: FloatArray
    network_ms: NDArray[np.float64]
    detections: NDArray[np.int64]
    refresh: tuple[str, ...]
    forced: NDArray[np.bool_]
    looked: NDArray[np.bool_]

    @property
    def usual(self) -> NDArray[np.bool_]:
        """Frames whose cost follows from what changed in them."""
        return ~(self.forced | self.looked)


@dataclass(frozen=True, eq=False)
class RunSummary:
    """A run, summed up.

    Attributes:
        folder: Where it lies.
        facts: ``run.json``.
        status: ``running``, ``complete``, ``interrupted`` or ``failed``.
        savings: What skipping saved, three ways.
        series: Values per frame.
        layers: Operators in execution order.
        rates: ``(frames, operators)`` update rates.
        stage_ms: Mean time per frame by stage, in ms, in the order of the pipeline.
        refreshes: How many frames were computed in full, by reason.
        busiest: Moments with the highest update rate, highest first; of frames whose cost follows from what changed in them.
        quietest: Moments with the lowest.
        checks: Totals of ``budget`` and ``audit``, where there were any, see `skipvid.stats.checks`.
        notes: What a reader should know.
    """

    folder: Path
    facts: Mapping[str, Any]
    status: str
    savings: Savings
    series: Series
    layers: tuple[LayerSummary, ...]
    rates: FloatArray
    stage_ms: Mapping[str, float]
    refreshes: Mapping[str, int]
    busiest: tuple[Moment, ...]
    quietest: tuple[Moment, ...]
    checks: Mapping[str, Any]
    notes: tuple[str, ...]

    @property
    def name(self) -> str:
        """Of the video."""
        return str(_get(self.facts, "source", "name") or self.folder.name)

    @property
    def frames(self) -> int:
        return len(self.series.refresh)

    @property
    def detections(self) -> int:
        return int(self.series.detections.sum())

    @property
    def seconds(self) -> float:
        """Wall time of the run, without its audits."""
        return self.savings.seconds

    def fact(self, *keys: str) -> Any:
        """A value of ``run.json`` by its path of keys, or None."""
        return _get(self.facts, *keys)

    def to_dict(self) -> dict[str, Any]:
        """For machines: totals, layers, stages and moments, without the values per frame."""
        return {
            "folder": str(self.folder),
            "source": self.name,
            "model": self.fact("model", "name"),
            "status": self.status,
            "frames": self.frames,
            "detections": self.detections,
            "macs": self.savings.executed,
            "dense_macs": self.savings.dense,
            "saved": self.savings.to_dict(),
            "seconds": round(self.seconds, 3),
            "stage_ms": {stage: round(ms, 3) for stage, ms in self.stage_ms.items()},
            "refreshes": dict(self.refreshes),
            "busiest": [moment.to_dict() for moment in self.busiest],
            "quietest": [moment.to_dict() for moment in self.quietest],
            "layers": [
                {"name": layer.name, "kind": layer.kind, "macs": layer.macs, "update_rate": round(layer.update_rate, 6)}
                for layer in self.layers
            ],
            **self.checks,
            "notes": list(self.notes),
        }


def read_summary(folder: Path) -> RunSummary:
    """Read a run folder.

    Raises:
        OutputError: It holds no run, or a run without a single frame.
    """
    facts = files.read_run(folder)
    status = str(facts.get("status", "unknown"))
    table, torn = _read_rows(folder / files.STATS)
    if not table:
        reason = f": {facts['error']}" if facts.get("error") else "."
        message = f"{folder} holds a run without frames (status {status}){reason}"
        raise OutputError(message.rstrip(".") + ".", "Run `skipvid run` again.")
    series = _series(table)
    ops = [str(name) for name in _get(facts, "ops", "names") or ()]
    rates = rows.read_rates(folder / files.OPS, len(ops))
    recorded = min(len(rates), len(table))
    notes = _notes(status, facts, torn, bool(ops) and recorded < len(table))
    stage_ms = _stage_ms(table)
    checks = read_checks(table, facts)
    seconds = float(_get(facts, "totals", "seconds") or 0) if status != "running" else 0.0
    seconds = max((seconds or sum(stage_ms.values()) * len(table) / 1000) - _audit_seconds(checks), 0.0)
    count = SavingsCount()
    for row in table:
        count.add(int(row["macs"]), int(row["dense_macs"]), row.get("ms", {}))
        count.add_audit(row.get("audit", {}))
    count.add_passes(float(ms) for ms in _get(facts, "totals", "passes_ms") or ())
    return RunSummary(
        folder=folder,
        facts=facts,
        status=status,
        savings=count.measure(seconds, live=bool(_get(facts, "source", "live"))),
        series=series,
        layers=_layers(facts, ops, rates[:recorded]),
        rates=rates[:recorded],
        stage_ms=stage_ms,
        refreshes=dict(Counter(reason for reason in series.refresh if reason).most_common()),
        busiest=extremes(series.pts, series.frame, series.update_rate, series.usual, highest=True),
        quietest=extremes(series.pts, series.frame, series.update_rate, series.usual, highest=False),
        checks=checks,
        notes=notes,
    )


def _get(facts: Mapping[str, Any], *keys: str) -> Any:
    value: Any = facts
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _audit_seconds(checks: Mapping[str, Any]) -> float:
    """What audits took: they are no part of what a run costs."""
    return float(_get(checks, "audit", "ms") or 0) / 1000


def _read_rows(path: Path) -> tuple[list[dict[str, Any]], bool]:
    """Whole rows up to the first damaged one, and whether something was left out."""
    found: list[dict[str, Any]] = []
    lines = path.read_bytes().split(b"\n") if path.is_file() else [b""]
    for line in lines[:-1]:
        try:
            row = json.loads(line)
        except ValueError:
            return found, True
        if not isinstance(row, dict) or not {"frame", "pts", "macs", "dense_macs"} <= row.keys():
            return found, True
        found.append(row)
    return found, bool(lines[-1])


def _series(table: list[dict[str, Any]]) -> Series:
    macs, dense = (np.array([row[key] for row in table], np.float64) for key in ("macs", "dense_macs"))
    times = [row.get("ms", {}) for row in table]
    return Series(
        frame=np.array([row["frame"] for row in table], np.int64),
        pts=np.array([row["pts"] for row in table], np.float64),
        update_rate=(macs / np.maximum(dense, 1)).astype(np.float32),
        network_ms=np.array([network_ms(ms) for ms in times], np.float64),
        detections=np.array([row.get("detections", 0) for row in table], np.int64),
        refresh=tuple(str(row.get("refresh") or "") for row in table),
        forced=np.array([bool(row.get("calibrating") or row.get("refresh")) for row in table]),
        looked=np.array([bool(row.get("looked")) for row in table]),
    )


def _stage_ms(table: list[dict[str, Any]]) -> dict[str, float]:
    totals: Counter[str] = Counter()
    for row in table:
        totals.update({stage: float(ms) for stage, ms in row.get("ms", {}).items()})
    order = [stage for stage in STAGES if stage in totals] + sorted(set(totals) - set(STAGES))
    return {stage: totals[stage] / len(table) for stage in order}


def _layers(facts: Mapping[str, Any], ops: list[str], rates: FloatArray) -> tuple[LayerSummary, ...]:
    kinds, macs = _get(facts, "ops", "kinds") or [], _get(facts, "ops", "macs") or []
    mean = rates.mean(axis=0) if len(rates) else np.zeros(len(ops))
    return tuple(
        LayerSummary(name, str(kinds[i]) if i < len(kinds) else "", int(macs[i]) if i < len(macs) else 0, float(mean[i]))
        for i, name in enumerate(ops)
    )


def _notes(status: str, facts: Mapping[str, Any], torn: bool, fewer: bool) -> tuple[str, ...]:
    notes = [str(text) for text in facts.get("notices") or ()]
    if status == "running":
        notes.append("The run had not ended when this was read: it still goes on, or it was killed.")
    if status == "interrupted":
        notes.append("The run was interrupted; this is about the frames it got to.")
    if status == "failed":
        notes.append(f"The run failed: {facts.get('error') or 'no reason recorded'}")
    if torn:
        notes.append(f"The last row of {files.STATS} is incomplete and left out.")
    if fewer:
        notes.append(f"{files.OPS} has fewer records than {files.STATS} has rows; figures per layer are about those.")
    return tuple(notes)
