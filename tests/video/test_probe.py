"""Promises of the facts about a file, and of cutting a part file that was not finished."""

from __future__ import annotations

import json

import numpy as np
import pytest

from skipvid.video.fragments import trim
from skipvid.video.probe import Colour, probe
from skipvid.video.sink import VideoSink


def test_facts_of_a_clip(make_clip):
    tags = Colour(1, 1, 1, 1)
    facts = probe(make_clip("a.mkv", [0.5 + i / 25 for i in range(25)], sound="aac", sound_start=0.2, colour=tags))
    assert (facts.codec, facts.width, facts.height, facts.fps) == ("h264", 128, 96, 25)
    assert facts.colour == tags
    assert facts.start == pytest.approx(0.5, abs=2e-3)
    assert facts.container_start == pytest.approx(0.2, abs=0.03)  # the encoder's first packet lies 23 ms ahead
    assert [(s.codec, s.rate, s.channels) for s in facts.sound] == [("aac", 44_100, 1)]
    assert json.loads(json.dumps(facts.to_dict()))["time_base"] == "1/1000"


def _part(tmp_path):
    sink = VideoSink(tmp_path / "out.mp4", 64, 64, threads=1)
    for i in range(100):
        sink.write(np.random.default_rng(i).integers(0, 255, (64, 64, 3), dtype=np.uint8), i / 25)
    sink.abort()
    return sink.part


def test_part_cut_within_a_fragment_is_trimmed_to_whole_ones(tmp_path, play):
    part = _part(tmp_path)
    whole = part.read_bytes()
    part.write_bytes(whole[: len(whole) * 2 // 3])
    trim(part)
    assert 20 < len(play(part).times) < 90


def test_whole_part_is_not_touched_again(tmp_path):
    part = _part(tmp_path)
    trim(part)
    once = part.read_bytes()
    trim(part)
    assert part.read_bytes() == once


def test_file_without_boxes_is_left_alone(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"hello")
    trim(path)
    assert path.read_bytes() == b"hello"


def test_the_picture_ends_before_sound_that_goes_on(make_clip):
    for name in ("a.mkv", "a.mp4"):
        facts = probe(make_clip(name, sound="aac", sound_length=3.0))
        assert facts.end == pytest.approx(1.0, abs=0.01)
        assert facts.duration > 2.5
