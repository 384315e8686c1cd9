"""Audits and budgets of a run: what they tell, and that audits leave the run as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.making import moving, scene, with_square, write_clip
from skipvid.engine.stream import Stream
from skipvid.pipeline.config import BudgetChoice, GateChoice, ModelChoice, OutputChoice, RunConfig
from skipvid.pipeline.process import run
from skipvid.stats import files, rows

BARE = OutputChoice(annotated=False, heatmap=False)


@pytest.fixture
def config(clip: Path, model: Path, tmp_path: Path) -> RunConfig:
    return RunConfig(str(clip), tmp_path / "out", ModelChoice(str(model)), engine="reference", output=BARE)


def _stats(config: RunConfig) -> list[dict[str, Any]]:
    assert config.folder is not None
    return list(rows.read_rows(config.folder / files.STATS))


def _total(config: RunConfig, name: str) -> Any:
    assert config.folder is not None
    return files.read_run(config.folder)["totals"].get(name)


def test_an_audit_of_an_exact_run_finds_no_error(config: RunConfig) -> None:
    config = replace(config, gate=GateChoice("exact"), audit=5)
    result = run(config)
    stats = _stats(config)
    assert [row["frame"] for row in stats if "audit" in row] == [4, 9, 14, 19]
    totals = _total(config, "audit")
    assert totals == result.checks["audit"]
    assert {name: totals[name] for name in ("frames", "dense", "missed", "false", "f1", "ap50")} == {
        "frames": 4, "dense": 4, "missed": 0, "false": 0, "f1": 1, "ap50": 1,
    }  # fmt: skip
    assert totals["outputs"] == {name: {"max": 0, "mean": 0} for name in totals["outputs"]}
    assert totals["outputs"].keys() == stats[4]["audit"]["outputs"].keys() != set()
    assert totals["ms"] == pytest.approx(sum(row["ms"].get("audit", 0) for row in stats), abs=0.05)


def test_an_audit_sees_what_a_run_misses(config: RunConfig, tmp_path: Path) -> None:
    """A square moves at once from left to right, under an input threshold that nothing exceeds."""
    left, right = with_square(scene(), 10, 20), with_square(scene(), 60, 20)
    source = write_clip(tmp_path / "jump.mp4", [left] * 4 + [right] * 8)
    config = replace(config, source=str(source), gate=GateChoice("exact", input_threshold=255.0), audit=4)
    run(config)
    audits = [row["audit"] for row in _stats(config) if "audit" in row]
    assert [(a["dense"], a["missed"], a["false"]) for a in audits] == [(1, 0, 0), (1, 1, 1), (1, 1, 1)]
    assert max(error["max"] for error in audits[1]["outputs"].values()) > 0.1
    assert _total(config, "audit")["f1"] == pytest.approx(1 / 3, abs=1e-4)


def test_the_time_of_a_full_pass_has_the_tail_of_the_graph_in_it(monkeypatch: pytest.MonkeyPatch, config: RunConfig) -> None:
    """The tail runs when outputs are asked for, not when a frame is executed."""
    views = Stream.views

    def slow(stream: Stream) -> Any:
        stream.last.ms["tail"] = 1000.0  # type: ignore[index]
        return views(stream)

    monkeypatch.setattr(Stream, "views", slow)
    run(replace(config, audit=8))
    assert all(row["audit"]["full_ms"] > 1000 for row in _stats(config) if "audit" in row)


def test_audits_leave_the_run_as_it_is(config: RunConfig, tmp_path: Path) -> None:
    audited = replace(config, folder=tmp_path / "audited", audit=3)
    for each in (config, audited):
        run(each)
    for name in (files.PREDICTIONS, files.OPS):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "audited" / name).read_bytes()
    assert [row["macs"] for row in _stats(config)] == [row["macs"] for row in _stats(audited)]
    network = sum(row["ms"][stage] for row in _stats(audited) for stage in ("gate", "network", "tail"))
    assert _total(audited, "network_ms") == pytest.approx(network, abs=0.1)
    assert _total(config, "audit") is None


def test_what_an_audit_finds_is_not_told_to_the_run(config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[float]] = []
    saw = Stream.saw

    def heard(stream: Stream, boxes: np.ndarray, scores: np.ndarray) -> None:
        told.append(scores.tolist())
        saw(stream, boxes, scores)

    monkeypatch.setattr(Stream, "saw", heard)
    run(config)
    plain, told = told, []
    run(replace(config, folder=tmp_path / "audited", audit=1))
    assert told == plain != []


def test_a_run_under_a_budget_tells_what_waited(config: RunConfig, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "busy.mp4", moving(10) + moving(20)[::-1])
    config = replace(config, source=str(source), budget=BudgetChoice(ms=1e-3, max_age=4))
    result = run(config)
    stats = _stats(config)
    assert all(row["budget"]["ms"] == 0.001 for row in stats)
    assert 0 < max(row["budget"]["oldest"] for row in stats) <= 4
    totals = _total(config, "budget")
    assert totals == result.checks["budget"]
    assert not totals["held"]
    assert totals["oldest"] == max(row["budget"]["oldest"] for row in stats)
    assert totals["frames"] + totals["outside"] == len(stats) == 30


def test_an_ample_budget_changes_no_detection(config: RunConfig, tmp_path: Path) -> None:
    ample = replace(config, folder=tmp_path / "ample", budget=BudgetChoice(ms=1e6))
    for each in (config, ample):
        run(each)
    assert (tmp_path / "out" / files.PREDICTIONS).read_bytes() == (tmp_path / "ample" / files.PREDICTIONS).read_bytes()
    assert _total(ample, "budget")["held"]
    assert _total(ample, "budget")["withheld"] == 0


def test_a_rate_to_hold_gives_the_network_what_others_leave(config: RunConfig) -> None:
    config = replace(config, budget=BudgetChoice(fps=20))
    run(config)
    budgets = [row["budget"]["ms"] for row in _stats(config)]
    assert budgets[0] == 50
    assert 5 <= min(budgets) < 50
