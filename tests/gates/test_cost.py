"""What frames will cost is learned from what they did cost: a base, a price per unit of load, and how far off that is."""

from __future__ import annotations

import numpy as np
import pytest

from skipvid.gates.cost import CostModel

TAKEN = np.zeros((3, 4), bool)


def learned(base: float, price: float, loads: list[float]) -> CostModel:
    model = CostModel(TAKEN.shape)
    for load in loads:
        model.observe(base + price * load, load, TAKEN)
    return model


def spread(count: int = 60) -> list[float]:
    return np.random.default_rng(1).uniform(10, 100, count).tolist()


def test_a_base_is_told_from_a_price() -> None:
    model = learned(5.0, 0.1, spread())
    assert model.base == pytest.approx(5, rel=0.01)
    assert model.price == pytest.approx(0.1, rel=0.01)
    assert model.predict(40) == pytest.approx(9, rel=0.01)
    assert model.affords(9, 100) == pytest.approx(40, rel=0.01)


def test_a_few_frames_that_were_held_up_move_neither_far() -> None:
    model = CostModel(TAKEN.shape)
    for index, load in enumerate(spread()):
        model.observe((5 + 0.1 * load) * (4 if index % 8 == 0 else 1), load, TAKEN)
    assert model.base == pytest.approx(5, rel=0.25)
    assert model.predict(40) == pytest.approx(9, rel=0.1)


def test_loads_that_are_all_alike_say_nothing_of_a_base() -> None:
    model = learned(5.0, 0.1, [50.0, 52.0, 48.0] * 10)
    assert model.base == 0
    assert model.predict(50) == pytest.approx(10, rel=0.02)


def test_the_base_is_no_less_than_a_frame_without_work() -> None:
    model = learned(0.0, 0.1, spread())
    for _ in range(5):
        model.observe(2.0, 0.0, TAKEN)
    assert model.idle == model.base == 2
    assert model.predict(0) == 2


def test_however_high_the_base_something_is_affordable() -> None:
    model = learned(5.0, 0.1, spread())
    assert model.affords(4, 100) == 0
    assert model.affords(4, 100, least=1) == pytest.approx(10, rel=0.01)
    assert model.affords(9, 100, least=1) == pytest.approx(40, rel=0.01)


def test_what_is_expected_to_cost_less_is_more_load_for_the_same() -> None:
    model = learned(5.0, 0.1, spread())
    model.expect(0.5)
    assert model.price == pytest.approx(0.05, rel=0.01)
    assert model.base == pytest.approx(5, rel=0.01)


def test_before_anything_was_seen_a_full_pass_is_what_all_costs() -> None:
    model = CostModel(TAKEN.shape)
    model.expect(0.5)
    assert model.affords(3, 100) == float("inf")
    model.observe_dense(12.0)
    assert model.affords(3, 100) == 25
    assert model.predict(0) == model.price == model.base == 0
