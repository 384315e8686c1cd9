"""Make the sample clips: ``python sample_videos/make.py``.

Everything in them is computed here from formulas and fixed seeds; no footage, picture or recording goes in. Needs numpy,
opencv-python and av. With two cores, all clips take about half an hour.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from studio import meeting, shop, sound
from studio.film import Shot, Truth, frames

HERE = Path(__file__).resolve().parent
SEED = 2021
CLIPS = {"shop": shop.shot, "meeting": meeting.shot}
_GROUP = 5  # frames a worker takes at a time

_shot: list[Shot] = []  # in a worker process: the shot it renders


def _receive(shot: Shot) -> None:
    cv2.setNumThreads(1)
    _shot[:] = [shot]


def _render(indices: Sequence[int]) -> list[tuple[NDArray[np.uint8], list[Truth]]]:
    return list(frames(_shot[0], indices, SEED))


def rendered(shot: Shot, indices: Sequence[int], jobs: int) -> Iterator[tuple[NDArray[np.uint8], list[Truth]]]:
    """Frames in order, from ``jobs`` processes; the pictures do not depend on how many."""
    groups = [indices[i : i + _GROUP] for i in range(0, len(indices), _GROUP)]
    with ProcessPoolExecutor(jobs, initializer=_receive, initargs=(shot,)) as pool:
        for group in pool.map(_render, groups):
            yield from group


def encode(path: Path, pictures: Iterable[NDArray[np.uint8]], fps: int, crf: int, samples: NDArray[np.int16] | None) -> None:
    """Write H.264 in mp4, with the sound as AAC where there is any."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
        video, audio = None, None
        if samples is not None:
            audio = container.add_stream("aac", rate=sound.RATE, layout="mono")
            audio.bit_rate = 64_000
        for i, picture in enumerate(pictures):
            if video is None:
                video = container.add_stream("libx264", rate=fps, options={"crf": str(crf), "preset": "slow", "threads": "1"})
                video.height, video.width = picture.shape[:2]
                video.pix_fmt, video.time_base = "yuv420p", Fraction(1, fps)
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            frame.pts, frame.time_base = i, Fraction(1, fps)
            container.mux(video.encode(frame))
        if video is not None:
            container.mux(video.encode(None))
        if samples is not None and audio is not None:
            for start in range(0, samples.size, 1024):
                block = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="s16", layout="mono")
                block.sample_rate, block.pts, block.time_base = sound.RATE, start, Fraction(1, sound.RATE)
                container.mux(audio.encode(block))
            container.mux(audio.encode(None))


def write_truth(path: Path, truths: Sequence[Truth]) -> None:
    """Where the faces and people are, a row for each in each frame, boxes in pixels."""
    corners = ("x1", "y1", "x2", "y2")
    with path.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["frame", "person", "face_visible", *(f"face_{c}" for c in corners), *(f"figure_{c}" for c in corners)])
        for t in truths:
            rows.writerow([t.frame, t.person, int(t.face_visible), *(f"{v:.1f}" for v in (*t.face, *t.figure))])


def make(name: str, folder: Path, scale: float, count: int | None, jobs: int, crf: int) -> Path:
    """Render one clip and its truth."""
    shot = CLIPS[name](scale)
    indices = range(min(count or shot.frames, shot.frames))
    truths: list[Truth] = []

    def pictures() -> Iterator[NDArray[np.uint8]]:
        for i, (picture, found) in enumerate(rendered(shot, indices, jobs)):
            truths.extend(found)
            print(f"\r{name}: frame {i + 1} of {len(indices)}", end="", flush=True)
            yield picture

    samples = None
    if name == "shop":
        steps = [step for walk in shop.CUSTOMERS for step in walk.steps()]
        samples = sound.shop(len(indices) / shot.fps, steps, shop.DOORS, SEED)
    path = folder / f"{name}.mp4"
    encode(path, pictures(), shot.fps, crf, samples)
    write_truth(folder / f"{name}.truth.csv", truths)
    print(f"\r{path}: {len(indices)} frames, {path.stat().st_size / 1e6:.2f} MB")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the sample clips.")
    parser.add_argument("clips", nargs="*", metavar="CLIP", help=f"which: {', '.join(CLIPS)}; default all")
    parser.add_argument("-o", "--out", type=Path, default=HERE, help="folder to write to (default: beside this script)")
    parser.add_argument("--frames", type=int, help="only the first frames")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the picture (default 1: 640 pixels wide)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--crf", type=int, default=19, help="x264 quality")
    options = parser.parse_args()
    if unknown := set(options.clips) - set(CLIPS):
        parser.error(f"no clip named {', '.join(sorted(unknown))}; there are {', '.join(CLIPS)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.clips or CLIPS:
        make(name, options.out, options.scale, options.frames, options.jobs, options.crf)


if __name__ == "__main__":
    main()
