"""Models: a network with what is needed to go from frames to detections."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skipvid.errors import ModelError, UsageError
from skipvid.models.card import Card, Preprocess
from skipvid.models.detection import Detection, Detections
from skipvid.models.heads import Head, recognise
from skipvid.models.heads.base import tidy
from skipvid.models.names import Skeleton
from skipvid.plan import FloatArray, Plan

if TYPE_CHECKING:
    from skipvid.engine import EngineName
    from skipvid.engine.executor import ByteArray
    from skipvid.engine.stream import Stream
    from skipvid.gates.policies import Policy
    from skipvid.video.letterbox import Letterbox, Roi

__all__ = ["Model", "bind", "output_shapes"]

Size = tuple[int, int]

_CANDIDATES = 300  # that care is told of at least
_PERSON_MARGIN = 1.25  # top-down pose networks are trained on person boxes grown by this


@dataclass(frozen=True, eq=False)
class Model:
    """An immutable network, its card and its head; shared by any number of streams.

    Attributes:
        plan: The network at one input size.
        card: What is known about it.
        head: What decodes its outputs.
        path: The file it came from, or None.
    """

    plan: Plan
    card: Card
    head: Head
    path: Path | None
    _build: Callable[[Size], Plan]
    _declared: Size | None

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def input_size(self) -> Size:
        """Width and height of the network's input."""
        return self.plan.input.width, self.plan.input.height

    @property
    def preprocess(self) -> Preprocess:
        """How frames become the network's input."""
        return self.card.preprocess or self.head.defaults.preprocess

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for every class."""
        known = self.card.labels or self.head.defaults.labels
        return known + tuple(f"class {i}" for i in range(len(known), self.head.classes))

    @property
    def skeleton(self) -> Skeleton:
        """Lines between keypoints."""
        return self.card.skeleton or self.head.defaults.skeleton

    @property
    def conf(self) -> float:
        """The usual lowest confidence of a detection."""
        return self.head.defaults.conf if self.card.conf is None else self.card.conf

    @property
    def iou(self) -> float:
        """The usual overlap at which non-maximum suppression drops the weaker box."""
        return self.head.defaults.iou if self.card.iou is None else self.card.iou

    def for_frame(self, frame_size: Size) -> Model:
        """The same model at the input size that the card chooses for frames of this width and height."""
        size = self.card.imgsz.choose(frame_size, self._declared)
        return self if size == self.input_size[::-1] else bind(self._build, size, self.card, self.path, self._declared)

    def fit(self, frame_size: Size, roi: Roi | None = None) -> Letterbox:
        """How frames of this width and height become the network's input.

        Args:
            frame_size: Width and height of the frames.
            roi: ``(x, y, width, height)``: the part of the frame to look at; for top-down pose networks, the person's box.
        """
        from typing import cast

        from skipvid.video.letterbox import Fit, Letterbox

        pixels = self.preprocess
        if roi is not None and self.head.name in ("keypoints", "simcc") and pixels.fit == "letterbox-centre":
            roi = _grown(roi, self.input_size)
        return Letterbox(frame_size, self.input_size, cast("Fit", pixels.fit), pixels.pad, roi)

    def stream(self, gate: Policy | str | None = None, threads: int = 0, engine: EngineName = "auto", **options: Any) -> Stream:
        """A new stream: the state of one video on this network.

        Args:
            gate: A policy, such as ``skipvid.Truncation(0.2)``, or the name of a preset; None for the default preset.
            threads: Threads of the engine; 0 for its default.
            engine: ``auto``, ``native`` or ``reference``.
            options: Passed to `skipvid.engine.stream.Stream`.
        """
        from skipvid.engine.stream import Stream
        from skipvid.gates.presets import DEFAULT
        from skipvid.models.gating import Gating, gating

        name = DEFAULT if gate is None else gate
        chosen = gating(self, name) if isinstance(name, str) else Gating(name, self.card.scales)
        pixels = self.preprocess.pixel_map() if self.plan.input.channels == 3 else None
        options.setdefault("scales", chosen.scales or None)
        options.setdefault("safety", chosen.safety)
        options.setdefault("care", chosen.care)
        return Stream(self.plan, chosen.policy, engine=engine, threads=threads, pixels=pixels, **options)

    def decode(
        self,
        outputs: Mapping[str, FloatArray],
        fit: Letterbox,
        *,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int = 300,
        classes: Collection[int] | None = None,
    ) -> Detections:
        """The objects in a frame, in pixels of the frame, from the network's outputs.

        Args:
            outputs: ONNX output name -> array.
            fit: How the frame became the network's input.
            conf: Lowest confidence; None for the usual one.
            iou: Overlap of non-maximum suppression; None for the usual one.
            max_det: At most so many objects.
            classes: Classes to keep, or None for all.
        """
        conf, iou = self.conf if conf is None else conf, self.iou if iou is None else iou
        return _in_frame(self.head.decode(outputs, conf=conf, iou=iou, max_det=max_det, classes=classes), fit)

    def look(
        self,
        stream: Stream,
        outputs: Mapping[str, FloatArray],
        fit: Letterbox,
        *,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int = 300,
        classes: Collection[int] | None = None,
    ) -> Detections:
        """The objects in the last frame of a stream, as `decode` finds them; the stream is told where they are and how sure.

        Args:
            stream: A stream of this model.
            outputs: Its outputs or views.
            fit: As of `decode`.
            conf: As of `decode`.
            iou: As of `decode`.
            max_det: As of `decode`.
            classes: As of `decode`. Others need not be found again: where nothing else is, gates are coarse.
        """
        conf, iou = self.conf if conf is None else conf, self.iou if iou is None else iou
        if stream.care is None:
            return self.decode(outputs, fit, conf=conf, iou=iou, max_det=max_det, classes=classes)
        most = max(max_det, _CANDIDATES)
        found = self.head.decode(outputs, conf=min(conf, stream.care.floor), iou=iou, max_det=most, classes=classes)
        stream.saw(found.boxes, found.scores)
        return _in_frame(found.take(np.flatnonzero(found.scores > conf)[:max_det]), fit)

    def detect(
        self,
        stream: Stream,
        frame_bgr: ByteArray,
        conf: float | None = None,
        iou: float | None = None,
        max_det: int = 300,
        classes: Collection[int] | None = None,
    ) -> list[Detection]:
        """Advance a stream by a frame and find the objects in it.

        Args:
            stream: A stream of this model.
            frame_bgr: ``(H, W, 3)`` uint8, any size.
            conf: Lowest confidence; None for the usual one.
            iou: Overlap of non-maximum suppression; None for the usual one.
            max_det: At most so many objects.
            classes: Classes to keep, or None for all.

        Returns:
            Objects by falling score, in pixels of the frame.

        Raises:
            ModelError: The network does not take pictures of three channels, or the stream is another model's.
        """
        if stream.plan is not self.plan:
            message = f"The stream runs another network or input size than the model {self.name!r}."
            raise ModelError(message, "Make it with the stream() of this very model.")
        if self.plan.input.channels != 3:
            message = f"The network {self.name!r} takes {self.plan.input.channels} channels, a frame has 3."
            raise ModelError(message, "Give the stream tensors: stream.step(x).")
        fit = self.fit((frame_bgr.shape[1], frame_bgr.shape[0]))
        stream.step_image(fit.apply(frame_bgr))
        found = self.look(stream, stream.outputs(), fit, conf=conf, iou=iou, max_det=max_det, classes=classes)
        return [found[i] for i in range(len(found))]

    def class_indices(self, classes: Iterable[str | int]) -> tuple[int, ...] | None:
        """Indices of classes given by name or index; None for an empty list, meaning all.

        Raises:
            UsageError: The model has no such class.
        """
        return tuple(_class_index(c, self.labels, self.name) for c in classes) or None


def bind(build: Callable[[Size], Plan], size: Size, card: Card, path: Path | None, declared: Size | None) -> Model:
    """Make the model of a network at an input size.

    Args:
        build: Makes the plan for a height and width.
        size: Height and width.
        card: What is known about the network.
        path: The file it came from, or None.
        declared: Height and width that the file declares, or None.

    Raises:
        ModelError: The labels do not fit the network.
        GraphError: The network cannot be turned into a plan.
        DecodeError: No head understands its outputs.
    """
    plan = build(size)
    head = recognise(card, output_shapes(plan), size)
    if card.labels and len(card.labels) != head.classes:
        message = (
            f"{len(card.labels)} class names are given for {card.name!r}, but the network tells {head.classes} classes apart."
        )
        raise ModelError(message, "Correct the labels, or name the right head.")
    return Model(plan, card, head, path, build, declared)


def output_shapes(plan: Plan) -> dict[str, tuple[int, ...]]:
    """The shapes of a plan's outputs by ONNX name, in the graph's order; the decode tail is run once to know its own."""
    shapes: dict[str, tuple[int, ...]] = {}
    for name, tensor in plan.maps.items():
        spec = plan.tensors[tensor]
        shapes[name] = (1, spec.channels, spec.height, spec.width)
    if plan.tail is not None:
        from skipvid.engine.island import OnnxPart

        specs = [plan.tensors[name] for name in plan.tail.inputs]
        zeros = [np.zeros((1, s.channels, s.height, s.width), np.float32) for s in specs]
        results = OnnxPart(plan.tail.model, plan.tail.inputs, plan.tail.outputs)(zeros)
        shapes.update((n, tuple(r.shape)) for n, r in zip(plan.tail.outputs, results, strict=True))
    return {name: shapes[name] for name in plan.outputs}


def _grown(roi: Roi, input_size: Size) -> Roi:
    """A person's box with the margin and the aspect that top-down networks expect."""
    x, y, width, height = roi
    aspect = input_size[0] / input_size[1]
    wide = max(width, height * aspect) * _PERSON_MARGIN
    high = max(height, width / aspect) * _PERSON_MARGIN
    return x + width / 2 - wide / 2, y + height / 2 - high / 2, wide, high


def _in_frame(found: Detections, fit: Letterbox) -> Detections:
    """Detections in pixels of the network's input -> in pixels of the frame."""
    if len(found) == 0:
        return found
    points = None if found.keypoints is None else fit.to_frame_points(found.keypoints)
    return tidy(Detections(fit.to_frame_boxes(found.boxes), found.scores, found.labels, points))


def _class_index(value: str | int, labels: tuple[str, ...], name: str) -> int:
    text = str(value).strip()
    if text.isdigit() and int(text) < len(labels):
        return int(text)
    if text.lower() in (known := [label.lower() for label in labels]):
        return known.index(text.lower())
    close = difflib.get_close_matches(text.lower(), known, n=3)
    message = f"The model {name!r} has no class {text!r}."
    hint = f"Give a name such as {labels[0]!r}, or 0 to {len(labels) - 1}."
    raise UsageError(message, f"Did you mean {' or '.join(close)}?" if close else hint)
