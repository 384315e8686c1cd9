"""``skipvid tune-thresholds``: writes a file that the model takes, and says clearly when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pipeline.making import moving, write_clip, write_model

from skipvid.cli.main import main
from skipvid.gates.thresholds import load_thresholds
from skipvid.models.loading import load


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tune")
    return write_model(folder / "tiny.onnx"), write_clip(folder / "walk.mp4", moving(48))


def _tune(material: tuple[Path, Path], out: Path, *options: str) -> int:
    model, clip = material
    arguments = ["tune-thresholds", str(clip), "--model", str(model), "-o", str(out), "--method", "uniform"]
    return main([*arguments, "--engine", "reference", "--max-frames", "24", "--max-drop", "0.1", *options])


def test_it_writes_thresholds_that_the_model_takes(
    material: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "t.json"
    assert _tune(material, out) == 0
    output = capsys.readouterr()
    assert "On frames not searched on" in output.out
    assert "best" in output.err
    thresholds = load_thresholds(out, load(material[0]).plan)
    assert thresholds.measured["held_out"]["agreement"]["boxes"]["ap50"] >= 0.9
    assert json.loads(out.read_text())["footage"][0]["name"] == "walk"

    assert _tune(material, out) == 1
    assert f"The file {out} exists. Choose another with -o, or pass --overwrite." in capsys.readouterr().err
    assert _tune(material, out, "--overwrite", "--quiet") == 0
    assert capsys.readouterr().out == ""


def test_a_missing_video_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune-thresholds", str(tmp_path / "none.mp4")]) == 1
    error = capsys.readouterr().err
    assert "none.mp4" in error
    assert "Traceback" not in error
