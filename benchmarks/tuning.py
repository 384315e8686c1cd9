"""Tuned thresholds beside the preset and beside the best of one threshold for all layers, on footage that was not tuned on.

    python benchmarks/tuning.py --model yolox_nano.onnx --tuned yolox_nano.thresholds.json VIDEO...

Of a video that the file was tuned on, frames between those that were sampled are taken. One threshold for all is swept together
with the threshold and the dilation of the input, and what is told is the cheapest of all settings with at least the AP50 of the
tuned one, found with hindsight on the very frames that are reported. Of each input setting thresholds are tried from coarse to
fine until that AP50 is reached, or the best of the other input settings is cheaper already: what is finer executes more. Without
``--tuned`` the thresholds are those that come with the package.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from skipvid.gates.policies import Truncation
from skipvid.gates.presets import preset
from skipvid.gates.thresholds import Thresholds, load_thresholds
from skipvid.models.gating import tuned_for
from skipvid.models.loading import load
from skipvid.models.model import Model
from skipvid.tune.sampling import sample_video
from skipvid.tune.search import DILATIONS, INPUTS
from skipvid.tune.trial import Bench, Trial

THRESHOLDS = [0.8 * 0.8**k for k in range(27)]  # from coarse to fine; of the scales that a run measures
ROUNDING = 0.0005  # AP50 is told to three decimals
COARSER = 4  # steps by which other input settings may do with coarser thresholds than the coarsest that did so far


@dataclass(frozen=True)
class Row:
    """One video: what tuned thresholds, the preset and the best uniform setting came to there."""

    video: str
    objects: float
    tuned: Trial
    balanced: Trial
    uniform: Trial | None
    tried: int

    def __str__(self) -> str:
        saved, best = "-", "none agrees as well"
        if self.uniform is not None:
            policy = self.uniform.policy
            assert isinstance(policy, Truncation)
            best = (
                f"{_cell(self.uniform)} ({policy.threshold:.3f}; {policy.input_threshold:g}, "
                f"{policy.input_noise:g} x noise; {policy.dilation})"
            )
            saved = f"{1 - self.tuned.macs / self.uniform.macs:+.0%}"
        cells = (self.video, f"{self.objects:.2f}", _cell(self.tuned), _cell(self.balanced), best, saved)
        return f"| {' | '.join(cells)} |"


def main() -> None:
    options = _options()
    model = load(options.model)
    tuned = _tuned(model, options)
    stated = tuned.measured["held_out"]
    quality = f"AP50 {stated['quality']:.3f}, AP75 {stated['quality75']:.3f}"
    print(f"{model.name}, stated by the tuner: {stated['macs']:.1%} of the MACs at {quality}\n")
    print("| video | dense det/frame | tuned | balanced preset | best uniform at that AP50 | fewer MACs than uniform |")
    print("|---" * 6 + "|")
    for row in _rows(model, tuned, options):
        print(row, flush=True)
    print(f"\n{options.frames} frames per video, {platform.machine()}; `python benchmarks/tuning.py`.")


def _rows(model: Model, tuned: Thresholds, options: argparse.Namespace) -> Iterator[Row]:
    policy = tuned.policy
    assert isinstance(policy, Truncation)
    used = {str(item["name"]): [(int(a), int(b)) for a, b in item["clips"]] for item in tuned.footage}
    for video in options.videos:
        taken = used.get(Path(video).stem, used.get(Path(video).name, []))
        bench = Bench([sample_video(model, video, options.frames, without=taken)], "auto", options.threads, norm=policy.norm)
        own = bench.scales
        bench.use_scales(own if options.own_scales else tuned.scales)
        best = bench.run(policy)
        bench.use_scales(own)
        balanced = bench.run(preset("balanced", tolerance=model.card.tolerance))
        uniform, tried = (None, 0) if options.no_uniform else _best_uniform(bench, policy, best.quality - ROUNDING)
        name = f"{Path(video).stem}{' (other frames)' if taken else ''}"
        yield Row(name, best.agreement.objects_per_frame, best, balanced, uniform, tried)


def _best_uniform(bench: Bench, like: Truncation, quality: float) -> tuple[Trial | None, int]:
    """The cheapest uniform setting of at least a quality, and how many were tried."""
    best: Trial | None = None
    first, tried = 0, 0
    for (grey, noise), dilation in product(
        sorted(INPUTS, key=lambda s: abs(s[0] - 2.0)), sorted(DILATIONS, key=lambda d: d != 1)
    ):
        for k in range(first, len(THRESHOLDS)):
            share = THRESHOLDS[k]
            policy = Truncation(share, like.norm, grey, noise, dilation, vector_threshold=share / 5)
            trial = bench.run(policy)
            tried += 1
            if best is not None and trial.macs >= best.macs:
                break
            if trial.quality >= quality:
                best, first = trial, max(first, k - COARSER) if best is None else min(first, max(k - COARSER, 0))
                break
    return best, tried


def _tuned(model: Model, options: argparse.Namespace) -> Thresholds:
    if options.tuned is not None:
        return load_thresholds(options.tuned, model.plan)
    found = tuned_for(model.plan)
    if found is None:
        message = f"the package has no thresholds for {model.name}: pass --tuned"
        raise SystemExit(message)
    return found


def _cell(trial: Trial) -> str:
    return f"{trial.macs:.1%} · {trial.quality:.3f} / {1 - trial.drop75:.3f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", help="videos to report on")
    parser.add_argument("--model", required=True, help="registry name or .onnx file")
    parser.add_argument("--tuned", type=Path, help="thresholds file")
    parser.add_argument("--frames", type=int, default=80, help="frames sampled of each video")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--own-scales", action="store_true", help="tuned thresholds as shares of each video's own scales")
    parser.add_argument("--no-uniform", action="store_true", help="leave the uniform settings out, which take most of the time")
    return parser.parse_args()


if __name__ == "__main__":
    main()
