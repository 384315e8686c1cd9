"""The reference executor on whole plans: promises 1, 3 and 4, gates, and the two ways in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.cases import LOCAL_NETWORKS, frames, gate_settings, grey_pixels, small_networks
from skipvid.engine.reference import ReferenceExecutor
from skipvid.errors import UsageError
from skipvid.gates.settings import GateSettings, InputGate, LayerGate, Norm, Rect
from skipvid.plan import Plan

NETWORKS = small_networks()


def bits(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).view(np.int32)


def assert_same_state(a: ReferenceExecutor, b: ReferenceExecutor, where: str = "") -> None:
    for name in a.plan.tensors:
        np.testing.assert_array_equal(bits(a.tensor(name)), bits(b.tensor(name)), err_msg=f"{name} {where}")


def macs(executor: ReferenceExecutor) -> int:
    return sum(executor.plan.executed_macs(op, int(n)) for op, n in zip(executor.plan.ops, executor.active_counts(), strict=True))


@pytest.mark.parametrize("name", NETWORKS)
@given(seed=st.integers(0, 1000), shares=st.lists(st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]), min_size=1, max_size=4))
@settings(max_examples=6, deadline=None)
def test_at_threshold_0_all_maps_equal_a_full_pass(name: str, seed: int, shares: list[float]) -> None:
    delta, full = ReferenceExecutor(NETWORKS[name]), ReferenceExecutor(NETWORKS[name])
    for i, x in enumerate(frames(NETWORKS[name], seed, shares)):
        delta.step(x)
        full.step(x, refresh=True)
        assert_same_state(delta, full, f"frame {i}")


@pytest.mark.parametrize("name", LOCAL_NETWORKS)
def test_a_moving_patch_costs_less_than_half_of_a_local_network(name: str) -> None:
    plan = NETWORKS[name]
    executor = ReferenceExecutor(plan)
    x = frames(plan, 3, ())[0]
    executor.step(x)
    assert macs(executor) == plan.dense_macs
    for i in range(3):
        x = x.copy()
        x[..., 8 + i : 11 + i, 4:6] += 1
        executor.step(x)
        assert 0 < macs(executor) < 0.5 * plan.dense_macs


@pytest.mark.parametrize("name", NETWORKS)
def test_a_repeated_frame_executes_nothing(name: str) -> None:
    plan = NETWORKS[name]
    executor = ReferenceExecutor(plan, settings=gate_settings(plan, 0.05, Norm.RMS, 1, 0.1))
    first, second = frames(plan, 5, (0.3,))
    executor.step(first)
    executor.step(second)
    executor.step(second)
    assert executor.active_counts().sum() == 0
    assert not any(executor.changed(t).any() for t in plan.tensors)


@pytest.mark.parametrize("name", NETWORKS)
def test_threads_do_not_reach_the_bits_and_a_reset_executor_equals_a_fresh_one(name: str) -> None:
    plan = NETWORKS[name]
    rules = gate_settings(plan, 0.1, Norm.L2)
    one, two, used = (ReferenceExecutor(plan, settings=rules, threads=n) for n in (1, 2, 2))
    used.step(frames(plan, 99, ())[0])
    used.reset()
    for i, x in enumerate(frames(plan, 6)):
        for executor in (one, two, used):
            executor.step(x)
        assert_same_state(one, two, f"threads, frame {i}")
        assert_same_state(one, used, f"reset, frame {i}")
        np.testing.assert_array_equal(one.active_counts(), used.active_counts())


def test_two_executors_on_one_plan_do_not_see_each_other() -> None:
    plan = NETWORKS["up_and_down"]
    alone, mixed, other = (ReferenceExecutor(plan) for _ in range(3))
    for x, y in zip(frames(plan, 1), frames(plan, 2), strict=True):
        alone.step(x)
        mixed.step(x)
        other.step(y)
        assert_same_state(alone, mixed)


@pytest.fixture
def one_torch_thread() -> Iterator[None]:
    """Kernels called outside of an executor compute as inside: the number of torch's threads reaches the last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_torch_thread")
@given(
    name=st.sampled_from(list(NETWORKS)),
    seed=st.integers(0, 1000),
    threshold=st.sampled_from([0.02, 0.2, 1.0]),
    norm=st.sampled_from(Norm),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_gated_map_never_strays_from_its_recomputed_value(name: str, seed: int, threshold: float, norm: Norm) -> None:
    """After any history each pixel of a map is within the threshold of what its operator gives on the maps it reads: no drift."""
    plan = NETWORKS[name]
    executor = ReferenceExecutor(plan, settings=gate_settings(plan, threshold, norm))
    for x in frames(plan, seed):
        executor.step(x)
    gated = executor._settings.layers
    for k in executor._kernels:
        recomputed = k.dense(*(torch.tensor(executor.tensor(n)) for n in k.op.inputs))
        for output, values in zip(k.op.outputs, recomputed, strict=True):
            difference = executor.tensor(output) - values.numpy()
            if output not in gated:
                np.testing.assert_array_equal(bits(executor.tensor(output)), bits(values.numpy()))
            elif norm is Norm.MAX:
                assert np.abs(difference).max() <= threshold
            else:
                length = np.sqrt(np.square(difference.astype(np.float64)).sum(-1))
                assert (length / (difference.shape[-1] ** 0.5 if norm is Norm.RMS else 1)).max() <= threshold * 1.00001


def test_slow_changes_add_up_and_are_committed() -> None:
    plan = NETWORKS["residual_block"]
    executor = ReferenceExecutor(plan, settings=GateSettings(InputGate(0.35)))
    x = np.zeros((1, 3, 36, 44), np.float32)
    executor.step(x)
    marks = []
    for i in range(1, 9):
        executor.step(x + np.float32(0.125 * i))
        marks.append(bool(executor.changed("x").any()))
    assert marks == [False, False, True, False, False, True, False, False]
    np.testing.assert_array_equal(executor.tensor("x"), np.full((36, 44, 3), 0.75, np.float32))


def test_the_input_gate_measures_in_grey_levels_dilates_and_ignores() -> None:
    plan = NETWORKS["residual_block"]
    pixels = grey_pixels()
    rules = GateSettings(InputGate(4.0, 1, (Rect(0, 0, 6, 36),)))
    executor = ReferenceExecutor(plan, pixels, rules)
    image = np.full((36, 44, 3), 100, np.uint8)
    executor.step_image(image)
    noisy = image + 2
    noisy[2, 3], noisy[10, 20], noisy[20, 30] = 200, 105, 104
    executor.step_image(noisy)
    expected = np.zeros((36, 44), bool)
    expected[9:12, 19:22] = True  # (2, 3) is ignored, (20, 30) differs by exactly the threshold
    np.testing.assert_array_equal(executor.changed("x"), expected)
    kept = np.where(expected[..., None], noisy, image)
    np.testing.assert_array_equal(executor.tensor("x"), pixels.table[0][kept[..., ::-1]])
    executor.step_image(noisy, refresh=True)
    np.testing.assert_array_equal(executor.tensor("x"), pixels.table[0][noisy[..., ::-1]])


def test_float_frames_are_gated_in_the_same_grey_levels() -> None:
    plan = NETWORKS["residual_block"]
    pixels = grey_pixels()
    executor = ReferenceExecutor(plan, pixels, GateSettings(InputGate(4.0)))
    x = np.zeros((1, 3, 36, 44), np.float32)
    executor.step(x)
    x = x.copy()
    x[0, 1, 5, 6] = 3.9 / 127.5
    x[0, 2, 7, 8] = 4.1 / 127.5
    executor.step(x)
    assert np.argwhere(executor.changed("x")).tolist() == [[7, 8]]


def test_dilation_marks_only_pixels_whose_bits_differ() -> None:
    plan = NETWORKS["residual_block"]
    executor = ReferenceExecutor(plan, grey_pixels(), GateSettings(InputGate(0.0, 3)))
    image = np.zeros((36, 44, 3), np.uint8)
    executor.step_image(image)
    image = image.copy()
    image[10, 10, 0] = 1
    executor.step_image(image)
    assert int(executor.changed("x").sum()) == 1


def test_images_and_tensors_give_the_same_bits_and_may_be_mixed() -> None:
    plan = NETWORKS["residual_block"]
    pixels = grey_pixels()
    by_image, by_tensor, mixed = (ReferenceExecutor(plan, pixels) for _ in range(3))
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (36, 44, 3), np.uint8)
    for i in range(4):
        image = image.copy()
        image[4 * i : 4 * i + 3, :9] = rng.integers(0, 256, (3, 9, 3), np.uint8)
        x = np.ascontiguousarray(pixels.table[0][image[..., ::-1]].transpose(2, 0, 1)[None])
        by_image.step_image(image)
        by_tensor.step(x)
        if i % 2:
            mixed.step(x)
        else:
            mixed.step_image(image)
        assert_same_state(by_image, by_tensor)
        assert_same_state(by_image, mixed)
        np.testing.assert_array_equal(by_image.active_counts(), by_tensor.active_counts())


def test_thresholds_may_change_from_one_frame_to_the_next() -> None:
    plan = NETWORKS["residual_block"]
    executor = ReferenceExecutor(plan, settings=GateSettings(InputGate(), {"stem": LayerGate(1e9)}))
    first, second, third = frames(plan, 4, (0.2, 0.2))
    executor.step(first)
    executor.step(second)
    assert executor.active("stem").any()
    assert not executor.changed("stem").any()
    executor.configure(GateSettings())
    executor.step(third)
    assert executor.changed("stem").any()


def test_earlier_maps_keep_their_values() -> None:
    plan: Plan = NETWORKS["residual_block"]
    executor = ReferenceExecutor(plan)
    first, second = frames(plan, 4, (0.2,))
    executor.step(first)
    kept = executor.tensor("head")
    copy = kept.copy()
    executor.step(second)
    np.testing.assert_array_equal(kept, copy)


def test_a_wrong_shape_is_explained() -> None:
    executor = ReferenceExecutor(NETWORKS["residual_block"], grey_pixels())
    with pytest.raises(UsageError, match=r"float32 of shape \(1, 3, 36, 44\), not float32 of shape \(1, 3, 36, 45\)"):
        executor.step(np.zeros((1, 3, 36, 45), np.float32))
    with pytest.raises(UsageError, match="uint8 image of 44x36"):
        executor.step_image(np.zeros((36, 45, 3), np.uint8))
    with pytest.raises(UsageError, match="unknown how an image"):
        ReferenceExecutor(NETWORKS["residual_block"]).step_image(np.zeros((36, 44, 3), np.uint8))


def test_profiling_measures_operators_only_when_asked() -> None:
    plan = NETWORKS["residual_block"]
    executor = ReferenceExecutor(plan)
    x = frames(plan, 0, ())[0]
    executor.step(x)
    assert executor.op_ms().sum() == 0
    executor.profiling = True
    executor.step(x, refresh=True)
    assert (executor.op_ms() > 0).all()
