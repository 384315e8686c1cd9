"""Open gates, blocks, hysteresis and staggered refresh in the native engine: the same decisions as in the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.building import frames, gate_settings, grey_pixels
from engine.networks import small_networks
from engine.test_open_gates import OPTIONS, coarse, conv_plans
from skipvid.engine.executor import Executor
from skipvid.engine.reference import ReferenceExecutor
from skipvid.engine.reference.opening import window_sum
from skipvid.gates.norms import InputNorm
from skipvid.gates.settings import (
    EXACT,
    STRUCTURES,
    GateSettings,
    Hysteresis,
    InputGate,
    LayerGate,
    OpenGate,
    Rect,
    Reference,
)
from skipvid.plan import Conv, FloatArray, Plan

if TYPE_CHECKING:
    from skipvid.engine.native import NativeExecutor

NETWORKS = small_networks()


def native(plan: Plan, gates: GateSettings = EXACT, threads: int = 2, pixels: bool = False) -> NativeExecutor:
    from skipvid.engine.native import NativeExecutor

    return NativeExecutor(plan, grey_pixels(plan.input.channels) if pixels else None, gates, threads)


def assert_same_masks(plan: Plan, ours: Executor, theirs: Executor, when: object) -> None:
    for op in plan.ops:
        assert np.array_equal(ours.active(op.name), theirs.active(op.name)), (when, op.name)
    for name in plan.tensors:
        assert np.array_equal(ours.changed(name), theirs.changed(name)), (when, name)


def follow(
    plan: Plan, gates: GateSettings, sequence: Sequence[FloatArray], reliefs: Mapping[int, np.ndarray] = MappingProxyType({})
) -> None:
    """Both executors decide the same in every frame, with other relief, and another common factor, from some of them on."""
    ours, theirs = native(plan, gates), ReferenceExecutor(plan, None, gates)
    for t, x in enumerate(sequence):
        for executor in (ours, theirs):
            if t in reliefs:
                executor.relieve(reliefs[t], 1 + t % 3)
            executor.step(x)
        assert_same_masks(plan, ours, theirs, t)


@pytest.mark.parametrize("reference", Reference)
@settings(max_examples=60, deadline=None)
@given(plan=conv_plans(), seed=st.integers(0, 99), limit=st.integers(1, 60), structure=st.sampled_from(STRUCTURES))
def test_convolutions_open_where_they_do_in_the_reference(
    reference: Reference, plan: Plan, seed: int, limit: int, structure: int
) -> None:
    # Pictures of small whole numbers: their sums are exact in any order, so there are no close calls.
    gates = GateSettings(opens={"conv": OpenGate(float(limit), 1.0, reference, structure)})
    follow(plan, gates, frames(plan, seed, (0.05, 0.0, 0.02, 0.3, 0.01), whole=True))


@settings(max_examples=40, deadline=None)
@given(plan=conv_plans(), seed=st.integers(0, 99), structure=st.sampled_from(STRUCTURES), every=st.sampled_from((0, 0, 1, 3, 40)))
def test_commits_are_decided_for_blocks_as_in_the_reference(plan: Plan, seed: int, structure: int, every: int) -> None:
    gates = GateSettings(InputGate(1.5), {"y": LayerGate(1.1)}, structure=structure, refresh_every=every)
    follow(plan, gates, frames(plan, seed, (0.2, 0.0, 0.05, 0.4), whole=True))


@pytest.mark.parametrize("structure", [1, 4])
@pytest.mark.parametrize("reference", Reference)
@pytest.mark.parametrize("name", NETWORKS)
def test_in_networks_gates_decide_by_what_was_committed(name: str, reference: Reference, structure: int) -> None:
    plan = NETWORKS[name]
    policy = InputNorm(0.3, relative=False, input_noise=0, reference=reference, structure=structure)
    gates = policy.settings(plan)
    assert gates.opens
    executor = native(plan, gates)
    sums = {op: np.zeros((plan.tensors[op].height, plan.tensors[op].width)) for op in gates.opens}
    sequence = frames(plan, 4, (0.05, 0.1, 0.02, 0.3, 0.05))
    executor.step(sequence[0])
    for x in sequence[1:]:
        before = {tensor: executor.tensor(tensor).copy() for tensor in plan.tensors}
        executor.step(x)
        for op in plan.ops:
            if op.name not in gates.opens:
                continue
            assert isinstance(op, Conv)
            gate, target = gates.opens[op.name], plan.tensors[op.output]
            residual = np.abs(executor.tensor(op.inputs[0]).astype(np.float64) - before[op.inputs[0]]).sum(-1)
            norm = window_sum(torch.from_numpy(residual), op, target).numpy()
            reached = window_sum(torch.from_numpy(executor.changed(op.inputs[0]).astype(np.float64)), op, target).numpy() > 0
            if reference is Reference.ACCUMULATING:
                norm = sums[op.name] = sums[op.name] + norm
            active, limit = executor.active(op.name), gate.limit
            surely, perhaps = reached & (norm > limit * (1 + 1e-5)), reached & (norm >= limit * (1 - 1e-5))
            assert not (in_blocks(surely, structure) & ~active).any(), op.name
            assert not (active & ~in_blocks(perhaps, structure)).any(), op.name
            sums[op.name][active] = 0


def in_blocks(mask: np.ndarray, side: int) -> np.ndarray:
    out = np.zeros_like(mask)
    for y in range(0, mask.shape[0], side):
        for x in range(0, mask.shape[1], side):
            out[y : y + side, x : x + side] = mask[y : y + side, x : x + side].any()
    return out


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_at_threshold_0_every_frame_equals_a_full_pass(name: str, option: str) -> None:
    plan = NETWORKS[name]
    gates = OPTIONS[option]
    if option == "opens":
        gates = replace(gates, opens={op.name: OpenGate(0.0, structure=2) for op in plan.ops if isinstance(op, Conv)})
    delta, full = native(plan, gates), native(plan)
    for x in frames(plan, 2):
        delta.step(x)
        full.step(x, refresh=True)
        for tensor in plan.tensors:
            assert delta.tensor(tensor).tobytes() == full.tensor(tensor).tobytes(), tensor


@pytest.mark.parametrize("kind", ["truncation", "opens", "blocks"])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("every", [1, 4])
def test_rounds_of_staggered_refresh_make_a_still_picture_exact(name: str, kind: str, every: int) -> None:
    plan = NETWORKS[name]
    gates = replace(coarse(plan)["truncation" if kind == "blocks" else kind], refresh_every=every)
    executor = native(plan, replace(gates, structure=4) if kind == "blocks" else gates)
    sequence = frames(plan, 3, (0.1, 0.3))
    for x in sequence:
        executor.step(x)
    for _ in range((len(plan.ops) + 1) * every):
        executor.step(sequence[-1])
    full = native(plan)
    full.step(sequence[-1])
    for tensor in plan.tensors:
        assert executor.tensor(tensor).tobytes() == full.tensor(tensor).tobytes(), tensor
    executor.step(sequence[-1])
    assert not any(executor.changed(tensor).any() for tensor in set(plan.tensors) - plan.joinable)


@pytest.mark.parametrize("structure", [2, 8])
@pytest.mark.parametrize("name", NETWORKS)
def test_blocks_in_networks_equal_those_of_the_reference(name: str, structure: int) -> None:
    plan = NETWORKS[name]
    follow(plan, replace(gate_settings(plan, 0.3), structure=structure, refresh_every=5), frames(plan, 6, (0.05, 0.1, 0.3, 0.02)))


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("name", NETWORKS)
def test_bits_do_not_depend_on_threads(name: str, threads: int) -> None:
    plan = NETWORKS[name]
    for gates in coarse(plan).values():
        gates = replace(gates, structure=2, refresh_every=6)
        one, other = native(plan, gates, 2), native(plan, gates, threads)
        for x in frames(plan, 7):
            one.step(x)
            other.step(x)
            for tensor in plan.tensors:
                assert one.tensor(tensor).tobytes() == other.tensor(tensor).tobytes(), tensor


def test_a_reset_stream_equals_a_fresh_one() -> None:
    plan = NETWORKS["residual_block"]
    gates = replace(coarse(plan)["opens"], refresh_every=7, structure=2)
    used = native(plan, gates)
    for x in frames(plan, 1):
        used.step(x)
    used.reset()
    fresh = native(plan, gates)
    for x in frames(plan, 2):
        used.step(x)
        fresh.step(x)
        assert_same_masks(plan, used, fresh, "")
        assert used.tensor("head").tobytes() == fresh.tensor("head").tobytes()


@pytest.mark.parametrize("structure", [1, 4])
@pytest.mark.parametrize("as_images", [True, False], ids=["images", "tensors"])
def test_the_input_follows_the_same_rules_as_in_the_reference(as_images: bool, structure: int) -> None:
    plan = NETWORKS["residual_block"]
    rule = InputGate(8, 1, (Rect(3, 4, 12, 9),), Hysteresis(0.4, 3, 2))
    gates = replace(InputNorm.paper(0.05).settings(plan), input=rule, structure=structure, refresh_every=9)
    ours, theirs = native(plan, gates, pixels=True), ReferenceExecutor(plan, grey_pixels(), gates)
    rng = np.random.default_rng(0)
    image = rng.integers(30, 220, (plan.input.height, plan.input.width, 3)).astype(np.int16)
    spec = plan.input
    for t in range(12):
        image[5:15, 4 + t : 9 + t] = rng.integers(0, 256, (10, 5, 3))
        noisy = np.clip(image + rng.integers(-4, 5, image.shape), 0, 255).astype(np.uint8)
        for executor in (ours, theirs):
            if as_images:
                executor.step_image(noisy)
            else:
                executor.step(
                    np.ascontiguousarray(noisy.transpose(2, 0, 1)[None], np.float32) / np.float32(127.5) - np.float32(1)
                )
        assert np.array_equal(ours.changed("x"), theirs.changed("x")), t
        assert ours.changed("x").shape == (spec.height, spec.width)


def factors(rng: np.random.Generator, size: tuple[int, int] | None = None) -> np.ndarray:
    """Powers of two, so that products with whole limits are exact."""
    return rng.choice(np.array([0.5, 1, 2, 4], np.float32), size=size or tuple(rng.integers(1, 5, 2)))


@pytest.mark.parametrize("reference", Reference)
@settings(max_examples=60, deadline=None)
@given(plan=conv_plans(), seed=st.integers(0, 99), limit=st.integers(0, 40), structure=st.sampled_from(STRUCTURES))
def test_relief_opens_what_it_does_in_the_reference(
    reference: Reference, plan: Plan, seed: int, limit: int, structure: int
) -> None:
    rng = np.random.default_rng(seed)
    gates = GateSettings(InputGate(1.0, 1, coarse=2.0), opens={"conv": OpenGate(float(limit), 1.0, reference, structure)})
    grids = [factors(rng, (2, 3)), factors(rng), *(factors(rng, (3, 4)) for _ in range(4))]
    reliefs = {t: grid for t, grid in enumerate(grids) if t != 2}
    follow(plan, gates, frames(plan, seed, (0.2, 0.0, 0.1, 0.3, 0.0, 0.05), whole=True), reliefs)


@pytest.mark.parametrize("as_images", [True, False], ids=["images", "tensors"])
@pytest.mark.parametrize("hysteresis", [None, Hysteresis(0.4, 3, 2)], ids=["plain", "hysteresis"])
def test_relief_at_the_input_is_as_in_the_reference(as_images: bool, hysteresis: Hysteresis | None) -> None:
    plan = NETWORKS["residual_block"]
    gates = GateSettings(InputGate(6, 1, (Rect(3, 4, 12, 9),), hysteresis, coarse=11.5))
    ours, theirs = native(plan, gates, pixels=True), ReferenceExecutor(plan, grey_pixels(), gates)
    rng = np.random.default_rng(1)
    for t in range(8):
        image = rng.integers(100, 116, (plan.input.height, plan.input.width, 3), np.uint8)
        x = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32) / np.float32(127.5) - np.float32(1)
        grid = factors(rng)
        for executor in (ours, theirs):
            executor.relieve(grid, 0.5 + t // 3)
            executor.step_image(image) if as_images else executor.step(x)
        assert np.array_equal(ours.changed("x"), theirs.changed("x")), t
        assert t == 0 or 0 < ours.changed("x").mean() < 1


@pytest.mark.parametrize("name", NETWORKS)
def test_under_relief_bits_do_not_depend_on_threads_and_a_reset_forgets_it(name: str) -> None:
    plan = NETWORKS[name]
    gates = coarse(plan)["opens"]
    executors = [native(plan, gates, threads) for threads in (1, 2, 3)]
    for x in frames(plan, 9):
        executors[2].relieve(np.full((3, 3), 8, np.float32))
        executors[2].step(x)
    executors[2].reset()
    rng = np.random.default_rng(2)
    for t, x in enumerate(frames(plan, 7)):
        grid = factors(rng)
        for executor in executors:
            if t:
                executor.relieve(grid)
            executor.step(x)
        for tensor in plan.tensors:
            assert len({executor.tensor(tensor).tobytes() for executor in executors}) == 1, (t, tensor)


@pytest.mark.parametrize("name", NETWORKS)
def test_at_threshold_0_relief_changes_nothing(name: str) -> None:
    plan = NETWORKS[name]
    opens = {op.name: OpenGate(0.0) for op in plan.ops if isinstance(op, Conv)}
    delta, full = native(plan, GateSettings(opens=opens)), native(plan)
    rng = np.random.default_rng(3)
    for x in frames(plan, 2):
        delta.relieve(factors(rng))
        delta.step(x)
        full.step(x, refresh=True)
        for tensor in plan.tensors:
            assert delta.tensor(tensor).tobytes() == full.tensor(tensor).tobytes(), tensor


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (6,), (1, 2, 3)])
def test_relief_without_cells_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="grid of cells"):
        native(NETWORKS["residual_block"]).relieve(np.ones(shape, np.float32))


def test_gates_may_come_and_go() -> None:
    plan = NETWORKS["depthwise_chain"]
    executor = native(plan)
    sequence = frames(plan, 9, (0.1, 0.1, 0.1, 0.1))
    executor.step(sequence[0])
    executor.configure(InputNorm.paper(0.05).settings(plan))
    executor.step(sequence[1])
    executor.configure(replace(EXACT, refresh_every=1))
    executor.step(sequence[2])
    full = native(plan)
    full.step(sequence[2])
    for tensor in plan.tensors:
        assert executor.tensor(tensor).tobytes() == full.tensor(tensor).tobytes(), tensor
