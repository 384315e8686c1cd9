"""Threshold files come back as they were, and are refused with a clear line where they do not fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skipvid.errors import OutputError, UsageError
from skipvid.gates.policies import Truncation
from skipvid.gates.thresholds import Thresholds, load_thresholds, save_thresholds
from skipvid.plan import Plan


@pytest.fixture
def tuned(plan: Plan) -> Thresholds:
    return Thresholds(
        policy=Truncation(0.1, layers={"conv1": 0.2}),
        sha256=plan.sha256,
        model="toy",
        input_size=(32, 48),
        scales={"conv1": 4.0, "pool": 1.0},
        footage=({"name": "street.mp4", "frames": 20},),
        measured={"ap50": 0.98},
    )


def test_a_file_comes_back(tmp_path: Path, plan: Plan, tuned: Thresholds) -> None:
    path = tmp_path / "new" / "t.json"
    save_thresholds(path, tuned)
    assert load_thresholds(path, plan).to_dict() == tuned.to_dict()
    assert [p.name for p in path.parent.iterdir()] == ["t.json"]


def test_another_model_is_refused(tmp_path: Path, plan: Plan, tuned: Thresholds) -> None:
    path = tmp_path / "t.json"
    save_thresholds(path, tuned)
    with pytest.raises(UsageError) as caught:
        load_thresholds(path, replace(plan, sha256="f" * 64))
    assert caught.value.message == (
        f"The thresholds in {path} belong to another model (toy, sha256 0123456789ab..., not ffffffffffff...)."
    )
    assert caught.value.exit_code == 2


def _spoil(data: dict[str, Any], where: str, value: object) -> None:
    *parents, last = where.split("/")
    for name in parents:
        data = data[name]
    data[last] = value


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        ("format", "other", "is not a thresholds file: its format is not 'skipvid-thresholds'."),
        ("version", 2, "has version 2; this skipvid reads version 1."),
        ("policy/version", 7, "cannot be used: The policy 'truncation' has version 7; this skipvid reads version 1."),
        ("policy/type", "spell", "cannot be used: The policy type 'spell' is not known."),
        ("policy/layers/conv1", float("nan"), "The threshold of layer 'conv1' is nan; a threshold is a finite number"),
        ("policy/layers/conv1", -1, "The threshold of layer 'conv1' is -1; a threshold is a finite number, 0 or more."),
        ("policy/layers/conv9", 1, "holds a threshold for 'conv9', which is no gate point of the model."),
        ("policy/layers", [1], "layers is a table of numbers"),
        ("scales/conv9", 1, "holds a scale for 'conv9', which is no gate point of the model."),
        ("scales/conv1", -4, "holds the scale -4 for 'conv1'; a scale is a finite number, 0 or more."),
        ("model", 3, "has no table 'model'."),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, plan: Plan, tuned: Thresholds, where: str, value: object, message: str
) -> None:
    data, path = tuned.to_dict(), tmp_path / "t.json"
    _spoil(data, where, value)
    path.write_text(json.dumps(data))
    with pytest.raises(UsageError) as caught:
        load_thresholds(path, plan)
    assert message in caught.value.message
    assert str(path) in caught.value.message
    assert caught.value.remedy


@pytest.mark.parametrize("text", ["", "{", "[]", "\x00\x01"])
def test_garbage_is_refused(tmp_path: Path, plan: Plan, text: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"not JSON|not a thresholds file"):
        load_thresholds(path, plan)


def test_missing_files_and_unwritable_places_are_named(tmp_path: Path, plan: Plan, tuned: Thresholds) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file or directory"):
        load_thresholds(tmp_path / "none.json", plan)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        save_thresholds(tmp_path / "file" / "t.json", tuned)


def test_a_file_may_be_read_by_whom_other_new_files_may(tmp_path: Path, tuned: Thresholds) -> None:
    path, other = tmp_path / "t.json", tmp_path / "other"
    save_thresholds(path, tuned)
    other.write_text("")
    assert path.stat().st_mode == other.stat().st_mode
    assert sorted(file.name for file in tmp_path.iterdir()) == ["other", "t.json"]
