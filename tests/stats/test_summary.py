"""What is read back from a run folder, whole or cut short."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from skipvid.errors import OutputError
from skipvid.stats import files
from skipvid.stats.summary import read_summary
from stats.making import write_run


def test_totals_layers_stages_and_refreshes_are_those_of_the_rows(tmp_path: Path) -> None:
    summary = read_summary(write_run(tmp_path))
    executed = 2 * 1000 + 20 * 500 + 78 * 50
    assert (summary.frames, summary.savings.executed, summary.savings.dense) == (100, executed, 100_000)
    assert summary.savings.macs == pytest.approx(1 - executed / 100_000)
    assert summary.refreshes == {"first": 1, "scene-cut": 1}
    assert summary.detections == 40
    assert list(summary.stage_ms) == ["decode", "letterbox", "gate", "network", "tail", "head", "draw"]
    assert summary.stage_ms["network"] == pytest.approx(20 * executed / 100_000)
    mean = executed / 100_000
    # Rates are stored in steps of 1/65535.
    assert [layer.update_rate for layer in summary.layers] == pytest.approx([mean / 2, mean, mean / 4, 0], abs=1e-4)


def test_time_saved_is_measured_against_the_frames_computed_in_full(tmp_path: Path) -> None:
    summary = read_summary(write_run(tmp_path))
    mean = 20 * summary.savings.executed / summary.savings.dense
    saved = summary.savings
    assert (saved.full_ms, saved.full_frames) == (20.0, 1)  # the first frame warms up and does not count
    assert saved.network == pytest.approx(1 - mean / 20)
    assert saved.dense_seconds == pytest.approx(2.0 + (20 - mean) * 100 / 1000)
    assert saved.program == pytest.approx(1 - 2.0 / saved.dense_seconds)


def test_full_passes_made_in_the_end_are_read_back(tmp_path: Path) -> None:
    cold = read_summary(write_run(tmp_path / "cold", refresh={0: "first"})).savings
    assert (cold.full_frames, cold.cold) == (1, True)
    totals = {"seconds": 2.0, "passes_ms": [16.0, 15.0, 17.0]}
    saved = read_summary(write_run(tmp_path / "timed", refresh={0: "first"}, totals=totals)).savings
    assert (saved.full_ms, saved.full_frames, saved.cold) == (16.0, 3, False)


def test_a_run_without_full_frames_claims_no_time_saved(tmp_path: Path) -> None:
    saved = read_summary(write_run(tmp_path, refresh={})).savings
    assert (saved.network, saved.program, saved.full_frames) == (None, None, 0)
    assert "nothing to compare" in saved.basis


def test_skipping_that_costs_time_is_reported_as_a_loss(tmp_path: Path) -> None:
    write_run(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / files.STATS).read_text().splitlines()]
    for row in lines:
        row["ms"]["network"] = 20.0 if row["refresh"] else 30.0
    (tmp_path / files.STATS).write_text("".join(json.dumps(row) + "\n" for row in lines))
    saved = read_summary(tmp_path).savings
    assert saved.network is not None
    assert saved.network < -0.4
    assert saved.program is not None
    assert saved.program < 0


def test_busiest_and_quietest_moments_leave_refreshes_aside(tmp_path: Path) -> None:
    summary = read_summary(write_run(tmp_path))
    first = summary.busiest[0]
    assert 3.9 <= first.start < first.end <= 6.1
    assert first.update_rate == pytest.approx(0.5)
    assert summary.quietest[0].update_rate == pytest.approx(0.05)
    spans = sorted((m.start, m.end) for m in summary.busiest)
    assert all(a[1] < b[0] for a, b in pairwise(spans))


def test_a_torn_last_row_is_left_out_with_a_note(tmp_path: Path) -> None:
    write_run(tmp_path, status="running")
    for name, cut in ((files.STATS, 20), (files.OPS, 3)):
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[:-cut])
    summary = read_summary(tmp_path)
    assert summary.frames == 99
    assert len(summary.rates) == 99
    assert any("incomplete" in note for note in summary.notes)
    assert any("had not ended" in note for note in summary.notes)


def test_a_damaged_row_ends_the_reading(tmp_path: Path) -> None:
    write_run(tmp_path)
    lines = (tmp_path / files.STATS).read_text().splitlines(keepends=True)
    lines[50] = "\x00\x00\x00\n"
    (tmp_path / files.STATS).write_text("".join(lines))
    assert read_summary(tmp_path).frames == 50


def test_missing_side_files_cost_only_their_part(tmp_path: Path) -> None:
    write_run(tmp_path)
    (tmp_path / files.OPS).unlink()
    summary = read_summary(tmp_path)
    assert summary.frames == 100
    assert all(layer.update_rate == 0 for layer in summary.layers)
    assert any(files.OPS in note for note in summary.notes)


def test_notes_tell_of_failure_and_notices(tmp_path: Path) -> None:
    summary = read_summary(write_run(tmp_path, status="failed", error="the disk is full", notices=["moving camera"]))
    assert summary.notes == ("moving camera", "The run failed: the disk is full")


def test_a_run_without_frames_is_an_error_that_says_why(tmp_path: Path) -> None:
    write_run(tmp_path, 0, status="failed", error="no frame could be decoded")
    with pytest.raises(OutputError, match=r"holds a run without frames \(status failed\): no frame could be decoded\."):
        read_summary(tmp_path)


def test_a_folder_without_run_json_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is not the folder of a run"):
        read_summary(tmp_path)


def test_one_frame_is_enough(tmp_path: Path) -> None:
    summary = read_summary(write_run(tmp_path, 1))
    assert summary.savings.full_frames == 1
    assert summary.savings.macs == 0
    assert np.isfinite(summary.savings.network or 0)
    json.dumps(summary.to_dict())
