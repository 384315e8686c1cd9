"""Where frames come from: one interface for files, images, cameras and streams, decoded by OpenCV."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from skipvid.errors import SkipvidError, SourceError
from skipvid.video.clock import Timing
from skipvid.video.cv import cv2
from skipvid.video.frame import USUAL_FPS, Frame, Source, three_channels
from skipvid.video.images import ImageSource, SequenceSource
from skipvid.video.inputs import IMAGE_SUFFIXES, expand, is_camera, is_url, numbered_images, require_content
from skipvid.video.probe import SourceFacts, probe

__all__ = ["FileSource", "Frame", "ImageSource", "SequenceSource", "Source", "expand", "open_source"]

_CLOSE_MS = 1e-3  # cv2 tells times as doubles: less than this is the same time
# Up to this size one thread decodes a frame in 1.3 ms. A second one saves a tenth of that and costs a tenth more of processors,
# which have other work.
_ONE_THREAD_PIXELS = 1 << 20


class FileSource(Source):
    """A video file, or a finite video behind an address.

    Frames have their true presentation times. A file that ends early, or is damaged, delivers what decodes, and says so in
    ``notes``.

    Args:
        path: File or address.
        vid_stride: Deliver every n-th frame only.
        threads: Threads of the decoder, where the frames are large enough for more than one; 0 lets it choose.

    Raises:
        SourceError: The file cannot be read, or holds no picture that decodes.
    """

    def __init__(self, path: str | Path, vid_stride: int = 1, threads: int = 0) -> None:
        remote = is_url(str(path))
        super().__init__(Path(path).stem, None if remote else Path(path))
        if not remote:
            self.facts = _checked(Path(path))
        self._spec = str(path) if remote else str(Path(path).resolve())
        self._stride = vid_stride
        small = self.facts is not None and self.facts.width * self.facts.height <= _ONE_THREAD_PIXELS
        options = [cv2.CAP_PROP_N_THREADS, 1 if small else threads] if small or threads else []
        self._capture = cv2.VideoCapture(self._spec, cv2.CAP_FFMPEG, options)
        ok, image = self._capture.read() if self._capture.isOpened() else (False, None)
        if not ok or image is None or image.size == 0:
            self._capture.release()
            message = f"No frame of {path} could be decoded: it is damaged, cut off, or in a format OpenCV cannot read."
            raise SourceError(message, f"Check that it plays, or convert it: ffmpeg -i {path} fixed.mp4")
        self._start = self.facts.start if self.facts else 0.0
        self._first = Frame(three_channels(image), 0, self._start + self._position())
        self.height, self.width = image.shape[:2]
        self.fps = self._claimed_fps()
        count = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        self.frames = int(count) if 0 < count < 1e9 else None
        self.timing = Timing.of(self.facts.time_base if self.facts else None, self.fps, vid_stride)

    def _claimed_fps(self) -> float:
        for fps in (self.facts.fps if self.facts else None, self._capture.get(cv2.CAP_PROP_FPS)):
            if fps is not None and math.isfinite(fps) and 0 < fps <= 1000:
                return float(fps)
        return USUAL_FPS

    def _position(self) -> float:
        """Time of the frame just decoded, seconds from the stream's start."""
        position = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
        return position if math.isfinite(position) and abs(position) < 1e9 else 0.0

    def __iter__(self) -> Iterator[Frame]:
        frame = self._first
        yield frame
        index, pts, timed = 0, frame.pts, 0
        while self._capture.grab():
            index += 1
            position = self._start + self._position()
            # Raw streams carry no times: the usual duration has to do.
            timed += position > pts + _CLOSE_MS / 1000
            pts = position if position > pts + _CLOSE_MS / 1000 else pts + 1 / self.fps
            if index % self._stride:
                continue
            ok, image = self._capture.retrieve()
            if not ok or image is None:
                break
            yield Frame(three_channels(image), index, pts)
        self._finish(index + 1, timed, pts)

    def _finish(self, decoded: int, timed: int, last: float) -> None:
        # Without a count in the container, the claim is duration times rate, which may be one off.
        spare = 0 if self.facts and self.facts.frames else 1
        if spare and self.frames is not None and decoded < self.frames - spare:
            self._claim_by_time(decoded, last)
        if self.frames is not None and decoded < self.frames - spare:
            self.notes.append(f"{self.name}: {self.frames} frames claimed, {decoded} decode.")
        if decoded > 1 and timed == 0:
            self.notes.append(f"{self.name}: the file carries no times; {self.fps:g} frames/s assumed.")

    def _claim_by_time(self, decoded: int, last: float) -> None:
        """Duration times rate is too much where the rate varies or sound goes on: how far frames came in time tells better."""
        if self.frames is None or self.facts is None or self.facts.end is None:
            return
        lasted, wanted = last + 1 / self.fps - self.facts.start, self.facts.end - self.facts.start
        self.frames = min(self.frames, max(decoded, round(decoded * wanted / lasted)))

    def close(self) -> None:
        self._capture.release()


def open_source(spec: str | Path, vid_stride: int = 1, *, paced: bool = False, threads: int = 0) -> Source:
    """Open one source.

    Args:
        spec: A file, a folder of numbered images, the number of a camera, or an address, as `expand` returns them.
        vid_stride: Deliver every n-th frame only.
        paced: Feed a file at its own speed, newest frame first, as if it were a camera.
        threads: Threads of the decoder; 0 lets it choose.

    Raises:
        SourceError: It cannot be opened; the message says why.
    """
    text = str(spec)
    if is_camera(text) or is_url(text):
        from skipvid.video.live import open_live

        return open_live(text, vid_stride, threads)
    path = Path(text).expanduser()
    if images := numbered_images(path):
        return SequenceSource(path, images, vid_stride)
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return ImageSource(path)
    source = FileSource(path, 1 if paced else vid_stride, threads)
    if paced:
        from skipvid.video.paced import PacedFile

        return PacedFile(source, vid_stride)
    return source


def _checked(path: Path) -> SourceFacts:
    require_content(path)
    try:
        return probe(path)
    except SkipvidError:
        raise
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read: {error}."
        raise SourceError(message, "Check that it plays.") from error
