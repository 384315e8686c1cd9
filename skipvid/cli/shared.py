"""The options of every command that processes a video, listed once, and the configuration they amount to."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import Any, get_type_hints

from typer.models import OptionInfo

from skipvid.cli import options as opt
from skipvid.cli import values as val
from skipvid.pipeline import config as cfg

__all__ = ["RunOptions", "with_options"]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of ``run`` and ``webcam``, in the order of their help; each is explained in `skipvid.cli.options`."""

    model: opt.Model = "centerface"
    head: opt.Head = None
    labels: opt.Labels = None
    imgsz: opt.Imgsz = None
    conf: opt.Conf = None
    iou: opt.Iou = None
    classes: opt.Classes = None
    max_det: opt.MaxDet = 300
    roi: opt.Roi = None
    offline: opt.Offline = False
    preset: opt.RunPreset = None
    thresholds: opt.Thresholds = None
    input_threshold: opt.InputThreshold = None
    gate: opt.Gate = None
    structure: opt.Structure = None
    reference: opt.Reference = None
    refresh_every: opt.RefreshEvery = None
    ignore_zone: opt.IgnoreZones = None
    budget_ms: opt.BudgetMs = None
    target_fps: opt.TargetFps = None
    max_age: opt.MaxAge = None
    audit: opt.Audit = None
    out: opt.Out = None
    overwrite: opt.Overwrite = False
    no_annotated: opt.NoAnnotated = False
    no_heatmap: opt.NoHeatmap = False
    heatmap_frames: opt.HeatmapFrames = False
    blur: opt.Blur = False
    export: opt.Exports = None
    vid_stride: opt.VidStride = 1
    max_frames: opt.MaxFrames = None
    device: opt.Device = "cpu"
    engine: opt.Engine = val.EngineName.AUTO
    threads: opt.Threads = 0
    quiet: opt.Quiet = False
    verbose: opt.Verbose = False

    def config(self, source: str, folder: Path | None, *, audio: bool, show: bool, live: bool | None = None) -> cfg.RunConfig:
        """One run over one source.

        Args:
            source: File, camera index or URL.
            folder: Where results go; None: nowhere.
            audio: Whether to carry the sound over.
            show: Whether to open a window.
            live: Whether the newest frame comes first; None: as the source is.
        """
        from skipvid.cli.batch import gate_choice

        return cfg.RunConfig(
            source=source,
            folder=folder,
            model=cfg.ModelChoice(self.model, self.head, self.labels, val.parse_size(self.imgsz), self.offline),
            detect=cfg.DetectChoice(self.conf, self.iou, val.parse_classes(self.classes), self.max_det),
            gate=gate_choice(
                self.preset,
                self.thresholds,
                self.input_threshold,
                self.ignore_zone,
                self.gate,
                self.structure,
                self.reference,
                self.refresh_every,
            ),
            budget=cfg.BudgetChoice(self.budget_ms, self.target_fps, self.max_age),
            audit=self.audit,
            output=cfg.OutputChoice(
                annotated=not self.no_annotated,
                heatmap=not self.no_heatmap,
                heatmap_frames=self.heatmap_frames,
                blur=self.blur,
                audio=audio,
                show=show,
                exports=tuple(self.export or ()),
            ),
            engine=self.engine.value,
            threads=self.threads,
            vid_stride=self.vid_stride,
            max_frames=self.max_frames,
            roi=None if self.roi is None else val.parse_rectangle(self.roi),
            live=live,
            overwrite=self.overwrite,
        )


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command, whose last parameter ``options`` is a `RunOptions`, its fields as options of the command line."""
    own = inspect.signature(command, eval_str=True)
    kinds = get_type_hints(RunOptions, include_extras=True)
    listed = [
        inspect.Parameter(field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=kinds[field.name])
        for field in fields(RunOptions)
    ]
    kept = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for name, p in own.parameters.items() if name != "options"]

    @wraps(command)
    def wrapped(*args: Any, **given: Any) -> None:
        shared = {field.name: given.pop(field.name) for field in fields(RunOptions)}
        command(*args, **given, options=RunOptions(**shared))

    # The help has panels in the order in which options come: those that commands share, then their own.
    parameters = [*(p for p in kept if not _is_option(p)), *listed, *(p for p in kept if _is_option(p))]
    wrapped.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del wrapped.__wrapped__
    return wrapped


def _is_option(parameter: inspect.Parameter) -> bool:
    return any(isinstance(kind, OptionInfo) for kind in getattr(parameter.annotation, "__metadata__", ()))
