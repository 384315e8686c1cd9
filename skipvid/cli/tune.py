"""``skipvid tune-thresholds``: thresholds for a model and a kind of footage."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skipvid.cli import options as opt

if TYPE_CHECKING:
    from rich.console import Console

    from skipvid.tune.search import Search
    from skipvid.tune.trial import Trial
    from skipvid.tune.tuner import Tuned

__all__ = ["app"]

app = typer.Typer()


class Method(StrEnum):
    SHAPED = "shaped"
    UNIFORM = "uniform"
    FRONT_TO_BACK = "front-to-back"


Videos = Annotated[
    list[str], typer.Argument(metavar="VIDEO...", help="Videos like those it will run on: files, folders, patterns.")
]
MaxFrames = Annotated[int, typer.Option(min=24, help="Frames to sample, in all; half are searched on, half verify the result.")]
MaxDrop = Annotated[float, typer.Option(min=0, max=1, help="Loss of AP50 against the dense network that is allowed.")]
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
    max_frames: MaxFrames = 240,
    max_drop: MaxDrop = 0.01,
    method: MethodOption = Method.SHAPED,
    minutes: Minutes = None,
    out: Out = None,
    overwrite: opt.Overwrite = False,
    engine: opt.Engine = opt.EngineName.AUTO,
    threads: opt.Threads = 0,
    quiet: opt.Quiet = False,
) -> None:
    """Find thresholds that keep a stated quality, without labels: the dense network's own detections are the reference.

    The file goes to `skipvid run --thresholds`. Ctrl-C keeps the best so far.
    """
    from rich.console import Console

    from skipvid.errors import OutputError
    from skipvid.gates.thresholds import save_thresholds
    from skipvid.models.loading import load
    from skipvid.pipeline.stop import Interrupted, Stop
    from skipvid.tune.sampling import sample
    from skipvid.tune.search import Goal
    from skipvid.tune.tuner import Request, tune
    from skipvid.video.inputs import expand

    console = Console(stderr=True, quiet=quiet, soft_wrap=True)
    stop: Stop = ctx.obj or Stop()
    sources = expand(videos)
    network = load(model, None if imgsz is None else opt.parse_size(imgsz), head, labels, offline=offline)
    path = out or Path(f"{network.name}.thresholds.json")
    if path.exists() and not overwrite:
        message = f"The file {path} exists."
        raise OutputError(message, "Choose another with -o, or pass --overwrite.")
    footage = sample(network, sources, max_frames, lambda name: console.print(f"reading {name}"), even=True)
    with stop.deferred():
        tuned = tune(
            network,
            footage,
            Request(Goal(max_drop), method.value, engine.value, threads, None if minutes is None else minutes * 60),
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


class _Line:
    """Tells of every trial that is the best so far, and of every tenth."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._best: Trial | None = None

    def __call__(self, search: Search, trial: Trial) -> None:
        if search.best is not self._best or len(search.trials) % 10 == 0:
            self._best = search.best
            best = "none meets the goal yet" if search.best is None else f"best {_short(search.best)}"
            self._console.print(f"  trial {len(search.trials)}: {_short(trial)}; {best}")


def _short(trial: Trial) -> str:
    return f"{trial.macs:.1%} of the MACs at AP50 {trial.agreement.quality:.3f}"


def _print_result(console: Console, tuned: Tuned, path: Path) -> None:
    from rich.table import Table

    table = Table(title="What was tried: no other setting is better in both")
    for heading in ("MACs", "AP50", "AP75", "longest miss", "false / frame", ""):
        table.add_column(heading, justify="left" if not heading else "right")
    for trial in tuned.search.pareto:
        agreed = trial.agreement
        cells = (f"{trial.macs:.1%}", f"{agreed.main.ap50:.3f}", f"{agreed.main.ap75:.3f}", f"{agreed.longest_miss}")
        table.add_row(*cells, f"{agreed.false_detections:.2f}", "chosen" if trial is tuned.found else "")
    console.print(table)
    if tuned.verified is not None:
        console.print(f"On frames not searched on: {_short(tuned.verified)}.")
    if tuned.search.best is None:
        console.print("No setting meets the goal: the file holds the exact one. Allow a larger --max-drop.")
    elif not tuned.met:
        console.print("The goal is not met on the frames not searched on. Sample more with --max-frames.")
    console.print(f"Wrote {path}: pass it to `skipvid run --thresholds`.")
