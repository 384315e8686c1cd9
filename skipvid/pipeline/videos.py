"""The videos of a run: what they are called, how they are encoded, and how they end."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.pipeline.config import OutputChoice
from skipvid.stats import files
from skipvid.video.sink import VideoSink
from skipvid.video.source import Source

__all__ = ["Videos"]

ByteArray = NDArray[np.uint8]

# Glowing patches are hard to predict: x264 would take longer over them than the network over the video. This takes a third of the
# time at a decibel less.
_HEATMAP_PRESET, _HEATMAP_CRF = "ultrafast", 25
# Up to this size an encoder that shares the processors with the network takes less of them, and no longer, on half of the
# threads: on one of two, runs took 0.86 to 1.03 of the time. At 1920x1080 they took 1.14.
_SMALL_PIXELS = 1 << 20


class Videos:
    """The videos of a run folder.

    Args:
        folder: Where they go.
        choice: Which are wanted.
        source: For size, times, colours and sound.
        threads: Of everything. Encoders of small frames get half of them each.
    """

    def __init__(self, folder: Path, choice: OutputChoice, source: Source, threads: int) -> None:
        self._source = source
        self._threads = -(-threads // 2) if source.width * source.height <= _SMALL_PIXELS else threads
        self.annotated: _Writer | None = None
        self.heatmap: _Writer | None = None
        sound = source.path if choice.audio and not source.live and source.facts is not None else None
        try:
            if choice.annotated:
                self.annotated = _Writer(self._sink(folder / files.ANNOTATED, sound))
            if choice.heatmap:
                heatmap = self._sink(folder / files.HEATMAP, None, preset=_HEATMAP_PRESET, crf=_HEATMAP_CRF)
                self.heatmap = _Writer(heatmap)
        except BaseException:
            self.abort()
            raise

    def _sink(self, path: Path, sound: Path | None, **extra: Any) -> VideoSink:
        source, facts = self._source, self._source.facts
        if facts is not None:
            extra |= {"colour": facts.colour, "pixel_aspect": facts.pixel_aspect}
        return VideoSink(path, source.width, source.height, source.timing, sound, threads=self._threads, **extra)

    @property
    def _sinks(self) -> list[VideoSink]:
        return [writer.sink for writer in (self.annotated, self.heatmap) if writer is not None]

    def finish(self) -> None:
        """Put the videos under their final names.

        Raises:
            OutputError: One cannot be finished; the others are, as far as they can.
        """
        with ExitStack() as stack:
            for sink in self._sinks:
                stack.callback(sink.close)

    def abort(self) -> None:
        """Leave the part files as they are."""
        for sink in self._sinks:
            sink.abort()


class _Writer:
    """Writes the pictures of one video; one that is the same array as the last is not converted again."""

    def __init__(self, sink: VideoSink) -> None:
        self.sink = sink
        self._last: ByteArray | None = None

    def write(self, image: ByteArray, pts: float) -> None:
        if image is self._last:
            self.sink.repeat(pts)
        else:
            self.sink.write(image, pts)
        self._last = image
