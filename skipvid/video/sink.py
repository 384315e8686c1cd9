"""Writing videos that play everywhere: H.264 in mp4, with the source's times, colours and sound.

Frames go into ``<name>.part``, a fragmented mp4 that plays up to the last second even if the program is killed. `VideoSink.close`
copies it, together with the sound, into a regular mp4 (index in front, for browsers) and renames that to the final name in one
step; so a file under the final name is always whole.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from skipvid.errors import OutputError
from skipvid.video.clock import Clock, Timing
from skipvid.video.cv import cv2
from skipvid.video.fragments import trim
from skipvid.video.letterbox import Letterbox
from skipvid.video.probe import Colour
from skipvid.video.remux import Span, remux
from skipvid.video.yuv import YuvConverter

__all__ = ["VideoSink"]

ByteArray: TypeAlias = NDArray[np.uint8]

_RGB_SOURCE = 0
# One fragment a second, each flushed at once: that much is lost when the program is killed.
_FRAGMENTED = {"movflags": "empty_moov+default_base_moof+delay_moov", "frag_duration": "1000000", "flush_packets": "1"}


class VideoSink:
    """One video file being written.

    H.264 in 4:2:0 needs even sides: an odd one is padded by one row or column that repeats the edge. A frame of another size than
    the first is fitted into the first one's with black around it.

    Args:
        path: The final file, ``.mp4``.
        width: Of the frames, in pixels.
        height: The same.
        timing: Time base and usual duration of the frames.
        sound_from: File whose sound tracks are copied (into AAC where mp4 does not take them), in step with the picture and cut
            to what was written.
        colour: Tags of the source; the picture is converted accordingly and tagged alike.
        pixel_aspect: Width of a pixel over its height.
        crf: Quality of x264, 0 (lossless) to 51; 23 is its default.
        preset: Speed of x264.
        threads: Threads of the encoder; 0 lets it choose.

    Raises:
        OutputError: The file cannot be created.
    """

    def __init__(
        self,
        path: str | Path,
        width: int,
        height: int,
        timing: Timing | None = None,
        sound_from: str | Path | None = None,
        *,
        colour: Colour | None = None,
        pixel_aspect: Fraction = Fraction(1),
        crf: int = 23,
        preset: str = "veryfast",
        threads: int = 0,
    ) -> None:
        self.path = Path(path)
        self.part = self.path.with_name(self.path.name + ".part")
        self.width, self.height = width, height
        self.frames = 0
        self.notes: list[str] = []
        self._sound_from = None if sound_from is None else Path(sound_from)
        self._clock = Clock(timing or Timing())
        colour = colour or Colour()
        self._colour = Colour(1, 1, 1, 1) if colour.matrix == _RGB_SOURCE else colour
        self._even = np.empty((height + height % 2, width + width % 2, 3), np.uint8)
        self._converter = YuvConverter(self._even.shape[1], self._even.shape[0], self._colour)
        self._fit: Letterbox | None = None
        self._last: av.VideoFrame | None = None
        self._fitted = np.empty((height, width, 3), np.uint8)
        self._open: av.container.OutputContainer | None = None
        with self._explained("be created"):
            self._open = av.open(str(self.part.resolve()), "w", format="mp4", options=_FRAGMENTED)
            self._stream = self._new_stream(self._open, pixel_aspect, {"crf": str(crf), "preset": preset}, threads)
            # Creates the file: better now than at the first frame, minutes later.
            self._open.start_encoding()

    def _new_stream(
        self, container: av.container.OutputContainer, aspect: Fraction, options: dict[str, str], threads: int
    ) -> av.video.stream.VideoStream:
        timing = self._clock.timing
        rate = Fraction(1 / max(timing.frame_duration, 1e-3)).limit_denominator(1001)
        stream = container.add_stream("libx264", rate=rate, options=options)
        height, width = self._even.shape[:2]
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = timing.time_base
        codec = stream.codec_context
        codec.time_base = timing.time_base
        codec.sample_aspect_ratio = aspect
        codec.thread_count = threads
        codec.colorspace, codec.color_range = self._colour.matrix, self._colour.range
        codec.color_primaries, codec.color_trc = self._colour.primaries, self._colour.transfer
        return stream

    def write(self, image: ByteArray, pts: float) -> None:
        """Append a frame.

        Args:
            image: ``(H, W, 3)`` BGR.
            pts: Presentation time in seconds, on the source's clock.

        Raises:
            OutputError: The disk is full or the file cannot be written for another reason; what was written so far plays.
        """
        self._append(self._converter.convert(self._sized(image)), pts)

    def repeat(self, pts: float) -> None:
        """Append the picture of the last frame once more, as `write` would, for less.

        Args:
            pts: Presentation time in seconds, on the source's clock.

        Raises:
            OutputError: As `write`.
        """
        if self._last is None:
            reason = f"nothing was written to {self.path} yet"
            raise ValueError(reason)
        self._append(self._last, pts)

    def _append(self, frame: av.VideoFrame, pts: float) -> None:
        if self._open is None:
            reason = f"{self.path} is closed"
            raise ValueError(reason)
        self._last = frame
        frame.pts = self._clock.tick(pts) - (self._clock.first or 0)
        frame.time_base = self._clock.timing.time_base
        with self._explained("be written"):
            self._open.mux(self._stream.encode(frame))
        self.frames += 1

    def _sized(self, image: ByteArray) -> ByteArray:
        if image.shape[:2] != (self.height, self.width):
            size = (image.shape[1], image.shape[0])
            if self._fit is None or self._fit.src != size:
                self._fit = Letterbox(size, (self.width, self.height), "letterbox-centre", pad=0)
            image = self._fit.apply(image, self._fitted)
        if self._even.shape == image.shape:
            return image
        bottom, right = self._even.shape[0] - self.height, self._even.shape[1] - self.width
        cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE, dst=self._even)
        return self._even

    def close(self) -> None:
        """Finish the file: after this it stands under its final name. Without a frame, no file is left.

        Raises:
            OutputError: The file cannot be finished; the part file plays.
        """
        if self._open is None:
            return
        try:
            self._finish_part()
        except OutputError:
            self._tidy_part()
            raise
        if self.frames == 0:
            self._tidy_part()
            return
        whole = self.path.with_name(self.path.name + ".whole.part")
        try:
            with self._explained("be finished"):
                self.notes += remux(self.part, whole, self._sound_from, self._span())
                os.replace(whole, self.path)
                self.part.unlink(missing_ok=True)
        finally:
            whole.unlink(missing_ok=True)

    def _span(self) -> Span:
        clock = self._clock
        first, last = clock.first or 0, clock.last or 0
        return Span(clock.seconds(first), clock.seconds(last + clock.usual), last - first, clock.usual, clock.timing.time_base)

    def _finish_part(self) -> None:
        container, self._open = self._open, None
        if container is None:
            return
        try:
            with self._explained("be written"):
                if self.frames:
                    container.mux(self._stream.encode(None))
        finally:
            with self._explained("be written"):
                container.close()

    def _tidy_part(self) -> None:
        with contextlib.suppress(OSError):
            if self.frames == 0:
                self.part.unlink(missing_ok=True)
            else:
                trim(self.part)

    def abort(self) -> None:
        """Stop without a final file; the part file stays, and plays, if it holds a frame. Never raises."""
        with contextlib.suppress(OutputError):
            self._finish_part()
        self._tidy_part()

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except (OSError, av.FFmpegError) as error:
            reason = error.strerror or str(error)
            left = f" What was written so far is in {self.part}." if self.frames else ""
            message = f"{self.path} cannot {what}: {reason}.{left}"
            raise OutputError(message, "Free space on the disk or choose another folder with -o.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, OutputError):
            self.abort()
        else:
            self.close()
