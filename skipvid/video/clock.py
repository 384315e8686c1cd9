"""Time of frames: from seconds to ticks of the file that is written, and from seconds to the clock on the wall."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["Clock", "Pacer", "Timing"]

_FINEST = 1_000_000


@dataclass(frozen=True)
class Timing:
    """How the frames of a video are timed.

    Attributes:
        time_base: Seconds of one tick. Where it is the source's own, times survive to the last bit.
        frame_duration: Seconds that a frame usually stands.
    """

    time_base: Fraction = Fraction(1, 90_000)
    frame_duration: float = 1 / 25

    @classmethod
    def of(cls, time_base: Fraction | None, fps: float, stride: int = 1) -> Timing:
        """The timing of a source of which every ``stride``-th frame is used."""
        # A raw stream may count in ticks so fine that an mp4 would overflow within hours.
        usable = time_base is not None and time_base > 0 and time_base.denominator <= _FINEST
        return cls(time_base if usable and time_base is not None else Fraction(1, 90_000), stride / fps)


class Clock:
    """Turns presentation times into strictly increasing ticks of one time base.

    Two frames of one tick, as cameras and rounding make them, are moved apart by one tick: a muxer refuses equal times, and a
    frame must not be lost over it.

    Args:
        timing: Time base and usual duration.
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.last: int | None = None
        self.first: int | None = None

    def tick(self, pts: float) -> int:
        """The tick of the next frame, shown at ``pts`` seconds."""
        tick = round(pts / self.timing.time_base)
        if self.last is not None and tick <= self.last:
            tick = self.last + 1
        if self.first is None:
            self.first = tick
        self.last = tick
        return tick

    @property
    def usual(self) -> int:
        """Ticks of a frame of the usual duration, at least one."""
        return max(1, round(self.timing.frame_duration / self.timing.time_base))

    def seconds(self, tick: int) -> float:
        """The time of a tick."""
        return float(tick * self.timing.time_base)


class Pacer:
    """Lets frames pass no sooner than their own times say, as a camera would."""

    def __init__(self) -> None:
        self._origin: float | None = None

    def wait(self, pts: float, stop: threading.Event) -> None:
        """Return at the time of ``pts`` (seconds), counted from the first call, or as soon as ``stop`` is set."""
        now = time.monotonic()
        if self._origin is None:
            self._origin = now - pts
        delay = self._origin + pts - now
        if delay > 0:
            stop.wait(delay)
