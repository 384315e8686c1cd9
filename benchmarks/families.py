"""Families of gates at equal loss: what each executes where it differs from the dense network as much as truncation does.

    python benchmarks/families.py --models yolox_nano_416.onnx picodet_s_320_coco.onnx --videos a.mp4 b.mp4

Every family begins at its ``balanced`` preset without a model's tolerance. Its thresholds are scaled by several factors, and the
MACs are interpolated between the two trials around the loss (see `skipvid.tune.agreement`), both as logarithms.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from skipvid.gates.norms import InputNorm, OutputNorm
from skipvid.gates.policies import Truncation
from skipvid.gates.presets import DEFAULT, FAMILIES
from skipvid.gates.settings import Norm
from skipvid.models.loading import load
from skipvid.tune.sampling import sample_video
from skipvid.tune.trial import Bench

_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
_ORDER = (Truncation.TYPE, OutputNorm.TYPE, InputNorm.TYPE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--models", nargs="+", required=True)
    parser.add_argument("--videos", nargs="+", required=True)
    parser.add_argument("--frames", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print("| model | video | loss | " + " | ".join(_ORDER) + " | input-norm against truncation |\n|---|---|---|" + "---|" * 4)
    for name in options.models:
        for video in options.videos:
            loss, macs = _compare(name, video, options.frames, options.threads)
            cells = " | ".join(f"{macs[family]:.1%}" for family in _ORDER)
            against = macs[InputNorm.TYPE] / macs[Truncation.TYPE] - 1
            print(f"| {Path(name).stem} | {Path(video).stem} | {loss:.3f} | {cells} | {against:+.0%} |", flush=True)


def _compare(name: str, video: str, frames: int, threads: int) -> tuple[float, Mapping[str, float]]:
    """The loss of truncation's preset, and the share of MACs of every family at that loss."""
    footage = sample_video(load(name), video, frames)
    benches = {norm: Bench([footage], threads=threads, norm=norm) for norm in (Norm.L2, Norm.RMS)}
    bench, start = benches[Norm.L2], FAMILIES[Truncation.TYPE][DEFAULT]
    base = bench.run(start)
    macs = {Truncation.TYPE: base.macs}
    for family in (OutputNorm.TYPE, InputNorm.TYPE):
        policy = FAMILIES[family][DEFAULT]
        trials = [benches[Norm.RMS].run(policy.scaled(factor)) for factor in _FACTORS]
        losses = np.maximum.accumulate([max(trial.loss, 1e-4) for trial in trials])
        logs = np.interp(np.log(base.loss), np.log(losses), np.log([trial.macs for trial in trials]))
        macs[family] = float(np.exp(logs))
    return base.loss, macs


if __name__ == "__main__":
    main()
