"""Whole runs are measured beside their parts, on any video, and told as a table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pipeline.making import moving, write_clip, write_model

from skipvid.bench import peers
from skipvid.bench.peers import Peer
from skipvid.bench.whole import WholeTimes, measure_process, measure_still, measure_whole
from skipvid.cli.main import main
from skipvid.errors import SkipvidError
from skipvid.pipeline.config import ModelChoice, RunConfig

STAGES = {"decode", "letterbox", "gate", "network", "tail", "head", "heat", "draw", "encode", "rows"}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> RunConfig:
    folder = tmp_path_factory.mktemp("bench")
    clip = write_clip(folder / "walk.mp4", moving(80))
    return RunConfig(str(clip), None, ModelChoice(str(write_model(folder / "tiny.onnx"))), threads=2)


def test_every_part_of_a_run_is_timed(config: RunConfig) -> None:
    times = measure_whole(config, frames=30, rounds=1)
    assert times.frames == 30
    assert set(times.stages) == STAGES
    assert min(times.decode, times.letterbox, times.network, times.predictions, times.everything) > 0
    assert min(times.stages[stage] for stage in ("decode", "network", "draw", "heat", "encode", "rows")) > 0


def test_a_repeated_frame_is_encoded_for_every_time(config: RunConfig) -> None:
    times = measure_still(config, frames=25, rounds=1)
    assert times.frames == 25
    assert set(times.stages) == STAGES


def test_ratios_are_those_they_are_named_for() -> None:
    times = WholeTimes(100, decode=1.0, letterbox=0.5, network=2.5, predictions=5.0, everything=10.0, stages={})
    assert times.parts == 4.0
    assert times.over_parts == 1.25
    assert times.over_decode == 5.0
    assert times.gain(2.5) == 1.0
    assert times.gain(22.5) == 3.0


def test_a_process_is_measured_from_its_start_and_without_the_memory_of_this_one(config: RunConfig) -> None:
    ballast = bytearray(600 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    cost = measure_process(config, frames=5)
    assert cost.seconds > 0.1
    assert 20 < cost.memory_mb < 500
    assert len(ballast) == 600 << 20


def test_a_process_that_fails_says_why(config: RunConfig, tmp_path: Path) -> None:
    missing = RunConfig(str(tmp_path / "none.mp4"), None, config.model)
    with pytest.raises(SkipvidError, match="does not exist"):
        measure_process(missing, frames=5)


def test_the_command_tells_all_of_it_as_json(
    config: RunConfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*_: object) -> Peer:
        raise ImportError(name="another runtime")

    for slow_to_load in ("_openvino", "_torch_eager"):
        monkeypatch.setattr(peers, slow_to_load, missing)
    command = ["bench", config.model.name, config.source, "--frames", "60", "--rounds", "3", "--saved", "2", "--json"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"machine", "dense", "scenes", "video", "stages", "memory_mb", "whole", "still", "process"} <= set(told)
    assert set(told["whole"]["stages"]) == set(told["still"]["stages"]) == STAGES
    assert told["whole"]["frames"] == told["still"]["frames"] == 60
    assert told["process"]["memory_mb"] > 0
    assert "skipvid" in told["dense"]
