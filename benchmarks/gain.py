"""The gain of a preset over the best dense runtime on several videos, and its geometric mean, as a table.

    python benchmarks/gain.py MODEL VIDEO [VIDEO ...]

Network time as `skipvid bench` measures it "as given": the engine and the best dense runtime take turns on each video. Agreement
is that of the same frames in one run.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from skipvid.bench.measure import machine_line
from skipvid.bench.peers import available_peers
from skipvid.bench.run import BenchReport, BenchTask, run_benchmark
from skipvid.gates.presets import DEFAULT, PRESETS
from skipvid.graph.static import static_model
from skipvid.models.gating import Gating, gating
from skipvid.models.loading import load
from skipvid.tune.agreement import Agreement, agreement
from skipvid.tune.evaluate import side_by_side
from skipvid.tune.sampling import Footage, successive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("model")
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--preset", default=DEFAULT, choices=list(PRESETS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=120)
    options = parser.parse_args()
    gains = []
    print(machine_line(options.threads), end="\n\n")
    print("| model, video | MACs done | skip, ms | best dense, ms | gain | AP50 / AP75 |\n|---|---|---|---|---|---|")
    for video in options.videos:
        footage = successive(load(options.model), str(video), options.frames)
        gates = gating(footage.model, options.preset)
        row = _measure(footage, gates, options.threads).video[0]
        gains.append(row.gain)
        agreed = _agreement(footage, gates).main
        times = f"{row.skip_ms:.2f} | {row.peer_ms:.2f} | {row.gain:.2f}x"
        cells = f"{row.macs:.1%} | {times} | {agreed.ap50:.3f} / {agreed.ap75:.3f}"
        print(f"| {footage.model.name}, {video.name} | {cells} |", flush=True)
    print(f"\nGeometric mean: {np.exp(np.log(gains).mean()):.2f}x")


def _measure(footage: Footage, gates: Gating, threads: int) -> BenchReport:
    model = footage.model
    assert model.path is not None
    peers, _ = available_peers(static_model(model.path, model.input_size[::-1]), model.plan, threads)
    return run_benchmark(BenchTask.of(footage, gates, peers, threads, savings=(), rounds=3))


def _agreement(footage: Footage, gates: Gating) -> Agreement:
    model = footage.model
    gated = model.stream(gates.policy, scales=gates.scales, safety=gates.safety, care=gates.care)
    dense, conf = gated.ungated(), model.conf / 4
    images = footage.clips[0].images
    return agreement([[side_by_side(model, dense, gated, image, footage.fit, conf) for image in images]], model.conf)


if __name__ == "__main__":
    main()
