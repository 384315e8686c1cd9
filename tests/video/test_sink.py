"""Promises of written videos: every frame, the source's timing, colours and sound; playable parts after any accident."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import textwrap
from fractions import Fraction

import av
import numpy as np
import pytest

from skipvid.errors import OutputError
from skipvid.video.clock import Timing
from skipvid.video.cv import cv2
from skipvid.video.probe import Colour, probe
from skipvid.video.sink import VideoSink
from skipvid.video.source import open_source


def copy(source_path, out, *, frames=None, sound=True, stride=1):
    """Write a source's frames again, as a run does."""
    with open_source(source_path, stride) as source:
        facts = source.facts
        sink = VideoSink(
            out,
            source.width,
            source.height,
            source.timing,
            source_path if sound else None,
            colour=facts.colour,
            pixel_aspect=facts.pixel_aspect,
        )
        for number, frame in enumerate(source):
            if frames is not None and number >= frames:
                break
            sink.write(frame.image, frame.pts)
        sink.close()
    return sink


def relative(times):
    return np.array(times) - times[0]


@pytest.mark.parametrize(("name", "base"), [("a.mp4", 12800), ("a.mkv", 1000), ("a.mp4", 30), ("a.ts", 90000)])
def test_variable_frame_times_survive_to_the_tick(make_clip, play, tmp_path, name, base):
    steps = np.random.default_rng(1).integers(1, 9, 40)
    source = make_clip(name, times=np.cumsum(steps) / 30, base=base)
    copy(source, tmp_path / "out.mp4")
    before, after = play(source), play(tmp_path / "out.mp4")
    assert len(after.times) == 40
    # Seconds go through float64, nothing else is lost.
    np.testing.assert_allclose(relative(after.times), relative(before.times), atol=1e-9)
    assert after.times[0] == 0


def test_a_repeated_picture_is_a_frame_like_any_other(play, tmp_path):
    random = np.random.default_rng(3)
    first, second = (np.kron(random.integers(0, 255, (4, 6, 3), np.uint8), np.ones((16, 16, 1), np.uint8)) for _ in range(2))
    path = tmp_path / "out.mp4"
    with VideoSink(path, 96, 64, Timing(Fraction(1, 1000), 1 / 25), crf=1) as sink:
        with pytest.raises(ValueError, match="nothing was written"):
            sink.repeat(0.0)
        sink.write(first, 0.0)
        sink.repeat(0.04)
        sink.repeat(0.2)
        sink.write(second, 0.24)
        sink.repeat(0.28)
    assert sink.frames == 5
    np.testing.assert_allclose(play(path).times, [0.0, 0.04, 0.2, 0.24, 0.28], atol=1e-9)
    with open_source(path) as source:
        pictures = [frame.image.astype(int) for frame in source]
    for picture, expected in zip(pictures, (first, first, first, second, second), strict=True):
        assert np.abs(picture - expected).mean() < 8  # chroma at half the resolution


def test_file_is_browser_playable_and_nothing_else_is_left(make_clip, play, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    copy(make_clip(sound="aac"), folder / "annotated.mp4")
    assert [p.name for p in folder.iterdir()] == ["annotated.mp4"]
    result = play(folder / "annotated.mp4")
    assert (result.codec, result.pixels, result.sound_codecs) == ("h264", "yuv420p", ["aac"])
    data = (folder / "annotated.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat"), "the index must be in front for playing while loading"


@pytest.mark.parametrize(
    ("video_start", "sound_start"), [(0.0, 0.0), (0.852, 0.0), (0.0, 0.852), (0.0, 0.67), (0.67, 0.0), (3.0, 2.5)]
)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_sound_stays_in_step_whichever_starts_first(make_clip, play, tmp_path, video_start, sound_start, name):
    times = [video_start + i / 25 for i in range(40)]
    source = make_clip(name, times, sound="aac", sound_start=sound_start, sound_length=2.0, beep_at=sound_start + 0.9)
    copy(source, tmp_path / "out.mp4")
    before, after = play(source), play(tmp_path / "out.mp4")
    # 5 ms: containers with millisecond clocks round both offsets; lip sync is lost at about 40 ms.
    assert after.beep - after.times[0] == pytest.approx(before.beep - before.times[0], abs=0.005)


@pytest.mark.parametrize(
    ("name", "sound", "kept"), [("a.mkv", "pcm_s16le", "aac"), ("a.mkv", "flac", "aac"), ("a.mkv", "libmp3lame", "mp3float")]
)
def test_sound_that_mp4_does_not_take_becomes_aac(make_clip, play, tmp_path, name, sound, kept):
    source = make_clip(name, sound=sound, sound_length=1.0)
    copy(source, tmp_path / "out.mp4")
    before, after = play(source), play(tmp_path / "out.mp4")
    assert after.sound_codecs == [kept]
    # The onset of a burst is smeared by the encoder's window of 1024 samples, 23 ms.
    assert after.beep == pytest.approx(before.beep, abs=0.025)


def test_all_sound_tracks_are_kept(make_clip, tmp_path):
    source = make_clip(sound="aac")
    double = tmp_path / "double.mkv"
    with av.open(str(source)) as first, av.open(str(double), "w") as out:
        pairs = [(first.streams.video[0], out.add_stream_from_template(first.streams.video[0]))]
        audio = first.streams.audio[0]
        tracks = [out.add_stream_from_template(audio), out.add_stream_from_template(audio)]
        data = [(p.stream_index, p.pts, p.dts, bytes(p)) for p in first.demux() if p.dts is not None]
        for index, pts, dts, content in data:
            for target in [pairs[0][1]] if index == pairs[0][0].index else tracks:
                packet = av.Packet(content)
                packet.pts, packet.dts, packet.time_base = pts, dts, first.streams[index].time_base
                packet.stream = target
                out.mux(packet)
    copy(double, tmp_path / "out.mp4")
    assert len(probe(tmp_path / "out.mp4").sound) == 2


def test_sound_ends_with_the_written_frames_when_the_rest_is_left_out(make_clip, play, tmp_path):
    source = make_clip(times=[i / 25 for i in range(100)], sound="aac", sound_length=4.0)
    copy(source, tmp_path / "out.mp4", frames=25)
    assert play(tmp_path / "out.mp4").sound_end == pytest.approx(1.0, abs=0.03)  # an AAC packet is 23 ms


def test_sound_that_outlasts_the_picture_is_kept(make_clip, play, tmp_path):
    source = make_clip(sound="aac", sound_length=2.0)
    copy(source, tmp_path / "out.mp4")
    assert play(tmp_path / "out.mp4").sound_end == pytest.approx(play(source).sound_end, abs=0.03)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_an_image_becomes_a_video_of_one_frame(play, tmp_path, suffix):
    """A picture is a stream without a start time."""
    still = tmp_path / f"still{suffix}"
    cv2.imwrite(str(still), np.full((48, 64, 3), 90, np.uint8))
    with VideoSink(tmp_path / "out.mp4", 64, 48, sound_from=still) as sink:
        sink.write(np.full((48, 64, 3), 90, np.uint8), 0.0)
    assert len(play(tmp_path / "out.mp4").times) == 1


def test_sound_can_be_left_out(make_clip, play, tmp_path):
    copy(make_clip(sound="aac"), tmp_path / "out.mp4", sound=False)
    assert play(tmp_path / "out.mp4").sound_codecs == []


def test_every_third_frame_keeps_its_time_and_the_duration(make_clip, play, tmp_path):
    source = make_clip(times=[i / 25 for i in range(30)])
    copy(source, tmp_path / "out.mp4", stride=3)
    result = play(tmp_path / "out.mp4")
    np.testing.assert_allclose(result.times, np.arange(10) * 3 / 25, atol=1e-9)
    assert result.duration == pytest.approx(30 / 25, abs=1e-3)


@pytest.mark.parametrize("matrix", [1, 5, 6, 2])
@pytest.mark.parametrize("full", [False, True])
def test_colours_and_their_tags_survive(make_clip, play, tmp_path, matrix, full):
    tags = Colour(matrix, 2 if full else 1, matrix, matrix)
    source = make_clip(colour=tags, options={"qp": "1"}, pixels="yuvj420p" if full else "yuv420p", size=(256, 96))
    read_as = probe(source).colour
    with open_source(source) as reader, VideoSink(tmp_path / "out.mp4", 256, 96, reader.timing, colour=read_as, crf=1) as sink:
        for frame in reader:
            sink.write(frame.image, frame.pts)
    before, after = play(source), play(tmp_path / "out.mp4")
    assert after.colour == before.colour
    assert matrix == 2 or after.colour == tags, "H.264 does not store a limited range by itself"
    for x in range(16, 256, 32):  # the middle of each patch
        difference = np.abs(before.images[5][16, x].astype(int) - after.images[5][16, x].astype(int)).max()
        assert difference <= 4  # two roundings to 8-bit YUV and a quantiser of 1


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 64), (127, 95), (128, 95), (127, 96)])
def test_odd_sizes_are_padded_by_repeating_the_edge(play, tmp_path, size):
    width, height = size
    image = np.full((height, width, 3), 90, np.uint8)
    with VideoSink(tmp_path / "out.mp4", width, height) as sink:
        for i in range(5):
            sink.write(image, i / 25)
    result = play(tmp_path / "out.mp4")
    assert len(result.images) == 5
    assert result.images[0].shape[:2] == (height + height % 2, width + width % 2)
    np.testing.assert_allclose(result.images[0].astype(int), 90, atol=6)  # x264 at its usual quality


def test_frame_of_another_size_is_fitted_into_the_first(play, tmp_path):
    with VideoSink(tmp_path / "out.mp4", 128, 96) as sink:
        sink.write(np.full((96, 128, 3), 200, np.uint8), 0.0)
        sink.write(np.full((50, 200, 3), 200, np.uint8), 0.04)
    result = play(tmp_path / "out.mp4").images[1].astype(int)
    assert result.shape == (96, 128, 3)
    assert abs(result[48].mean() - 200) < 5
    assert result[2].mean() < 10


def test_times_that_stand_still_or_go_back_lose_no_frame(play, tmp_path):
    with VideoSink(tmp_path / "out.mp4", 64, 64, Timing(Fraction(1, 1000), 0.04)) as sink:
        for pts in (0.0, 0.04, 0.04, 0.02, 0.12):
            sink.write(np.zeros((64, 64, 3), np.uint8), pts)
    assert play(tmp_path / "out.mp4").times == pytest.approx([0.0, 0.04, 0.041, 0.042, 0.12])


def test_pixel_aspect_survives(tmp_path):
    with VideoSink(tmp_path / "out.mp4", 64, 64, pixel_aspect=Fraction(16, 11)) as sink:
        sink.write(np.zeros((64, 64, 3), np.uint8), 0.0)
    assert probe(tmp_path / "out.mp4").pixel_aspect == Fraction(16, 11)


def test_without_frames_no_file_is_left(tmp_path):
    VideoSink(tmp_path / "out.mp4", 64, 64).close()
    assert list(tmp_path.iterdir()) == []


def test_abort_leaves_a_part_that_plays_and_no_final_file(play, tmp_path):
    sink = VideoSink(tmp_path / "out.mp4", 64, 64)
    for i in range(50):
        sink.write(np.full((64, 64, 3), i, np.uint8), i / 25)
    sink.abort()
    assert not sink.path.exists()
    assert len(play(sink.part).times) == 50


def test_interrupted_run_is_finished_properly(play, tmp_path):
    def interrupted():
        with VideoSink(tmp_path / "out.mp4", 64, 64) as sink:
            sink.write(np.zeros((64, 64, 3), np.uint8), 0.0)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(play(tmp_path / "out.mp4").times) == 1


def test_folder_that_does_not_exist_is_one_clear_error(tmp_path):
    path = tmp_path / "nowhere" / "out.mp4"
    with pytest.raises(OutputError) as error:
        VideoSink(path, 64, 64)
    assert error.value.message == f"{path} cannot be created: No such file or directory."


_ENDLESS = """
    import sys, numpy as np
    from skipvid.video.sink import VideoSink
    rng = np.random.default_rng(0)
    sink = VideoSink(sys.argv[1], 160, 120, threads=1)
    for i in range(100000):
        sink.write(rng.integers(0, 255, (120, 160, 3), dtype=np.uint8), i / 25)
        if i == 400:
            print("ready", flush=True)
"""


def test_killed_program_leaves_a_part_that_plays(play, tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(_ENDLESS), str(tmp_path / "out.mp4")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGKILL)
    assert not (tmp_path / "out.mp4").exists()
    # 400 frames were written; the encoder's look-ahead and the last second may be lost.
    assert len(play(tmp_path / "out.mp4.part").times) >= 400 - 60


_FULL = """
    import sys, numpy as np
    from skipvid.errors import OutputError
    from skipvid.video.sink import VideoSink
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    rng = np.random.default_rng(0)
    try:
        with VideoSink(sys.argv[1], 160, 120, threads=1) as sink:
            for i in range(2000):
                sink.write(rng.integers(0, 255, (120, 160, 3), dtype=np.uint8), i / 25)
    except OutputError as error:
        print(error.message)
"""


@pytest.mark.skipif(not hasattr(resource, "RLIMIT_FSIZE"), reason="no file size limits on this system")
def test_full_disk_names_file_and_reason_and_leaves_a_part_that_plays(play, tmp_path):
    out = tmp_path / "out.mp4"
    result = subprocess.run([sys.executable, "-c", textwrap.dedent(_FULL), str(out)], capture_output=True, text=True, check=False)
    assert result.stdout == f"{out} cannot be written: File too large. What was written so far is in {out}.part.\n"
    assert result.stderr == ""
    assert not out.exists()
    assert len(play(tmp_path / "out.mp4.part").times) > 5


def test_full_disk_while_finishing_leaves_the_part(play, tmp_path, monkeypatch):
    sink = VideoSink(tmp_path / "out.mp4", 64, 64)
    sink.write(np.zeros((64, 64, 3), np.uint8), 0.0)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("skipvid.video.sink.remux", full)
    with pytest.raises(OutputError, match="No space left on device") as error:
        sink.close()
    assert error.value.remedy == "Free space on the disk or choose another folder with -o."
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.mp4.part"]
    assert len(play(sink.part).times) == 1


_REAL = ["talkinghead_stage_640x360.mp4", "handheld_pancake_426x240.mkv"]


@pytest.mark.parametrize("name", _REAL)
def test_real_video_is_carried_over(shared_data, play, tmp_path, name):
    source = shared_data / "videos" / name
    sink = copy(source, tmp_path / "out.mp4")
    assert sink.notes == []
    before, after = probe(source), probe(tmp_path / "out.mp4")
    with open_source(source) as reader:
        times = [frame.pts for frame in reader]
    written = play(tmp_path / "out.mp4")
    np.testing.assert_allclose(relative(written.times), relative(times), atol=1e-6)
    assert after.duration == pytest.approx(before.duration - before.container_start, abs=1.5 / before.fps)
    assert after.colour == before.colour
    assert len(after.sound) == len(before.sound)
    assert after.sound[0].start - after.start == pytest.approx(before.sound[0].start - before.start, abs=0.03)
    assert [p.name for p in tmp_path.iterdir()] == ["out.mp4"]
