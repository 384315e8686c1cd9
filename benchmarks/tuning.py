"""Tuned thresholds beside the preset and beside the best of one threshold for all layers, on footage that was not tuned on.

    python benchmarks/tuning.py --model yolox_nano.onnx --tuned yolox_nano.thresholds.json VIDEO...

Of a video that the file was tuned on, frames between those that were sampled are taken. One threshold for all is swept together
with the threshold and the dilation of the input, for truncation and for input-norm, and what is told is the cheapest of all
settings with at least the AP50 of the tuned one, found with hindsight on the very frames that are reported. Of each input
setting thresholds are tried from coarse to fine until that AP50 is reached, or the best of the other input settings is cheaper
already: what is finer executes more. Without ``--tuned`` the thresholds are those that come with the package. `cameras.py` is
about thresholds that are tuned on the video itself.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from skipvid.gates.policies import InputNorm, Truncation
from skipvid.gates.presets import DEFAULT, preset
from skipvid.gates.settings import Norm
from skipvid.gates.thresholds import Thresholds, load_thresholds
from skipvid.models.gating import gating, gating_of, tuned_for
from skipvid.models.loading import load
from skipvid.models.model import Model
from skipvid.tune.sampling import sample_video
from skipvid.tune.search import DILATIONS, INPUTS, uniform
from skipvid.tune.trial import Bench, Trial
from skipvid.tune.tunable import base_of, tunable

FAMILIES = (Truncation.TYPE, InputNorm.TYPE)
THRESHOLDS = [0.8 * 0.8**k for k in range(27)]  # from coarse to fine; of the scales that a run measures
ROUNDING = 0.0005  # AP50 is told to three decimals
COARSER = 4  # steps by which other input settings may do with coarser thresholds than the coarsest that did so far


@dataclass(frozen=True)
class Row:
    """One video: what tuned thresholds, the preset and, by family, the best uniform setting came to there."""

    video: str
    objects: float
    tuned: Trial
    balanced: Trial
    uniform: Mapping[str, Trial | None]

    def __str__(self) -> str:
        best = [_setting(trial) for trial in self.uniform.values()]
        saved = ["-" if trial is None else fewer(self.tuned.macs, trial.macs) for trial in self.uniform.values()]
        return line(self.video, f"{self.objects:.2f}", cell(self.tuned), cell(self.balanced), *best, *saved)


def main() -> None:
    options = _options()
    families = () if options.no_uniform else FAMILIES
    model = load(options.model)
    tuned = _tuned(model, options)
    print(f"{model.name}, stated: {_stated(tuned)}\n")
    heads = ["video", "dense det/frame", "tuned", "balanced preset"]
    heads += [f"best uniform {f} at that AP50" for f in families] + [f"fewer MACs than {f}" for f in families]
    print(line(*heads), line(*["---"] * len(heads)), sep="\n")
    for row in _rows(model, tuned, families, options):
        print(row, flush=True)
    print(f"\n{options.frames} frames per video, {platform.machine()}; `python benchmarks/tuning.py`.")


def _rows(model: Model, tuned: Thresholds, families: tuple[str, ...], options: argparse.Namespace) -> Iterator[Row]:
    policy, plain = tunable(tuned.policy), tunable(preset(DEFAULT, tolerance=model.card.tolerance))
    # A file of the package is for the default preset, and has its care.
    usual = gating(model).care
    care = usual if options.tuned is None else gating_of(tuned, model).care
    used = {str(item["name"]): [(int(a), int(b)) for a, b in item["clips"]] for item in tuned.footage}
    norms: set[Norm] = {policy.norm, plain.norm, *(base_of(family).norm for family in families)}
    for video in options.videos:
        taken = used.get(Path(video).stem, used.get(Path(video).name, []))
        footage = [sample_video(model, video, options.frames, without=taken)]
        benches = {norm: Bench(footage, "auto", options.threads, norm=norm) for norm in norms}
        own = benches[policy.norm].scales
        benches[policy.norm].use_scales(own if options.own_scales else tuned.scales)
        best = benches[policy.norm].caring(care).run(policy)
        benches[policy.norm].use_scales(own)
        found = {family: _best_uniform(benches[base_of(family).norm], family, best.quality - ROUNDING) for family in families}
        name = f"{Path(video).stem}{' (other frames)' if taken else ''}"
        balanced = benches[plain.norm].caring(usual).run(plain)
        yield Row(name, best.agreement.objects_per_frame, best, balanced, found)


def _best_uniform(bench: Bench, family: str, quality: float) -> Trial | None:
    """The cheapest uniform setting of at least a quality."""
    best: Trial | None = None
    first = 0
    for source, dilation in product(sorted(INPUTS, key=lambda s: abs(s[0] - 2.0)), sorted(DILATIONS, key=lambda d: d != 1)):
        policies = uniform(base_of(family, uniform=True), source, dilation, THRESHOLDS)
        for k in range(first, len(THRESHOLDS)):
            trial = bench.run(policies[k])
            if best is not None and trial.macs >= best.macs:
                break
            if trial.quality >= quality:
                best, first = trial, max(first, k - COARSER) if best is None else min(first, max(k - COARSER, 0))
                break
    return best


def _tuned(model: Model, options: argparse.Namespace) -> Thresholds:
    if options.tuned is not None:
        return load_thresholds(options.tuned, model.plan)
    found = tuned_for(model.plan)
    if found is None:
        message = f"the package has no thresholds for {model.name}: pass --tuned"
        raise SystemExit(message)
    return found


def _stated(tuned: Thresholds) -> str:
    """What the file says of footage it was not chosen on."""
    held = tuned.measured["held_out"]
    if "macs_at_equal_loss" in held:  # made by shared.py
        return f"{held['macs_at_equal_loss']:.3f} of the preset's MACs at its loss"
    return f"{held['macs']:.1%} of the MACs at AP50 {held['quality']:.3f}, AP75 {held['quality75']:.3f}"


def _setting(trial: Trial | None) -> str:
    if trial is None:
        return "none agrees as well"
    policy = trial.policy
    source = f"{policy.input_threshold:g}, {policy.input_noise:g} x noise; {policy.dilation}"
    return f"{cell(trial)} ({policy.threshold:.3f}; {source})"


def cell(trial: Trial) -> str:
    """MACs and agreement."""
    return f"{trial.macs:.1%} · {trial.quality:.3f} / {1 - trial.drop75:.3f}"


def fewer(macs: float, than: float) -> str:
    """How much less."""
    return f"{1 - macs / than:+.0%}"


def line(*cells: str) -> str:
    """A row of a table."""
    return f"| {' | '.join(cells)} |"


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
