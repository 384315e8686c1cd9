"""Rows of a run folder, a row per frame in each file: written while the run goes on, and read back.

Rows are appended with one write each and cut back when that write fails, so that a run which is killed, or whose disk fills up,
leaves whole rows. A reader skips a torn last line all the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skipvid.engine.counts import Rates
from skipvid.models.detection import Detections
from skipvid.plan import FloatArray
from skipvid.stats.files import output_error

__all__ = ["JsonLines", "PredictionLines", "RateFile", "StatsRow", "prediction_row", "read_rates", "read_rows"]

_RATE_SCALE = 65535


@dataclass(frozen=True)
class StatsRow:
    """What one frame cost.

    Attributes:
        frame: Number of the frame in the source.
        pts: Its time in the source, in s.
        macs: Multiply-accumulates executed.
        dense_macs: Those of a full pass.
        update_rate: MAC-weighted share of the network that was recomputed, 0 to 1.
        ms: Time per stage in ms: ``decode``, ``letterbox``, ``gate`` (deciding what to compute), ``network``, ``tail`` (of the
            graph, in ONNX Runtime), ``head``, ``draw`` (what was found), ``heat`` (the heatmap), ``encode``, ``audit``. The first
            three after ``letterbox`` are the network's time.
        refresh: Why the frame was computed in full, or None.
        calibrating: Whether it was computed exactly, to measure what relative thresholds refer to.
        detections: How many objects were found.
        changed: Whether any output of the network changed; where not, the detections are those of the frame before.
        looked: Whether all of the picture was looked at as finely as what the network is not sure of; left out where not.
        budget: What a budget did to the frame (`skipvid.stats.budget.budget_row`); left out without one.
        audit: How far the frame is from a full pass (`skipvid.stats.audit`); left out where none was made.
    """

    frame: int
    pts: float
    macs: int
    dense_macs: int
    update_rate: float
    ms: Mapping[str, float] = field(default_factory=dict)
    refresh: str | None = None
    calibrating: bool = False
    detections: int = 0
    changed: bool = True
    looked: bool = False
    budget: Mapping[str, Any] | None = None
    audit: Mapping[str, Any] | None = None

    def row(self) -> dict[str, Any]:
        """As written to ``stats.jsonl``."""
        extra = {"looked": self.looked or None, "budget": self.budget, "audit": self.audit}
        return {
            "frame": self.frame,
            "pts": round(self.pts, 6),
            "macs": self.macs,
            "dense_macs": self.dense_macs,
            "update_rate": round(self.update_rate, 6),
            "ms": {stage: round(ms, 3) for stage, ms in self.ms.items()},
            "refresh": self.refresh,
            "calibrating": self.calibrating,
            "detections": self.detections,
            "changed": self.changed,
            **{name: value for name, value in extra.items() if value is not None},
        }


def prediction_row(frame: int, pts: float, found: Detections, labels: Sequence[str]) -> dict[str, Any]:
    """A row of ``predictions.jsonl``: boxes ``x1, y1, x2, y2`` and keypoints ``x, y, confidence`` in pixels of the frame.

    ``name`` is left out where the model has no name for the label, ``keypoints`` where it has no points.
    """
    detections = []
    for index in range(len(found)):
        label = int(found.labels[index])
        entry: dict[str, Any] = {
            "box": _rounded(found.boxes[index], 3),
            "score": round(float(found.scores[index]), 5),
            "label": label,
        }
        if 0 <= label < len(labels):
            entry["name"] = labels[label]
        if found.keypoints is not None:
            entry["keypoints"] = [_rounded(point, 3) for point in found.keypoints[index]]
        detections.append(entry)
    return {"frame": frame, "pts": round(pts, 6), "detections": detections}


def _rounded(values: NDArray[Any], digits: int) -> list[float]:
    return [round(float(v), digits) for v in values.tolist()]


# Made once: json.dumps would make an encoder for every row.
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class _Appender:
    """A file that grows by whole records."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o644)
        except OSError as error:
            raise output_error(path, error) from error
        self._size = 0
        self._open = True

    def append(self, record: bytes) -> None:
        """Append a record.

        Raises:
            OutputError: It could not be written whole; the file then ends with the record before.
        """
        done = 0
        try:
            while done < len(record):
                done += os.write(self._fd, record[done:])
        except OSError as error:
            self._cut_back()
            raise output_error(self.path, error) from error
        self._size += done

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            return  # not a regular file: there is nothing to cut

    def close(self) -> None:
        if self._open:
            self._open = False
            os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class JsonLines(_Appender):
    """A file of one JSON object per line."""

    def write(self, row: Mapping[str, Any]) -> None:
        self.append(_encode(row).encode() + b"\n")


class PredictionLines(_Appender):
    """``predictions.jsonl``: rows of `prediction_row`. Detections that stay the same object are turned into text once.

    Args:
        path: The file.
        labels: Class names by index.
    """

    def __init__(self, path: Path, labels: Sequence[str]) -> None:
        super().__init__(path)
        self._labels = labels
        self._found: Detections | None = None
        self._text = ""

    def write(self, frame: int, pts: float, found: Detections) -> None:
        if found is not self._found:
            self._text = _encode(prediction_row(frame, pts, found, self._labels)["detections"])
            self._found = found
        self.append(f'{{"frame":{frame},"pts":{_encode(round(pts, 6))},"detections":{self._text}}}\n'.encode())


class RateFile(_Appender):
    """``ops.u16``: update rates per operator, a record per frame. Rates that stay the same object are turned into bytes once.

    Args:
        path: The file.
        ops: Names of the operators, in the order of the columns.
    """

    def __init__(self, path: Path, ops: Sequence[str]) -> None:
        super().__init__(path)
        self._ops = tuple(ops)
        self._known: Mapping[str, int] | None = None  # positions that were found to be those of the columns
        self._rates: Mapping[str, float] | None = None
        self._record = b""

    def write(self, rates: Mapping[str, float]) -> None:
        if rates is not self._rates:
            self._rates, self._record = rates, self._encoded(rates)
        self.append(self._record)

    def _encoded(self, rates: Mapping[str, float]) -> bytes:
        if isinstance(rates, Rates) and self._in_order(rates.names):
            values = rates.shares
        else:
            values = np.array([rates.get(op, 0.0) for op in self._ops], np.float64)
        return np.rint(np.clip(values, 0, 1) * _RATE_SCALE).astype("<u2").tobytes()

    def _in_order(self, names: Mapping[str, int]) -> bool:
        if self._known is not names and tuple(names) == self._ops:
            self._known = names
        return self._known is names


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON-lines file in order; nothing where there is no file. A torn last line is skipped."""
    if not path.is_file():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def read_rates(path: Path, ops: int) -> FloatArray:
    """``(frames, ops)`` update rates from ``ops.u16``; a torn last record is skipped."""
    raw = path.read_bytes() if path.is_file() else b""
    frames = len(raw) // (2 * ops) if ops else 0
    values = np.frombuffer(raw, "<u2", frames * ops).reshape(frames, ops)
    rates: FloatArray = values.astype(np.float32) / np.float32(_RATE_SCALE)
    return rates
