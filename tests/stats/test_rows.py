"""Rows are whole, whatever happens to the run that writes them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from skipvid.errors import OutputError
from skipvid.models.detection import Detections
from skipvid.stats import files, rows


def _found() -> Detections:
    points = np.array([[[1, 2, 0.5]]], np.float32)
    return Detections(np.array([[1, 2, 3.00049, 4]], np.float32), np.array([0.9], np.float32), np.array([0], np.int32), points)


def test_prediction_row_holds_boxes_scores_names_and_keypoints() -> None:
    row = rows.prediction_row(7, 0.2333333333, _found(), ["face"])
    assert row == {
        "frame": 7,
        "pts": 0.233333,
        "detections": [{"box": [1.0, 2.0, 3.0, 4.0], "score": 0.9, "label": 0, "name": "face", "keypoints": [[1.0, 2.0, 0.5]]}],
    }


def test_a_label_without_a_name_and_a_model_without_points_leave_them_out() -> None:
    found = Detections(np.zeros((1, 4), np.float32), np.ones(1, np.float32), np.array([5], np.int32))
    (entry,) = rows.prediction_row(0, 0.0, found, ["face"])["detections"]
    assert set(entry) == {"box", "score", "label"}


def test_rows_are_on_disk_as_soon_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / files.STATS
    with rows.JsonLines(path) as lines:
        lines.write(rows.StatsRow(0, 0.0, 10, 20, 0.5, {"network": 1.23456}, "first", 2).row())
        (row,) = rows.read_rows(path)
    assert row["ms"] == {"network": 1.235}
    assert row["refresh"] == "first"
    assert row["update_rate"] == 0.5


def test_a_torn_last_line_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"frame":0}\n{"fra')
    assert list(rows.read_rows(path)) == [{"frame": 0}]
    assert list(rows.read_rows(tmp_path / "none.jsonl")) == []


def test_a_failed_write_leaves_whole_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.jsonl"
    lines = rows.JsonLines(path)
    lines.write({"frame": 0})
    real = os.write
    calls = iter([4])

    def full(fd: int, data: bytes) -> int:
        count = next(calls, None)
        if count is None:
            raise OSError(28, "No space left on device")
        return real(fd, data[:count])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OutputError) as caught:
            lines.write({"frame": 1})
    lines.close()
    assert caught.value.message == f"{path} cannot be written: no space left on device."
    assert path.read_bytes() == b'{"frame":0}\n'


def test_rates_survive_within_their_resolution_and_a_torn_record_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / files.OPS
    with rows.RateFile(path, ["a", "b"]) as rates:
        rates.write({"b": 0.25, "a": 1.0})
        rates.write({"a": 0.001})
    with path.open("ab") as file:
        file.write(b"\x01")
    read = rows.read_rates(path, 2)
    np.testing.assert_allclose(read, [[1.0, 0.25], [0.001, 0.0]], atol=0.5 / 65535 + 1e-7)
    assert rows.read_rates(tmp_path / "none", 2).shape == (0, 2)


def test_run_json_is_replaced_as_a_whole(tmp_path: Path) -> None:
    files.write_run(tmp_path, {"status": "running"})
    files.write_run(tmp_path, {"status": "complete", "source": Path("a.mp4")})
    assert files.read_run(tmp_path) == {"status": "complete", "source": "a.mp4"}
    assert [p.name for p in tmp_path.iterdir()] == [files.RUN]


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_folder_without_a_readable_run_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / files.RUN).write_text(content)
    with pytest.raises(OutputError):
        files.read_run(tmp_path)


def test_nan_never_reaches_a_row(tmp_path: Path) -> None:
    with rows.JsonLines(tmp_path / "a.jsonl") as lines, pytest.raises(ValueError, match="JSON"):
        lines.write({"score": float("nan")})
