"""What tuning on a camera's own footage gains over one threshold for all layers that was tuned on the same footage.

    python benchmarks/cameras.py --model yolox_nano.onnx VIDEO...

On the first half of each video thresholds are tuned by ``skipvid tune-thresholds`` as it is: layer by layer, and, for
truncation and for input-norm, with ``--method uniform``, which sweeps one threshold for all layers, and all of the picture,
together with the threshold and the dilation of the input. All three have the same goal and the same frames, half of which the
tuner keeps to itself for verification. What is told is what each comes to on the second half of the video. There they do not
come to the same agreement. So it is also told how many MACs the uniform settings execute when their thresholds are scaled until
their loss (`skipvid.tune.agreement.Agreement.loss`, which unlike AP moves smoothly) is that of the tuned ones.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path

from tuning import FAMILIES, cell, fewer, line

from skipvid.gates.thresholds import Thresholds
from skipvid.models.gating import gating_of
from skipvid.models.loading import load
from skipvid.models.model import Model
from skipvid.tune.goals import KeepQuality
from skipvid.tune.level import Level
from skipvid.tune.sampling import Footage, sample_video
from skipvid.tune.trial import Bench, Trial
from skipvid.tune.tunable import tunable
from skipvid.tune.tuner import UNIFORM, Request, tune


class FewMacs(KeepQuality):
    """Judges by arithmetic instead of time."""

    def scored(self, trial: Trial) -> float:
        return trial.macs


@dataclass(frozen=True)
class Row:
    """One video: on its second half the tuned thresholds, the uniform ones of each family, and the MACs of these at that loss."""

    video: str
    objects: float
    tuned: Trial
    uniform: list[Trial]
    level: list[float]

    def __str__(self) -> str:
        trials = [f"{cell(trial)} ({trial.loss:.3f})" for trial in (self.tuned, *self.uniform)]
        saved = [f"{fewer(self.tuned.macs, macs)} ({macs:.1%})" if isfinite(macs) else "not reached" for macs in self.level]
        return line(self.video, f"{self.objects:.2f}", *trials, *saved)


def main() -> None:
    options = _options()
    model = load(options.model)
    print(f"{model.name}: cells are MACs · AP50 / AP75 (loss) on the second half\n")
    heads = ["video", "dense det/frame", "tuned", *(f"uniform {family}" for family in FAMILIES)]
    heads += [f"fewer MACs than {family} at that loss" for family in FAMILIES]
    print(line(*heads), line(*["---"] * len(heads)), sep="\n")
    for row in _rows(model, options):
        print(row, flush=True)
    print(f"\n{options.frames} frames per video, {platform.machine()}; `python benchmarks/cameras.py`.")


def _rows(model: Model, options: argparse.Namespace) -> Iterator[Row]:
    goal = KeepQuality(options.max_drop)
    for video in options.videos:
        first, second = halves(sample_video(model, video, options.frames, even=True))

        def tuned_by(request: Request, footage: Footage = first) -> Thresholds:
            return tune(model, [footage], request).thresholds

        bench = Bench([second], "auto", options.threads)
        tuned = tuned_by(Request(goal, threads=options.threads))
        best = _tried(bench, tuned)
        uniform, level = [], []
        for family in FAMILIES:
            plain = tuned_by(Request(goal, UNIFORM, family, threads=options.threads))
            uniform.append(_tried(bench, plain))
            few = FewMacs(options.max_drop)
            level.append(Level(bench.run, few, best.loss, tries=6).score(tunable(plain.policy))[1])
        yield Row(Path(video).stem, best.agreement.objects_per_frame, best, uniform, level)


def halves(whole: Footage) -> tuple[Footage, Footage]:
    """What is tuned on, and what is reported on: in one run where no frames are missing, led through the last clip tuned on.

    A full pass begins a clip, and what gates leave behind adds up from there: frames look better in clips of their own.
    """
    middle, end = len(whole.clips) // 2, len(whole.clips)
    return replace(whole, clips=whole.clips[:middle]), replace(whole, clips=whole.runs(range(middle, end)))


def _tried(bench: Bench, thresholds: Thresholds) -> Trial:
    """Thresholds on a bench, as shares of the scales that they carry, which stay with the bench; the noise is the video's own."""
    bench.use_scales(thresholds.scales)
    model = bench.footage[0].model
    return bench.caring(gating_of(thresholds, model).care).run(tunable(thresholds.policy))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", help="videos to tune on and to report on")
    parser.add_argument("--model", required=True, help="registry name or .onnx file")
    parser.add_argument("--frames", type=int, default=320, help="frames sampled of each video")
    parser.add_argument("--max-drop", type=float, default=0.01, help="the goal: loss of AP50")
    parser.add_argument("--threads", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    main()
