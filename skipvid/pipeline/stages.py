"""The stages of a run up to the detections: decode and letterbox, then network and head.

Each is an iterator over what the one before yields, so that any of them may run in a thread (`skipvid.pipeline.ahead`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from skipvid.engine.stream import FrameStats
from skipvid.models.detection import Detections
from skipvid.plan import FloatArray
from skipvid.video.letterbox import Letterbox
from skipvid.video.source import Frame

__all__ = [
    "HEAT_CELL",
    "Alike",
    "Computed",
    "FrameStream",
    "Network",
    "Prepared",
    "picture_heat",
    "prepare",
    "recognised",
    "same_picture",
]

ByteArray = NDArray[np.uint8]

_LINES = 64  # distance of the lines that tell most frames apart
HEAT_CELL = 8  # pixels of the network's input per cell of the heat grid


class FrameStream(Protocol):
    """What the network stage needs of a `skipvid.engine.stream.Stream`."""

    @property
    def changed(self) -> bool: ...
    @property
    def last(self) -> FrameStats: ...
    @property
    def notices(self) -> list[str]: ...
    def step_image(self, image: ByteArray, *, repeated: bool = False) -> None: ...
    def outputs(self) -> Mapping[str, FloatArray]: ...
    def views(self) -> Mapping[str, FloatArray]: ...
    def refresh(self, reason: str) -> None: ...
    def reset(self) -> None: ...
    def heat(self, height: int, width: int) -> FloatArray: ...


@dataclass(frozen=True, eq=False)
class Prepared:
    """A frame and what the network will see of it.

    Attributes:
        frame: The frame.
        box: How it was fitted into the network's input.
        image: ``(h, w, 3)`` uint8 BGR of the network's input size.
        resized: Whether the frame's size differs from that of the frame before.
        ms: Time per stage so far.
    """

    frame: Frame
    box: Letterbox
    image: ByteArray
    resized: bool
    ms: dict[str, float]


@dataclass(frozen=True, eq=False)
class Alike:
    """A frame that looks like the one before; `recognised` finds out whether it equals it.

    Attributes:
        frame: The frame.
        box: How it would be fitted into the network's input.
        ms: Time per stage so far.
    """

    frame: Frame
    box: Letterbox
    ms: dict[str, float]


@dataclass(frozen=True, eq=False)
class Computed:
    """A frame and what was found in it.

    Attributes:
        frame: The frame.
        found: Detections in pixels of the frame.
        cost: What the network did.
        changed: Whether any output changed; where not, ``found`` is that of the frame before.
        heat: Share recomputed, 0 to 1, on a grid over the frame; None where nobody looks at it.
        resized: Whether the frame's size differs from that of the frame before.
        ms: Time per stage so far.
        audit: How far the outputs are from those of a full pass, see `skipvid.stats.audit`; None where none was made.
    """

    frame: Frame
    found: Detections
    cost: FrameStats
    changed: bool
    heat: FloatArray | None
    resized: bool
    ms: dict[str, float]
    audit: Mapping[str, Any] | None = None


def prepare(
    frames: Iterable[Frame], fit: Callable[[tuple[int, int]], Letterbox], limit: int | None = None
) -> Iterator[Prepared | Alike]:
    """Decode frames and fit them into the network's input.

    To tell whether two pictures are equal takes a third of the time of decoding one: what looks like the frame before is left to
    `recognised`, which runs in another thread.

    Args:
        frames: The source.
        fit: Makes the letterbox for frames of (width, height); asked again when the size changes.
        limit: Most frames.
    """
    walk = iter(frames)
    box: Letterbox | None = None
    last: ByteArray | None = None
    done = 0
    while limit is None or done < limit:
        began = perf_counter()
        frame = next(walk, None)
        if frame is None:
            return
        decoded = perf_counter()
        size = (frame.image.shape[1], frame.image.shape[0])
        resized = box is not None and box.src != size
        if box is None or resized:
            box = fit(size)
        ms = {"decode": 1000 * (decoded - began), "letterbox": 0.0}
        if last is not None and _alike(frame.image, last):
            yield Alike(frame, box, ms)
        else:
            yield _fitted(frame, box, resized, ms)
        last = frame.image
        done += 1


def _fitted(frame: Frame, box: Letterbox, resized: bool, ms: Mapping[str, float]) -> Prepared:
    began = perf_counter()
    image = box.apply(frame.image)
    return Prepared(frame, box, image, resized, {**ms, "letterbox": ms["letterbox"] + 1000 * (perf_counter() - began)})


def recognised(items: Iterable[Prepared | Alike]) -> Iterator[Prepared]:
    """Complete what `prepare` left open.

    A frame that equals the one before bit for bit is handed on as the same array, and so is what the network sees of it: the
    stages behind know by it that there is nothing to do again.
    """
    last: Prepared | None = None
    for item in items:
        last = item if isinstance(item, Prepared) else _settled(item, last)
        yield last


def _settled(item: Alike, last: Prepared | None) -> Prepared:
    began = perf_counter()
    repeated = last is not None and same_picture(item.frame.image, last.frame.image)
    ms = {**item.ms, "letterbox": item.ms["letterbox"] + 1000 * (perf_counter() - began)}
    if last is None or not repeated:
        return _fitted(item.frame, item.box, resized=False, ms=ms)
    return Prepared(replace(item.frame, image=last.frame.image), item.box, last.image, resized=False, ms=ms)


def _alike(image: ByteArray, other: ByteArray) -> bool:
    """Whether two pictures are equal in a few lines, in which most that are not equal differ."""
    return image.shape == other.shape and np.array_equal(image[::_LINES], other[::_LINES])


def same_picture(image: ByteArray, other: ByteArray) -> bool:
    """Whether two pictures are equal in every bit."""
    if image.flags.c_contiguous and other.flags.c_contiguous and image.nbytes % 8 == 0 and image.shape == other.shape:
        return np.array_equal(image.reshape(-1).view(np.uint64), other.reshape(-1).view(np.uint64))
    return np.array_equal(image, other)


class Network:
    """The network and head stage of one video.

    Args:
        stream: State of the video.
        decode: Turns outputs and the letterbox of their frame into detections in pixels of the frame.
        heat_every: Of every so many frames, the first tells where the network was recomputed; 0: none does.
        auditor: Compares frames with a full pass; it is asked after every frame. None: nobody does.

    Attributes:
        image: What the network saw of the last frame, or None before the first.
    """

    def __init__(
        self,
        stream: FrameStream,
        decode: Callable[[Mapping[str, FloatArray], Letterbox], Detections],
        *,
        heat_every: int,
        auditor: Callable[[Prepared, Detections], Mapping[str, Any] | None] | None = None,
    ) -> None:
        self._stream = stream
        self._decode = decode
        self._heat_every = heat_every
        self._frames = 0
        self._auditor = auditor
        self._found: Detections | None = None
        self.image: ByteArray | None = None

    def compute(self, items: Iterable[Prepared | Alike]) -> Iterator[Computed]:
        """Detections of every frame, in order."""
        for item in recognised(items):
            yield self._frame(item)

    def _frame(self, item: Prepared) -> Computed:
        stream = self._stream
        if item.resized:
            stream.refresh("size")
        elif item.frame.gap:
            stream.refresh("seek")
        stream.step_image(item.image, repeated=item.image is self.image)
        self.image = item.image
        computed = perf_counter()
        changed = stream.changed or self._found is None or item.resized
        if changed:
            self._found = self._decode(stream.views(), item.box)
        found = self._found if self._found is not None else Detections.none()
        looked = perf_counter()
        cost = stream.last
        head = 1000 * (looked - computed) - cost.ms.get("tail", 0.0)
        heat = picture_heat(stream, item.box) if self._heat_every and self._frames % self._heat_every == 0 else None
        self._frames += 1
        ms = {**item.ms, **cost.ms, "head": max(head, 0.0), "heat": 1000 * (perf_counter() - looked)}
        audit = None if self._auditor is None else self._auditor(item, found)
        if audit is not None:
            ms["audit"] = float(audit["ms"])
        return Computed(item.frame, found, cost, changed, heat, item.resized, ms, audit)


def picture_heat(stream: FrameStream, box: Letterbox) -> FloatArray:
    """Where the last step recomputed, on a grid over the frame; parts of the frame that the network does not see are 0.

    Returns:
        ``(rows, columns)`` float32, 0 to 1; a cell is about `HEAT_CELL` pixels of the network's input wide and high.
    """
    width, height = box.dst
    rows, columns = -(-height // HEAT_CELL), -(-width // HEAT_CELL)
    across, down, seen = _grid(box, rows, columns)
    if stream.last.macs == 0:
        return _cold(seen.shape)
    picture = stream.heat(rows, columns)[down, across]
    return np.asarray(picture * seen, np.float32)


@lru_cache(maxsize=16)
def _grid(box: Letterbox, rows: int, columns: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Column ``(1, w)`` and row ``(h, 1)`` of the heat behind each cell over the frame, and ``(h, w)`` whether there is one."""
    across, col_seen = _cells(box, 0)
    down, row_seen = _cells(box, 1)
    seen = row_seen[:, None] & col_seen[None, :]
    return np.minimum(across, columns - 1)[None, :], np.minimum(down, rows - 1)[:, None], seen


@lru_cache(maxsize=16)
def _cold(shape: tuple[int, int]) -> FloatArray:
    """Heat of a frame in which nothing was recomputed; shared, and therefore not to be written."""
    heat = np.zeros(shape, np.float32)
    heat.flags.writeable = False
    return heat


def _cells(box: Letterbox, axis: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """For each cell over the frame along one axis: the cell of the network's input at its centre, and whether there is one."""
    scale, offset, corner = box.scale[axis], box.offset[axis], box.roi[axis]
    count = max(1, round(box.src[axis] * scale / HEAT_CELL))
    centre = (np.arange(count) + 0.5) * (box.src[axis] / count)
    place = (centre - corner) * scale + offset
    seen = (place >= offset) & (place < offset + box.size[axis])
    return (np.clip(place, 0, box.dst[axis] - 1) // HEAT_CELL).astype(np.intp), seen
