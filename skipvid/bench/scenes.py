"""The frames that a benchmark shows to a stream: real video, and made-up changes of known size on one of its frames."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skipvid.engine.executor import ByteArray

__all__ = ["every_pixel", "half_noise", "moving_block", "still"]

BLOCK = 16
"""Side of the changed block, in pixels of the network input."""


def still(frame: ByteArray) -> Iterator[ByteArray]:
    """The same frame again and again."""
    while True:
        yield frame


def moving_block(frame: ByteArray) -> Iterator[ByteArray]:
    """One block of 16x16 pixels in the middle changes in every frame, to all of its 256 pixels."""
    height, width = frame.shape[:2]
    top, left = (height - BLOCK) // 2, (width - BLOCK) // 2
    turn = 0
    while True:
        changed = frame.copy()
        block = changed[top : top + BLOCK, left : left + BLOCK]
        block ^= np.uint8(0x20 if turn % 2 else 0x10)
        turn += 1
        yield changed


def half_noise(frame: ByteArray, seed: int = 0) -> Iterator[ByteArray]:
    """Half of the pixels, drawn anew for every frame, differ from the frame by one grey level."""
    random = np.random.default_rng(seed)
    noisy = [frame ^ (random.random(frame.shape[:2]) < 0.5).astype(np.uint8)[..., None] for _ in range(8)]
    while True:
        yield from noisy


def every_pixel(frame: ByteArray) -> Iterator[ByteArray]:
    """Every pixel changes in every frame."""
    flipped = frame ^ np.uint8(0x10)
    while True:
        yield flipped
        yield frame
