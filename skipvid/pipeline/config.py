"""What a run is asked to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

__all__ = [
    "BLUR_GROW",
    "BLUR_HOLD",
    "BudgetChoice",
    "DetectChoice",
    "Export",
    "GateChoice",
    "ModelChoice",
    "OutputChoice",
    "Rectangle",
    "RunConfig",
]

# Side of the blurred box over that of the detected one: an ellipse in it holds all of the box (from 1.42 on), with room for boxes
# that are a tenth off.
BLUR_GROW = 1.7
BLUR_HOLD = 10  # frames for which a box stays blurred after its last detection

Rectangle = tuple[int, int, int, int]  # x, y, width, height in pixels of the frame


class Export(StrEnum):
    """Formats that predictions can be copied to when a run ends."""

    COCO = "coco"
    MOT = "mot"
    CSV = "csv"


@dataclass(frozen=True)
class ModelChoice:
    """Which network, and how it is read.

    Attributes:
        name: Registry name or path of an ONNX file.
        head: Name of the head that decodes its outputs; None: from the card or the outputs.
        labels: File with a class name per line; None: from the card.
        imgsz: Longest side, or (height, width), of the network's input; None: by the card's rule.
        offline: Never touch the network to fetch a model.
    """

    name: str = "centerface"
    head: str | None = None
    labels: Path | None = None
    imgsz: int | tuple[int, int] | None = None
    offline: bool = False


@dataclass(frozen=True)
class DetectChoice:
    """Which detections count.

    Attributes:
        conf: Least confidence; None: the card's.
        iou: Overlap above which the weaker of two boxes goes; None: the card's.
        classes: Names or indices of classes to keep; empty: all.
        max_det: Most detections per frame.
    """

    conf: float | None = None
    iou: float | None = None
    classes: tuple[str, ...] = ()
    max_det: int = 300


@dataclass(frozen=True)
class GateChoice:
    """What counts as a change.

    Attributes:
        preset: ``exact``, ``high``, ``balanced`` or ``fast``; None: ``high`` with ``--blur``, else ``balanced``.
        thresholds: Thresholds file instead of a preset.
        input_threshold: Grey levels that a pixel must differ by to count as changed; None: the policy's.
        ignore_zones: Parts of the frame where changes do not count.
        family: Kind of gate, ``truncation``, ``input-norm`` or ``output-norm``; None: the default one, or that of the file.
        structure: Side of the blocks that gates decide for as a whole; None: the policy's.
        reference: Of norm gates, ``accumulating`` or ``previous-frame``; None: the policy's.
        refresh_every: Frames over which everything is looked at once without a threshold; None: the policy's.
    """

    preset: str | None = None
    thresholds: Path | None = None
    input_threshold: float | None = None
    ignore_zones: tuple[Rectangle, ...] = ()
    family: str | None = None
    structure: int | None = None
    reference: str | None = None
    refresh_every: int | None = None


@dataclass(frozen=True)
class BudgetChoice:
    """What a frame may cost; without either, what it takes.

    Attributes:
        ms: Network time per frame, in ms.
        fps: Frames per second to hold: the network gets what the other stages of a frame leave of it.
        max_age: Frames that a change waits at most; None: 30.
    """

    ms: float | None = None
    fps: float | None = None
    max_age: int | None = None

    @property
    def limits(self) -> bool:
        """Whether there is a limit at all."""
        return self.ms is not None or self.fps is not None


@dataclass(frozen=True)
class OutputChoice:
    """What is written and shown.

    Attributes:
        annotated: Write ``annotated.mp4``.
        heatmap: Write ``heatmap.mp4``.
        heatmap_frames: Write a PNG of the heatmap per frame.
        blur: Make what is detected unrecognisable in every picture written or shown, instead of outlining it.
        audio: Carry the source's sound over.
        show: Open a preview window.
        exports: Copies of the predictions in other formats.
    """

    annotated: bool = True
    heatmap: bool = True
    heatmap_frames: bool = False
    blur: bool = False
    audio: bool = True
    show: bool = False
    exports: tuple[Export, ...] = ()

    @property
    def pictures(self) -> bool:
        """Whether any picture is drawn; else there are only rows to write."""
        return self.annotated or self.heatmap or self.heatmap_frames or self.show

    @property
    def heat_every(self) -> int:
        """Frames from one that is asked where it was recomputed to the next: all for a heatmap, some for the report's mean."""
        return 1 if self.heatmap or self.heatmap_frames else 5


@dataclass(frozen=True)
class RunConfig:
    """One run over one source.

    Attributes:
        source: File, camera index or URL.
        folder: Where results go; None: nowhere, frames are only looked at.
        model: The network.
        detect: Which detections count.
        gate: What counts as a change.
        budget: What a frame may cost.
        audit: Every so many frames a full pass tells how far the outputs are from it; None: never.
        output: What is written and shown.
        engine: ``auto``, ``native`` or ``reference``.
        threads: Threads of the engine; 0: as many as the machine has.
        vid_stride: Every how many-th frame is processed; the others appear nowhere.
        max_frames: Frames processed at most.
        roi: The part of the frame that the network sees; None: all.
        live: Newest frame first, dropping those that came while the last one was processed; None: as the source is.
        overwrite: Write into a folder that is in use, replacing the files of an earlier run.
    """

    source: str
    folder: Path | None
    model: ModelChoice = ModelChoice()
    detect: DetectChoice = DetectChoice()
    gate: GateChoice = GateChoice()
    budget: BudgetChoice = BudgetChoice()
    audit: int | None = None
    output: OutputChoice = OutputChoice()
    engine: str = "auto"
    threads: int = 0
    vid_stride: int = 1
    max_frames: int | None = None
    roi: Rectangle | None = None
    live: bool | None = None
    overwrite: bool = False

    @property
    def preset(self) -> str | None:
        """The preset in force, or None where a thresholds file takes its place."""
        if self.gate.thresholds is not None:
            return None
        return self.gate.preset or ("high" if self.output.blur else "balanced")

    def to_dict(self) -> dict[str, Any]:
        """As recorded in ``run.json``."""
        return {**asdict(self), "preset": self.preset}
