"""A run leaves what it promises, however it ends."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.making import HEIGHT, SIDE, WIDTH, ByteArray, moving, read_clip, scene, with_square, write_clip, write_model
from pipeline.test_priority import niceness
from skipvid.errors import ModelError, OutputError, SourceError, UsageError
from skipvid.pipeline.config import BudgetChoice, DetectChoice, Export, GateChoice, ModelChoice, OutputChoice, RunConfig
from skipvid.pipeline.observer import FrameReport, RunResult, Silent, Started, Status
from skipvid.pipeline.process import run
from skipvid.pipeline.setup import Models
from skipvid.pipeline.stop import Interrupted, Stop
from skipvid.stats import files, rows
from skipvid.video.cv import cv2
from skipvid.video.sink import VideoSink

Make = Callable[..., RunConfig]


class Listener(Silent):
    """Remembers what it heard, and can act at a frame."""

    def __init__(self, at: int = -1, act: Callable[[], None] = lambda: None) -> None:
        self.begun: list[Started] = []
        self.frames: list[FrameReport] = []
        self.notices: list[str] = []
        self.ended: list[RunResult] = []
        self._at, self._act = at, act

    def started(self, facts: Started) -> None:
        self.begun.append(facts)

    def frame(self, report: FrameReport) -> None:
        self.frames.append(report)
        if report.done == self._at:
            self._act()

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def finished(self, result: RunResult) -> None:
        self.ended.append(result)


@pytest.fixture
def make(clip: Path, model: Path, tmp_path: Path) -> Make:
    """Makes the configuration of a run over the clip, with changes."""

    def build(**changes: Any) -> RunConfig:
        config = RunConfig(str(clip), tmp_path / "out", ModelChoice(str(model)), engine="reference")
        return replace(config, **changes)

    return build


def _rows(config: RunConfig, name: str) -> list[dict[str, Any]]:
    assert config.folder is not None
    return list(rows.read_rows(config.folder / name))


def _folder(config: RunConfig) -> Path:
    assert config.folder is not None
    return config.folder


def test_a_run_leaves_videos_rows_and_facts(make: Make) -> None:
    config = make()
    heard = Listener()
    result = run(config, heard)
    folder = _folder(config)
    assert sorted(p.name for p in folder.iterdir()) == [
        "annotated.mp4", "heat.npy", "heatmap.mp4", "ops.u16", "predictions.jsonl", "run.json", "stats.jsonl", "still.jpg",
    ]  # fmt: skip
    assert result.status is Status.COMPLETE
    assert result.frames == len(heard.frames) == 24
    assert len(read_clip(folder / files.ANNOTATED)) == len(read_clip(folder / files.HEATMAP)) == 24
    assert heard.begun[0].frames == 24
    facts = files.read_run(folder)
    assert facts["status"] == "complete"
    assert facts["totals"]["frames"] == 24
    assert facts["totals"]["macs"] == sum(row["macs"] for row in _rows(config, files.STATS))
    assert len(facts["model"]["sha256"]) == 64
    assert facts["gate"]["name"] == "balanced"
    assert facts["gate"]["calibrated"]
    rates = rows.read_rates(folder / files.OPS, len(facts["ops"]["names"]))
    assert rates.shape == (24, len(facts["ops"]["names"]))
    assert (rates[0] == 1).all()


def test_predictions_are_in_pixels_of_the_frame(make: Make) -> None:
    config = make()
    run(config)
    predictions = _rows(config, files.PREDICTIONS)
    assert [row["frame"] for row in predictions] == list(range(24))
    for number, row in enumerate(predictions):
        assert row["pts"] == pytest.approx(number / 25, abs=1e-3)
        (found,) = row["detections"]
        assert found["name"] == "face"
        x1, y1, x2, y2 = found["box"]
        assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx((4 + 2 * number + SIDE / 2, 20 + SIDE / 2), abs=8)


def test_results_do_not_depend_on_what_overlaps(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    overlapped = make(folder=tmp_path / "a")
    run(overlapped)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    sequential = make(folder=tmp_path / "b")
    run(sequential)
    for name in (files.PREDICTIONS, files.OPS, files.HEAT):
        assert (_folder(overlapped) / name).read_bytes() == (_folder(sequential) / name).read_bytes()
    costs = [[(row["macs"], row["refresh"]) for row in _rows(config, files.STATS)] for config in (overlapped, sequential)]
    assert costs[0] == costs[1]


@pytest.mark.skipif(sys.platform != "linux", reason="threads give way on Linux only")
def test_under_a_budget_pictures_give_way_and_the_caller_does_not(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    writers: set[int] = set()
    convert = VideoSink.write

    def write(sink: VideoSink, image: ByteArray, pts: float) -> None:
        writers.add(niceness())
        convert(sink, image, pts)

    monkeypatch.setattr(VideoSink, "write", write)
    before = niceness()
    config = make(budget=BudgetChoice(ms=1000.0), threads=2)
    result = run(config)
    assert result.status is Status.COMPLETE
    assert niceness() == before
    assert writers == {min(before + 10, 19)}
    assert len(read_clip(_folder(config) / files.ANNOTATED)) == len(read_clip(_folder(config) / files.HEATMAP)) == 24
    writers.clear()
    run(make(folder=_folder(config).with_name("plain"), threads=2))
    assert writers == {before}


@pytest.mark.parametrize("name", [files.ANNOTATED, files.HEATMAP])
def test_a_video_that_cannot_be_written_ends_a_run_under_a_budget_as_any_other(
    make: Make, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    convert = VideoSink.write

    def write(sink: VideoSink, image: ByteArray, pts: float) -> None:
        if sink.path.name == name and sink.frames == 3:
            message = "No space left on device."
            raise OutputError(message, "Free some.")
        convert(sink, image, pts)

    monkeypatch.setattr(VideoSink, "write", write)
    config = make(budget=BudgetChoice(ms=1000.0), threads=2)
    with pytest.raises(OutputError, match="No space left"):
        run(config)
    assert not (_folder(config) / name).exists()


def test_a_still_video_costs_nothing_and_keeps_its_detections(make: Make, tmp_path: Path) -> None:
    still = write_clip(tmp_path / "still.mp4", [with_square(scene(), 40, 20)] * 20)
    config = make(source=str(still), gate=GateChoice("exact"))
    result = run(config)
    stats, predictions = _rows(config, files.STATS), _rows(config, files.PREDICTIONS)
    unchanged = [row for row in stats if not row["changed"]]
    assert len(unchanged) >= 15
    assert all(row["macs"] == 0 for row in unchanged)
    assert len({str(row["detections"]) for row, stat in zip(predictions, stats, strict=True) if not stat["changed"]}) == 1
    assert result.detections == 20


def test_stride_and_limit_choose_frames_and_keep_their_times(make: Make) -> None:
    config = make(vid_stride=3, max_frames=5)
    result = run(config)
    assert result.frames == 5
    stats = _rows(config, files.STATS)
    assert [row["frame"] for row in stats] == [0, 3, 6, 9, 12]
    assert stats[-1]["pts"] == pytest.approx(12 / 25, abs=1e-3)
    assert len(read_clip(_folder(config) / files.ANNOTATED)) == 5


def test_nothing_is_written_where_nothing_is_wanted(make: Make, tmp_path: Path) -> None:
    bare = OutputChoice(annotated=False, heatmap=False)
    config = make(output=bare)
    run(config)
    assert not list(_folder(config).glob("*.mp4"))
    assert run(make(folder=None)).frames == 24
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_where_nothing_is_found_less_is_computed(make: Make, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = [np.clip(scene() + rng.integers(-6, 7, scene().shape), 0, 255).astype(np.uint8) for _ in range(24)]
    clip = write_clip(tmp_path / "clip.mp4", noise)

    def executed(factor: float) -> tuple[int, object]:
        model = write_model(tmp_path / f"{factor}.onnx")
        model.with_suffix(".toml").write_text(f"care = [1.0, 1.0, {factor}]\n")
        config = make(source=str(clip), model=ModelChoice(str(model)), gate=GateChoice(preset="balanced"))
        run(config)
        assert not any(row["detections"] for row in _rows(config, files.PREDICTIONS))
        care = json.loads((_folder(config) / files.RUN).read_text())["gate"]["care"]
        return sum(row["macs"] for row in _rows(config, files.STATS)[14:]), care

    even, careless = executed(1.0)
    coarse, care = executed(20.0)
    assert coarse < 0.85 * even
    assert careless is None
    assert isinstance(care, dict)
    assert (care["unsure"], care["certain"], care["elsewhere"]) == (1.0, 1.0, 20.0)


def test_a_png_per_frame_of_the_heatmap(make: Make) -> None:
    config = make(output=OutputChoice(annotated=False, heatmap=False, heatmap_frames=True), max_frames=3)
    run(config)
    names = sorted(p.name for p in (_folder(config) / files.HEATMAP_FRAMES).iterdir())
    assert names == ["000000.png", "000001.png", "000002.png"]


def test_exports_are_written_at_the_end(make: Make) -> None:
    config = make(output=OutputChoice(exports=(Export.MOT, Export.CSV)), max_frames=4)
    run(config)
    assert len((_folder(config) / "predictions.mot.txt").read_text().splitlines()) == 4
    assert (_folder(config) / "predictions.csv").exists()


def test_an_interrupted_run_finishes_every_file(make: Make) -> None:
    stop = Stop()
    heard = Listener(7, lambda: stop.request(2))
    config = make()
    result = run(config, heard, stop)
    assert (result.status, result.signal, result.frames) == (Status.INTERRUPTED, 2, 7)
    assert len(_rows(config, files.STATS)) == len(_rows(config, files.PREDICTIONS)) == 7
    assert len(read_clip(_folder(config) / files.ANNOTATED)) == 7
    assert not list(_folder(config).glob("*.part"))
    assert files.read_run(_folder(config))["status"] == "interrupted"


def test_a_signal_while_the_model_loads_leaves_nothing(make: Make, tmp_path: Path) -> None:
    stop = Stop()

    class Loading(Models):
        def get(self, *_: object) -> Any:
            stop.request(15)

    with pytest.raises(Interrupted, match="before anything was written"):
        run(make(), stop=stop, models=Loading())
    assert not list(tmp_path.iterdir())


def test_a_failed_run_leaves_no_video_under_its_final_name(make: Make) -> None:
    def fail() -> None:
        message = "The network broke."
        raise ModelError(message)

    config = make()
    with pytest.raises(ModelError):
        run(config, Listener(6, fail))
    folder = _folder(config)
    assert not list(folder.glob("*.mp4"))
    assert len(read_clip(folder / "annotated.mp4.part")) == 6
    facts = files.read_run(folder)
    assert (facts["status"], facts["error"]) == ("failed", "The network broke.")
    assert len(_rows(config, files.STATS)) == 6


def test_a_model_that_does_not_do_leaves_no_folder(make: Make, tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        run(make(model=ModelChoice(str(tmp_path / "none.onnx"))))
    assert not (tmp_path / "out").exists()


CHECKS = np.indices((SIDE, SIDE)).sum(axis=0) // 2 % 2 * 2 - 1  # +1 and -1 in diagonal stripes


def _checked(image: ByteArray, level: int) -> ByteArray:
    """The image with stripes of +-20 grey levels about ``level`` where the square stands."""
    result = image.copy()
    result[20 : 20 + SIDE, 40 : 40 + SIDE] = (level + 20 * CHECKS)[..., None]
    return result


def _detail(image: ByteArray) -> float:
    """How much is left of the stripes, in grey levels."""
    return float((image[20 : 20 + SIDE, 40 : 40 + SIDE].mean(axis=2) * CHECKS).mean())


def test_every_picture_of_a_blurred_run_is_blurred_and_stays_so(make: Make, tmp_path: Path) -> None:
    face, empty = _checked(scene(), 235), _checked(scene(), 70)
    source = write_clip(tmp_path / "face.mp4", [face] * 8 + [empty] * 16)
    config = make(source=str(source), output=OutputChoice(blur=True, heatmap_frames=True))
    run(config)
    assert files.read_run(_folder(config))["gate"]["name"] == "high"
    detail = [_detail(image) for image in read_clip(_folder(config) / files.ANNOTATED)]
    last = max(row["frame"] for row in _rows(config, files.PREDICTIONS) if row["detections"])
    assert last >= 7
    # Held: what is under the box stays blurred for ten frames after the last detection, and is itself from then on.
    assert np.abs(detail[: last + 11]).max() < 5
    assert min(detail[last + 11 :]) > 10
    for name in (f"{files.HEATMAP_FRAMES}/000003.png", files.STILL):
        assert abs(_detail(cv2.imread(str(_folder(config) / name)))) < 5


def test_stride_shows_no_frame_that_was_not_looked_at(make: Make) -> None:
    config = make(output=OutputChoice(blur=True), vid_stride=2)
    run(config)
    looked = len(_rows(config, files.PREDICTIONS))
    assert len(read_clip(_folder(config) / files.ANNOTATED)) == len(read_clip(_folder(config) / files.HEATMAP)) == looked == 12


def test_a_region_is_all_the_network_sees(make: Make) -> None:
    config = make(roi=(48, 0, 48, 64))
    run(config)
    found = [entry for row in _rows(config, files.PREDICTIONS) for entry in row["detections"]]
    assert found
    assert all(entry["box"][0] >= 40 for entry in found)
    with pytest.raises(UsageError) as caught:
        run(make(roi=(90, 0, 10, 10), overwrite=True))
    assert str(caught.value) == (
        "The region 90,0,10,10 of --roi reaches beyond the frame of 96x64. Give x,y,w,h inside the frame."
    )


def test_changes_in_an_ignored_zone_cost_nothing(make: Make, tmp_path: Path) -> None:
    back = scene()
    clock = [back.copy() for _ in range(20)]
    for number, image in enumerate(clock):
        image[2:10, 2:30] = 60 + 5 * (number % 8)
    source = write_clip(tmp_path / "clock.mp4", clock)
    costs = []
    for zones in ((), ((0, 0, 40, 20),)):
        config = make(source=str(source), gate=GateChoice("balanced", ignore_zones=zones), folder=tmp_path / str(len(zones)))
        run(config)
        costs.append(sum(row["macs"] for row in _rows(config, files.STATS)[11:]))
    assert costs[1] < 0.2 * costs[0]


def test_a_zone_that_the_frame_does_not_hold_is_a_mistake(make: Make) -> None:
    config = make(gate=GateChoice("balanced", ignore_zones=((90, 10, 20, 20), (10, 64, 20, 20))))
    with pytest.raises(UsageError) as caught:
        run(config)
    assert caught.value.message == "The zone 10,64,20,20 of --ignore-zone lies outside the frame of 96x64."
    assert not _folder(config).exists()


def test_classes_may_be_named_and_an_unknown_one_is_told(make: Make) -> None:
    assert run(make(detect=DetectChoice(classes=("face",)))).detections == 24
    with pytest.raises(UsageError, match="has no class 'dog'"):
        run(make(detect=DetectChoice(classes=("dog",)), overwrite=True))


def test_a_change_of_size_is_told_and_everything_goes_on(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from skipvid.pipeline import process
    from skipvid.video.source import Frame, Source

    class TwoSizes(Source):
        def __iter__(self) -> Any:
            for number in range(12):
                width, height = (WIDTH, HEIGHT) if number < 6 else (128, 80)
                yield Frame(moving(1, width, height)[0], number, number / 25)

    def fake(*_: object, **__: object) -> Source:
        source = TwoSizes("two", None)
        source.width, source.height = WIDTH, HEIGHT
        return source

    monkeypatch.setattr(process, "open_source", fake)
    config = make()
    heard = Listener()
    run(config, heard)
    assert heard.notices == ["the frames' size changes to 128x80 at frame 6; videos keep 96x64"]
    stats = _rows(config, files.STATS)
    assert [row["refresh"] for row in stats][6] == "size"
    assert len(read_clip(_folder(config) / files.ANNOTATED)) == 12
    (found,) = _rows(config, files.PREDICTIONS)[8]["detections"]
    assert (found["box"][0] + found["box"][2]) / 2 == pytest.approx(12, abs=5)


def test_a_file_that_ends_early_is_an_error_but_what_decodes_is_kept(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    from skipvid.pipeline import process

    whole = process.open_source

    def claims_more(*args: Any, **kwargs: Any) -> Any:
        source = whole(*args, **kwargs)
        source.frames = 100
        return source

    monkeypatch.setattr(process, "open_source", claims_more)
    config = make()
    with pytest.raises(SourceError) as caught:
        run(config)
    assert str(caught.value) == (
        f"{config.source} ends after 24 of 100 frames: it is cut off or damaged. "
        "What decodes was processed; fetch the file again for the rest."
    )
    assert len(read_clip(_folder(config) / files.ANNOTATED)) == 24
    assert files.read_run(_folder(config))["status"] == "failed"


def test_a_live_source_shows_no_total_and_counts_what_it_drops(make: Make) -> None:
    config = make(live=True)
    heard = Listener()
    result = run(config, heard)
    assert heard.begun[0].frames is None
    assert result.frames + result.dropped <= 24
    assert result.frames >= 2
    assert files.read_run(_folder(config))["totals"]["dropped"] == result.dropped


def test_a_model_is_loaded_once_for_videos_of_one_size(make: Make, tmp_path: Path) -> None:
    models = Models()
    config = make(max_frames=2)
    run(config, models=models)
    first = models.get(config.model, (WIDTH, HEIGHT))
    run(replace(config, folder=tmp_path / "second"), models=models)
    assert models.get(config.model, (WIDTH, HEIGHT)) is first
