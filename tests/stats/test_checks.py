"""Budgets and audits in the report."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from skipvid.stats import files, rows
from skipvid.stats.audit import AuditCount
from skipvid.stats.budget import BudgetCount
from skipvid.stats.html import render_page
from skipvid.stats.summary import read_summary
from skipvid.stats.terminal import print_summary
from stats.making import DENSE, OPS, write_run


def budget(oldest: int = 0, withheld: float = 0.0, forced: bool = False) -> dict[str, Any]:
    return {"ms": 10.0, "withheld": withheld, "oldest": oldest, "forced": forced}


def audit(missed: int, false: int, error: float = 0.1) -> dict[str, Any]:
    return {"ms": 50.0, "dense": 4, "missed": missed, "false": false, "outputs": {"heat": {"max": error, "mean": error / 10}}}


def test_a_budget_is_held_when_95_of_100_frames_stay_within_1_15_of_it() -> None:
    for late, held in ((4, True), (7, False)):
        count = BudgetCount()
        for i in range(100):
            count.add(budget(), 12.0 if i < late else 11.0, None, calibrating=False)
        totals = count.to_dict()
        assert totals is not None
        assert totals["held"] is held


def test_cuts_and_calibration_are_outside_of_a_budget_and_a_moving_camera_is_not() -> None:
    count = BudgetCount()
    for reason, calibrating in (
        ("first", True),
        ("scene-cut", False),
        ("seek", False),
        (None, True),
        ("moving", False),
        (None, False),
    ):
        count.add(budget(3, 0.5), 99.0 if reason != "moving" else 9.0, reason, calibrating)
    totals = count.to_dict()
    assert totals is not None
    assert (totals["frames"], totals["outside"], totals["oldest"], totals["withheld"]) == (2, 4, 3, 0.5)
    assert BudgetCount().to_dict() is None


def test_audits_add_up() -> None:
    count = AuditCount()
    for missed, false, error in ((0, 0, 0.1), (2, 1, 0.3)):
        count.add(audit(missed, false, error))
    totals = count.to_dict()
    assert totals is not None
    assert totals["outputs"]["heat"] == {"max": 0.3, "mean": pytest.approx(0.02)}
    assert totals["f1"] == pytest.approx(2 * 6 / (2 * 6 + 3), abs=1e-5)
    assert AuditCount().to_dict() is None


def test_the_report_tells_of_budget_and_audits_and_leaves_audits_out_of_the_time(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", totals={"seconds": 2.0, "audit": {"ap50": 0.875}})
    ms = {"gate": 1.0, "network": 8.0, "tail": 0.0}
    with rows.JsonLines(folder / files.STATS) as stats, rows.RateFile(folder / files.OPS, OPS) as rates:
        for i in range(20):
            extra: dict[str, Any] = {"ms": {**ms, "audit": 50.0}, "audit": audit(1, 0)} if i % 10 == 9 else {"ms": ms}
            stats.write(rows.StatsRow(i, i / 10, 500, DENSE, 0.5, budget=budget(i, 0.25), **extra).row())
            rates.write({})
    summary = read_summary(folder)
    assert summary.seconds == pytest.approx(1.9)
    assert summary.savings.network_ms == pytest.approx(9.0)
    assert summary.to_dict()["budget"]["oldest"] == 19
    assert summary.to_dict()["audit"]["ap50"] == 0.875
    text = StringIO()
    print_summary(summary, Console(file=text, width=200))
    for said in (
        "10.0 ms of network per frame, held: 95 % of frames within 9.0 ms",
        "25.0 % of the picture on average, none of it for more than 19 frames",
        "2 frames against full passes, 50.0 ms each, not counted above",
        "F1 0.857, AP50 0.875: 2 of 8 missed, 0 false",
        "10 % of the largest magnitude of `heat`, 1 % on average",
    ):
        assert said in text.getvalue()
        assert said in render_page(summary)


def test_a_run_without_either_has_no_such_section(tmp_path: Path) -> None:
    summary = read_summary(write_run(tmp_path / "run"))
    assert summary.checks == {}
    page = render_page(summary)
    assert "<h2>Budget" not in page
    assert "<h2>Audit" not in page


def test_the_page_lists_the_errors_of_several_outputs_and_marks_the_budget(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run")
    errors = {"heat": {"max": 0.5, "mean": 0.02}, "size": {"max": 0.1, "mean": 0.001}}
    with rows.JsonLines(folder / files.STATS) as stats:
        for i in range(4):
            entry = {**audit(0, 0), "outputs": errors}
            ms = {"gate": 1.0, "network": 8.0}
            stats.write(rows.StatsRow(i, i / 10, 500, DENSE, 0.5, ms=ms, budget=budget(), audit=entry).row())
    page = render_page(read_summary(folder))
    assert "<h2>Budget and audit</h2>" in page
    assert '<td class="name">size</td><td>10 %</td><td>0.1 %</td>' in page
    assert 'class="budget"' in page
    assert "budget, 10.0 ms" in page
