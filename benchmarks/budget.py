"""Budgets on a clip that goes from quiet to busy: how well they are held, and what they cost in agreement, as a table.

    python benchmarks/budget.py --model yolox_nano_416.onnx traffic_bridge.mp4 one-by-one.mp4

The clip is ten times the first frame of what `skipvid.tune.sampling.successive` takes, then the rest. Budgets are shares of a
full pass. Frames computed in full are left out, as they are outside of a budget.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skipvid.bench.measure import machine_line
from skipvid.engine.executor import ByteArray
from skipvid.engine.stream import Stream
from skipvid.gates.budget import Budget
from skipvid.models.detection import Detections
from skipvid.models.loading import load
from skipvid.models.model import Model
from skipvid.tune.agreement import agreement
from skipvid.tune.sampling import Footage, successive

_STILL = 10
_SHARES = (None, 0.7, 0.5, 0.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", required=True)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    print(machine_line(options.threads), end="\n\n")
    print(
        "| model, video | full pass, ms | budget, ms | p95, ms | p95 / budget | mean, ms | longest wait, frames | MACs | AP50 |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for video in options.videos:
        footage = successive(load(options.model), str(video), options.frames)
        images = footage.clips[0].images
        clip = [images[0]] * _STILL + list(images[1:])
        dense_ms, dense = _dense(footage, clip, options.threads)
        for share in _SHARES:
            cells = _row(footage, clip, None if share is None else share * dense_ms, options.threads, dense)
            print(f"| {footage.model.name}, {video.stem} | {dense_ms:.1f} | {cells} |", flush=True)


def _dense(footage: Footage, clip: Sequence[ByteArray], threads: int) -> tuple[float, list[Detections]]:
    """Time of a full pass, and what it finds in every frame."""
    stream = footage.model.stream("exact", threads=threads)
    times, found = [], []
    for image in clip:
        stream.refresh()
        stream.step_image(image)
        times.append(sum(stream.last.ms.values()))
        found.append(_decode(footage, stream))
    return float(np.median(times)), found


def _row(footage: Footage, clip: Sequence[ByteArray], ms: float | None, threads: int, dense: Sequence[Detections]) -> str:
    model: Model = footage.model
    stream = model.stream(threads=threads, budget=None if ms is None else Budget(ms))
    times, macs, found, oldest = [], [], [], 0
    for image in clip:
        stream.step_image(image)
        found.append(_decode(footage, stream))
        last = stream.last
        if last.refresh is None and not last.calibrating:
            times.append(sum(last.ms.values()))
            macs.append(last.share)
        oldest = max(oldest, 0 if last.budget is None else last.budget.oldest)
    p95, quality = float(np.percentile(times, 95)), agreement([list(zip(dense, found, strict=True))], model.conf).main.ap50
    held = ["none", f"{p95:.1f}", ""] if ms is None else [f"{ms:.1f}", f"{p95:.1f}", f"{p95 / ms:.2f}"]
    return " | ".join([*held, f"{np.mean(times):.1f}", str(oldest) if ms else "", f"{np.mean(macs):.1%}", f"{quality:.3f}"])


def _decode(footage: Footage, stream: Stream) -> Detections:
    return footage.model.decode(stream.views(), footage.fit, conf=footage.model.conf)


if __name__ == "__main__":
    main()
