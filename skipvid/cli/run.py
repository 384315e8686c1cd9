"""``skipvid run``: video in, annotated video, heatmap, predictions and statistics out."""

from __future__ import annotations

from typing import Annotated

import typer

from skipvid.cli import options as opt
from skipvid.pipeline import config as cfg

__all__ = ["app"]

app = typer.Typer()

Inputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help="Video files, folders, patterns, a camera index or a URL.")]


@app.command()
def run(
    ctx: typer.Context,
    inputs: Inputs,
    model: opt.Model = "centerface",
    head: opt.Head = None,
    labels: opt.Labels = None,
    imgsz: opt.Imgsz = None,
    conf: opt.Conf = None,
    iou: opt.Iou = None,
    classes: opt.Classes = None,
    max_det: opt.MaxDet = 300,
    roi: opt.Roi = None,
    offline: opt.Offline = False,
    preset: opt.Preset = None,
    thresholds: opt.Thresholds = None,
    input_threshold: opt.InputThreshold = None,
    gate: opt.Gate = None,
    structure: opt.Structure = None,
    reference: opt.Reference = None,
    refresh_every: opt.RefreshEvery = None,
    ignore_zone: opt.IgnoreZones = None,
    out: opt.Out = None,
    overwrite: opt.Overwrite = False,
    no_annotated: opt.NoAnnotated = False,
    no_heatmap: opt.NoHeatmap = False,
    heatmap_frames: opt.HeatmapFrames = False,
    blur: opt.Blur = False,
    no_audio: opt.NoAudio = False,
    show: opt.Show = False,
    export: opt.Exports = None,
    vid_stride: opt.VidStride = 1,
    max_frames: opt.MaxFrames = None,
    device: opt.Device = "cpu",
    engine: opt.Engine = opt.EngineName.AUTO,
    threads: opt.Threads = 0,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> None:
    """Find objects in videos, recomputing only what changed from frame to frame.

    Results land in one folder per input: annotated.mp4, heatmap.mp4, predictions.jsonl, stats.jsonl and run.json.
    """
    from skipvid.cli.batch import gate_choice, run_all

    base = cfg.RunConfig(
        source="",
        folder=None,
        model=cfg.ModelChoice(model, head, labels, None if imgsz is None else opt.parse_size(imgsz), offline),
        detect=cfg.DetectChoice(conf, iou, opt.parse_classes(classes), max_det),
        gate=gate_choice(preset, thresholds, input_threshold, ignore_zone, gate, structure, reference, refresh_every),
        output=cfg.OutputChoice(
            annotated=not no_annotated,
            heatmap=not no_heatmap,
            heatmap_frames=heatmap_frames,
            blur=blur,
            audio=not no_audio,
            show=show,
            exports=tuple(export or ()),
        ),
        engine=engine.value,
        threads=threads,
        vid_stride=vid_stride,
        max_frames=max_frames,
        roi=None if roi is None else opt.parse_rectangle(roi),
        overwrite=overwrite,
    )
    run_all(base, inputs, out, stop=ctx.obj, quiet=quiet, verbose=verbose)
