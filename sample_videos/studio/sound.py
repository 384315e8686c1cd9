"""The sound of the shop: a room that hums, a bell over the door, and footsteps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

RATE = 44100
Samples = NDArray[np.float64]


def _filtered(noise: Samples, low: float, high: float) -> Samples:
    """Noise between two frequencies, with soft edges, in Hz."""
    spectrum = np.fft.rfft(noise)
    f = np.fft.rfftfreq(noise.size, 1 / RATE)
    spectrum *= 1 / (1 + (low / np.maximum(f, 1)) ** 4) / (1 + (f / high) ** 4)
    return np.fft.irfft(spectrum, noise.size)


def _add(track: Samples, sound: Samples, seconds: float) -> None:
    start = int(seconds * RATE)
    if 0 <= start < track.size:
        piece = sound[: track.size - start]
        track[start : start + piece.size] += piece


def _step(rng: np.random.Generator, loud: float) -> Samples:
    """A shoe on tiles: a thud and a scrape."""
    t = np.arange(int(0.18 * RATE)) / RATE
    thud = np.sin(2 * np.pi * (95 - 120 * t) * t) * np.exp(-t / 0.022)
    click = _filtered(rng.normal(size=t.size), 900, 3800)
    click = click / np.abs(click).max() * (np.exp(-t / 0.009) + 0.35 * np.exp(-(((t - 0.06) / 0.02) ** 2)))
    return loud * (0.55 * thud + 0.4 * click)


def _bell() -> Samples:
    """Two strokes of a small door bell."""
    t = np.arange(int(1.4 * RATE)) / RATE
    tone = sum(
        a * np.sin(2 * np.pi * f * t) * np.exp(-t / d) for f, a, d in ((1568, 1, 0.5), (3140, 0.5, 0.25), (4710, 0.25, 0.12))
    )
    stroke = np.asarray(tone) * np.minimum(1, t / 0.002)
    second = np.concatenate([np.zeros(int(0.13 * RATE)), 0.7 * stroke])[: stroke.size]
    return 0.045 * (stroke + second)


def shop(seconds: float, steps: Sequence[tuple[float, float]], doors: Sequence[float], seed: int) -> NDArray[np.int16]:
    """Mono samples: ``steps`` are (time, metres away), ``doors`` the times the bell rings."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    t = np.arange(count) / RATE
    air = _filtered(rng.normal(size=count), 60, 500)
    fridge = 0.004 * np.sin(2 * np.pi * 100 * t) + 0.002 * np.sin(2 * np.pi * 200 * t + 1)
    track = 0.008 * air / air.std() + fridge * (1 + 0.2 * np.sin(2 * np.pi * 0.3 * t))
    for at, away in steps:
        _add(track, _step(rng, 0.30 / max(1.2, away + 1)), at)
    for at in doors:
        _add(track, _bell(), at)
    fade = np.minimum(1, np.minimum(t, seconds - t) / 0.05)
    samples: NDArray[np.int16] = np.clip(track * fade * 32767, -32768, 32767).astype(np.int16)
    return samples
