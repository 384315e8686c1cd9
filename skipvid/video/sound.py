"""The sound tracks of a source, as packets for an mp4: copied, or encoded as AAC where mp4 does not take their codec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Self, TypeAlias

import av

__all__ = ["Timed", "Track", "Window", "sound_packets"]

Timed: TypeAlias = "tuple[float, int, av.Packet[Any]]"  # seconds in the new file, rank among equals, packet

# What players expect in an mp4.
_COPIED = frozenset({"aac", "mp3", "mp3float", "ac3", "eac3", "opus", "alac"})
_AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000})
_AAC_FRAME = 1024
_HOLE_S = 0.1  # a pause in the source's packets that is kept as a pause
_PATIENCE_S = 5.0  # how far apart in a file sound and picture of one moment may lie


@dataclass(frozen=True)
class Window:
    """The part of the sound to keep, seconds on the source's clock.

    Attributes:
        origin: What becomes time 0.
        start: Sound that ends before is left out.
        end: Sound from here on is left out, if pictures follow there.
    """

    origin: float
    start: float
    end: float


class Track:
    """One sound track on its way into the new file."""

    def __init__(
        self, source: av.audio.stream.AudioStream, stream: av.audio.stream.AudioStream, window: Window, copied: bool
    ) -> None:
        self.source, self.stream, self.window, self.copied = source, stream, window, copied
        self.base = source.time_base or Fraction(1, 1)
        self.rate = stream.codec_context.sample_rate or 48_000
        self._next: int | None = None
        self._last_dts: int | None = None
        layout = stream.codec_context.layout.name if not copied else "stereo"
        self._resampler = av.AudioResampler(format="fltp", layout=layout, rate=self.rate, frame_size=_AAC_FRAME)

    @classmethod
    def of(
        cls, source: av.audio.stream.AudioStream, out: av.container.OutputContainer, window: Window, notes: list[str]
    ) -> Self | None:
        """A track of ``out`` for one of a source; None, with a note, when there is no decoder for it."""
        codec = source.codec_context
        if codec is None or not codec.sample_rate:
            notes.append(f"Sound track {source.index} is in an unknown format and was left out.")
            return None
        # AAC without its header, as in MPEG-TS, gets it from a filter that the muxer inserts by itself.
        if codec.name in _COPIED:
            stream = out.add_stream_from_template(source)
            stream.time_base = source.time_base
            return cls(source, stream, window, True)
        rate = codec.sample_rate if codec.sample_rate in _AAC_RATES else 48_000
        encoded = out.add_stream("aac", rate=rate, layout="mono" if codec.channels == 1 else "stereo")
        encoded.time_base = Fraction(1, rate)
        return cls(source, encoded, window, False)

    def time(self, packet: av.Packet[Any]) -> float | None:
        """When a packet sounds, seconds on the source's clock."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        return None if stamp is None else float(stamp * self.base)

    def convert(self, packet: av.Packet[Any]) -> Iterator[Timed]:
        """What becomes of a packet of the source."""
        if self.copied:
            yield from self._copy(packet)
            return
        for frame in packet.decode():
            if isinstance(frame, av.AudioFrame):
                yield from self._encode(frame)

    def finish(self) -> Iterator[Timed]:
        """What the encoder still holds."""
        if self.copied or self._next is None:
            return
        yield from self._resampled(None)
        for packet in self.stream.encode(None):
            yield self._timed(packet)

    def _copy(self, packet: av.Packet[Any]) -> Iterator[Timed]:
        offset = round(self.window.origin / self.base)
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None:
            return
        stamp -= offset
        # Broken files repeat times, which no muxer accepts.
        if self._last_dts is not None and stamp <= self._last_dts:
            return
        packet.pts = packet.dts = self._last_dts = stamp
        packet.stream = self.stream
        yield float(stamp * self.base), 1 + self.source.index, packet

    def _encode(self, frame: av.AudioFrame) -> Iterator[Timed]:
        if frame.time is not None:
            at = round((frame.time - self.window.origin) * self.rate)
            if self._next is None or at - self._next > _HOLE_S * self.rate:
                self._next = at
        elif self._next is None:
            self._next = 0
        frame.pts = None
        yield from self._resampled(frame)

    def _resampled(self, frame: av.AudioFrame | None) -> Iterator[Timed]:
        for ready in self._resampler.resample(frame):
            ready.pts, ready.time_base = self._next, Fraction(1, self.rate)
            self._next = (self._next or 0) + ready.samples
            for packet in self.stream.encode(ready):
                yield self._timed(packet)

    def _timed(self, packet: av.Packet[Any]) -> Timed:
        return float((packet.dts or 0) * packet.time_base), 1 + self.source.index, packet


def sound_packets(
    source: av.container.InputContainer, tracks: Mapping[int, Track], window: Window, notes: list[str]
) -> Iterator[Timed]:
    """The packets of all sound tracks, in the order of the source.

    Sound beyond the window's end is held back until it is known whether pictures follow there: when they do, only a part of the
    source was written and its sound ends with it; when not, the sound outlasts the picture in the source too.
    """
    if not tracks:
        return
    held: list[tuple[Track, av.Packet[Any]]] = []
    more_pictures, reached = False, set[int]()
    streams = [*source.streams.video[:1], *(track.source for track in tracks.values())]
    try:
        for packet in source.demux(streams):
            track = tracks.get(packet.stream_index)
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is None:
                continue
            time = float(stamp * packet.time_base)
            if track is None:
                more_pictures = more_pictures or time >= window.end - 1e-3
                if more_pictures and time > window.end + _PATIENCE_S:
                    break
            elif time >= window.end:
                reached.add(packet.stream_index)
                held.append((track, packet))
            elif time + float((packet.duration or 0) * packet.time_base) > window.start:
                yield from track.convert(packet)
            if more_pictures and len(reached) == len(tracks):
                break
        for track, packet in [] if more_pictures else held:
            yield from track.convert(packet)
        for track in tracks.values():
            yield from track.finish()
    except av.FFmpegError as error:
        notes.append(f"The sound ends early: {error.strerror}.")
