"""Facts of a video file that OpenCV does not tell: streams, colour tags, time base, start offsets."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from skipvid.errors import SourceError

__all__ = ["Colour", "SoundFacts", "SourceFacts", "probe"]


@dataclass(frozen=True)
class Colour:
    """Colour tags with the code points of ITU-T H.273. 2 means unspecified; ranges are 0 unspecified, 1 limited, 2 full."""

    matrix: int = 2
    range: int = 0
    primaries: int = 2
    transfer: int = 2


@dataclass(frozen=True)
class SoundFacts:
    """One sound track. Times in seconds of the container."""

    codec: str
    rate: int
    channels: int
    start: float
    duration: float | None


@dataclass(frozen=True)
class SourceFacts:
    """What a file says of itself. Times in seconds of the container.

    Attributes:
        width: Of the stored picture, before any rotation.
        height: The same.
        fps: Average, or None.
        frames: Claimed by the container, or None; fewer may decode.
        duration: Of the whole, picture and sound.
        start: Of the picture.
        end: Of the picture, as claimed, or None.
        container_start: Of whatever starts first, picture or sound.
        pixel_aspect: Width of a pixel over its height.
    """

    container: str
    codec: str
    pixel_format: str
    width: int
    height: int
    fps: float | None
    frames: int | None
    duration: float | None
    start: float
    end: float | None
    container_start: float
    time_base: Fraction
    pixel_aspect: Fraction
    colour: Colour
    sound: tuple[SoundFacts, ...]

    def to_dict(self) -> dict[str, Any]:
        """The facts as JSON takes them."""
        return asdict(self) | {"time_base": str(self.time_base), "pixel_aspect": str(self.pixel_aspect)}


def probe(path: str | Path) -> SourceFacts:
    """Read the facts of a video file. Nothing is decoded but what the headers need.

    Raises:
        SourceError: The file is no media file, or holds no picture.
    """
    try:
        # An absolute path, because "a:b.mp4" would be taken for a protocol.
        with av.open(str(Path(path).resolve())) as container:
            return _facts(container, Path(path))
    except av.FFmpegError as error:
        message = f"{path} is not a video that can be read: {error.strerror or error}."
        raise SourceError(message, "Give a video or image file.") from error


def _facts(container: av.container.InputContainer, path: Path) -> SourceFacts:
    # A picture attached to a song (cover art) is a video stream to FFmpeg, and not a video.
    videos = [s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic]
    if not videos:
        what = "sound but no picture" if container.streams.audio else "no picture"
        message = f"{path} holds {what}."
        raise SourceError(message, "Give a file with a video stream.")
    video = videos[0]
    codec = video.codec_context
    start = float(video.start_time * video.time_base) if video.start_time is not None and video.time_base else 0.0
    origin = container.start_time / av.time_base if container.start_time is not None else start
    rate = video.average_rate or video.guessed_rate
    return SourceFacts(
        container=container.format.name,
        codec=codec.name,
        pixel_format=codec.pix_fmt or "",
        width=codec.width,
        height=codec.height,
        fps=float(rate) if rate else None,
        frames=video.frames or None,
        duration=container.duration / av.time_base if container.duration is not None else None,
        start=start,
        end=_end(video, start, container.duration, origin),
        container_start=min(origin, start),
        time_base=video.time_base or Fraction(1, 90_000),
        pixel_aspect=codec.sample_aspect_ratio or Fraction(1),
        colour=Colour(int(codec.colorspace), int(codec.color_range), int(codec.color_primaries), int(codec.color_trc)),
        sound=tuple(_sound(stream) for stream in container.streams.audio),
    )


def _end(video: av.video.stream.VideoStream, start: float, duration: int | None, origin: float) -> float | None:
    """End of the picture: what the stream says, else Matroska's tag for it, else the end of the whole file."""
    if video.duration is not None and video.time_base:
        return start + float(video.duration * video.time_base)
    clock = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", video.metadata.get("DURATION", "").strip())
    if clock is not None:
        hours, minutes, seconds = map(float, clock.groups())
        return (hours * 60 + minutes) * 60 + seconds
    return origin + duration / av.time_base if duration is not None else None


def _sound(stream: av.audio.stream.AudioStream) -> SoundFacts:
    codec = stream.codec_context
    base = stream.time_base or Fraction(1, 1)
    return SoundFacts(
        codec=codec.name if codec is not None else "unknown",
        rate=codec.sample_rate if codec is not None else 0,
        channels=codec.channels if codec is not None else 0,
        start=float((stream.start_time or 0) * base),
        duration=float(stream.duration * base) if stream.duration is not None else None,
    )
