"""From a fragmented part file to a regular mp4 with sound. Pictures are copied; sound too, where mp4 takes its codec."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import merge
from pathlib import Path

import av

from skipvid.video.sound import Timed, Track, Window, sound_packets

__all__ = ["Span", "remux"]


# The finer clock keeps the offset of sound against picture to 10 microseconds; the usual one has milliseconds.
_OPTIONS = {"movflags": "faststart", "movie_timescale": "90000"}


@dataclass(frozen=True)
class Span:
    """What was written.

    Attributes:
        start: Time of the first frame on the source's clock, seconds.
        end: End of the last frame on the source's clock, seconds.
        last: Tick of the last frame, the first being 0.
        last_duration: Ticks that the last frame stands.
        time_base: Seconds of one tick.
    """

    start: float
    end: float
    last: int
    last_duration: int
    time_base: Fraction


def remux(part: Path, whole: Path, sound: Path | None, span: Span) -> list[str]:
    """Copy the pictures of ``part`` and the matching sound into ``whole``, index in front.

    Every sound track is kept, in order. Picture and sound keep their distance in time: the new file starts where the source
    starts (with picture or sound) if the source's first frame was written, else with the first written frame. Sound beyond the
    last written frame is left out, unless the source's picture ends there too.

    Args:
        part: A video-only mp4 whose first packet is its first frame.
        whole: The file to write.
        sound: The source, or None for no sound.
        span: What part of the source ``part`` shows.

    Returns:
        Remarks for the user about sound that could not be kept.

    Raises:
        av.FFmpegError, OSError: A file cannot be read or written.
    """
    with av.open(str(part.resolve())) as pictures:
        if sound is None:
            with _new(whole) as out:
                _mux(out, _pictures(pictures, out, span, 0.0))
            return []
        try:
            source = av.open(str(sound.resolve()))
        except av.FFmpegError as error:
            with _new(whole) as out:
                _mux(out, _pictures(pictures, out, span, 0.0))
            return [f"No sound: {sound} cannot be read again ({error.strerror})."]
        with source, _new(whole) as out:
            window = _window(source, span)
            notes: list[str] = []
            video = _pictures(pictures, out, span, span.start - window.origin)
            tracks = [Track.of(stream, out, window, notes) for stream in source.streams.audio]
            known = {track.source.index: track for track in tracks if track is not None}
            _mux(out, merge(video, sound_packets(source, known, window, notes), key=lambda item: item[:2]))
            return notes


def _new(path: Path) -> av.container.OutputContainer:
    return av.open(str(path.resolve()), "w", format="mp4", options=_OPTIONS)


def _mux(out: av.container.OutputContainer, packets: Iterable[Timed]) -> None:
    for _, _, packet in packets:
        out.mux(packet)


def _window(source: av.container.InputContainer, span: Span) -> Window:
    pictures, sounds = _starts(source.streams.video[:1]), _starts(source.streams.audio)
    if not pictures or span.start <= pictures[0] + 1e-3:
        return Window(min([*pictures, *sounds, span.start]), -float("inf"), span.end)
    return Window(span.start, span.start, span.end)


def _starts(streams: Sequence[av.stream.Stream]) -> list[float]:
    return [float(s.start_time * s.time_base) for s in streams if s.start_time is not None and s.time_base]


def _pictures(
    pictures: av.container.InputContainer, out: av.container.OutputContainer, span: Span, offset: float
) -> Iterator[Timed]:
    """Packets of the part file, moved by ``offset`` seconds. The stream is added to ``out`` at once."""
    source = pictures.streams.video[0]
    stream = out.add_stream_from_template(source)
    base = source.time_base or span.time_base
    stream.time_base = base
    return _moved(pictures, source, stream, span, round(offset / base))


def _moved(
    pictures: av.container.InputContainer,
    source: av.video.stream.VideoStream,
    stream: av.video.stream.VideoStream,
    span: Span,
    offset: int,
) -> Iterator[Timed]:
    base = source.time_base or span.time_base
    last, duration = round(span.last * span.time_base / base), round(span.last_duration * span.time_base / base)
    first: int | None = None
    # A part that ends in the middle of a fragment is complete up to there.
    with contextlib.suppress(av.error.InvalidDataError):
        for packet in pictures.demux(source):
            if packet.pts is None or packet.dts is None:
                continue
            first = packet.pts if first is None else first
            if packet.pts - first == last:
                packet.duration = duration
            packet.pts += offset - first
            packet.dts += offset - first
            packet.stream = stream
            yield float(packet.dts * base), 0, packet
