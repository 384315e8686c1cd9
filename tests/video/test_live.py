"""Promises of live sources: the newest frame first, dropped ones counted, connections taken up again, no invented frames."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from skipvid.errors import SourceError
from skipvid.video.live import Backoff, LiveSource, camera_error, without_password
from skipvid.video.source import open_source


class ScriptedFeed:
    """Delivers numbered frames, then fails as often as it is asked."""

    def __init__(self, numbers, pause=0.0):
        self.numbers, self.pause, self.released = list(numbers), pause, False

    def read(self):
        time.sleep(self.pause)
        if not self.numbers:
            return False, None
        return True, np.full((4, 6, 3), self.numbers.pop(0), np.uint8)

    def release(self):
        self.released = True


def test_slow_reader_gets_the_newest_frame_and_the_count_of_the_others():
    source = LiveSource("fake", lambda: ScriptedFeed(range(100), 0.005))
    frames = []
    with source:
        for frame in source:
            frames.append(frame)
            time.sleep(0.05)
    assert [int(frame.image[0, 0, 0]) for frame in frames] == [frame.index for frame in frames]
    assert frames[-1].index == 99, "the last frame is not lost"
    assert source.dropped == 100 - len(frames)
    assert 5 < len(frames) < 40
    assert not any(frame.gap for frame in frames), "a dropped frame is no interruption"
    assert source.live


def test_lost_connection_is_taken_up_again_and_marked():
    feeds = [ScriptedFeed([1, 2], 0.02), None, None, ScriptedFeed([3, 4], 0.02)]
    opened = iter(feeds)
    source = LiveSource("fake", lambda: next(opened), backoff=Backoff(0.01, 0.02, 1.0))
    frames = []
    with source:
        for frame in source:
            frames.append((int(frame.image[0, 0, 0]), frame.gap))
            if len(frames) == 4:
                break
    assert frames == [(1, False), (2, False), (3, True), (4, False)]
    assert source.reconnects == 1
    assert feeds[0].released


def test_connection_that_stays_lost_is_one_clear_error():
    opened = iter([ScriptedFeed([1])] + [None] * 50)
    source = LiveSource("camera 3", lambda: next(opened), backoff=Backoff(0.01, 0.01, 0.05))
    with source, pytest.raises(SourceError, match=r"camera 3 was lost and could not be reached again for 0.05"):
        list(source)


def test_mark_of_an_interruption_is_not_dropped_with_its_frame():
    opened = iter([ScriptedFeed([1]), ScriptedFeed([2, 3, 4]), ScriptedFeed([])])
    source = LiveSource("fake", lambda: next(opened), backoff=Backoff(0.001, 0.001, 0.002))
    time.sleep(0.2)
    with source:
        frame = next(iter(source))
    assert frame.gap


def test_feed_without_a_frame_is_one_clear_error():
    with pytest.raises(SourceError, match="camera 1 opened but delivered no frame"):
        LiveSource("camera 1", lambda: ScriptedFeed([]))


def test_closing_stops_the_reader():
    before = threading.active_count()
    source = LiveSource("fake", lambda: ScriptedFeed(range(200), 0.01))
    next(iter(source))
    source.close()
    source.close()
    assert threading.active_count() == before


def test_paced_file_takes_its_own_time_and_keeps_its_times(make_clip):
    begin = time.monotonic()
    with open_source(make_clip(times=[0.5 + i / 50 for i in range(25)]), paced=True) as source:
        frames = list(source)
    assert source.live
    assert time.monotonic() - begin >= 24 / 50
    assert len(frames) + source.dropped == 25
    np.testing.assert_allclose([frame.pts for frame in frames], [0.5 + frame.index / 50 for frame in frames], atol=1e-6)


def test_paced_file_drops_what_is_not_fetched(make_clip):
    frames = []
    with open_source(make_clip(times=[i / 50 for i in range(25)]), paced=True) as source:
        for frame in source:
            frames.append(frame.index)
            time.sleep(0.1)
    assert source.dropped > 10
    assert frames[-1] == 24


def test_a_paced_file_waits_until_somebody_looks(make_clip):
    with open_source(make_clip(times=[i / 50 for i in range(25)]), paced=True) as source:
        time.sleep(0.6)  # a model loads
        frames = [frame.index for frame in source]
    assert source.dropped < 12
    assert frames[0] == 0
    assert frames[-1] == 24


def test_a_paced_file_nobody_looked_at_closes_at_once(make_clip):
    source = open_source(make_clip(times=[i / 50 for i in range(25)]), paced=True)
    begin = time.monotonic()
    source.close()
    assert time.monotonic() - begin < 1.0


class TestNoCamera:
    def test_there_is_none(self, tmp_path):
        error = camera_error(0, tmp_path)
        assert error.message == f"There is no camera 0: {tmp_path}/video0 does not exist, nor any other {tmp_path}/video*."
        assert error.remedy == "Connect a camera, or give a video file or an rtsp:// address instead."

    def test_there_are_others(self, tmp_path):
        (tmp_path / "video2").touch()
        assert camera_error(0, tmp_path).remedy == "Use one of the cameras 2."

    def test_it_is_taken(self, tmp_path):
        (tmp_path / "video0").touch()
        assert "it is in use, not permitted, or no capture device" in camera_error(0, tmp_path).message

    def test_opening_names_the_number(self):
        with pytest.raises(SourceError, match="camera 97: /dev/video97 does not exist"):
            open_source("97")


def test_passwords_are_not_printed():
    assert without_password("rtsp://user:secret@10.0.0.1:554/live?token=x") == "rtsp://10.0.0.1:554/live"
    with pytest.raises(SourceError) as error:
        open_source("rtsp://user:secret@127.0.0.1:9/live")
    assert "secret" not in str(error.value)
    assert error.value.message == "rtsp://127.0.0.1:9/live cannot be opened: it does not answer, refuses, or sends no video."
