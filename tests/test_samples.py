"""The sample clips: what is promised of them, and that the script which makes them works."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import av
import pytest

SAMPLES = Path(__file__).resolve().parents[1] / "sample_videos"
CLIPS = {"shop": (640, 360, 300, True), "meeting": (640, 480, 250, False)}


@pytest.mark.parametrize("name", CLIPS)
def test_clips_decode_to_every_frame_with_the_promised_size_and_sound(name: str) -> None:
    width, height, frames, sound = CLIPS[name]
    with av.open(str(SAMPLES / f"{name}.mp4")) as container:
        video = container.streams.video[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.width, video.height, video.average_rate) == (width, height, 25)
        assert bool(container.streams.audio) == sound
        assert sum(1 for _ in container.decode(video)) == frames
    if sound:
        with av.open(str(SAMPLES / f"{name}.mp4")) as container:
            samples = sum(frame.samples for frame in container.decode(audio=0))
            assert samples / container.streams.audio[0].rate == pytest.approx(frames / 25, abs=0.1)


def test_clips_are_small_together() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.glob("*.mp4")) <= 3_000_000


@pytest.mark.parametrize("name", CLIPS)
def test_known_boxes_lie_in_the_frames_of_the_clip(name: str) -> None:
    with (SAMPLES / f"{name}.truth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    visible = [row for row in rows if row["face_visible"] == "1"]
    assert len(visible) > 200
    width, height, frames, _ = CLIPS[name]
    for row in visible:
        x1, y1, x2, y2 = (float(row[f"face_{corner}"]) for corner in ("x1", "y1", "x2", "y2"))
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height
        assert 0 <= int(row["frame"]) < frames


def test_the_script_makes_the_same_pictures_with_any_number_of_processes(tmp_path: Path) -> None:
    for jobs in ("1", "2"):
        arguments = ["shop", "--frames", "2", "--scale", "0.1", "--jobs", jobs, "-o", str(tmp_path / jobs)]
        subprocess.run([sys.executable, str(SAMPLES / "make.py"), *arguments], check=True, capture_output=True, timeout=100)
    one, two = ((tmp_path / jobs / "shop.mp4").read_bytes() for jobs in ("1", "2"))
    assert one == two
    with av.open(str(tmp_path / "1" / "shop.mp4")) as container:
        assert [frame.width for frame in container.decode(video=0)] == [64, 64]
