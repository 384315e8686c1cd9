"""Full passes besides those over frames: one before the first, so that it is not slow, and some behind the last, to be timed."""

from __future__ import annotations

import numpy as np

from skipvid.pipeline.stages import ByteArray, FrameStream
from skipvid.stats.savings import pass_ms

__all__ = ["full_passes", "warm_up"]

_MOST = 3


def warm_up(stream: FrameStream, height: int, width: int) -> None:
    """Run one grey picture through, so that no frame pays for buffers, packed weights and threads; then forget it."""
    stream.step_image(np.full((height, width, 3), 114, np.uint8))
    stream.outputs()
    stream.reset()


def full_passes(stream: FrameStream, image: ByteArray, expected_ms: float, within_ms: float) -> list[float]:
    """Time of full passes over a picture, in ms: up to three, as many as fit.

    For when a stream has done its work, with the memory, the caches and the threads that its frames had.

    Args:
        stream: The stream.
        image: What the network sees.
        expected_ms: Of a pass, before any was made.
        within_ms: For all of them.
    """
    times: list[float] = []
    while len(times) < _MOST and sum(times) + (times[-1] if times else expected_ms) <= within_ms:
        stream.refresh("measured")
        stream.step_image(image)
        stream.views()
        times.append(pass_ms(stream.last.ms))
    return times
