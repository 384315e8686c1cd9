"""Promises 1, 3 and 4 on whole networks: exactness, stillness, and independence of threads, history and neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from engine.cases import frames, gate_settings, grey_pixels, small_networks
from skipvid.engine.reference import ReferenceExecutor
from skipvid.gates.settings import EXACT, GateSettings, InputGate, Rect
from skipvid.plan import Plan

if TYPE_CHECKING:
    from skipvid.engine.native import NativeExecutor

pytestmark = pytest.mark.usefixtures("isa")

NETWORKS = small_networks()
SHARES = (0.02, 0.0, 0.2, 1.0, 0.05)


def native(plan: Plan, gates: GateSettings = EXACT, threads: int = 2, pixels: bool = False) -> NativeExecutor:
    from skipvid.engine.native import NativeExecutor

    return NativeExecutor(plan, grey_pixels(plan.input.channels) if pixels else None, gates, threads)


def bits(executor: NativeExecutor, plan: Plan) -> dict[str, bytes]:
    return {name: executor.tensor(name).tobytes() for name in plan.tensors}


def masks(executor: NativeExecutor, plan: Plan) -> dict[str, bytes]:
    return {name: executor.changed(name).tobytes() for name in plan.tensors}


@pytest.mark.parametrize("name", NETWORKS)
def test_values_agree_with_the_reference(name: str) -> None:
    plan = NETWORKS[name]
    ours, theirs = native(plan), ReferenceExecutor(plan)
    for x in frames(plan, 1, SHARES):
        ours.step(x)
        theirs.step(x)
        for tensor in plan.tensors:
            expected = theirs.tensor(tensor)
            # Promise 2's bound, layer by layer.
            assert np.abs(ours.tensor(tensor) - expected).max() <= 1e-4 * max(1.0, np.abs(expected).max()), tensor


@pytest.mark.parametrize("name", NETWORKS)
def test_at_threshold_0_every_frame_equals_a_full_pass(name: str) -> None:
    plan = NETWORKS[name]
    delta, full = native(plan), native(plan)
    for x in frames(plan, 2, SHARES):
        delta.step(x)
        full.step(x, refresh=True)
        assert bits(delta, plan) == bits(full, plan)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_repeated_frame_executes_nothing(name: str) -> None:
    plan = NETWORKS[name]
    for gates in (EXACT, gate_settings(plan, 0.3)):
        executor = native(plan, gates)
        for x in frames(plan, 3, (0.2, 0.1)):
            executor.step(x)
        executor.step(x)
        assert executor.active_counts().sum() == 0
        assert not any(executor.changed(t).any() for t in plan.tensors)
        assert not any(executor.any_changed(t) for t in plan.tensors)


@pytest.mark.parametrize("threshold", [0.0, 0.3])
@pytest.mark.parametrize("name", NETWORKS)
def test_bits_and_masks_do_not_depend_on_threads(name: str, threshold: float) -> None:
    plan = NETWORKS[name]
    executors = [native(plan, gate_settings(plan, threshold), threads) for threads in (1, 2, 4)]
    for x in frames(plan, 4, SHARES):
        for executor in executors:
            executor.step(x)
        assert bits(executors[0], plan) == bits(executors[1], plan) == bits(executors[2], plan)
        assert masks(executors[0], plan) == masks(executors[1], plan) == masks(executors[2], plan)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_reset_stream_equals_a_fresh_one_and_streams_do_not_meet(name: str) -> None:
    plan = NETWORKS[name]
    gates = gate_settings(plan, 0.3)
    used, other, fresh = native(plan, gates), native(plan), native(plan, gates)
    for x in frames(plan, 5, (0.5, 0.5)):
        used.step(x)
    used.reset()
    assert used.active_counts().sum() == 0
    for mine, theirs in zip(frames(plan, 6, SHARES), frames(plan, 7, SHARES), strict=True):
        used.step(mine)
        other.step(theirs)
        fresh.step(mine)
        assert bits(used, plan) == bits(fresh, plan)
        assert masks(used, plan) == masks(fresh, plan)


@pytest.mark.parametrize("name", NETWORKS)
def test_thresholds_may_change_on_the_way_without_losing_the_state(name: str) -> None:
    plan = NETWORKS[name]
    executor, late = native(plan), native(plan)
    sequence = frames(plan, 8, SHARES)
    for x in sequence[:2]:
        executor.step(x)
        late.step(x)
    before = bits(late, plan)
    late.configure(gate_settings(plan, 0.3))
    assert bits(late, plan) == before
    late.configure(EXACT)
    for x in sequence[2:]:
        executor.step(x)
        late.step(x)
        assert bits(executor, plan) == bits(late, plan)


def test_images_follow_the_same_rules_as_in_the_reference() -> None:
    plan = next(p for p in NETWORKS.values() if p.input.channels == 3)
    height, width = plan.input.height, plan.input.width
    rng = np.random.default_rng(9)
    gates = GateSettings(InputGate(3.0, 1, (Rect(1, 1, 4, 3), Rect(-2, 6, 2, 100))))
    ours = native(plan, gates, pixels=True)
    theirs = ReferenceExecutor(plan, grey_pixels(3), gates)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    for frame in range(12):
        if frame == 7:
            x = rng.standard_normal((1, 3, height, width)).astype(np.float32)
            ours.step(x)
            theirs.step(x)
        else:
            noise = rng.integers(-4, 5, image.shape) * (rng.random((height, width, 1)) < 0.2)
            image = np.clip(image + noise, 0, 255).astype(np.uint8)
            ours.step_image(image)
            theirs.step_image(image)
        name = plan.input.name
        np.testing.assert_array_equal(ours.changed(name), theirs.changed(name))
        np.testing.assert_array_equal(ours.tensor(name), theirs.tensor(name))


def test_float_frames_follow_the_same_rules_as_in_the_reference() -> None:
    plan = next(p for p in NETWORKS.values() if p.input.channels == 3)
    gates = GateSettings(InputGate(30.0, 1, (Rect(1, 1, 4, 3),)))
    ours = native(plan, gates, pixels=True)
    theirs = ReferenceExecutor(plan, grey_pixels(3), gates)
    for x in frames(plan, 10, SHARES):
        x[0, 0, 0, 0] = np.nan
        ours.step(x)
        theirs.step(x)
        np.testing.assert_array_equal(ours.changed(plan.input.name), theirs.changed(plan.input.name))
        np.testing.assert_array_equal(ours.tensor(plan.input.name), theirs.tensor(plan.input.name))


def test_heat_equals_the_mask_average() -> None:
    from skipvid.engine.heat import heat

    for plan in NETWORKS.values():
        if plan.dense_macs == 0:
            continue
        executor = native(plan)
        for x in frames(plan, 11, (0.05, 0.1)):
            executor.step(x)
            np.testing.assert_allclose(executor.heat(7, 5), heat(executor, 7, 5), atol=1e-5)
