"""``skipvid webcam``: what ``run`` does, on a camera, newest frame first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skipvid.cli import options as opt
from skipvid.pipeline import config as cfg

__all__ = ["app"]

app = typer.Typer()

Camera = Annotated[str, typer.Argument(metavar="[INDEX|URL|FILE]", help="Camera number, address, or a file fed at its own pace.")]
Record = Annotated[bool, typer.Option("--record", help="Write a run folder, as `skipvid run` does.", rich_help_panel="Results")]
NoShow = Annotated[bool, typer.Option("--no-show", help="Open no preview window.", rich_help_panel="Results")]


@app.command()
def webcam(
    ctx: typer.Context,
    camera: Camera = "0",
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
    record: Record = False,
    out: opt.Out = None,
    overwrite: opt.Overwrite = False,
    no_annotated: opt.NoAnnotated = False,
    no_heatmap: opt.NoHeatmap = False,
    heatmap_frames: opt.HeatmapFrames = False,
    blur: opt.Blur = False,
    no_show: NoShow = False,
    export: opt.Exports = None,
    vid_stride: opt.VidStride = 1,
    max_frames: opt.MaxFrames = None,
    device: opt.Device = "cpu",
    engine: opt.Engine = opt.EngineName.AUTO,
    threads: opt.Threads = 0,
    quiet: opt.Quiet = False,
    verbose: opt.Verbose = False,
) -> None:
    """Find objects in what a camera sees now, in a preview window; q or Esc ends it.

    The newest frame comes first: those that arrive while another is processed are dropped, and counted. Nothing is written
    without --record or --out.
    """
    from skipvid.cli.batch import gate_choice, run_camera

    config = cfg.RunConfig(
        source=camera,
        folder=_folder(camera, out, record=record, overwrite=overwrite),
        model=cfg.ModelChoice(model, head, labels, None if imgsz is None else opt.parse_size(imgsz), offline),
        detect=cfg.DetectChoice(conf, iou, opt.parse_classes(classes), max_det),
        gate=gate_choice(preset, thresholds, input_threshold, ignore_zone, gate, structure, reference, refresh_every),
        output=cfg.OutputChoice(
            annotated=not no_annotated,
            heatmap=not no_heatmap,
            heatmap_frames=heatmap_frames,
            blur=blur,
            audio=False,
            show=not no_show,
            exports=tuple(export or ()),
        ),
        engine=engine.value,
        threads=threads,
        vid_stride=vid_stride,
        max_frames=max_frames,
        roi=None if roi is None else opt.parse_rectangle(roi),
        live=True,
        overwrite=overwrite,
    )
    run_camera(config, stop=ctx.obj, quiet=quiet, verbose=verbose)


def _folder(camera: str, out: Path | None, *, record: bool, overwrite: bool) -> Path | None:
    from skipvid.pipeline.folder import choose_folders

    if not record and out is None:
        return None
    return choose_folders([camera], out, overwrite=overwrite)[0]
