"""Tuned thresholds beside the preset and beside one threshold for all layers, on footage that was not tuned on.

    python benchmarks/tuning.py --model yolox_nano.onnx --tuned yolox_nano.thresholds.json VIDEO...

One threshold for all is tried at several sizes, with the input threshold and dilation that the tuned file has, as a share of the
scales of each video itself: what a run without a file measures. Compare rows of the same agreement, not of the same size.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from skipvid.gates.policies import Truncation
from skipvid.gates.presets import preset
from skipvid.gates.thresholds import Thresholds, load_thresholds
from skipvid.models.loading import load
from skipvid.models.model import Model
from skipvid.tune.sampling import sample_video
from skipvid.tune.trial import Bench, Trial


def main() -> None:
    options = _options()
    model = load(options.model)
    tuned = load_thresholds(options.tuned, model.plan)
    print("| video | thresholds | MACs | AP50 / AP75 | loss | longest miss |\n|---|---|---|---|---|---|")
    for video in options.videos:
        for name, trial in _trials(model, video, tuned, options):
            agreed = trial.agreement
            found = f"{Path(video).stem} ({agreed.objects_per_frame:.2f}/frame)"
            quality = f"{trial.quality:.3f} / {1 - trial.drop75:.3f}"
            print(f"| {found} | {name} | {trial.macs:.1%} | {quality} | {trial.loss:.3f} | {agreed.longest_miss} |", flush=True)


def _trials(model: Model, video: str, tuned: Thresholds, options: argparse.Namespace) -> Iterator[tuple[str, Trial]]:
    policy = tuned.policy
    assert isinstance(policy, Truncation)
    bench = Bench([sample_video(model, video, options.frames)], norm=policy.norm)
    own = bench.scales
    bench.use_scales(tuned.scales)
    yield "tuned", bench.run(policy)
    bench.use_scales(own)
    yield "balanced", bench.run(preset("balanced", tolerance=model.card.tolerance))
    for share in options.uniform:
        yield (
            f"uniform {share:g}",
            bench.run(
                Truncation(
                    share,
                    policy.norm,
                    input_threshold=policy.input_threshold,
                    input_noise=policy.input_noise,
                    dilation=policy.dilation,
                    vector_threshold=share / 5,
                )
            ),
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", help="videos that were not tuned on")
    parser.add_argument("--model", required=True, help="registry name or .onnx file")
    parser.add_argument("--tuned", type=Path, required=True, help="thresholds file")
    parser.add_argument("--uniform", nargs="+", type=float, default=[0.005, 0.0075, 0.011, 0.016, 0.024])
    parser.add_argument("--frames", type=int, default=64, help="frames sampled of each video")
    return parser.parse_args()


if __name__ == "__main__":
    main()
