"""Inverted residuals as one operator: the same bits as with every map kept, and the same masks as in the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.building import frames, make_plan, numbers, window_size
from engine.native.test_gates import native
from engine.networks import SMALL_NETWORKS, with_joints
from skipvid.engine.reference import ReferenceExecutor
from skipvid.engine.rules import joined_maps
from skipvid.gates.settings import EXACT, GateSettings, LayerGate, OpenGate
from skipvid.plan import IDENTITY, Act, Activation, Binary, BinaryKind, Conv, FloatArray, Op, Plan

ACTS = (IDENTITY, Activation(Act.RELU), Activation(Act.CLIP, 0.0, 6.0), Activation(Act.SILU))


@st.composite
def inverted_plans(draw: st.DrawFn) -> Plan:
    """One inverted residual of any geometry, behind nothing: widths beyond a strip, heights beyond a window."""
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    height, width = draw(st.integers(1, 40)), draw(st.sampled_from((1, 2, 7, 47, 48, 49, 97, 150)))
    narrow, wide, out = draw(st.integers(1, 9)), draw(st.sampled_from((10, 16, 33, 200))), draw(st.integers(1, 20))
    kernel, stride, dilation = ([draw(st.integers(1, most)) for _ in range(2)] for most in (5, 3, 2))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    pads = [draw(st.integers(0, reach[i % 2] - 1)) for i in range(4)]
    for i, size in enumerate((height, width)):  # at least one output
        pads[i] = max(pads[i], reach[i] - size - pads[i + 2])
    residual = draw(st.booleans())
    if residual:
        stride, dilation, kernel = [1, 1], [1, 1], [k // 2 * 2 + 1 for k in kernel]
        pads, out = [k // 2 for k in kernel] * 2, narrow

    def conv(name: str, source: str, weight: FloatArray, act: Activation, **window: object) -> Conv:
        bias = numbers(rng, (weight.shape[0],)) * np.float32(0.1)
        return Conv(name=name, inputs=(source,), output=name, weight=weight, bias=bias, activation=act, **window)  # type: ignore[arg-type]

    acts = [draw(st.sampled_from(ACTS)) for _ in range(4)]
    window = {"stride": tuple(stride), "dilation": tuple(dilation), "pads": tuple(pads), "groups": wide}
    size = tuple(window_size(n, kernel[i], stride[i], dilation[i], pads[i] + pads[i + 2]) for i, n in enumerate((height, width)))
    ops: list[Op] = [
        conv("e", "x", numbers(rng, (wide, narrow, 1, 1)), acts[0]),
        conv("d", "e", numbers(rng, (wide, 1, *kernel)), acts[1], **window),
        conv("p", "d", numbers(rng, (out, wide, 1, 1)), acts[2]),
    ]
    sizes = {"e": (height, width, wide), "d": (*size, wide), "p": (*size, out)}
    last = "p"
    if residual:
        inputs = ("x", "p") if draw(st.booleans()) else ("p", "x")
        kind = draw(st.sampled_from((BinaryKind.ADD, BinaryKind.SUB)))
        ops.append(Binary(name="s", inputs=inputs, output="s", kind=kind, activation=acts[3]))
        sizes["s"], last = (*size, out), "s"
    return with_joints(make_plan((height, width, narrow), ops, sizes, (last,)))


def kept(plan: Plan) -> Plan:
    """The plan with nothing joined."""
    apart = replace(plan)
    apart.__dict__["joints"] = ()
    return apart


@settings(max_examples=150, deadline=None)
@given(plan=inverted_plans(), seed=st.integers(0, 99), threads=st.sampled_from((1, 2, 3)))
def test_joined_or_kept_the_bits_are_the_same(plan: Plan, seed: int, threads: int) -> None:
    joined, apart = native(plan, threads=threads), native(kept(plan), threads=1)
    for x in frames(plan, seed, (0.02, 0.0, 0.3, 0.01, 1.0)):
        joined.step(x)
        apart.step(x)
        for name in plan.outputs:
            assert joined.tensor(name).tobytes() == apart.tensor(name).tobytes()
            assert np.array_equal(joined.changed(name), apart.changed(name))


@settings(max_examples=80, deadline=None)
@given(
    plan=inverted_plans(),
    seed=st.integers(0, 99),
    threshold=st.sampled_from((0.0, 2.0)),
    structure=st.sampled_from((1, 1, 4)),
    every=st.sampled_from((0, 0, 5)),
)
def test_masks_are_those_of_the_reference(plan: Plan, seed: int, threshold: float, structure: int, every: int) -> None:
    gates = GateSettings(layers={plan.outputs[0]: LayerGate(threshold)}, structure=structure, refresh_every=every)
    ours, theirs = native(plan, gates), ReferenceExecutor(plan, None, gates)
    for t, x in enumerate(frames(plan, seed, (0.1, 0.0, 0.02))):
        ours.step(x)
        theirs.step(x)
        for op in plan.ops:
            assert np.array_equal(ours.active(op.name), theirs.active(op.name)), (t, op.name)
            assert ours.active_counts()[plan.ops.index(op)] == ours.active(op.name).sum()


def test_an_expanded_pixel_is_computed_where_an_active_one_reads_it() -> None:
    plan = SMALL_NETWORKS[NAME]()
    executor = native(plan)
    first, second = frames(plan, 0, (0.01,))
    executor.step(first)
    executor.step(second)
    depthwise = executor.active("d0")
    around = np.zeros(tuple(n + 2 for n in depthwise.shape), bool)
    for y, x in zip(*np.nonzero(depthwise), strict=True):
        around[y : y + 3, x : x + 3] = True
    assert depthwise.any()
    assert np.array_equal(executor.active("e0"), around[1:-1, 1:-1])


NAME = "inverted_residuals"
E0, D0, P0, E1 = (f"{name}" for name in ("e0", "d0", "p0", "e1"))


@pytest.mark.parametrize(
    ("gates", "apart"),
    [
        (EXACT, set()),
        (GateSettings(layers={D0: LayerGate(1.0)}), {D0, E0, P0}),
        (GateSettings(layers={E0: LayerGate(1.0)}), {E0, P0}),
        (GateSettings(layers={P0: LayerGate(1.0)}), {P0}),
        (GateSettings(layers={P0: LayerGate(0.0)}), set()),
        (GateSettings(opens={E0: OpenGate(1.0)}), {E0, P0}),
        (GateSettings(opens={D0: OpenGate(1.0)}), {E0, P0}),
        (GateSettings(opens={P0: OpenGate(1.0)}), {D0, E0, P0}),
    ],
)
def test_a_map_that_a_rule_names_is_kept_with_what_depends_on_it(gates: GateSettings, apart: set[str]) -> None:
    plan = SMALL_NETWORKS[NAME]()
    assert plan.joinable - joined_maps(plan, gates) == apart


def test_a_rule_may_come_and_go() -> None:
    """A map that was inside an operator holds what it should when a rule names it in mid-stream, and back again."""
    plan = SMALL_NETWORKS[NAME]()
    ours, full = native(plan), native(plan)
    rules = (EXACT, GateSettings(layers={"e1": LayerGate(1e-30)}), EXACT, GateSettings(layers={"d0": LayerGate(1e-30)}), EXACT)
    for x, gates in zip(frames(plan, 7, (0.05, 0.01, 0.1, 0.02)), rules, strict=True):
        ours.configure(gates)
        ours.step(x)
        full.step(x, refresh=True)
        for name in plan.tensors:
            assert ours.tensor(name).tobytes() == full.tensor(name).tobytes(), name
