"""``skipvid run``: what it writes, and one clear line for everything that can be wrong with what it is given."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from pipeline.making import moving, read_clip, write_clip, write_model

from cli.conftest import Skipvid
from skipvid.pipeline import process
from skipvid.pipeline.config import RunConfig


def _sound_only(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        for number in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _cut(path: Path) -> None:
    whole = write_clip(path.with_name("whole.mp4"), moving(60))
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])


BAD_VIDEOS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (
        lambda path: None,
        "bad.mp4 does not exist. Give a video file, a folder, a pattern, the number of a camera, or an rtsp:// address.",
    ),
    "empty": (lambda path: path.touch(), "bad.mp4 is empty (0 bytes). Copy or download it again."),
    "text": (
        lambda path: path.write_text("this is no video\n" * 99),
        "bad.mp4 is not a video that can be read: Invalid data found when processing input. Give a video or image file.",
    ),
    "sound only": (_sound_only, "bad.mp4 holds sound but no picture. Give a file with a video stream."),
}


@pytest.mark.parametrize("case", BAD_VIDEOS)
def test_a_bad_video_is_one_line_and_leaves_nothing(case: str, skipvid: Skipvid, model: Path, tmp_path: Path) -> None:
    make, message = BAD_VIDEOS[case]
    make(Path("bad.mp4"))
    said = skipvid("run", "bad.mp4", "--model", model)
    assert said == (1, "", f"skipvid: {message}\n")
    assert not (tmp_path / "runs").exists()


def test_names_cannot_break_lines_or_steer_the_terminal(skipvid: Skipvid, model: Path, clip: Path) -> None:
    said = skipvid("run", "no\x1bsuch.mp4", "--model", model)
    assert said.err.startswith("skipvid: no\\x1bsuch.mp4 does not exist.")
    name = Path("two\nlines\x1b[31m.mp4")
    name.write_bytes(clip.read_bytes())
    said = skipvid("run", name, "--model", model)
    assert said.code == 0
    assert said.err.startswith("two\\nlines\\x1b[31m: ")
    (folder,) = Path("runs").iterdir()
    shown = skipvid("report", "stats", folder)
    assert shown.out.startswith("two\\nlines\\x1b[31m  ")
    assert "\x1b" not in said.err + said.out + shown.out + shown.err


def test_a_video_that_is_cut_off_is_processed_as_far_as_it_goes_and_told(skipvid: Skipvid, model: Path) -> None:
    _cut(Path("cut.mp4"))
    said = skipvid("run", "cut.mp4", "--model", model, "--quiet")
    decoded = len(read_clip(Path("cut.mp4")))
    assert said.code == 1
    assert said.err == (
        f"skipvid: cut.mp4 ends after {decoded} of 60 frames: it is cut off or damaged. "
        "What decodes was processed; fetch the file again for the rest.\n"
    )
    assert len(read_clip(Path("runs/cut/annotated.mp4"))) == decoded


BAD_MODELS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (
        lambda path: None,
        "There is no model file bad.onnx. Check the path, or run `skipvid models list` for the names of the registry.",
    ),
    "empty": (lambda path: path.touch(), "empty"),
    "corrupt": (
        lambda path: path.write_bytes(b"\x12\x34" * 400),
        "bad.onnx is no ONNX model, or a damaged one (800 bytes). Download or export it again.",
    ),
    "cut off": (
        lambda path: path.write_bytes(write_model(path).read_bytes()[:900]),
        "bad.onnx is no ONNX model, or a damaged one",
    ),
    "not a number": (
        lambda path: write_model(path, float("nan")),
        "bad.onnx: the weights w1 hold NaN in 108 of 108 places. "
        "Use a sound copy of the model; this one cannot give sensible results.",
    ),
}


@pytest.mark.parametrize("case", BAD_MODELS)
def test_a_bad_model_is_one_line_and_leaves_nothing(case: str, skipvid: Skipvid, clip: Path, tmp_path: Path) -> None:
    make, message = BAD_MODELS[case]
    make(Path("bad.onnx"))
    said = skipvid("run", clip, "--model", "bad.onnx")
    assert (said.code, said.out) == (1, "")
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_a_model_with_the_wrong_digest_is_refused(
    skipvid: Skipvid, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKIPVID_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "models").mkdir(parents=True)
    weights = tmp_path / "cache" / "models" / "centerface.onnx"
    write_model(weights)
    said = skipvid("run", clip, "--model", "centerface", "--offline")
    assert said.code == 1
    assert said.err.startswith(f"skipvid: The weights of 'centerface' are damaged or changed: {weights} has sha256 ")
    assert said.err.endswith("Run `skipvid models pull centerface` to fetch them again.\n")


def test_a_model_that_is_not_here_is_not_fetched_offline(
    skipvid: Skipvid, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKIPVID_CACHE", str(tmp_path / "cache"))
    said = skipvid("run", clip, "--offline")
    assert said.code == 1
    assert "offline mode forbids fetching them" in said.err


@pytest.mark.parametrize(("width", "height"), [(1, 1), (97, 63), (2, 400)])
def test_any_size_of_frame_will_do(width: int, height: int, skipvid: Skipvid, model: Path) -> None:
    write_clip(Path("any.mp4"), [np.full((height, width, 3), 90, np.uint8)] * 4)
    said = skipvid("run", "any.mp4", "--model", model, "-q")
    assert said == (0, "", "")
    # H.264 knows even sides only: an odd one is padded by one.
    assert read_clip(Path("runs/any/annotated.mp4"))[0].shape[:2] == (height + height % 2, width + width % 2)


def test_results_are_where_they_are_said_to_be(skipvid: Skipvid, model: Path, clip: Path) -> None:
    said = skipvid("run", clip, "--model", model)
    assert said.code == 0
    assert said.out.splitlines()[-1] == "Results are in runs/walk/"
    assert "MACs saved" in said.out
    facts = json.loads(Path("runs/walk/run.json").read_text())
    assert facts["config"]["source"] == str(clip)
    skipvid("run", clip, "--model", model, "-q")
    assert Path("runs/walk-2/run.json").exists()


def test_a_named_folder_is_not_overwritten_unasked(skipvid: Skipvid, model: Path, clip: Path) -> None:
    Path("out").mkdir()
    Path("out/mine.txt").write_text("keep me")
    said = skipvid("run", clip, "--model", model, "-o", "out", "-q")
    assert said == (
        1,
        "",
        "skipvid: The folder out is not empty. Name another one with --out, or replace the earlier results with --overwrite.\n",
    )
    assert skipvid("run", clip, "--model", model, "-o", "out", "-q", "--overwrite").code == 0
    assert Path("out/mine.txt").read_text() == "keep me"


def test_one_bad_input_does_not_stop_the_rest_and_the_exit_code_tells(skipvid: Skipvid, model: Path, clip: Path) -> None:
    Path("empty.mp4").touch()
    said = skipvid("run", "none.mp4", clip, "empty.mp4", "--model", model, "-q", "-o", "out")
    assert said.code == 1
    assert [line.split(" ")[1] for line in said.err.splitlines()] == ["none.mp4", "empty.mp4"]
    assert json.loads(Path("out/walk/run.json").read_text())["status"] == "complete"


def test_the_end_of_a_batch_names_what_failed(skipvid: Skipvid, model: Path, clip: Path) -> None:
    Path("empty.mp4").touch()
    said = skipvid("run", "none.mp4", clip, "empty.mp4", "--model", model, "-o", "out")
    assert said.code == 1
    assert said.err.splitlines()[-1] == "skipvid: 2 of 3 inputs failed: none.mp4, empty.mp4."


def test_a_fault_of_the_program_in_one_input_does_not_stop_the_rest(
    skipvid: Skipvid, model: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = process.run

    def faulty(config: RunConfig, *rest: Any) -> Any:
        if config.source == "odd.mp4":
            message = "not\nforeseen"
            raise KeyError(message)
        return whole(config, *rest)

    monkeypatch.setattr(process, "run", faulty)
    shutil.copy(clip, "odd.mp4")
    said = skipvid("run", "odd.mp4", clip, "--model", model, "-q", "-o", "out")
    assert (said.code, len(said.err.splitlines())) == (1, 1)
    assert said.err.startswith("skipvid: odd.mp4: unexpected KeyError: ")
    assert json.loads(Path("out/walk/run.json").read_text())["status"] == "complete"


def test_an_empty_input_is_not_the_current_folder(skipvid: Skipvid, model: Path, clip: Path) -> None:
    said = skipvid("run", "", "--model", model)
    assert said.code == 1
    assert said.err.startswith("skipvid: An input is empty. ")
    assert not Path("runs").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such names")
def test_a_name_that_is_not_utf8_is_one_line(skipvid: Skipvid, model: Path, clip: Path) -> None:
    """OpenCV's decoder crashes at such a name, and the encoder raises."""
    name = os.fsdecode(b"caf\xe9.mp4")
    shutil.copy(clip, name)
    said = skipvid("run", name, "--model", model)
    assert said.code == 1
    assert said.err.startswith("skipvid: The name of 'caf\\udce9.mp4' is not in UTF-8")
    said = skipvid("run", clip, "--model", model, "-o", os.fsdecode(b"caf\xe9"))
    assert said.code == 1
    assert said.err.startswith("skipvid: The folder 'caf\\udce9' cannot be used: its name is not in UTF-8")
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--blur", "--no-annotated"], "--blur with --no-annotated leaves no picture to anonymise. Leave one of them out."),
        (
            ["--preset", "fast", "--thresholds", "t.json"],
            "--thresholds and --preset exclude each other: both say how much change is ignored. Leave one of them out.",
        ),
        (
            ["--gate", "input-norm", "--thresholds", "t.json"],
            "--thresholds and --gate exclude each other: the file says what kind of gate its thresholds are for. "
            "Leave one of them out.",
        ),
        (
            ["--budget-ms", "5", "--target-fps", "20"],
            "--budget-ms and --target-fps exclude each other: both say what a frame may cost. Leave one of them out.",
        ),
        (
            ["--max-age", "5"],
            "--max-age says how long changes may wait for want of time; without a budget none waits. "
            "Add --budget-ms or --target-fps, or leave it out.",
        ),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: list[str], message: str, skipvid: Skipvid, clip: Path) -> None:
    assert skipvid("run", clip, *options) == (2, "", f"skipvid: {message}\n")


@pytest.mark.parametrize("gate", ["truncation", "input-norm", "output-norm"])
def test_gates_are_chosen_by_name_with_their_options(gate: str, skipvid: Skipvid, model: Path, clip: Path) -> None:
    more = [] if gate == "truncation" else ["--reference", "previous-frame"]
    said = skipvid("run", clip, "--model", model, "-q", "--gate", gate, "--structure", "4", "--refresh-every", "20", *more)
    assert said == (0, "", "")
    policy = json.loads(Path("runs/walk/run.json").read_text())["gate"]["policy"]
    assert (policy["type"], policy["structure"], policy["refresh_every"]) == (gate, 4, 20)
    assert policy.get("reference") == (None if gate == "truncation" else "previous-frame")


def test_blocks_have_four_sizes_and_truncation_no_reference(skipvid: Skipvid, model: Path, clip: Path) -> None:
    assert "3 is no size of block. Write 1, 2, 4 or 8." in skipvid("run", clip, "--structure", "3").err
    said = skipvid("run", clip, "--model", model, "--gate", "truncation", "--reference", "accumulating")
    assert said.err.startswith("skipvid: --reference accumulating says what a norm gate remembers;")
    assert not Path("runs").exists()


def test_a_full_disk_is_told_and_leaves_whole_rows(
    skipvid: Skipvid, model: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from skipvid.stats import files, rows

    real = rows.os.write
    budget = [2000]

    def write(fd: int, data: bytes) -> int:
        budget[0] -= len(data)
        if budget[0] < 0:
            raise OSError(28, "No space left on device")
        return real(fd, data)

    with monkeypatch.context() as patch:
        patch.setattr(rows.os, "write", write)
        said = skipvid("run", clip, "--model", model, "-q")
    assert said.code == 1
    assert said.err.endswith(" cannot be written: no space left on device. Free space or name another folder with --out.\n")
    folder = Path("runs/walk")
    for name in (files.PREDICTIONS, files.STATS):
        assert (folder / name).read_bytes().endswith(b"\n")
    assert not list(folder.glob("*.mp4"))
    assert files.read_run(folder)["status"] == "failed"
