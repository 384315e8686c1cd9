"""Tuned thresholds against the best uniform setting, at the same agreement, on footage that was not tuned on.

    python benchmarks/tuning.py --tuned yolox.thresholds.json --model yolox_nano.onnx VIDEO... [-o docs/quality.md]

For each video the tuned thresholds are tried as they are. Then one threshold for all layers is tried with every input threshold
and dilation of a list, as coarse as it may be to agree with the dense network no worse than the tuned ones do on this very video
(AP50), and the cheapest of them is taken. So the uniform setting is chosen on the footage that both are judged on, and the tuned
is not.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skipvid.gates.policies import Truncation
from skipvid.gates.thresholds import Thresholds, load_thresholds
from skipvid.models.loading import load
from skipvid.tune.goals import KeepQuality
from skipvid.tune.sampling import sample_video
from skipvid.tune.search import Search, uniform
from skipvid.tune.trial import Bench, Trial

BEGIN, END = "<!-- table: benchmarks/tuning.py -->", "<!-- end of table of tuned thresholds -->"
INPUTS = (((1.0, 0.25), 1), ((2.0, 0.5), 1), ((4.0, 1.0), 1), ((2.0, 0.5), 0))
THRESHOLDS = tuple(0.002 * 1.15**k for k in range(32))  # 0.002 to 0.15
SLACK = 0.0005  # of AP50: a threshold of a grid does not meet an agreement to the last digit


def main() -> None:
    options = _options()
    rows = json.loads(options.cache.read_text()) if options.cache.exists() else {}
    model = load(options.model)
    tuned = load_thresholds(options.tuned, model.plan)
    for video in options.videos:
        key = f"{model.name} {Path(video).stem} {tuned.policy.to_dict()} {options.frames}"
        if key not in rows:
            rows[key] = {"model": model.name, "video": Path(video).stem, **_row(model, video, tuned, options)}
            options.cache.parent.mkdir(parents=True, exist_ok=True)
            options.cache.write_text(json.dumps(rows, indent=1))
        print(_line(rows[key]), flush=True)
    if options.out is not None:
        table = "\n".join([_HEAD, *(_line(row) for row in rows.values())])
        before, rest = options.out.read_text("utf-8").split(BEGIN, 1)
        note = f"{options.frames} frames per video; `python benchmarks/tuning.py`."
        options.out.write_text(f"{before}{BEGIN}\n\n{table}\n\n{note}\n\n{END}{rest.split(END, 1)[1]}", "utf-8")


_HEAD = (
    "| model | video | dense det/frame | tuned: MACs · AP50 / AP75 | best uniform: MACs · AP50 / AP75 | fewer MACs |\n"
    "|---|---|---|---|---|---|"
)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", help="videos that were not tuned on")
    parser.add_argument("--model", required=True)
    parser.add_argument("--tuned", type=Path, required=True, help="thresholds file")
    parser.add_argument("--frames", type=int, default=80, help="frames sampled of each video")
    parser.add_argument("--cache", type=Path, default=Path("build/tuning.json"))
    parser.add_argument("-o", "--out", type=Path, help="page whose table is replaced")
    return parser.parse_args()


def _row(model: Any, video: str, tuned: Thresholds, options: argparse.Namespace) -> dict[str, Any]:
    policy = tuned.policy
    assert isinstance(policy, Truncation)
    bench = Bench([sample_video(model, video, options.frames)], norm=policy.norm)
    own = bench.scales
    bench.use_scales(tuned.scales)
    ours = bench.run(policy)
    # One threshold for all, as a share of the scales of the video itself: what a run without a file measures.
    bench.use_scales(own)
    best: Trial | None = None
    for source, dilation in INPUTS:
        base = Truncation(0.01, policy.norm, vector_threshold=0.002)
        search = Search(bench, KeepQuality(max(ours.drop, 0.0) + SLACK, 1.0), base)
        found = search.along(uniform(base, source, dilation, THRESHOLDS))
        if found is not None and (best is None or found.macs < best.macs):
            best = found
    return {"tuned": ours.to_dict(), "uniform": None if best is None else {**best.to_dict(), "policy": best.policy.to_dict()}}


def _line(row: Mapping[str, Any]) -> str:
    ours, other = row["tuned"], row["uniform"]
    objects = f"{ours['agreement']['objects_per_frame']:.2f}"
    if other is None:
        return f"| {row['model']} | {row['video']} | {objects} | {_cell(ours)} | agrees nowhere as well | |"
    fewer = f"{1 - ours['macs'] / other['macs']:.0%}"
    return f"| {row['model']} | {row['video']} | {objects} | {_cell(ours)} | {_cell(other)} | {fewer} |"


def _cell(trial: Mapping[str, Any]) -> str:
    return f"{trial['macs']:.1%} · {trial['quality']:.3f} / {trial['quality75']:.3f}"


if __name__ == "__main__":
    main()
