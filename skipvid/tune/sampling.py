"""Frames to judge gates on: runs of successive frames, spread over videos.

Single frames would not do: a gate's errors show, and its savings arise, from one frame to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.errors import SourceError, UsageError
from skipvid.models.model import Model
from skipvid.video.letterbox import Letterbox
from skipvid.video.source import Source, open_source

__all__ = ["CHUNK", "LEAD", "SEARCHED", "Clip", "Footage", "sample", "sample_video", "successive"]

CHUNK = 40
SEARCHED = 3 * CHUNK
"""Frames that a search uses at most, in all: trials take their time, and what is held back makes the result sure."""

LEAD = 20
"""Frames in front of a clip that is searched on: what gates leave behind after a full pass comes to about its level in them."""

_LEAST_CHUNK = 12
_CLAIM = 0.97  # containers claim more frames than decode


@dataclass(frozen=True, eq=False)
class Clip:
    """Successive frames of a video, as the network sees them.

    Attributes:
        start: Number of the first frame in the video.
        images: ``(h, w, 3)`` uint8 BGR each, of the network's input size.
        lead: Frames in front of them, through which a stream is led so that its gates have a past; they are not judged.
    """

    start: int
    images: Sequence[NDArray[np.uint8]]
    lead: Sequence[NDArray[np.uint8]] = ()

    @property
    def end(self) -> int:
        """Number of the frame behind the last."""
        return self.start + len(self.images)

    def cut(self, frames: int) -> Clip:
        """The same with its first frames as its lead."""
        return Clip(self.start + frames, self.images[frames:], self.images[:frames])


@dataclass(frozen=True, eq=False)
class Footage:
    """What was sampled of one video.

    Attributes:
        name: Of the video.
        model: The model at the input size that this video asks for.
        fit: How its frames become the input.
        clips: In order.
    """

    name: str
    model: Model
    fit: Letterbox
    clips: tuple[Clip, ...]

    @property
    def frames(self) -> int:
        """Frames in all clips."""
        return sum(len(clip.images) for clip in self.clips)

    def split(self, most: int = SEARCHED) -> tuple[Footage, Footage]:
        """What a search uses, and what it is verified on: every other clip, and the rest.

        A full pass begins a clip, and what gates leave behind adds up from there on. In a run that is much longer it has come to
        more. So what is verified on is walked through from the beginning of the clip in front, where there is none between them,
        and what is searched on through some frames in front: those read besides, of the clip before, or in the beginning of a
        video, if that leaves enough, the clip's own first ones.

        Args:
            most: Frames that a search uses, about; what is beyond is verified on too. One clip is used in any case.
        """
        frames, searched, held = 0, list[Clip](), list[int]()
        for k, clip in enumerate(self.clips):
            if k % 2 == 0 and (not searched or frames + len(clip.images) <= most):
                searched.append(self._led(k))
                frames += len(clip.images)
            else:
                held.append(k)
        return replace(self, clips=tuple(searched)), replace(self, clips=self.runs(held))

    def _led(self, k: int) -> Clip:
        """A clip with up to `LEAD` frames in front of it."""
        clip = self.clips[k]
        if clip.lead:
            return clip
        if past := self._past(k):
            return replace(clip, lead=past[-LEAD:])
        enough = clip.start == 0 and len(clip.images) >= CHUNK
        return clip.cut(min(LEAD, len(clip.images) // 3)) if enough else clip

    def _past(self, k: int) -> Sequence[NDArray[np.uint8]]:
        """Frames in front of a clip: the clip before it where none are missing between them, else what was read besides."""
        clip, before = self.clips[k], self.clips[k - 1] if k else None
        return before.images if before is not None and before.end == clip.start else clip.lead

    def runs(self, numbers: Iterable[int]) -> tuple[Clip, ...]:
        """Some of the clips, joined where no frames are missing, and led through the clip in front of them where none are there.

        Args:
            numbers: Of the clips, rising.
        """
        joined = list[Clip]()
        for k in numbers:
            clip = self.clips[k]
            if joined and joined[-1].end == clip.start:
                joined[-1] = replace(joined[-1], images=[*joined[-1].images, *clip.images])
            else:
                joined.append(replace(clip, lead=self._past(k)))
        return tuple(joined)

    def facts(self) -> dict[str, Any]:
        """For threshold files."""
        width, height = self.fit.src
        return {
            "name": self.name,
            "width": width,
            "height": height,
            "frames": self.frames,
            "clips": [[clip.start, clip.start + len(clip.images)] for clip in self.clips],
        }


def sample(
    model: Model, videos: Sequence[str], max_frames: int, progress: Callable[[str], None] = lambda _: None, even: bool = False
) -> list[Footage]:
    """Sample videos, ``max_frames`` frames in all, the same share of each.

    Args:
        model: The network; bound to the size that each video asks for.
        videos: Files.
        max_frames: Frames to take in all.
        progress: Told which video is being read.
        even: Take an even number of clips from each, so that `Footage.split` gives halves, and where there are frames in front
            of a pair of them `LEAD` of these besides.

    Raises:
        SourceError: A video cannot be read, or has no frames.
        UsageError: A source is live, or there are fewer frames to take than videos can share.
    """
    share = max_frames // max(len(videos), 1)
    if share < (2 * _LEAST_CHUNK if even else _LEAST_CHUNK):
        message = f"{max_frames} frames are too few for {len(videos)} video(s)."
        raise UsageError(message, f"Allow at least {2 * _LEAST_CHUNK * max(len(videos), 1)} with --max-frames.")
    result = []
    for video in videos:
        progress(video)
        result.append(sample_video(model, video, share, even))
    return result


def sample_video(
    model: Model, video: str, max_frames: int, even: bool = False, without: Sequence[tuple[int, int]] = ()
) -> Footage:
    """Sample one video, see `sample`.

    Args:
        model: The network.
        video: File.
        max_frames: Frames to take.
        even: As of `sample`.
        without: Frames to leave out, first and end of each run of them, in order: a clip is taken between each two.

    Raises:
        SourceError: As of `sample`.
        UsageError: The source is live, or nothing remains without those frames.
    """

    def choose(claimed: int | None) -> list[tuple[int, int]]:
        spans = _gaps(claimed, max_frames, without) if without else _spans(claimed, max_frames, even)
        if not spans:
            message = f"The video {video} has no {_LEAST_CHUNK} successive frames besides those to be left out."
            raise UsageError(message, "Take another video, or a longer one.")
        return spans

    return _footage(model, video, choose, LEAD if even else 0)


def successive(model: Model, video: str, frames: int, lead: int = 0) -> Footage:
    """One clip of successive frames, from the middle of a video where it claims to be longer; errors as of `sample`.

    Args:
        model: The network.
        video: File.
        frames: Frames to take.
        lead: So many of them, the first, are the clip's lead.
    """

    def middle(claimed: int | None) -> list[tuple[int, int]]:
        start = max(int((claimed or 0) * _CLAIM) - frames, 0) // 2
        return [(start, start + frames)]

    footage = _footage(model, video, middle)
    (clip,) = footage.clips
    return replace(footage, clips=(clip.cut(lead),))


def _footage(model: Model, video: str, choose: Callable[[int | None], list[tuple[int, int]]], lead: int = 0) -> Footage:
    with open_source(video) as source:
        if source.live:
            message = f"The source {video!r} is live; thresholds are judged on the same frames many times over."
            raise UsageError(message, "Record it to a file first.")
        bound = model.for_frame((source.width, source.height))
        fit = bound.fit((source.width, source.height))
        spans = choose(source.frames)
        clips = tuple(_read(source, _led(spans, lead), fit))
    if not clips:
        message = f"The video {video} gave no frames."
        raise SourceError(message, "Check that it plays.")
    return Footage(source.name, bound, fit, clips)


def _spans(claimed: int | None, max_frames: int, even: bool) -> list[tuple[int, int]]:
    """First frame and end of each clip."""
    total = max(int((claimed or 0) * _CLAIM), 0)
    if total == 0 or total <= max_frames:  # unknown or short: what there is, from the beginning
        # In few frames little moves, and a network that computes nothing agrees with one that does: rather one clip than two.
        parts = max(2 * round(total / (2 * CHUNK)), 2) if even else 1
        length = -(-max_frames // parts) if total == 0 else -(-(claimed or 1) // parts)
        return [(k * length, (k + 1) * length) for k in range(parts)]
    length = min(CHUNK, max(_LEAST_CHUNK, max_frames // 4))
    count = max(max_frames // length, 1)
    if even:
        count += count % 2
        length = min(length, max(max_frames // count, 1))
    each = 2 if even else 1  # a clip to search on and one to verify on that goes on where it ends
    starts = [max(int((k + 0.5) * total * each / count - each * length / 2), 0) for k in range(count // each)]
    return [(s + k * length, s + (k + 1) * length) for s in starts for k in range(each)]


def _gaps(claimed: int | None, max_frames: int, taken: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """First frame and end of a clip in the middle of each gap between runs of frames, the widest gaps first."""
    total = max(int((claimed or 0) * _CLAIM), taken[-1][1])
    edges = [(0, 0), *taken, (total, total)]
    gaps = [(a, b) for (_, a), (b, _) in pairwise(edges) if b - a >= _LEAST_CHUNK]
    gaps = sorted(sorted(gaps, key=lambda gap: gap[0] - gap[1])[: max(max_frames // CHUNK, 1)])
    sizes = [(a, b, min(CHUNK, max_frames, b - a)) for a, b in gaps]
    return [((a + b - size) // 2, (a + b - size) // 2 + size) for a, b, size in sizes]


def _led(spans: Sequence[tuple[int, int]], most: int) -> list[tuple[int, int, int]]:
    """Of each clip the first of the frames in front of it, which belong to no other, its own first frame and its end."""
    ends = [0, *(end for _, end in spans)]
    return [(max(start - most, before), start, end) for before, (start, end) in zip(ends, spans, strict=False)]


def _read(source: Source, spans: list[tuple[int, int, int]], fit: Letterbox) -> Iterator[Clip]:
    left, images, lead = list(spans), list[NDArray[np.uint8]](), list[NDArray[np.uint8]]()
    for frame in source:
        if left and frame.index >= left[0][-1]:
            yield Clip(left.pop(0)[1], images, lead)
            images, lead = [], []
        if not left:
            return
        first, start, _ = left[0]
        if frame.index >= first and frame.image.shape[1::-1] == fit.src:
            wanted = images if frame.index >= start else lead
            wanted.append(fit.apply(frame.image, np.empty((fit.dst[1], fit.dst[0], 3), np.uint8)))
    if left and images:
        yield Clip(left[0][1], images, lead)
