"""From what a run is asked to do to the model, the stream and the letterbox that do it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from skipvid.engine import EngineName, native_reason
from skipvid.engine.stream import Stream
from skipvid.errors import UsageError
from skipvid.gates.norms import NormGate, remembers
from skipvid.gates.policies import Policy, Truncation
from skipvid.gates.presets import DEFAULT_FAMILY
from skipvid.gates.settings import Rect, Reference
from skipvid.gates.thresholds import Thresholds, load_thresholds
from skipvid.models.detection import Detections
from skipvid.models.gating import Gating, gating, gating_of, without_care
from skipvid.models.names import Skeleton
from skipvid.pipeline.config import GateChoice, ModelChoice, Rectangle, RunConfig
from skipvid.plan import FloatArray, Plan
from skipvid.video.letterbox import Letterbox
from skipvid.video.source import Source

if TYPE_CHECKING:
    from skipvid.models.model import Model

__all__ = ["Models", "Setup", "assemble"]


class Models:
    """Models loaded so far, for runs over several videos: one is loaded once per size of frame."""

    def __init__(self) -> None:
        self._loaded: dict[tuple[ModelChoice, tuple[int, int]], Model] = {}

    def get(self, choice: ModelChoice, frame_size: tuple[int, int]) -> Model:
        """The model for frames of (width, height).

        Raises:
            ModelError: It cannot be found, fetched or used.
        """
        key = (choice, frame_size)
        if key not in self._loaded:
            from skipvid.models.loading import load

            labels = None if choice.labels is None else str(choice.labels)
            self._loaded[key] = load(
                choice.name,
                imgsz=choice.imgsz,
                head=choice.head,
                labels=labels,
                frame_size=frame_size,
                offline=choice.offline or None,
            )
        return self._loaded[key]


@dataclass(frozen=True, eq=False)
class Setup:
    """Everything a run over one video needs.

    Attributes:
        name: Of the model.
        plan: The network.
        stream: State of the video.
        fit: Makes the letterbox for frames of (width, height).
        look: Turns outputs of the stream and the letterbox of their frame into detections in pixels of the frame, and tells the
            stream of them.
        decode: The same of any outputs; nobody is told.
        labels: Class names by index.
        skeleton: Lines between keypoints.
        gate_name: The preset or thresholds in force, for people.
        notes: Remarks of the loader.
        engine_note: Why the faster engine is not used, or None.
        model_facts: About the model, for ``run.json``.
        gate_facts: About the gates, for ``run.json``.
    """

    name: str
    plan: Plan
    stream: Stream
    fit: Callable[[tuple[int, int]], Letterbox]
    look: Callable[[Mapping[str, FloatArray], Letterbox], Detections]
    decode: Callable[[Mapping[str, FloatArray], Letterbox], Detections]
    labels: tuple[str, ...]
    skeleton: Skeleton
    gate_name: str
    notes: tuple[str, ...] = ()
    engine_note: str | None = None
    model_facts: Mapping[str, Any] = field(default_factory=dict)
    gate_facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the network's input."""
        return self.plan.input.height, self.plan.input.width

    @property
    def engine(self) -> str:
        """The engine that executes the plan."""
        return "native" if type(self.stream.executor).__name__.startswith("Native") else "reference"

    def describe_gate(self) -> dict[str, Any]:
        """About the gates as asked for: what was measured on the first frames is known only after them."""
        settings = self.stream.asked
        return {
            **self.gate_facts,
            "calibrated": not self.stream.calibrating,
            "input_threshold": settings.input.threshold,
            "dilation": settings.input.dilation,
            "ignore": [[rect.x0, rect.y0, rect.x1, rect.y1] for rect in settings.input.ignore],
            "thresholds": {name: gate.threshold for name, gate in settings.layers.items()},
            "open_thresholds": {name: gate.threshold for name, gate in settings.opens.items()},
            "scales": dict(self.stream.scales),
        }


def assemble(config: RunConfig, source: Source, models: Models) -> Setup:
    """Load the model and make a stream for a source.

    Raises:
        SkipvidError: Something that was asked for does not fit the model or the video; the message says what.
    """
    frame_size = (source.width, source.height)
    if config.roi is not None:
        _check_inside(config.roi, frame_size)
    for zone in config.gate.ignore_zones:
        _check_touches(zone, frame_size)
    model = models.get(config.model, frame_size if config.roi is None else config.roi[2:])

    def fit(size: tuple[int, int]) -> Letterbox:
        return model.fit(size, _region(config.roi, size))

    gates, gate_name = _gates(config, model)
    policy = gates.policy
    ignore = tuple(Rect(*fit(frame_size).to_input_rect(*zone)) for zone in config.gate.ignore_zones)
    engine = cast(EngineName, config.engine)
    options = {"scales": gates.scales, "ignore": ignore, "safety": gates.safety, "care": gates.care}
    stream = model.stream(policy, config.threads, engine, **options)
    classes = model.class_indices(config.detect.classes)
    conf = model.conf if config.detect.conf is None else config.detect.conf
    iou = model.iou if config.detect.iou is None else config.detect.iou

    wanted: dict[str, Any] = {"conf": conf, "iou": iou, "max_det": config.detect.max_det, "classes": classes}

    def look(outputs: Mapping[str, FloatArray], box: Letterbox) -> Detections:
        return model.look(stream, outputs, box, **wanted)

    def decode(outputs: Mapping[str, FloatArray], box: Letterbox) -> Detections:
        return model.decode(outputs, box, **wanted)

    return Setup(
        name=model.name,
        plan=model.plan,
        stream=stream,
        fit=fit,
        look=look,
        decode=decode,
        labels=model.labels,
        skeleton=model.skeleton,
        gate_name=gate_name,
        notes=model.plan.notes,
        engine_note=_engine_note(config.engine),
        model_facts={
            "name": model.name,
            "path": None if model.path is None else str(model.path),
            "sha256": model.plan.sha256,
            "head": model.head.name,
            "input": [model.plan.input.height, model.plan.input.width],
            "labels": list(model.labels),
            "conf": conf,
            "iou": iou,
            "dense_macs": model.plan.dense_macs,
        },
        gate_facts={
            "name": gate_name,
            "policy": policy.to_dict(),
            "care": None if gates.care is None else asdict(gates.care),
            "tuning": _tuning(gates.tuned),
        },
    )


def _gates(config: RunConfig, model: Model) -> tuple[Gating, str]:
    """The gates in force, and their name."""
    gate = config.gate
    if gate.thresholds is not None:
        gates, name = gating_of(load_thresholds(gate.thresholds, model.plan), model), gate.thresholds.name
    else:
        name = config.preset or ""
        gates = gating(model, name, gate.family or DEFAULT_FAMILY)
        name = f"{name}, tuned" if gates.tuned is not None else name
        if gate.family is not None:
            name = f"{name}, {gate.family}"
    policy, name = _adjusted(gates.policy, gate, name)
    gates = replace(gates, policy=policy)
    if not remembers(policy):
        gates = without_care(gates, model.card)
    if gates.care is not None and config.detect.conf is not None:
        gates = replace(gates, care=replace(gates.care, conf=config.detect.conf))
    return gates, name


def _tuning(tuned: Thresholds | None) -> dict[str, Any] | None:
    """What tuning the thresholds came to, for the report."""
    if tuned is None:
        return None
    return {"model": tuned.model, "footage": [dict(item) for item in tuned.footage], "measured": dict(tuned.measured)}


def _adjusted(policy: Policy, gate: GateChoice, name: str) -> tuple[Policy, str]:
    """The policy with what was asked for besides."""
    assert isinstance(policy, (Truncation, NormGate))
    if gate.input_threshold is not None:
        policy = replace(policy, input_threshold=gate.input_threshold, input_noise=0.0)
        name = f"{name}, input {gate.input_threshold:g}"
    if gate.structure is not None:
        policy = replace(policy, structure=gate.structure)
        name = f"{name}, blocks of {gate.structure}"
    if gate.refresh_every is not None:
        policy = replace(policy, refresh_every=gate.refresh_every)
    if gate.reference is not None:
        if not isinstance(policy, NormGate):
            message = (
                f"--reference {gate.reference} says what a norm gate remembers; truncation compares with what was last committed."
            )
            raise UsageError(message, "Take --gate input-norm or --gate output-norm, or leave --reference out.")
        policy = replace(policy, reference=Reference(gate.reference))
        name = f"{name}, {gate.reference}"
    return policy, name


def _engine_note(engine: str) -> str | None:
    reason = native_reason() if engine == "auto" else None
    return None if reason is None else f"running on the reference engine, which is slower: {reason}"


def _check_inside(roi: Rectangle, size: tuple[int, int]) -> None:
    x, y, width, height = roi
    if x + width > size[0] or y + height > size[1]:
        message = f"The region {x},{y},{width},{height} of --roi reaches beyond the frame of {size[0]}x{size[1]}."
        raise UsageError(message, "Give x,y,w,h inside the frame.")


def _check_touches(zone: Rectangle, size: tuple[int, int]) -> None:
    if zone[0] >= size[0] or zone[1] >= size[1]:
        message = f"The zone {','.join(map(str, zone))} of --ignore-zone lies outside the frame of {size[0]}x{size[1]}."
        raise UsageError(message, "Give x,y,w,h in pixels of the frame.")


def _region(roi: Rectangle | None, size: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """The region of a frame of this size; all of it where a smaller frame no longer holds the region."""
    if roi is None or roi[0] + roi[2] > size[0] or roi[1] + roi[3] > size[1]:
        return None
    return (float(roi[0]), float(roi[1]), float(roi[2]), float(roi[3]))
