"""Who walks where: smooth paths through way points, and the steps that go with them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

STRIDE = 1.2  # metres per two steps at full stride
_RATE = 100  # samples per second


class Walk:
    """A path through ``(seconds, x, z)`` way points, with heading, phase of the gait and vigour at any time."""

    def __init__(self, points: Sequence[tuple[float, float, float]], smooth: float = 0.35, facing: float | None = None) -> None:
        t, x, z = (np.array(c, np.float64) for c in zip(*points, strict=True))
        self._start = float(t[0])
        at = np.arange(t[0], t[-1], 1 / _RATE)
        kernel = np.exp(-0.5 * (np.arange(-3 * smooth, 3 * smooth, 1 / _RATE) / smooth) ** 2)
        self._x, self._z = (self._blur(np.interp(at, t, v), kernel) for v in (x, z))
        dx, dz = np.gradient(self._x) * _RATE, np.gradient(self._z) * _RATE
        speed = np.hypot(dx, dz)
        self._vigour = self._blur(np.clip(speed / 1.1, 0, 1), kernel)
        self._phase = np.cumsum(speed / _RATE / (STRIDE * np.maximum(self._vigour, 0.35)))
        heading = np.unwrap(np.arctan2(dx, dz))
        moving = speed > 0.12
        known = np.flatnonzero(moving)
        heading = np.interp(np.arange(at.size), known, heading[known]) if known.size else np.full(at.size, np.pi)
        if facing is not None:
            still = self._blur((~moving).astype(np.float64), kernel)
            heading = heading + still * ((facing - heading + np.pi) % (2 * np.pi) - np.pi)
        self._heading = self._blur(heading, kernel)

    @staticmethod
    def _blur(values: NDArray[np.float64], kernel: NDArray[np.float64]) -> NDArray[np.float64]:
        half = kernel.size // 2
        padded = np.concatenate([2 * values[0] - values[half:0:-1], values, 2 * values[-1] - values[-2 : -half - 2 : -1]])
        return np.convolve(padded, kernel / kernel.sum(), "same")[half : half + values.size]

    @property
    def seconds(self) -> tuple[float, float]:
        return self._start, self._start + self._x.size / _RATE

    def at(self, seconds: float) -> tuple[float, float, float, float, float]:
        """``x``, ``z``, heading, phase and vigour."""
        i = int(np.clip((seconds - self._start) * _RATE, 0, self._x.size - 1))
        return float(self._x[i]), float(self._z[i]), float(self._heading[i]), float(self._phase[i]), float(self._vigour[i])

    def steps(self) -> list[tuple[float, float]]:
        """When a foot touches the ground, and how far from the origin of z that is."""
        halves = np.floor(self._phase * 2)
        at = np.flatnonzero(np.diff(halves) > 0)
        return [(self._start + float(i) / _RATE, float(self._z[i])) for i in at if self._vigour[i] > 0.3]


def flutter(seconds: float, rates: Sequence[float], seed: int) -> float:
    """A smooth wandering value of about -1..1: a sum of sines with fixed phases."""
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(rates))
    return float(sum(np.sin(2 * np.pi * r * seconds + p) for r, p in zip(rates, phases, strict=True)) / len(rates))


def blink_at(seconds: float, seed: int, every: float = 3.1) -> float:
    """Eyelids: 0 open, 1 shut; shut for about 0.15 s at irregular times."""
    times = np.cumsum(np.random.default_rng(seed).uniform(0.55, 1.45, 40) * every)
    nearest = float(np.abs(times - seconds).min())
    return float(np.clip(1.6 - nearest / 0.075, 0, 1))
