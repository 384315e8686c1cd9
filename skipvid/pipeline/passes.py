"""Full passes besides those over frames: one before the first, so that it is not slow, and some behind the last, to be timed."""

from __future__ import annotations

import numpy as np

from skipvid.pipeline.stages import ByteArray, FrameStream
from skipvid.stats.savings import pass_ms

__all__ = ["full_passes", "warm_up"]

_WITHIN_MS = 40.0  # for passes that are only made to be timed
_MOST = 3


def warm_up(stream: FrameStream, height: int, width: int) -> None:
    """Run one grey picture through, so that no frame pays for buffers, packed weights and threads; then forget it."""
    stream.step_image(np.full((height, width, 3), 114, np.uint8))
    stream.outputs()
    stream.reset()


def full_passes(stream: FrameStream, image: ByteArray) -> list[float]:
    """Time of full passes over a picture, in ms: one, and up to three where they fit into 40 ms.

    For when a stream has done its work, with the memory, the caches and the threads that its frames had.
    """
    times: list[float] = []
    while len(times) < _MOST and (not times or sum(times) + times[-1] <= _WITHIN_MS):
        stream.refresh("measured")
        stream.step_image(image)
        stream.views()
        times.append(pass_ms(stream.last.ms))
    return times
