"""The options that commands share, documented once. How their values are read is in `skipvid.cli.values`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skipvid.cli.values import EngineName, GateName, PresetName, ReferenceName, check_above_zero, check_structure, refuse_device
from skipvid.pipeline.config import Export

__all__ = [
    "Audit",
    "Blur",
    "BudgetMs",
    "Classes",
    "Conf",
    "Debug",
    "Device",
    "Engine",
    "Exports",
    "Gate",
    "Head",
    "HeatmapFrames",
    "IgnoreZones",
    "Imgsz",
    "InputThreshold",
    "Iou",
    "Labels",
    "MaxAge",
    "MaxDet",
    "MaxFrames",
    "Model",
    "NoAnnotated",
    "NoAudio",
    "NoHeatmap",
    "Offline",
    "Out",
    "Overwrite",
    "Preset",
    "Quiet",
    "Reference",
    "RefreshEvery",
    "Roi",
    "RunPreset",
    "Show",
    "Structure",
    "TargetFps",
    "Threads",
    "Thresholds",
    "Verbose",
    "VidStride",
]


_NETWORK, _CHANGE, _COST = "Network", "What counts as a change", "What a frame may cost"
_OUTPUT, _FRAMES, _HOW = "Results", "Frames", "Running"

Model = Annotated[
    str, typer.Option("--model", "-m", help="A name from `skipvid models list`, or an .onnx file.", rich_help_panel=_NETWORK)
]
Head = Annotated[
    str | None,
    typer.Option(help="How outputs become detections. Default: from the card or the outputs.", rich_help_panel=_NETWORK),
]
Labels = Annotated[Path | None, typer.Option(help="File with a class name per line.", rich_help_panel=_NETWORK)]
Imgsz = Annotated[
    str | None,
    typer.Option(
        help="Size of the network's input: its longest side, or height x width (384x640). Default: the card's.",
        rich_help_panel=_NETWORK,
    ),
]
Conf = Annotated[
    float | None,
    typer.Option(min=0, max=1, help="Least confidence of a detection. Default: the card's.", rich_help_panel=_NETWORK),
]
Iou = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="Overlap above which the weaker of two boxes goes. Default: the card's.", rich_help_panel=_NETWORK
    ),
]
Classes = Annotated[
    list[str] | None, typer.Option(help="Classes to keep, by name or index: person,car or 0,2.", rich_help_panel=_NETWORK)
]
MaxDet = Annotated[int, typer.Option(min=1, help="Most detections per frame.", rich_help_panel=_NETWORK)]
Roi = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,W,H",
        help="Part of the frame that the network sees; most pose networks see a margin around it, too.",
        rich_help_panel=_NETWORK,
    ),
]
Offline = Annotated[bool, typer.Option("--offline", help="Never download a model.", rich_help_panel=_NETWORK)]

_PRESET = "How much change is ignored; exact: none. Default: balanced"
Preset = Annotated[PresetName | None, typer.Option(help=f"{_PRESET}.", rich_help_panel=_CHANGE)]
RunPreset = Annotated[PresetName | None, typer.Option("--preset", help=f"{_PRESET}, with --blur high.", rich_help_panel=_CHANGE)]
Thresholds = Annotated[
    Path | None, typer.Option(help="Thresholds file of `skipvid tune-thresholds` instead of a preset.", rich_help_panel=_CHANGE)
]
InputThreshold = Annotated[
    float | None,
    typer.Option(
        min=0,
        help="Grey levels a pixel must differ by to count. Default: the preset's, from the video's noise.",
        rich_help_panel=_CHANGE,
    ),
]
Gate = Annotated[
    GateName | None,
    typer.Option(
        help="What is skipped: outputs of convolutions whose window changed little (input-norm, the default), also by the "
        "weights (output-norm), or changes of activations (truncation).",
        rich_help_panel=_CHANGE,
    ),
]
Structure = Annotated[
    int | None,
    typer.Option(
        metavar="1|2|4|8",
        callback=check_structure,
        help="Side of the blocks that gates decide for as a whole. Default: 1, single pixels.",
        rich_help_panel=_CHANGE,
    ),
]
Reference = Annotated[
    ReferenceName | None,
    typer.Option(
        help="With a norm gate: whether changes that were skipped add up, or are compared with the previous frame and forgotten. "
        "Default: accumulating.",
        rich_help_panel=_CHANGE,
    ),
]
RefreshEvery = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Look at everything once in so many frames without a threshold, a part in each frame. Default: 0, never.",
        rich_help_panel=_CHANGE,
    ),
]
IgnoreZones = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore-zone",
        metavar="X,Y,W,H",
        help="Where changes do not count, such as a burned-in clock. Repeatable.",
        rich_help_panel=_CHANGE,
    ),
]

BudgetMs = Annotated[
    float | None,
    typer.Option(
        metavar="MS",
        callback=check_above_zero,
        help="Network time per frame in ms. What does not fit waits, in turns.",
        rich_help_panel=_COST,
    ),
]
TargetFps = Annotated[
    float | None,
    typer.Option(
        metavar="FPS",
        callback=check_above_zero,
        help="Frames per second to hold: a budget of what the other stages leave.",
        rich_help_panel=_COST,
    ),
]
MaxAge = Annotated[
    int | None,
    typer.Option(
        metavar="FRAMES",
        min=1,
        help="With a budget: frames that a change waits at most, whatever it costs then. Default: 30.",
        rich_help_panel=_COST,
    ),
]
Audit = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Every N frames make a full pass as well, and record how far outputs and detections are from it.",
        rich_help_panel=_COST,
    ),
]

Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder for the results. Default: runs/<name>.", rich_help_panel=_OUTPUT)
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the results of an earlier run there.", rich_help_panel=_OUTPUT)
]
NoAnnotated = Annotated[bool, typer.Option("--no-annotated", help="Write no annotated.mp4.", rich_help_panel=_OUTPUT)]
NoHeatmap = Annotated[bool, typer.Option("--no-heatmap", help="Write no heatmap.mp4.", rich_help_panel=_OUTPUT)]
HeatmapFrames = Annotated[
    bool, typer.Option("--heatmap-frames", help="Write a PNG of the heatmap per frame.", rich_help_panel=_OUTPUT)
]
Blur = Annotated[bool, typer.Option("--blur", help="Make what is detected unrecognisable.", rich_help_panel=_OUTPUT)]
NoAudio = Annotated[bool, typer.Option("--no-audio", help="Leave the sound out.", rich_help_panel=_OUTPUT)]
Show = Annotated[bool, typer.Option("--show", help="Open a preview window; q or Esc ends the run.", rich_help_panel=_OUTPUT)]
Exports = Annotated[
    list[Export] | None,
    typer.Option("--export", help="Copy the predictions to another format. Repeatable.", rich_help_panel=_OUTPUT),
]

VidStride = Annotated[
    int, typer.Option(min=1, help="Process every how many-th frame; the others appear nowhere.", rich_help_panel=_FRAMES)
]
MaxFrames = Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.", rich_help_panel=_FRAMES)]

Device = Annotated[str, typer.Option(help="Only cpu.", callback=refuse_device, rich_help_panel=_HOW)]
Engine = Annotated[
    EngineName, typer.Option(help="What executes the network; auto: native where it is built.", rich_help_panel=_HOW)
]
Threads = Annotated[int, typer.Option(min=0, help="Threads of the engine; 0: one per core.", rich_help_panel=_HOW)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.", rich_help_panel=_HOW)]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print more about what is going on.", rich_help_panel=_HOW)]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error. May stand anywhere.")]
