"""Budgets on a clip that goes from quiet to busy: how well they are held, and what they cost in agreement, as a table.

    python benchmarks/budget.py --model yolox_nano_416.onnx traffic_bridge.mp4 one-by-one.mp4

The clip is ten times the first frame of what `skipvid.tune.sampling.successive` takes, then the rest. Budgets are shares of a
full pass: of its time, or with ``--macs`` of its arithmetic, which no other program disturbs. Frames computed in full are left
out, as they are outside of a budget.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skipvid.bench.measure import machine_line
from skipvid.engine.executor import ByteArray
from skipvid.engine.stream import Stream
from skipvid.gates.budget import FINER, Budget
from skipvid.gates.presets import PRESETS, coarsest
from skipvid.models.detection import Detections
from skipvid.models.loading import load
from skipvid.tune.agreement import agreement
from skipvid.tune.sampling import Footage, successive

_STILL = 10
_SHARES = (None, 0.7, 0.5, 0.3)


@dataclass(frozen=True)
class _Clip:
    """What is run, and the dense network on it: time of a full pass, and what it finds in every frame."""

    footage: Footage
    images: Sequence[ByteArray]
    dense_ms: float
    dense: Sequence[Detections]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--model", required=True)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--presets", nargs="+", default=["balanced"], choices=list(PRESETS))
    parser.add_argument("--macs", action="store_true", help="budgets of arithmetic instead of time")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    print(machine_line(options.threads), end="\n\n")
    unit = "MACs" if options.macs else "ms"
    heads = ["model, video", "preset", "full pass, ms", f"budget, {unit}", f"p95, {unit}", "p95 / budget", f"mean, {unit}"]
    heads += ["longest wait, frames", "coarser by", "MACs", "AP50"]
    print(f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", sep="\n")
    for video in options.videos:
        clip = _clip(successive(load(options.model), str(video), options.frames), options.threads)
        for preset in options.presets:
            for share in _SHARES:
                cells = _row(clip, preset, share, options.threads, options.macs)
                print(f"| {clip.footage.model.name}, {video.stem} | {preset} | {clip.dense_ms:.1f} | {cells} |", flush=True)


def _clip(footage: Footage, threads: int) -> _Clip:
    first, *rest = footage.clips[0].images
    images = [first] * _STILL + rest
    stream = footage.model.stream("exact", threads=threads)
    times, found = [], []
    for image in images:
        stream.refresh()
        stream.step_image(image)
        times.append(sum(stream.last.ms.values()))
        found.append(_decode(footage, stream))
    return _Clip(footage, images, float(np.median(times)), found)


def _row(clip: _Clip, preset: str, share: float | None, threads: int, by_macs: bool) -> str:
    """What comes of a budget, a share of a full pass."""
    model = clip.footage.model
    dense_macs = model.plan.dense_macs
    full = 1.0 if by_macs else clip.dense_ms
    count = (lambda ms, macs: macs / dense_macs) if by_macs else (lambda ms, macs: ms)
    budget = None if share is None else Budget(share * full, coarsest=coarsest(preset), cost=count)
    stream = model.stream(preset, threads=threads, budget=budget)
    costs, macs, found, coarse, oldest = [], [], [], [], 0
    for image in clip.images:
        stream.step_image(image)
        found.append(_decode(clip.footage, stream))
        last = stream.last
        if last.refresh in (None, FINER) and not last.calibrating:
            costs.append(count(sum(last.ms.values()), last.macs))
            macs.append(last.share)
            coarse.append(1.0 if last.budget is None else last.budget.coarseness)
        oldest = max(oldest, 0 if last.budget is None else last.budget.oldest)
    told = "{:.1%}".format if by_macs else "{:.1f}".format
    p95 = float(np.percentile(costs, 95))
    held = ["none", told(p95), ""] if budget is None else [told(budget.ms), told(p95), f"{p95 / budget.ms:.2f}"]
    quality = agreement([list(zip(clip.dense, found, strict=True))], model.conf).main.ap50
    late = ["", ""] if budget is None else [str(oldest), f"{np.mean(coarse):.1f}"]
    return " | ".join([*held, told(np.mean(costs)), *late, f"{np.mean(macs):.1%}", f"{quality:.3f}"])


def _decode(footage: Footage, stream: Stream) -> Detections:
    return footage.model.look(stream, stream.views(), footage.fit)


if __name__ == "__main__":
    main()
