"""Full passes that are made to be timed: no more than are worth waiting for."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pipeline.making import scene, write_clip
from skipvid.pipeline import loop
from skipvid.pipeline.config import GateChoice, ModelChoice, RunConfig
from skipvid.pipeline.observer import FrameReport, Silent, Status
from skipvid.pipeline.passes import full_passes
from skipvid.pipeline.process import run
from skipvid.pipeline.stop import Stop
from skipvid.stats import files, rows
from skipvid.stats.summary import read_summary


class Slow:
    """A stream whose full passes are told to have taken a given time."""

    def __init__(self, ms: float) -> None:
        self.refreshed = 0
        self.last = SimpleNamespace(ms={"gate": 3.0, "network": ms})

    def refresh(self, reason: str) -> None:
        self.refreshed += 1

    def step_image(self, image: Any, *, repeated: bool = False) -> None:
        pass

    def views(self) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(
    ("expected", "ms", "passes"),
    [(1.0, 1.0, 3), (40.0, 13.0, 3), (15.0, 15.0, 2), (15.0, 20.0, 2), (15.0, 21.0, 1), (15.0, 400.0, 1), (41.0, 1.0, 0)],
)
def test_as_many_passes_are_made_as_fit(expected: float, ms: float, passes: int) -> None:
    stream: Any = Slow(ms)
    assert full_passes(stream, np.zeros((4, 4, 3), np.uint8), expected, 40.0) == [ms] * passes
    assert stream.refreshed == passes


@pytest.fixture
def config(clip: Path, model: Path, tmp_path: Path) -> RunConfig:
    return RunConfig(str(clip), tmp_path / "out", ModelChoice(str(model)), engine="reference")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time enough, in runs of a second."""
    monkeypatch.setattr(loop, "_MEASURING", 10.0)


@pytest.mark.usefixtures("patient")
def test_a_run_ends_with_full_passes_that_no_row_tells_of(config: RunConfig) -> None:
    result = run(config)
    assert config.folder is not None
    facts = files.read_run(config.folder)["totals"]
    assert 1 <= len(facts["passes_ms"]) <= 3
    assert facts["full_ms"] == pytest.approx(float(np.median(facts["passes_ms"])))
    table = list(rows.read_rows(config.folder / files.STATS))
    assert (len(table), facts["frames"], facts["refreshes"]) == (24, 24, {"first": 1})
    assert facts["macs"] == sum(row["macs"] for row in table)
    assert result.savings.basis == read_summary(config.folder).savings.basis
    assert not result.savings.cold


@pytest.mark.usefixtures("patient")
def test_no_pass_is_made_where_frames_were_computed_in_full(config: RunConfig) -> None:
    exact = replace(config, gate=GateChoice(preset="balanced", refresh_every=1))
    assert run(exact).savings.full_frames > 3
    assert exact.folder is not None
    assert files.read_run(exact.folder)["totals"]["passes_ms"] == []


@pytest.mark.usefixtures("patient")
def test_nor_for_a_single_frame(config: RunConfig, tmp_path: Path) -> None:
    one = replace(config, source=str(write_clip(tmp_path / "one.mp4", [scene()])))
    assert run(one).savings.network is None


@pytest.mark.usefixtures("patient")
def test_nor_where_the_run_is_stopped(config: RunConfig) -> None:
    """The network's thread may be at work then."""
    stop = Stop()

    class Stopping(Silent):
        def frame(self, report: FrameReport) -> None:
            if report.done == 5:
                stop.request(signal.SIGINT)

    result = run(config, Stopping(), stop)
    assert result.status is Status.INTERRUPTED
    assert config.folder is not None
    assert files.read_run(config.folder)["totals"]["passes_ms"] == []


def test_audits_tell_what_a_full_pass_takes(config: RunConfig) -> None:
    audited = replace(config, audit=8)
    saved = run(audited).savings
    assert audited.folder is not None
    full = [row["audit"]["full_ms"] for row in rows.read_rows(audited.folder / files.STATS) if "audit" in row]
    assert len(full) == 3
    assert saved.full_ms == pytest.approx(float(np.median(full)))
    assert (saved.full_frames, saved.cold) == (3, False)
    assert read_summary(audited.folder).savings.full_ms == saved.full_ms


def test_nor_where_it_would_take_more_than_its_share_of_the_run(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "_MEASURING", 0.0)
    saved = run(config).savings
    assert (saved.full_frames, saved.cold) == (1, True)
