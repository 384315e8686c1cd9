"""A whole video, dense and gated side by side: against ground truth where there is one, against each other in any case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from skipvid.engine import EngineName
from skipvid.engine.executor import ByteArray
from skipvid.engine.stream import Stream
from skipvid.models.detection import Detections
from skipvid.models.gating import Gating
from skipvid.models.model import Model
from skipvid.tune.agreement import Agreement, agreement
from skipvid.tune.coco import Precision, average_precision
from skipvid.tune.ground_truth import GroundTruth
from skipvid.video.letterbox import Letterbox
from skipvid.video.source import Source

__all__ = ["Evaluation", "evaluate", "side_by_side"]

_LEAST_CONF = 0.01  # from which detections are judged against ground truth, as detectors usually are


@dataclass(frozen=True)
class Evaluation:
    """What came of a video.

    Attributes:
        frames: Frames processed.
        judged: Frames with ground truth.
        dense: Precision of the dense network against the ground truth, or None.
        gated: The same of the gated network.
        agreement: Of the gated with the dense network.
        macs: Executed share of the arithmetic.
        dense_ms: Network time per frame of a full pass.
        gated_ms: Network time per frame of the gated network.
    """

    frames: int
    judged: int
    dense: Precision | None
    gated: Precision | None
    agreement: Agreement
    macs: float
    dense_ms: float
    gated_ms: float


@dataclass(eq=False)
class _Tally:
    """What is collected on the way."""

    pairs: list[tuple[Detections, Detections]] = field(default_factory=list)
    truth: list[Detections] = field(default_factory=list)
    judged: list[tuple[Detections, Detections]] = field(default_factory=list)
    macs: int = 0
    ms: list[float] = field(default_factory=lambda: [0.0, 0.0])


def evaluate(
    model: Model,
    source: Source,
    gates: Gating,
    truth: GroundTruth | None = None,
    *,
    engine: EngineName = "auto",
    threads: int = 0,
    max_frames: int | None = None,
    progress: Callable[[int], None] = lambda frames: None,
    stop: Callable[[], bool] = lambda: False,
) -> Evaluation:
    """Run a video through the dense and the gated network.

    Args:
        model: The network, bound to the size of the video.
        source: The video.
        gates: The policy and what it refers to.
        truth: Ground truth in pixels of the frame, or None.
        engine: ``auto``, ``native`` or ``reference``.
        threads: Threads of the engine.
        max_frames: Stop after so many frames.
        progress: Told the number of frames done.
        stop: Asked after every frame.
    """
    fit = model.fit((source.width, source.height))
    conf = min(model.conf / 4, _LEAST_CONF if truth is not None else 1.0)
    options: dict[str, Any] = {"engine": engine, "threads": threads, "pixels": model.preprocess.pixel_map()}
    dense = Stream(model.plan, None, **options)
    gated = Stream(model.plan, gates.policy, scales=gates.scales, safety=gates.safety, care=gates.care, **options)
    tally = _Tally()
    for frame in source:
        if frame.gap:
            gated.refresh("gap")
        pair = side_by_side(model, dense, gated, fit.apply(frame.image), fit, conf)
        for k, stream in enumerate((dense, gated)):
            tally.ms[k] += stream.last.ms["network"] + stream.last.ms["tail"]
        _count(tally, pair, None if truth is None else truth.at(frame.index), gated.last.macs)
        progress(len(tally.pairs))
        if stop() or len(tally.pairs) == max_frames:
            break
    return _summary(model, tally, truth is not None)


def side_by_side(
    model: Model, dense: Stream, gated: Stream, image: ByteArray, fit: Letterbox, conf: float
) -> tuple[Detections, Detections]:
    """What a full pass and a gated stream find in the next frame.

    Args:
        model: Of both streams.
        dense: Is made to compute the frame in full.
        gated: Of the same engine.
        image: The frame, letterboxed.
        fit: How it was.
        conf: Lowest confidence.
    """
    dense.refresh("dense")
    found = []
    for stream in (dense, gated):
        stream.step_image(image)
        found.append(model.look(stream, stream.outputs(), fit, conf=conf))
    return found[0], found[1]


def _count(tally: _Tally, pair: tuple[Detections, Detections], truth: Detections | None, macs: int) -> None:
    tally.pairs.append(pair)
    tally.macs += macs
    if truth is not None:
        tally.truth.append(truth)
        tally.judged.append(pair)


def _summary(model: Model, tally: _Tally, judged: bool) -> Evaluation:
    frames = max(len(tally.pairs), 1)
    return Evaluation(
        frames=len(tally.pairs),
        judged=len(tally.truth),
        dense=average_precision(tally.truth, [d for d, _ in tally.judged]) if judged else None,
        gated=average_precision(tally.truth, [g for _, g in tally.judged]) if judged else None,
        agreement=agreement([tally.pairs], model.conf),
        macs=tally.macs / (model.plan.dense_macs * frames),
        dense_ms=tally.ms[0] / frames,
        gated_ms=tally.ms[1] / frames,
    )
