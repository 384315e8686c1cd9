"""Scales: what a change of content does to a map; measured on the first frame that shows something."""

from __future__ import annotations

import numpy as np
import pytest

from skipvid.gates.policies import Truncation
from skipvid.gates.scales import ScaleMeter, difference_norm
from skipvid.gates.settings import Norm
from skipvid.plan import Plan


def _maps(random: np.random.Generator, sigma: float, offset: float = 0.0) -> dict[str, np.ndarray]:
    return {
        "x": np.kron(random.integers(0, 255, (4, 6, 3)), np.ones((8, 8, 1))).astype(np.float32),
        "a": random.normal(offset, sigma, (32, 48, 4)).astype(np.float32),
        "v": np.full((1, 1, 4), 3.0, np.float32),
    }


def _shown(meter: ScaleMeter, maps: dict[str, np.ndarray]) -> None:
    meter.look(maps["x"].astype(np.uint8))
    meter.measure(maps.__getitem__)


def test_the_first_frame_that_shows_something_gives_the_scales_and_black_ones_do_not_count(plan: Plan) -> None:
    random, meter = np.random.default_rng(0), ScaleMeter(plan)
    black = {name: np.zeros_like(value) for name, value in _maps(random, 1).items()}
    for _ in range(5):
        _shown(meter, black)
    assert not meter.ready
    assert meter.scales == {}
    _shown(meter, _maps(random, 1))
    assert meter.ready
    assert set(meter.scales) == {"input", "conv1", "pool"}
    assert meter.scales["pool"] == pytest.approx(3.0)
    before = meter.scales
    for i in range(9):
        assert not meter.done, i
        _shown(meter, _maps(random, 7))
    assert meter.done
    assert meter.scales["conv1"] == before["conv1"]


@pytest.mark.parametrize("norm", list(Norm))
def test_a_scale_is_the_root_mean_square_over_all_pairs_of_pixels(plan: Plan, norm: Norm) -> None:
    random, meter = np.random.default_rng(4), ScaleMeter(plan, norm)
    maps = _maps(random, 1.0)
    maps["a"][:3] += random.normal(0, 20.0, (3, 48, 4)).astype(np.float32)
    _shown(meter, maps)
    pixels = maps["a"].reshape(-1, 4)
    pairs = difference_norm(pixels[:, None] - pixels[None, :], norm).astype(np.float64)
    expected = float(np.sqrt(np.square(pairs).sum() / (len(pixels) * (len(pixels) - 1))))
    # All pairs are counted but for the largest channel's norm, which is taken of one pair per pixel.
    assert meter.scales["conv1"] == pytest.approx(expected, rel=0.1 if norm is Norm.MAX else 1e-4)


def test_large_maps_are_sampled(plan: Plan) -> None:
    random, meter = np.random.default_rng(5), ScaleMeter(plan, Norm.RMS)
    maps = _maps(random, 1.0)
    maps["a"] = random.normal(0, 3.0, (200, 300, 4)).astype(np.float32)
    maps["a"][0, 0] = np.nan
    _shown(meter, maps)
    assert meter.scales["conv1"] == pytest.approx(3 * 2**0.5, rel=0.045)  # of 1024 pixels of 4 channels, four standard errors


def test_the_scale_follows_the_spread_and_not_the_offset(plan: Plan) -> None:
    scales = []
    for sigma, offset in ((1.0, 0.0), (5.0, 0.0), (1.0, 100.0)):
        random, meter = np.random.default_rng(1), ScaleMeter(plan, Norm.RMS)
        _shown(meter, _maps(random, sigma, offset))
        scales.append(meter.scales["conv1"])
    assert scales[0] == pytest.approx(2**0.5, rel=0.05)  # the difference of two independent normal values
    assert scales[1] == pytest.approx(5 * scales[0], rel=1e-3)
    assert scales[2] == pytest.approx(scales[0], rel=1e-3)


def test_known_scales_are_passed_through_and_make_measuring_needless(plan: Plan) -> None:
    known = {"conv1": 7.0, "pool": 1.0}
    assert ScaleMeter.for_policy(Truncation(0.1, input_noise=0), plan, known) is None
    assert ScaleMeter.for_policy(Truncation(0.0, input_noise=0), plan) is None
    meter = ScaleMeter.for_policy(Truncation(0.1), plan, known)
    assert meter is not None
    _shown(meter, _maps(np.random.default_rng(2), 1))
    assert meter.scales == {"input": 0.0, **known}


def test_the_noise_is_told_from_the_second_frame_on(plan: Plan) -> None:
    random, meter = np.random.default_rng(3), ScaleMeter(plan)
    maps = _maps(random, 1)
    scene = np.clip(maps["x"], 5, 250)
    for i in range(10):
        noisy = np.round(scene + random.normal(0, 1.0, scene.shape))
        _shown(meter, {**maps, "x": noisy})
        assert (2.5 <= meter.scales["input"] <= 5) if i else meter.scales["input"] == 0.0


def test_norms_are_those_of_the_gate() -> None:
    d = np.array([[3.0, -4.0]], np.float32)
    assert [float(difference_norm(d, n)[0]) for n in Norm] == pytest.approx([4.0, 5.0, 12.5**0.5])
