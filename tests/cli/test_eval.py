"""``skipvid eval``: dense and skip side by side, against ground truth or each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pipeline.making import BOX, SIDE, moving, write_clip, write_model

from skipvid.cli.main import main


@pytest.fixture(scope="module")
def arguments(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("eval")
    model, clip = write_model(folder / "tiny.onnx"), write_clip(folder / "walk.mp4", moving(16))
    return ["eval", str(clip), "--model", str(model), "--engine", "reference"]


def _truth(path: Path, shift: float = 0) -> Path:
    half, middle = BOX / 2, SIDE / 2
    rows = [f"{i + 1},1,{4 + 2 * i + middle - half + shift},{20 + middle - half},{BOX},{BOX},1,1,1" for i in range(16)]
    path.write_text("\n".join(rows))
    return path


def test_without_ground_truth_the_dense_network_is_the_reference(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--preset", "exact", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["frames"] == 16
    assert result["dense"] is None
    assert result["agreement"]["boxes"]["ap"] == 1
    assert 0 < result["macs"] < 0.5
    assert main([*arguments, "--preset", "exact"]) == 0
    assert "Against the dense network's detections, 16 frames" in " ".join(capsys.readouterr().out.split())


def test_ground_truth_judges_both(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--preset", "exact", "--json", "--gt", str(_truth(tmp_path / "gt.txt"))]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["judged"] == 16
    assert result["dense"]["ap50"] == result["gated"]["ap50"] == 1
    assert main([*arguments, "--preset", "exact", "--json", "--gt", str(_truth(tmp_path / "off.txt", 60))]) == 0
    assert json.loads(capsys.readouterr().out)["gated"]["ap50"] == 0


def test_two_kinds_of_thresholds_exclude_each_other(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*arguments, "--preset", "high", "--thresholds", "t.json"]) == 2
    assert "--thresholds and --preset exclude each other" in capsys.readouterr().err
