"""Scales: what a change of content does to a map; measured over ten frames that show something."""

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


def test_ten_frames_that_show_something_are_enough_and_black_ones_do_not_count(plan: Plan) -> None:
    random, meter = np.random.default_rng(0), ScaleMeter(plan)
    black = {name: np.zeros_like(value) for name, value in _maps(random, 1).items()}
    for _ in range(5):
        assert not meter.add(black.__getitem__)
    assert meter.scales == {}
    for i in range(10):
        assert not meter.done
        assert meter.add(_maps(random, 1).__getitem__), i
    assert meter.done
    assert set(meter.scales) == {"input", "conv1", "pool"}
    assert meter.scales["pool"] == pytest.approx(3.0)


def test_the_scale_follows_the_spread_and_not_the_offset(plan: Plan) -> None:
    scales = []
    for sigma, offset in ((1.0, 0.0), (5.0, 0.0), (1.0, 100.0)):
        random, meter = np.random.default_rng(1), ScaleMeter(plan, Norm.RMS)
        while not meter.done:
            meter.add(_maps(random, sigma, offset).__getitem__)
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
    meter.add(_maps(np.random.default_rng(2), 1).__getitem__)
    assert meter.scales == {"input": 0.0, **known}


def test_the_input_is_read_in_grey_levels(plan: Plan) -> None:
    random, meter = np.random.default_rng(3), ScaleMeter(plan, unit=np.full(3, 1 / 255, np.float32))
    maps = _maps(random, 1)
    scene = maps["x"]
    for _ in range(10):
        noisy = np.round(scene + random.normal(0, 1.0, scene.shape)).astype(np.float32)
        meter.add({**maps, "x": noisy / 255}.__getitem__)
    assert 2.5 <= meter.scales["input"] <= 5


def test_norms_are_those_of_the_gate() -> None:
    d = np.array([[3.0, -4.0]], np.float32)
    assert [float(difference_norm(d, n)[0]) for n in Norm] == pytest.approx([4.0, 5.0, 12.5**0.5])
