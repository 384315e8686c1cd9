"""``skipvid eval``: what skipping costs in quality, on a video."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skipvid.cli import options as opt
from skipvid.cli import values as val

if TYPE_CHECKING:
    from rich.console import Console

    from skipvid.models.gating import Gating
    from skipvid.models.model import Model
    from skipvid.tune.evaluate import Evaluation

__all__ = ["app"]

app = typer.Typer(add_completion=False)

Video = Annotated[str, typer.Argument(metavar="VIDEO", help="A video file.")]
Truth = Annotated[Path | None, typer.Option("--gt", help="Ground truth: MOT text or COCO JSON. Default: the dense network.")]
TruthClass = Annotated[str, typer.Option(help="Class of the objects in a MOT file, by name or index of the model's classes.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command("eval")
def evaluate_video(
    ctx: typer.Context,
    video: Video,
    gt: Truth = None,
    gt_class: TruthClass = "0",
    model: opt.Model = "centerface",
    head: opt.Head = None,
    labels: opt.Labels = None,
    imgsz: opt.Imgsz = None,
    offline: opt.Offline = False,
    preset: opt.Preset = None,
    thresholds: opt.Thresholds = None,
    max_frames: opt.MaxFrames = None,
    engine: opt.Engine = val.EngineName.AUTO,
    threads: opt.Threads = 0,
    as_json: Json = False,
    quiet: opt.Quiet = False,
) -> None:
    """Compare skipping with the dense network on a video: precision, arithmetic and time, side by side.

    With ground truth both are judged by it; without, the dense network's detections are the reference.
    """
    from rich.console import Console

    from skipvid.models.loading import load
    from skipvid.pipeline.stop import Interrupted, Stop
    from skipvid.tune.evaluate import evaluate
    from skipvid.tune.ground_truth import read_ground_truth
    from skipvid.video.source import open_source

    stop: Stop = ctx.obj or Stop()
    size = val.parse_size(imgsz)
    with open_source(video) as source:
        network = load(model, size, head, labels, frame_size=(source.width, source.height), offline=offline)
        gates = _gates(network, preset, thresholds)
        label = next(iter(network.class_indices([gt_class]) or [0]))
        truth = None if gt is None else read_ground_truth(gt, network.labels, label)
        console = Console(stderr=True, quiet=quiet)
        if truth is not None and truth.ignored:
            console.print(f"Left out, the model does not know them: {', '.join(truth.ignored)}.")
        with stop.deferred():
            result = evaluate(
                network,
                source,
                gates,
                truth,
                engine=engine.value,
                threads=threads,
                max_frames=max_frames,
                progress=lambda n: console.print(f"{n} frames") if n % 100 == 0 else None,
                stop=lambda: stop.requested,
            )
    if as_json:
        typer.echo(json.dumps(_plain(result)))
    else:
        _print_table(Console(), result)
    if stop.signal is not None:
        raise Interrupted(stop.signal, f"interrupted after {result.frames} frames")


def _gates(network: Model, preset: val.PresetName | None, thresholds: Path | None) -> Gating:
    from skipvid.errors import UsageError
    from skipvid.gates.presets import DEFAULT
    from skipvid.gates.thresholds import load_thresholds
    from skipvid.models.gating import gating, gating_of

    if preset is not None and thresholds is not None:
        message = "--thresholds and --preset exclude each other: both say how much change is ignored."
        raise UsageError(message, "Leave one of them out.")
    if thresholds is not None:
        return gating_of(load_thresholds(thresholds, network.plan), network)
    return gating(network, DEFAULT if preset is None else preset.value)


def _plain(result: Evaluation) -> dict[str, object]:
    from skipvid.tune.agreement import plain

    data: dict[str, object] = plain({**asdict(result), "agreement": result.agreement.to_dict()})
    return data


def _print_table(console: Console, result: Evaluation) -> None:
    from rich.table import Table

    against = "the ground truth" if result.dense is not None else "the dense network's detections"
    table = Table(title=f"Against {against}, {result.judged or result.frames} frames")
    for heading in ("", "AP50", "AP75", "AP50-95", "MACs", "ms / frame"):
        table.add_column(heading, justify="right" if heading else "left")
    gated = result.gated or result.agreement.main
    if result.dense is not None:
        d = result.dense
        table.add_row("dense", f"{d.ap50:.3f}", f"{d.ap75:.3f}", f"{d.ap:.3f}", "100%", f"{result.dense_ms:.1f}")
    else:
        table.add_row("dense", "1", "1", "1", "100%", f"{result.dense_ms:.1f}")
    table.add_row(
        "skip", f"{gated.ap50:.3f}", f"{gated.ap75:.3f}", f"{gated.ap:.3f}", f"{result.macs:.1%}", f"{result.gated_ms:.1f}"
    )
    console.print(table)
    agreed = result.agreement
    console.print(
        f"Dense detections: {agreed.objects_per_frame:.2f} per frame; of these missed: {agreed.missed:.1%}, longest run of one "
        f"object: {agreed.longest_miss} frames. False detections: {agreed.false_detections:.2f} per frame."
    )
    if agreed.pck is not None:
        console.print(f"Keypoints within a tenth of the box's longer side (PCK): {agreed.pck:.1%}.")
