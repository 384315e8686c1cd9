"""The noise meter finds noise, not motion, not cuts, not letterboxes; and the threshold it gives holds noise back."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from skipvid.gates.noise import NoiseMeter
from skipvid.gates.picture import content, is_uniform


def _scene(random: np.random.Generator, height: int = 192, width: int = 256) -> np.ndarray:
    return np.kron(random.integers(40, 200, (height // 8, width // 8, 3)), np.ones((8, 8, 1))).astype(np.float32)


def _noisy(scene: np.ndarray, sigma: float, random: np.random.Generator) -> np.ndarray:
    return np.clip(np.round(scene + random.normal(0, sigma, scene.shape)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [0.0, 0.7, 1.5, 1.9])
def test_noise_alone_opens_one_pixel_in_a_hundred(sigma: float) -> None:
    random = np.random.default_rng(1)
    scene, meter = _scene(random), NoiseMeter()
    frames = [_noisy(scene, sigma, random) for _ in range(11)]
    for frame in frames[:10]:
        meter.add(frame)
    opened = (np.abs(frames[10].astype(int) - frames[0]).max(axis=2) > meter.level).mean()
    assert opened < 0.02
    # 1 % of the largest of three channels of a difference of two lies above 2.9 * 1.41 sigma; then comes rounding.
    assert meter.level <= 5 * sigma


def _stated(frames: list[np.ndarray]) -> float:
    """The level as `NoiseMeter` states it, written down without any haste, for letterboxes of no rows."""
    levels = []
    for before, now in pairwise(frames):
        change = np.abs(now.astype(np.float64) - before).max(axis=2)
        height, width = change.shape
        blocks = [change[y : y + 16, x : x + 16] for y in range(0, height - 15, 16) for x in range(0, width - 15, 16)]
        levels.append(np.percentile([np.percentile(block, 99) for block in blocks], 25))
    return float(np.percentile(levels, 75 if len(levels) >= 4 else 0))


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_repeated_frames_and_quiet_blocks_count_as_what_they_are(kind: type) -> None:
    random = np.random.default_rng(3)
    scene = _scene(random)
    frames = [_noisy(scene, 1.5, random).astype(kind) for _ in range(4)]
    for i in (0, 1):
        frames.append(frames[-1].copy())
        frames[-1][: 64 + 64 * i] = _noisy(scene, 3.0, random)[: 64 + 64 * i]
    frames += [frames[-1].copy(), frames[-1].copy()]
    for end in range(2, len(frames) + 1):
        meter = NoiseMeter()
        for frame in frames[:end]:
            meter.add(frame)
        assert meter.level == pytest.approx(_stated(frames[:end]), abs=1e-5)  # percentiles of float32 are float32


def test_repeated_frames_of_another_size_or_of_nothing_are_measured_anew() -> None:
    random = np.random.default_rng(4)
    large, small, nothing = (
        _noisy(_scene(random), 1.0, random),
        _noisy(_scene(random, 64, 64), 1.0, random),
        np.zeros((64, 64, 3), np.uint8),
    )
    meter, pairs = NoiseMeter(), []
    for frame in (large, large, small, small, nothing, nothing, nothing, small, small):
        meter.add(frame)
        pairs.append(meter.pairs)
    # A frame of another size has no pair; one of a single value has no content.
    assert pairs == [0, 1, 1, 2, 2, 2, 2, 3, 4]


def test_motion_over_two_thirds_of_the_picture_and_a_cut_do_not_count() -> None:
    random = np.random.default_rng(2)
    scene, meter = _scene(random), NoiseMeter()
    for i in range(10):
        frame = scene.copy() if i < 5 else _scene(np.random.default_rng(9))
        frame[:, :170] = random.integers(0, 255, (192, 170, 3))
        meter.add(_noisy(frame, 1.0, random))
    assert meter.pairs == 9
    assert 2 <= meter.level <= 5


def test_the_level_has_a_ceiling_and_starts_at_zero() -> None:
    random, meter = np.random.default_rng(3), NoiseMeter()
    assert meter.level == 0
    for _ in range(4):
        meter.add(random.integers(0, 255, (64, 64, 3)).astype(np.uint8))
    assert meter.level == 8


def test_a_gap_forms_no_pair() -> None:
    meter = NoiseMeter()
    meter.add(np.zeros((32, 32, 3), np.uint8))
    meter.gap()
    meter.add(np.full((32, 32, 3), 99, np.uint8))
    assert meter.pairs == 0


def test_letterbox_borders_are_no_content() -> None:
    random = np.random.default_rng(4)
    image = np.full((100, 80, 3), 114, np.uint8)
    image[20:70, 5:75] = random.integers(0, 100, (50, 70, 3))
    assert content(image) == (slice(20, 70), slice(5, 75))


def test_black_flat_and_noisy_dark_frames_are_uniform_also_in_a_letterbox() -> None:
    random = np.random.default_rng(5)
    dark = np.full((96, 96, 3), 114, np.uint8)
    dark[:60] = random.integers(0, 5, (60, 96, 3))
    assert is_uniform(dark)
    assert is_uniform(np.zeros((96, 96, 3), np.uint8))
    assert not is_uniform(_scene(random).astype(np.uint8))
