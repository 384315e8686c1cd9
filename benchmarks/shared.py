"""Thresholds of a model for any video: what differs from the preset where that pays on all of some videos alike.

    python benchmarks/shared.py --model yolox_nano.onnx -o yolox_nano.json VIDEO...

Around ``balanced``, with the care of the model's card, all groups of gates are moved at once in designed trials
(`skipvid.tune.screening`), every video on its own. The effects that a group has on arithmetic and loss are taken as logarithms
and averaged over the videos, so that one where little moves counts as much as one where everything does. Thresholds are moved by
what they save for what they lose, and all of them scaled until the loss on these videos is that of the preset, again in the mean
of logarithms. The file carries no scales: each video's own hold. What it is worth is told by other videos: with ``--held-out
VIDEO...`` the file and the preset are both scaled, and what the file executes at equal loss is told.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from dataclasses import replace
from math import exp, log
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.gates.presets import preset
from skipvid.gates.thresholds import Thresholds, save_thresholds
from skipvid.models.gating import gating
from skipvid.models.loading import load
from skipvid.models.model import Model
from skipvid.tune.groups import groups
from skipvid.tune.sampling import sample_video
from skipvid.tune.screening import Effects, design
from skipvid.tune.trial import Bench
from skipvid.tune.tunable import Tunable, tunable

STEP = log(1.6)  # as in `skipvid.tune.screening`
FACTORS = (0.6, 1.0, 1.6)  # on all thresholds: what a curve of loss and arithmetic is drawn through
LEAST = 1e-3  # smaller losses count as this: their logarithms are taken


def main() -> None:
    options = _options()
    model = load(options.model)
    base = replace(tunable(preset("balanced", tolerance=model.card.tolerance)), layers={})
    benches = _benches(model, options.videos, options)
    effects = _screen(base, benches)
    plan = benches[0].footage[0].model.plan
    shares = base.shares(plan)
    moved = {
        name: shares[name] * exp(options.strength * step)
        for group, step in zip(effects.groups, effects.steps(), strict=True)
        for name in group
    }
    shaped = base.with_layers(moved)
    level = _figures(base, benches)[:, 1].mean()
    losses = [_figures(shaped.scaled(f), benches)[:, 1].mean() for f in FACTORS]
    found = shaped.scaled(exp(float(np.interp(level, losses, np.log(FACTORS)))) * options.finer)
    asked = {"reference": "balanced", "strength": options.strength, "finer": options.finer}
    measured = {**asked, "chosen_on": _table(found, base, benches, options.finer)}
    if options.held_out:
        others = _benches(model, options.held_out, options)
        measured["held_out"] = _table(found, base, others, options.finer)
    footage = tuple(bench.footage[0].facts() for bench in benches)
    size = (model.plan.input.height, model.plan.input.width)
    save_thresholds(options.out, Thresholds(found, plan.sha256, model.name, size, footage=footage, measured=measured))
    for part in ("chosen_on", "held_out"):
        _tell(part, measured.get(part))
    print(f"\n{options.frames} frames per video, {platform.machine()}; `python benchmarks/shared.py`.")


def _benches(model: Model, videos: Sequence[str], options: argparse.Namespace) -> list[Bench]:
    norm, care = tunable(preset("balanced")).norm, None if options.without_care else gating(model).care
    footage = [sample_video(model, video, options.frames) for video in videos]
    return [Bench([item], threads=options.threads, norm=norm, care=care) for item in footage]


def _figures(policy: Tunable, benches: Sequence[Bench]) -> NDArray[np.float64]:
    """``(videos, 2)``: logarithms of arithmetic and loss."""
    trials = [bench.run(policy) for bench in benches]
    return np.log([(trial.macs, max(trial.loss, LEAST)) for trial in trials])


def _screen(base: Tunable, benches: Sequence[Bench]) -> Effects:
    """What making each group coarser does to the logarithms, in the mean over the videos."""
    plan = benches[0].footage[0].model.plan
    names = groups(base, plan)
    signs, shares, figures = design(len(names)), base.shares(plan), []
    for k, row in enumerate(signs):
        moved = {name: shares[name] * exp(STEP * s) for group, s in zip(names, row, strict=True) for name in group}
        figures.append(_figures(base.with_layers(moved), benches).mean(axis=0))
        print(f"trial {k + 1} of {len(signs)}", flush=True)
    slopes = signs.T.astype(np.float64) @ np.array(figures) / (len(signs) * STEP)
    return Effects(names, -slopes[:, 0], slopes[:, 1])


def _table(found: Tunable, base: Tunable, benches: Sequence[Bench], finer: float) -> dict[str, Any]:
    """What both come to on each video, and what the file executes at equal loss, as a share of what the preset does.

    For the latter both are scaled around the loss of the preset, however much finer the file is.
    """
    alike = (found.scaled(1 / finer), base)
    curves = [np.array([_figures(policy.scaled(f), benches) for f in FACTORS]) for policy in alike]
    rows: list[dict[str, Any]] = []
    for k, bench in enumerate(benches):
        row: dict[str, Any] = {"name": bench.footage[0].name, "macs_at_equal_loss": _ratio(curves[0][:, k], curves[1][:, k])}
        for name, policy in (("tuned", found), ("preset", base)):
            trial = bench.run(policy)
            row[name] = {"macs": trial.macs, "loss": trial.loss, "quality": trial.quality, "quality75": 1 - trial.drop75}
        rows.append(row)
    known = [log(row["macs_at_equal_loss"]) for row in rows if row["macs_at_equal_loss"] is not None]
    return {"macs_at_equal_loss": exp(float(np.mean(known))) if known else None, "videos": rows}


def _tell(part: str, table: dict[str, Any] | None) -> None:
    if table is None:
        return
    print(f"\n| {part} | tuned | preset | MACs of tuned / preset, at equal loss |\n|---|---|---|---|")
    for row in table["videos"]:
        cells = [
            f"{t['macs']:.1%} · {t['quality']:.3f} / {t['quality75']:.3f} ({t['loss']:.3f})"
            for t in (row["tuned"], row["preset"])
        ]
        print(f"| {row['name']} | {' | '.join(cells)} | {_share(row['macs_at_equal_loss'])} |")
    print(f"| geometric mean | | | {_share(table['macs_at_equal_loss'])} |")


def _share(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def _ratio(one: NDArray[np.float64], other: NDArray[np.float64]) -> float | None:
    """Geometric mean, over the losses that both curves pass, of the ratio of arithmetic; None where they pass none in common.

    Args:
        one: ``(factors, 2)`` logarithms of arithmetic and loss.
        other: The same.
    """
    least, most = max(c[:, 1].min() for c in (one, other)), min(c[:, 1].max() for c in (one, other))
    if most - least < 0.05:
        return None
    losses = np.linspace(least, most, 20)
    fitted = [np.polyval(np.polyfit(c[:, 1], c[:, 0], 1), losses) for c in (one, other)]
    return exp(float((fitted[0] - fitted[1]).mean()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", help="videos to choose on")
    parser.add_argument("--model", required=True, help="registry name or .onnx file")
    parser.add_argument("--held-out", nargs="*", default=[], help="videos to report on")
    parser.add_argument("--frames", type=int, default=60, help="frames sampled of each video")
    parser.add_argument("--strength", type=float, default=0.7, help="of the move along the measured direction")
    parser.add_argument("--finer", type=float, default=1.0, help="factor on all thresholds at the end")
    parser.add_argument("--without-care", action="store_true", help="thresholds that are the same everywhere in a picture")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("-o", "--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
