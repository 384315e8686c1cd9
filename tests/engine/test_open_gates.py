"""Open gates, blocks, hysteresis and staggered refresh: decisions equal a transcription of the formulas, and nothing is lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cases import LOCAL_NETWORKS, frames, gate_settings, grey_pixels, make_plan, numbers, small_networks, window_size
from skipvid.engine.reference import ReferenceExecutor
from skipvid.errors import UsageError
from skipvid.gates.norms import InputNorm, NormGate, OutputNorm, sharing
from skipvid.gates.settings import (
    STRUCTURES,
    GateSettings,
    Hysteresis,
    InputGate,
    LayerGate,
    OpenGate,
    Reference,
)
from skipvid.plan import Conv, Pads, Plan

NETWORKS = small_networks()


@st.composite
def conv_plans(draw: st.DrawFn) -> Plan:
    """One convolution named ``conv`` of any geometry on an input of any size."""
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    kernel, stride, dilation = (tuple(draw(st.integers(1, n)) for _ in range(2)) for n in (4, 3, 2))
    pads = tuple(draw(st.integers(0, 2)) for _ in range(4))
    size = tuple(draw(st.integers((kernel[i] - 1) * dilation[i] + 1, 19)) for i in range(2))
    groups, per_group, out = draw(st.sampled_from(((1, 3, 2), (2, 2, 4), (4, 1, 4))))
    out_size = tuple(window_size(size[i], kernel[i], stride[i], dilation[i], pads[i] + pads[i + 2]) for i in range(2))
    op = Conv(
        name="conv",
        inputs=("x",),
        output="y",
        weight=numbers(rng, (out, per_group, *kernel)),
        bias=numbers(rng, (out,)),
        stride=stride,
        dilation=dilation,
        pads=pads,
        groups=groups,
    )
    return make_plan((*size, groups * per_group), [op], {"y": (*out_size, out)}, ["y"])


def transcription(plan: Plan, before: np.ndarray, after: np.ndarray, gate: type[NormGate]) -> np.ndarray:
    """The published norm of every output pixel, from two frames ``(1, C, H, W)``, in float64.

    rho = average-pool over the layer's window of |x_t - x_(t-1)|, zero border included; n = sum over channels of rho, divided by
    the height of the output; output-norm: n times mean |w|.
    """
    op = plan.ops[0]
    assert isinstance(op, Conv)
    target = plan.tensors["y"]
    residual = np.abs(after.astype(np.float64) - before.astype(np.float64))[0]
    top, left, bottom, right = op.pads
    border = np.pad(residual, ((0, 0), (top, bottom), (left, right)))
    norm = np.zeros((target.height, target.width))
    for y in range(target.height):
        for x in range(target.width):
            rows = [y * op.stride[0] + k * op.dilation[0] for k in range(op.kernel[0])]
            columns = [x * op.stride[1] + k * op.dilation[1] for k in range(op.kernel[1])]
            rho = border[:, rows][:, :, columns].mean(axis=(1, 2))
            norm[y, x] = rho.sum() / target.height
    return norm * np.abs(op.weight.astype(np.float64)).mean() if gate is OutputNorm else norm


@pytest.mark.parametrize("gate", [InputNorm, OutputNorm])
@settings(max_examples=60, deadline=None)
@given(plan=conv_plans(), seed=st.integers(0, 99), quantile=st.floats(0.05, 0.95))
def test_the_paper_form_decides_as_the_published_formula(gate: type[NormGate], plan: Plan, seed: int, quantile: float) -> None:
    sequence = frames(plan, seed, (0.1, 0.4))
    norms = [transcription(plan, a, b, gate) for a, b in pairwise(sequence)]
    epsilon = float(np.quantile(norms[-1], quantile)) or 0.01
    executor = ReferenceExecutor(plan, None, gate.paper(epsilon).settings(plan))
    executor.step(sequence[0])
    for frame, norm in zip(sequence[1:], norms, strict=True):
        executor.step(frame)
        clear = np.abs(norm - epsilon) > 1e-5 * epsilon
        assert np.array_equal(executor.active("conv")[clear], (norm > epsilon)[clear])


@settings(max_examples=60, deadline=None)
@given(plan=conv_plans(), seed=st.integers(0, 99), epsilon=st.floats(0.05, 1.0), structure=st.sampled_from(STRUCTURES))
def test_an_opened_pixel_is_repaired_in_full_and_a_closed_one_errs_by_no_more_than_was_seen(
    plan: Plan, seed: int, epsilon: float, structure: int
) -> None:
    executor = ReferenceExecutor(plan, None, GateSettings(opens={"conv": OpenGate(epsilon, 0.1, structure=structure)}))
    weight = float(np.abs(plan.ops[0].weight).max())  # type: ignore[attr-defined]
    for frame in frames(plan, seed, (0.1, 0.05, 0.3, 0.02, 0.1)):
        executor.step(frame)
        dense = ReferenceExecutor(plan)
        dense.step(frame)
        opened = executor.active("conv")
        assert np.array_equal(executor.tensor("y")[opened], dense.tensor("y")[opened])
        # |sum w (new - old)| <= max |w| * sum |new - old|, and what was summed up while closed stays at or below the limit.
        error = np.abs(executor.tensor("y") - dense.tensor("y")).max()
        assert error <= weight * epsilon / 0.1 * (1 + 1e-5) + 1e-4


def single(size: tuple[int, int] = (8, 9), side: int = 3, pads: Pads = (1, 1, 1, 1), stride: tuple[int, int] = (1, 1)) -> Plan:
    """A convolution of one channel whose weights are 1, to a map as large as its input."""
    op = Conv(
        name="conv",
        inputs=("x",),
        output="y",
        weight=np.ones((1, 1, side, side), np.float32),
        bias=np.ones(1, np.float32),
        stride=stride,
        pads=pads,
    )
    return make_plan((*size, 1), [op], {"y": (*size, 1)}, ["y"])


@pytest.mark.parametrize(
    ("reference", "opened_at"),
    [(Reference.ACCUMULATING, [4, 8]), (Reference.PREVIOUS_FRAME, [])],
    ids=["accumulating", "previous"],
)
def test_slow_changes_add_up_or_are_forgotten(reference: Reference, opened_at: list[int]) -> None:
    plan = single()
    executor = ReferenceExecutor(plan, None, GateSettings(opens={"conv": OpenGate(3.5, 1.0, reference)}))
    x = np.zeros((1, 1, 8, 9), np.float32)
    executor.step(x)
    found = []
    for t in range(1, 10):
        x[0, 0, 4, 4] = t  # every frame changes the windows around it by 1
        executor.step(x)
        active = executor.active("conv")
        if active.any():
            found.append(t)
            assert active.sum() == 9
    assert found == opened_at


def test_equality_stays_closed() -> None:
    plan = single()
    executor = ReferenceExecutor(plan, None, GateSettings(opens={"conv": OpenGate(2.0)}))
    x = np.zeros((1, 1, 8, 9), np.float32)
    executor.step(x)
    x[0, 0, 2, 2] = 2
    executor.step(x)
    assert not executor.active("conv").any()
    executor.step(x)
    assert not executor.active("conv").any()


def test_a_difference_that_is_no_number_opens() -> None:
    plan = single()
    executor = ReferenceExecutor(plan, None, GateSettings(opens={"conv": OpenGate(1e9)}))
    x = np.zeros((1, 1, 8, 9), np.float32)
    executor.step(x)
    x[0, 0, 4, 4] = np.nan
    executor.step(x)
    assert executor.active("conv").sum() == 9


def test_only_convolutions_can_be_gated() -> None:
    with pytest.raises(UsageError, match="no convolution named 'r0'"):
        ReferenceExecutor(NETWORKS["residual_block"], None, GateSettings(opens={"r0": OpenGate(1.0)}))


def in_blocks(mask: np.ndarray, side: int) -> np.ndarray:
    out = np.zeros_like(mask)
    for y in range(0, mask.shape[0], side):
        for x in range(0, mask.shape[1], side):
            out[y : y + side, x : x + side] = mask[y : y + side, x : x + side].any()
    return out


@pytest.mark.parametrize("structure", STRUCTURES)
@settings(max_examples=25, deadline=None)
@given(plan=conv_plans(), seed=st.integers(0, 99))
def test_open_blocks_are_computed_whole(structure: int, plan: Plan, seed: int) -> None:
    def opened(side: int) -> np.ndarray:
        executor = ReferenceExecutor(plan, None, GateSettings(opens={"conv": OpenGate(0.3, 0.1, structure=side)}))
        for frame in frames(plan, seed, (0.1,)):
            executor.step(frame)
        return executor.active("conv")

    assert np.array_equal(opened(structure), in_blocks(opened(1), structure))


@pytest.mark.parametrize("structure", STRUCTURES)
@settings(max_examples=25, deadline=None)
@given(plan=conv_plans(), seed=st.integers(0, 99))
def test_commits_are_decided_for_blocks(structure: int, plan: Plan, seed: int) -> None:
    first, second = frames(plan, seed, (0.3,))
    gates = GateSettings(layers={"y": LayerGate(0.5)}, structure=structure)
    executor, exact = ReferenceExecutor(plan, None, gates), ReferenceExecutor(plan)
    for frame in (first, second):
        before = exact.tensor("y").copy() if frame is second else np.zeros(0)
        executor.step(frame)
        exact.step(frame)
    moved = np.abs(exact.tensor("y") - before)
    expected = in_blocks(moved.max(-1) > 0.5, structure) & (moved > 0).any(-1)
    assert np.array_equal(executor.changed("y"), expected)


def test_the_input_is_gated_in_blocks_too() -> None:
    plan = NETWORKS["residual_block"]
    gates = GateSettings(InputGate(10), structure=4)
    executor = ReferenceExecutor(plan, grey_pixels(), gates)
    rng = np.random.default_rng(0)
    image = rng.integers(40, 200, (plan.input.height, plan.input.width, 3)).astype(np.uint8)
    executor.step_image(image)
    moved = rng.integers(0, 12, image.shape[:2]).astype(np.uint8)
    executor.step_image(image + moved[..., None])
    assert np.array_equal(executor.changed("x"), in_blocks(moved > 10, 4) & (moved > 0))


OPTIONS: Mapping[str, GateSettings] = {
    "opens": GateSettings(structure=4),
    "sweep": GateSettings(refresh_every=3),
    "hysteresis": GateSettings(InputGate(hysteresis=Hysteresis())),
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("name", NETWORKS)
def test_at_threshold_0_every_frame_equals_a_full_pass(name: str, option: str) -> None:
    plan = NETWORKS[name]
    gates = OPTIONS[option]
    if option == "opens":
        opens = {op.name: OpenGate(0.0, structure=2) for op in plan.ops if isinstance(op, Conv)}
        gates = replace(gates, opens=opens)
    delta, full = ReferenceExecutor(plan, None, gates), ReferenceExecutor(plan)
    for x in frames(plan, 2):
        delta.step(x)
        full.step(x, refresh=True)
        for tensor in plan.tensors:
            assert delta.tensor(tensor).tobytes() == full.tensor(tensor).tobytes(), tensor


def coarse(plan: Plan) -> dict[str, GateSettings]:
    """Gates that leave much undone."""
    shares = InputNorm(0.4, relative=False, input_noise=0).settings(plan)
    return {"truncation": gate_settings(plan, 0.8, input_threshold=0.5), "opens": replace(shares, input=InputGate(0.5))}


@pytest.mark.parametrize("kind", ["truncation", "opens"])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("every", [1, 4])
def test_rounds_of_staggered_refresh_make_a_still_picture_exact(name: str, kind: str, every: int) -> None:
    plan = NETWORKS[name]
    executor = ReferenceExecutor(plan, None, replace(coarse(plan)[kind], refresh_every=every))
    sequence = frames(plan, 3, (0.1, 0.3))
    for x in sequence:
        executor.step(x)
    for _ in range((len(plan.ops) + 1) * every):  # each round settles one more map of every path
        executor.step(sequence[-1])
    full = ReferenceExecutor(plan)
    full.step(sequence[-1])
    for tensor in plan.tensors:
        assert np.array_equal(executor.tensor(tensor), full.tensor(tensor)), tensor
    executor.step(sequence[-1])
    # Between joined operators nothing is compared: what is recomputed counts as changed.
    assert not any(executor.changed(tensor).any() for tensor in set(plan.tensors) - plan.joinable)


def test_without_it_a_still_picture_stays_as_it_was_left() -> None:
    """The test above would pass on gates that withhold nothing."""
    plan = NETWORKS["residual_block"]
    for gates in coarse(plan).values():
        executor, full = ReferenceExecutor(plan, None, gates), ReferenceExecutor(plan)
        for x in (*(sequence := frames(plan, 3, (0.1, 0.3))), *[sequence[-1]] * 8):
            executor.step(x)
            full.step(x)
        assert not np.array_equal(executor.tensor("head"), full.tensor("head"))


@pytest.mark.parametrize("name", LOCAL_NETWORKS)
def test_a_frame_of_staggered_refresh_costs_a_fraction(name: str) -> None:
    plan = NETWORKS[name]
    executor = ReferenceExecutor(plan, None, GateSettings(InputGate(3.0), refresh_every=8))
    x = frames(plan, 3, ())[0]
    executor.step(x)
    counts = []
    for _ in range(8):
        executor.step(x)
        counts.append(executor.active_counts())
    pixels = np.array([plan.tensors[op.output].pixels for op in plan.ops])
    # What is computed around the pixels that read it is shared by neighbouring bands.
    expanded = np.array([any(op.output == joint.expanded for joint in plan.joints) for op in plan.ops])
    total = np.sum(counts, axis=0)
    assert np.array_equal(total[~expanded], pixels[~expanded])
    assert (total >= pixels).all()
    assert (total <= 4 * pixels).all()
    assert max(c[~expanded].sum() for c in counts) < 0.3 * pixels[~expanded].sum()


def test_hysteresis_keeps_a_pixel_at_the_threshold_from_flickering() -> None:
    plan = NETWORKS["residual_block"]
    image = np.full((plan.input.height, plan.input.width, 3), 100, np.uint8)

    def committed(hysteresis: Hysteresis | None, levels: list[int]) -> list[bool]:
        executor = ReferenceExecutor(plan, grey_pixels(), GateSettings(InputGate(10, hysteresis=hysteresis)))
        found = []
        for level in levels:
            image[10, 10] = level
            executor.step_image(image)
            found.append(bool(executor.changed("x")[10, 10]))
        return found[1:]

    levels = [100, 120, 112, 120, 112, 112, 112, 120]
    assert committed(None, levels) == [True, False, False, False, False, False, False]
    # Two frames after the last change beyond the full threshold the lower one ends; what it lets through does not prolong it.
    assert committed(Hysteresis(0.5, 2, 0), levels) == [True, True, True, False, False, False, False]
    image[:] = 100
    # Its neighbours profit, those farther away do not.
    executor = ReferenceExecutor(plan, grey_pixels(), GateSettings(InputGate(10, hysteresis=Hysteresis(0.5, 2, 1))))
    executor.step_image(image)
    image[10, 10] = 120
    executor.step_image(image)
    image[10, 9:14] += 7
    executor.step_image(image)
    assert executor.changed("x")[10, 8:15].tolist() == [False, True, True, True, False, False, False]


def test_depthwise_and_the_pointwise_behind_it_share_a_gate() -> None:
    plan = NETWORKS["depthwise_chain"]
    assert sharing(plan) == {"project", "out"}
    policy = InputNorm.paper(0.02)
    executor = ReferenceExecutor(plan, None, policy.settings(plan))
    for x in frames(plan, 5, (0.05, 0.1)):
        executor.step(x)
    for depthwise, pointwise in (("dw3", "project"), ("dw5", "out")):
        assert 0 < executor.active(depthwise).mean() < 1
        assert not (executor.active(pointwise) & ~executor.active(depthwise)).any()
        assert np.array_equal(executor.active(pointwise), executor.changed(depthwise))


def everywhere(factor: float) -> np.ndarray:
    return np.full((2, 3), factor, np.float32)


def test_a_window_may_lie_in_the_border_alone() -> None:
    plan = single((1, 1), side=1, pads=(0, 2, 0, 0), stride=(1, 3))
    executor = ReferenceExecutor(plan, None, GateSettings(opens={"conv": OpenGate(0.5)}))
    for value, factor in ((0, 4), (2, 4), (2, 1)):
        executor.relieve(np.full((2, 3), factor, np.float32))
        executor.step(np.full((1, 1, 1, 1), value, np.float32))
        assert executor.active("conv").any() == (value == 0)


@pytest.mark.parametrize("name", NETWORKS)
def test_relief_of_one_factor_is_a_threshold_times_that(name: str) -> None:
    plan = NETWORKS[name]
    policy = InputNorm(0.2, relative=False, input_noise=0)
    relieved, plain = (ReferenceExecutor(plan, None, p.settings(plan)) for p in (policy, policy.scaled(4)))
    relieved.relieve(everywhere(2), 2.0)
    for x in frames(plan, 4, (0.05, 0.1, 0.02, 0.3)):
        relieved.step(x)
        plain.step(x)
        for op in plan.ops:
            assert np.array_equal(relieved.active(op.name), plain.active(op.name)), op.name


def test_a_common_factor_is_one_on_every_cell_but_makes_nothing_coarse_at_the_input() -> None:
    plan = NETWORKS["residual_block"]
    rules = GateSettings(InputGate(10, coarse=30))
    common, cells = (ReferenceExecutor(plan, grey_pixels(), rules) for _ in range(2))
    factors = np.array([[0.5, 1.0], [2.0, 3.0]], np.float32)
    common.relieve(factors, 2.0)
    cells.relieve(factors)
    rng = np.random.default_rng(0)
    for _ in range(4):
        image = rng.integers(100, 140, (plan.input.height, plan.input.width, 3), np.uint8)
        common.step_image(image)
        cells.step_image(image)
        assert np.array_equal(common.changed("x"), cells.changed("x"))


def test_where_relief_ends_closed_pixels_open_by_what_they_remember() -> None:
    plan = single((8, 9))
    executor = ReferenceExecutor(plan, None, GateSettings(opens={"conv": OpenGate(1.5)}))
    x = np.zeros((1, 1, 8, 9), np.float32)
    executor.relieve(everywhere(3))
    executor.step(x)
    x[0, 0, 1, 1], x[0, 0, 1, 7], x[0, 0, 6, 1] = 2, 2, 1  # above 1.5, above 1.5, below it
    executor.step(x)
    assert not executor.active("conv").any()
    factors = everywhere(3)
    factors[:, 0] = 1
    executor.relieve(factors)  # the left third of the picture
    executor.step(x)
    expected = np.zeros((8, 9), bool)
    expected[0:3, 0:3] = True
    assert np.array_equal(executor.active("conv"), expected)
    executor.step(x)
    assert not executor.active("conv").any()


def test_a_pixel_that_forgets_has_nothing_to_be_asked_for() -> None:
    plan = single((8, 9))
    executor = ReferenceExecutor(plan, None, GateSettings(opens={"conv": OpenGate(1.5, reference=Reference.PREVIOUS_FRAME)}))
    x = np.zeros((1, 1, 8, 9), np.float32)
    executor.relieve(everywhere(3))
    executor.step(x)
    x[0, 0, 1, 1] = 2
    executor.step(x)
    executor.relieve(everywhere(1))
    executor.step(x)
    assert not executor.active("conv").any()


def test_where_relief_is_above_one_the_input_has_its_coarse_threshold_and_takes_nothing_along() -> None:
    plan = NETWORKS["residual_block"]
    executor = ReferenceExecutor(plan, grey_pixels(), GateSettings(InputGate(10, 1, coarse=30)))
    height, width = plan.input.height, plan.input.width
    factors = np.ones((1, 2), np.float32)
    factors[0, 1] = 1.01
    executor.relieve(factors)
    image = np.full((height, width, 3), 100, np.uint8)
    executor.step_image(image)
    fine, coarse = width // 4, 3 * width // 4
    image[5, fine], image[5, coarse], image[9, coarse] = 111, 130, 131
    image[4:11, [fine - 1, fine + 1, coarse - 1, coarse + 1]] += 1
    executor.step_image(image)
    expected = np.zeros((height, width), bool)
    expected[4:7, [fine - 1, fine + 1]] = True
    expected[5, fine] = expected[9, coarse] = True
    assert np.array_equal(executor.changed("x"), expected)
