"""``skipvid tune-thresholds``: writes a file that the model takes, and says clearly when it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pipeline.making import moving, write_clip, write_model

from skipvid.cli.main import main
from skipvid.cli.tune import _missed
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


@pytest.mark.parametrize("gate", ["truncation", "output-norm"])
def test_the_gate_can_be_chosen(gate: str, material: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "t.json"
    assert _tune(material, out, "--gate", gate) == 0
    assert load_thresholds(out, load(material[0]).plan).policy.to_dict()["type"] == gate


def test_two_frames_are_refused(material: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write_clip(tmp_path / "two.mp4", moving(2))
    assert _tune((material[0], clip), tmp_path / "t.json") == 2
    message = "The footage has 2 frames; nothing can be said of thresholds from fewer than 12. Give longer footage of the camera"
    assert message in capsys.readouterr().err
    assert not (tmp_path / "t.json").exists()


def test_a_missing_video_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune-thresholds", str(tmp_path / "none.mp4")]) == 1
    error = capsys.readouterr().err
    assert "none.mp4" in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--target-fps", "20"), "--target-fps and --max-drop exclude each other"),
        (("--gt", "a.txt", "--gt", "b.txt"), "There are 2 file(s) of ground truth for 1 video(s). Give --gt once per video"),
        (
            ("--method", "front-to-back", "--gate", "input-norm"),
            "DeltaCNN's, for truncation; the gate is input-norm.",
        ),
        (("--gt", "none.txt"), "The ground truth none.txt cannot be read: No such file or directory."),
    ],
)
def test_what_does_not_go_together_is_one_line(
    material: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], message: str
) -> None:
    out = tmp_path / "t.json"
    assert _tune(material, out, *options) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_ground_truth_is_taken(material: tuple[Path, Path], tmp_path: Path) -> None:
    truth, out = tmp_path / "gt.txt", tmp_path / "t.json"
    truth.write_text("".join(f"{frame},1,{2 * frame},20,16,16,1,1,1\n" for frame in range(1, 49)))
    code = _tune(material, out, "--gt", str(truth))
    measured = json.loads(out.read_text())["measured"]
    assert measured["reference"] == "ground truth"
    assert code == (0 if measured["met"] else 1)


def test_a_goal_that_is_missed_says_by_how_much() -> None:
    measured = {"goal": {"max_drop": 0.01, "max_drop75": 0.03}, "held_out": {"quality": 1.0, "quality75": 0.717}}
    said = _missed(cast("Any", SimpleNamespace(thresholds=SimpleNamespace(measured=measured))))
    assert "AP75 is 0.717 where 0.970 was asked for." in said
    assert "AP50" not in said


def test_a_speed_that_is_missed_says_by_how_much() -> None:
    measured = {"goal": {"target_fps": 60.0}, "held_out": {"ms": 20.0}}
    said = _missed(cast("Any", SimpleNamespace(thresholds=SimpleNamespace(measured=measured))))
    assert "50.0 frames per second where 60 were asked for." in said
    assert "--max-drop" not in said
