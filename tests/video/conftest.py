"""Small clips made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from skipvid.video.probe import Colour

MakeClip = Callable[..., Path]

PATCHES = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 100, 50), (128, 128, 128), (255, 255, 255), (0, 0, 0), (40, 90, 220)]


def picture(width: int, height: int, number: int) -> np.ndarray:
    """A frame ``(height, width, 3)`` whose mean grey tells its number, with coloured patches at the top."""
    image = np.full((height, width, 3), 40 + (number * 7) % 160, np.uint8)
    step = max(1, width // len(PATCHES))
    for i, colour in enumerate(PATCHES):
        image[: max(1, height // 3), i * step : (i + 1) * step] = colour
    return image


def beep(rate: int, seconds: float, at: float) -> np.ndarray:
    """Silence with a burst of 20 ms at ``at`` seconds, float32 ``(1, samples)``."""
    time = np.arange(int(rate * seconds)) / rate
    burst = (time >= at) & (time < at + 0.02)
    return (0.8 * np.sin(2 * np.pi * 1000 * time) * burst).astype(np.float32).reshape(1, -1)


def _write_sound(
    container: av.container.OutputContainer, stream: av.audio.stream.AudioStream, samples: np.ndarray, rate: int, start: float
) -> None:
    form = stream.codec_context.format.name
    depth = {"flt": samples, "s16": (samples * 32767).astype(np.int16), "s32": (samples * (2**31 - 1)).astype(np.int32)}
    data = depth[form.removesuffix("p")]
    size = stream.codec_context.frame_size or 1024
    for begin in range(0, data.shape[1], size):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(data[:, begin : begin + size]), format=form, layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = rate, round(start * rate) + begin, Fraction(1, rate)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """A function that writes a clip.

    Its arguments: file name; ``times`` in seconds of the frames; ``size``; ``codec``; ``sound`` (codec) with ``sound_start`` and
    ``beep_at`` (both seconds on the container's clock) and ``sound_length``; ``colour`` tags; ``base`` ticks per second.
    """

    def make(
        name: str = "clip.mp4",
        times: Sequence[float] = tuple(i / 25 for i in range(25)),
        size: tuple[int, int] = (128, 96),
        codec: str = "libx264",
        pixels: str = "yuv420p",
        sound: str | None = None,
        sound_start: float = 0.0,
        sound_length: float = 1.0,
        beep_at: float = 0.5,
        colour: Colour | None = None,
        base: int = 12800,
        options: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / name
        with av.open(str(path), "w") as container:
            video = container.add_stream(codec, rate=25, options=options or {})
            video.width, video.height, video.pix_fmt = *size, pixels
            video.time_base = video.codec_context.time_base = Fraction(1, base)
            tags = colour or Colour()
            context = video.codec_context
            context.colorspace, context.color_range = tags.matrix, tags.range
            context.color_primaries, context.color_trc = tags.primaries, tags.transfer
            rate = 44_100
            track = container.add_stream(sound, rate=rate, layout="mono") if sound else None
            for number, time in enumerate(times):
                frame = av.VideoFrame.from_ndarray(picture(*size, number), format="bgr24").reformat(
                    format=pixels,
                    dst_colorspace=Colorspace.ITU709 if tags.matrix == 1 else Colorspace.ITU601,
                    dst_color_range=ColorRange.JPEG if tags.range == 2 else ColorRange.MPEG,
                )
                frame.colorspace, frame.color_range = tags.matrix, tags.range
                frame.pts, frame.time_base = round(time * base), Fraction(1, base)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            if track is not None:
                _write_sound(container, track, beep(rate, sound_length, beep_at - sound_start), rate, sound_start)
        return path

    return make


class Played:
    """What a player gets from a file: frame times, images, and where the beep is."""

    def __init__(self, path: Path) -> None:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            context = stream.codec_context
            frames = [(frame.time, frame.to_ndarray(format="bgr24")) for frame in container.decode(stream)]
            self.colour = Colour(
                int(context.colorspace), int(context.color_range), int(context.color_primaries), int(context.color_trc)
            )
            self.codec, self.pixels = context.name, context.pix_fmt
            self.duration = container.duration / av.time_base if container.duration else None
        self.times = [float(time) for time, _ in frames]
        self.images = [image for _, image in frames]
        self.sound_codecs, self.beep, self.sound_end = self._sound(path)

    @staticmethod
    def _sound(path: Path) -> tuple[list[str], float | None, float | None]:
        with av.open(str(path)) as container:
            codecs = [stream.codec_context.name for stream in container.streams.audio]
            if not codecs:
                return codecs, None, None
            beep_at, end = None, 0.0
            for frame in container.decode(container.streams.audio[0]):
                samples = np.abs(frame.to_ndarray().astype(np.float64))
                samples /= {"s16": 2**15, "s32": 2**31}.get(frame.format.name.removesuffix("p"), 1)
                loud = np.flatnonzero(samples[0] > 0.3)
                if beep_at is None and len(loud):
                    beep_at = frame.time + loud[0] / frame.sample_rate
                end = frame.time + frame.samples / frame.sample_rate
            return codecs, beep_at, end


@pytest.fixture
def play() -> Callable[[Path], Played]:
    """A function that decodes a file as a player would."""
    return Played
