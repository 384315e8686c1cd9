"""Promises of sources: true times, every frame that decodes, and one clear line for what cannot be read."""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from skipvid.errors import SourceError
from skipvid.video.source import expand, open_source


def frames_of(path, **options):
    with open_source(path, **options) as source:
        return list(source), source


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_presentation_times_are_the_containers_own(make_clip, play, name):
    times = (0.852 + np.cumsum(np.random.default_rng(2).integers(1, 9, 30)) / 30).tolist()
    path = make_clip(name, times, base=90_000)
    frames, source = frames_of(path)
    assert [frame.index for frame in frames] == list(range(30))
    np.testing.assert_allclose([frame.pts for frame in frames], play(path).times, atol=1e-9)
    assert not source.live
    assert not any(frame.gap for frame in frames)


def test_raw_stream_without_times_gets_the_usual_rate(make_clip):
    frames, source = frames_of(make_clip("raw.h264"))
    assert len(frames) == 25
    np.testing.assert_allclose(np.diff([frame.pts for frame in frames]), 1 / source.fps)
    assert source.notes == ["raw: the file carries no times; 25 frames/s assumed."]


def test_stride_skips_frames_and_keeps_numbers_and_times(make_clip):
    frames, _ = frames_of(make_clip(), vid_stride=4)
    assert [frame.index for frame in frames] == [0, 4, 8, 12, 16, 20, 24]
    np.testing.assert_allclose([frame.pts for frame in frames], np.arange(7) * 4 / 25, atol=1e-9)


def test_images_may_be_kept(make_clip):
    frames, _ = frames_of(make_clip())
    assert len({frame.image.mean() for frame in frames}) > 15, "every frame has its own memory"


def test_one_pixel_video_is_read(make_clip):
    frames, source = frames_of(make_clip("dot.mkv", size=(1, 1), codec="ffv1", pixels="bgr0"))
    assert len(frames) == 25
    assert (source.width, source.height) == (1, 1)
    assert frames[0].image.shape == (1, 1, 3)


@pytest.mark.parametrize("size", [(127, 95), (2, 64)])
def test_odd_sizes_are_read(make_clip, size):
    frames, _ = frames_of(make_clip("odd.mkv", size=size, codec="ffv1", pixels="bgr0"))
    assert frames[0].image.shape == (size[1], size[0], 3)


def test_rotated_video_comes_upright(make_clip, tmp_path):
    plain, turned = make_clip(), tmp_path / "turned.mp4"
    data = plain.read_bytes()
    # The matrix of the track header, 16.16 fixed point: identity replaced by a turn of 90 degrees.
    identity = b"".join(v.to_bytes(4, "big") for v in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
    quarter = b"".join((v & 0xFFFFFFFF).to_bytes(4, "big") for v in (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000))
    at = data.rindex(identity)
    turned.write_bytes(data[:at] + quarter + data[at + len(quarter) :])
    frames, source = frames_of(turned)
    assert (source.width, source.height) == (96, 128)
    upright = np.rot90(frames_of(plain)[0][0].image, -1)
    np.testing.assert_allclose(frames[0].image.astype(int), upright.astype(int), atol=2)


def test_size_change_mid_stream_goes_on_in_the_first_size(make_clip, tmp_path):
    both = tmp_path / "both.ts"
    both.write_bytes(make_clip("a.ts").read_bytes() + make_clip("b.ts", size=(64, 48)).read_bytes())
    frames, _ = frames_of(both)
    assert [frame.image.shape[:2] for frame in frames] == [(96, 128)] * 50
    np.testing.assert_allclose(frames[30].image[10, 120], [40, 90, 220], atol=12)  # scaled, and coded at a usual quality
    assert (np.diff([frame.pts for frame in frames]) > 0).all(), "times never run backwards, even where the file's do"


def test_truncated_file_delivers_what_decodes_and_says_so(make_clip):
    path = make_clip("cut.mkv", [i / 25 for i in range(100)])
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    frames, source = frames_of(path)
    assert 30 < len(frames) < 90
    assert source.notes == [f"cut: 100 frames claimed, {len(frames)} decode."]


@pytest.mark.parametrize("varied", [True, False])
def test_pauses_and_longer_sound_do_not_make_a_whole_file_look_cut_off(make_clip, varied):
    """Matroska counts no frames: duration times rate claims more than there are."""
    times = [i / 25 + i // 10 for i in range(60)] if varied else [i / 25 for i in range(60)]
    path = make_clip("whole.mkv", times, sound=None if varied else "aac", sound_length=6.0, base=1000)
    frames, source = frames_of(path)
    assert (len(frames), source.frames, source.notes) == (60, 60, [])


def test_image_is_a_video_of_one_frame(tmp_path):
    image = np.full((20, 30, 3), (10, 200, 60), np.uint8)
    cv2.imwrite(str(tmp_path / "still.png"), image)
    frames, source = frames_of(tmp_path / "still.png")
    assert source.frames == len(frames) == 1
    np.testing.assert_array_equal(frames[0].image, image)


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _sound_only(path: Path) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16000))
    return path


BAD = {
    "missing": (lambda d: d / "no.mp4", "{path} does not exist."),
    "missing folder": (lambda d: d / "nowhere" / "no.mp4", "{path} does not exist: there is no folder {path.parent}."),
    "zero bytes": (lambda d: _write(d / "zero.mp4", b""), "{path} is empty (0 bytes)."),
    "zero bytes image": (lambda d: _write(d / "zero.jpg", b""), "{path} is empty (0 bytes)."),
    "not a video": (lambda d: _write(d / "text.mp4", b"hello " * 500), "{path} is not a video that can be read: Invalid data"),
    "not an image": (lambda d: _write(d / "text.png", b"hello " * 500), "{path} is not an image that can be decoded"),
    "sound only": (lambda d: _sound_only(d / "song.wav"), "{path} holds sound but no picture."),
    "folder": (lambda d: d, "{path} is a folder."),
}


@pytest.mark.parametrize("case", BAD)
def test_unreadable_input_is_one_clear_error(tmp_path, case):
    make, message = BAD[case]
    path = make(tmp_path)
    with pytest.raises(SourceError) as error:
        open_source(path)
    assert error.value.message.startswith(message.format(path=path))
    assert "\n" not in str(error.value)
    assert error.value.remedy.endswith(".")


def test_mp4_cut_before_its_index_is_one_clear_error(make_clip):
    path = make_clip()
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"moov")])
    with pytest.raises(SourceError, match="is not a video that can be read"):
        open_source(path)


def test_errors_come_without_noise_of_the_libraries(tmp_path):
    _write(tmp_path / "text.mp4", b"hello " * 500)
    program = """
import sys
from skipvid.errors import SourceError
from skipvid.video.source import open_source
for spec in sys.argv[1:]:
    try:
        open_source(spec)
    except SourceError as error:
        print(error)
"""
    specs = [str(tmp_path / "text.mp4"), "97", "rtsp://127.0.0.1:9/none"]
    result = subprocess.run([sys.executable, "-c", program, *specs], capture_output=True, text=True, check=True)
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 3


class TestExpand:
    def test_folder_is_sorted_as_people_count_and_holds_only_media(self, tmp_path):
        for name in ("clip10.mp4", "clip2.mp4", "notes.txt", "CLIP1.MKV", ".hidden.mp4", "face.jpg"):
            (tmp_path / name).write_bytes(b"x")
        assert [Path(p).name for p in expand([tmp_path])] == ["CLIP1.MKV", "clip2.mp4", "clip10.mp4", "face.jpg"]

    def test_pattern_order_and_mixture(self, tmp_path):
        for name in ("b10.mp4", "b9.mp4", "a.mp4"):
            (tmp_path / name).write_bytes(b"x")
        found = expand([tmp_path / "a.mp4", str(tmp_path / "b*.mp4"), "0", "rtsp://camera/1"])
        assert [Path(p).name for p in found] == ["a.mp4", "b9.mp4", "b10.mp4", "0", "1"]

    def test_file_with_the_signs_of_a_pattern_is_a_file(self, tmp_path):
        path = tmp_path / "take[1].mp4"
        path.write_bytes(b"x")
        assert expand([path]) == [str(path)]

    def test_file_named_like_a_camera_is_a_file(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        Path("7").write_bytes(b"x")
        with pytest.raises(SourceError, match="7 is not a video"):
            open_source(expand(["7"])[0])

    @pytest.mark.parametrize(
        ("spec", "message"),
        [
            ("no.mp4", "no.mp4 does not exist."),
            ("empty", "The folder empty holds no video or image."),
            ("*.mp4", "No file matches *.mp4."),
        ],
    )
    def test_nothing_found_is_one_clear_error(self, tmp_path, monkeypatch, spec, message):
        monkeypatch.chdir(tmp_path)
        Path("empty").mkdir()
        with pytest.raises(SourceError) as error:
            expand([spec])
        assert error.value.message == message


def test_path_with_a_colon_is_no_protocol(make_clip, monkeypatch):
    path = make_clip()
    monkeypatch.chdir(path.parent)
    path.rename("rtsp:clip.mp4")
    assert len(frames_of("rtsp:clip.mp4")[0]) == 25


@pytest.mark.parametrize(
    ("name", "decode", "claimed"),
    [
        ("person-bicycle-car-detection_reenc.mp4", 459, 467),
        ("handheld_pancake_426x240.mkv", 310, 311),
        ("talkinghead_stage_640x360.mp4", 275, 275),
        ("webcam_upsidedown_640x480.avi", 179, 179),
        ("asl_thanks.mkv", 51, 51),
    ],
)
def test_real_videos_deliver_the_frames_that_decode(shared_data, name, decode, claimed):
    with open_source(shared_data / "videos" / name) as source:
        times = [frame.pts for frame in source]
    assert (len(times), source.frames) == (decode, claimed)
    assert bool(source.notes) == (claimed - decode > 1)
    with av.open(str(shared_data / "videos" / name)) as container:
        shown = [p for p in container.demux(video=0) if p.pts is not None and not p.is_discard]
    packets = sorted(float(p.pts * p.time_base) for p in shown)
    np.testing.assert_allclose(times, packets, atol=1e-6)
