"""``skipvid tune-thresholds``: thresholds for a model and a kind of footage."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skipvid.cli import options as opt
from skipvid.cli import values as val
from skipvid.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

    from skipvid.models.model import Model
    from skipvid.tune.goals import Goal
    from skipvid.tune.ground_truth import GroundTruth
    from skipvid.tune.search import Search
    from skipvid.tune.trial import Trial
    from skipvid.tune.tuner import Tuned

__all__ = ["app"]

app = typer.Typer(add_completion=False)


class Method(StrEnum):
    SHAPED = "shaped"
    UNIFORM = "uniform"
    FRONT_TO_BACK = "front-to-back"


Videos = Annotated[
    list[str], typer.Argument(metavar="VIDEO...", help="Videos like those it will run on: files, folders, patterns.")
]
MaxFrames = Annotated[int, typer.Option(min=24, help="Frames to sample, in all; up to 120 are searched on, the others verify.")]
MaxDrop = Annotated[
    float | None, typer.Option(min=0, max=1, help="Loss of AP50, on the worst of the videos, that is allowed. Default: 0.01.")
]
TargetFps = Annotated[
    float | None,
    typer.Option(min=0.01, help="In place of --max-drop: least loss at so many frames/s of the network on this machine."),
]
Gt = Annotated[
    list[Path] | None,
    typer.Option(help="Ground truth, MOT text or COCO JSON: once per video, in order. Default: what the dense network finds."),
]
GtClass = Annotated[str, typer.Option(help="Class of the model that the objects of a MOT file are of.")]
Out = Annotated[Path | None, typer.Option("--out", "-o", help="File to write. Default: <model>.thresholds.json.")]
MethodOption = Annotated[
    Method,
    typer.Option(
        help="shaped: per layer, by what each saves for what it loses; uniform: one for all; front-to-back: DeltaCNN's."
    ),
]
Minutes = Annotated[float | None, typer.Option(min=0.05, help="Time for the search. Default: until no move pays.")]


@app.command("tune-thresholds")
def tune_thresholds(
    ctx: typer.Context,
    videos: Videos,
    model: opt.Model = "centerface",
    head: opt.Head = None,
    labels: opt.Labels = None,
    imgsz: opt.Imgsz = None,
    offline: opt.Offline = False,
    max_frames: MaxFrames = 320,
    max_drop: MaxDrop = None,
    target_fps: TargetFps = None,
    gt: Gt = None,
    gt_class: GtClass = "0",
    method: MethodOption = Method.SHAPED,
    gate: opt.Gate = None,
    minutes: Minutes = None,
    out: Out = None,
    overwrite: opt.Overwrite = False,
    engine: opt.Engine = val.EngineName.AUTO,
    threads: opt.Threads = 0,
    quiet: opt.Quiet = False,
) -> None:
    """Find thresholds that keep a stated quality or reach a stated speed.

    Without labels: the dense network's own detections are the reference, unless there is ground truth. The file goes to
    `skipvid run --thresholds`. Ctrl-C keeps the best so far.
    """
    from rich.console import Console

    from skipvid.errors import OutputError
    from skipvid.gates.thresholds import save_thresholds
    from skipvid.models.loading import load
    from skipvid.pipeline.stop import Interrupted, Stop
    from skipvid.tune.sampling import sample
    from skipvid.tune.tuner import Request, tune
    from skipvid.video.inputs import expand

    goal = _goal(max_drop, target_fps, method)
    request = Request(
        goal, method.value, None if gate is None else gate.value, engine.value, threads, None if minutes is None else minutes * 60
    )
    console = Console(stderr=True, quiet=quiet, soft_wrap=True)
    stop: Stop = ctx.obj or Stop()
    sources = expand(videos)
    network = load(model, val.parse_size(imgsz), head, labels, offline=offline)
    path = out or Path(f"{network.name}.thresholds.json")
    if path.exists() and not overwrite:
        message = f"The file {path} exists."
        raise OutputError(message, "Choose another with -o, or pass --overwrite.")
    truths = _truths(gt or [], sources, network, gt_class)
    footage = sample(network, sources, max_frames, lambda name: console.print(f"reading {printable(name)}"), even=True)
    with stop.deferred():
        tuned = tune(
            network,
            footage,
            request,
            truths,
            stage=lambda text: console.print(f"{text} ..."),
            report=_Line(console),
            stop=lambda: stop.requested,
        )
        save_thresholds(path, tuned.thresholds)
    if not quiet:
        _print_result(Console(), tuned, path)
    if stop.signal is not None:
        raise Interrupted(stop.signal, f"interrupted after {len(tuned.search.trials)} trials; the best so far is in {path}")
    if not tuned.met:
        raise typer.Exit(1)


def _goal(max_drop: float | None, target_fps: float | None, method: Method) -> Goal:
    from skipvid.errors import UsageError
    from skipvid.tune.goals import KeepQuality, ReachSpeed

    if target_fps is None:
        return KeepQuality(0.01 if max_drop is None else max_drop)
    if max_drop is not None:
        message = "--target-fps and --max-drop exclude each other: one asks for a speed, the other for a quality."
        raise UsageError(message, "Leave one of them out.")
    if method is Method.FRONT_TO_BACK:
        message = "--method front-to-back shares out an allowed loss; it cannot aim at --target-fps."
        raise UsageError(message, "Use --method shaped.")
    return ReachSpeed(1e3 / target_fps)


def _truths(files: Sequence[Path], videos: Sequence[str], network: Model, gt_class: str) -> list[GroundTruth | None]:
    from skipvid.errors import UsageError
    from skipvid.tune.ground_truth import read_ground_truth

    if files and len(files) != len(videos):
        message = f"There are {len(files)} file(s) of ground truth for {len(videos)} video(s)."
        raise UsageError(message, "Give --gt once per video, in the order of the videos.")
    label = next(iter(network.class_indices([gt_class]) or [0]))
    return [read_ground_truth(file, network.labels, label) for file in files]


class _Line:
    """Tells of every trial that is the best so far, and of every tenth."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._best: Trial | None = None

    def __call__(self, search: Search, trial: Trial) -> None:
        if search.best is not self._best or len(search.trials) % 10 == 0:
            self._best = search.best
            best = "none meets the goal yet" if search.best is None else f"best {_short(search.best)}"
            self._console.print(f"  trial {len(search.trials) + search.compared}: {_short(trial)}; {best}")


def _short(trial: Trial) -> str:
    return f"{trial.macs:.1%} of the MACs, {trial.ms:.2f} ms, at AP50 {trial.quality:.3f}"


def _print_result(console: Console, tuned: Tuned, path: Path) -> None:
    from skipvid.stats.tuning import pareto_table

    console.print(pareto_table(tuned.thresholds.measured))
    if tuned.verified is not None:
        console.print(f"On frames not searched on: {_short(tuned.verified)}; on others count on AP50 {tuned.low:.3f} or better.")
    if tuned.search.best is None:
        console.print(_hopeless(tuned))
    elif not tuned.met:
        console.print(_missed(tuned))
    elif tuned.verified is not None and not tuned.sure:
        console.print(_unsure(tuned))
    console.print(f"Wrote {path}: pass it to `skipvid run --thresholds`.")


def _missed(tuned: Tuned) -> str:
    """What of the goal is not met on the frames held back."""
    held, goal = tuned.thresholds.measured["held_out"], tuned.thresholds.measured["goal"]
    if "target_fps" in goal:
        speed = f"{1e3 / held['ms']:.1f} frames per second where {goal['target_fps']:g} were asked for"
        return f"The goal is not met on the frames not searched on: {speed}. Allow for that with a higher --target-fps."
    asked = {"AP50": ("quality", "max_drop"), "AP75": ("quality75", "max_drop75")}
    short = [
        f"{name} is {held[found]:.3f} where {1 - goal[drop]:.3f} was asked for"
        for name, (found, drop) in asked.items()
        if held[found] < 1 - goal[drop]
    ]
    reason = " and ".join(short)
    return f"The goal is not met on the frames not searched on: {reason}. Tune on longer footage, or allow a larger --max-drop."


def _unsure(tuned: Tuned) -> str:
    looks, goal = tuned.thresholds.measured["held_out"]["looks"], tuned.thresholds.measured["goal"]
    little = f"{looks} look{'' if looks == 1 else 's'} at objects, a second each, cannot promise {1 - goal['max_drop']:.3f}"
    return f"The goal is met, but {little}. Tune on longer footage, or of more that moves."


def _hopeless(tuned: Tuned) -> str:
    from skipvid.tune.goals import KeepQuality

    if isinstance(tuned.search.goal, KeepQuality):
        return "No setting meets the goal: the file holds the exact one. Allow a larger --max-drop."
    return f"No setting is that fast: the file holds the fastest tried, {1e3 / tuned.found.ms:.1f} frames per second."
