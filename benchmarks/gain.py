"""The gain of a preset over the best dense runtime on several videos, and its geometric mean, as a table.

    python benchmarks/gain.py MODEL VIDEO [VIDEO ...]

Network time as `skipvid bench` measures it "as given": the engine and the best dense runtime take turns on each video.
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
from skipvid.models.gating import gating
from skipvid.models.loading import load
from skipvid.tune.sampling import successive


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
    print("| model, video | MACs done | skip, ms | best dense, ms | gain |\n|---|---|---|---|---|")
    for video in options.videos:
        name, report = _measure(options, video)
        row = report.video[0]
        gains.append(row.gain)
        print(f"| {name}, {video.name} | {row.macs:.1%} | {row.skip_ms:.2f} | {row.peer_ms:.2f} | {row.gain:.2f}x |", flush=True)
    print(f"\nGeometric mean: {np.exp(np.log(gains).mean()):.2f}x")


def _measure(options: argparse.Namespace, video: Path) -> tuple[str, BenchReport]:
    footage = successive(load(options.model), str(video), options.frames)
    model = footage.model
    assert model.path is not None
    peers, _ = available_peers(static_model(model.path, model.input_size[::-1]), model.plan, options.threads)
    gates = gating(model.plan, model.card, options.preset)
    return model.name, run_benchmark(BenchTask.of(footage, gates, peers, options.threads, savings=(), rounds=3))


if __name__ == "__main__":
    main()
