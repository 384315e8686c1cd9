"""The reference executor against a per-pixel oracle, operator by operator, over shapes and masks drawn by hypothesis."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import oracle
from engine.cases import Case, frames, make_plan, single_op_cases
from skipvid.engine.reference import ReferenceExecutor
from skipvid.plan import Act, Activation, BinaryKind, Plan, Unary

KINDS = (
    "conv",
    "conv_transpose",
    "pool",
    "resample",
    "space_to_depth",
    "depth_to_space",
    "softmax",
    "global_pool",
    "unary",
    "concat",
    "binary_constant",
    "binary",
)
quick = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def bits(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).view(np.int32)


def maps(executor: ReferenceExecutor, plan: Plan) -> dict[str, np.ndarray]:
    return {name: executor.tensor(name).copy() for name in plan.tensors}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@quick
def test_dense_values_follow_the_plans_formulas(kind: str, data: st.DataObject) -> None:
    case: Case = data.draw(single_op_cases(kinds=(kind,)))
    executor = ReferenceExecutor(case.plan)
    executor.step(frames(case.plan, case.seed, (), case.whole)[0])
    state = maps(executor, case.plan)
    for op in case.plan.ops:
        expected = oracle.dense(op, case.plan, state)
        # Sums of at most 800 products of unit size, in float32.
        np.testing.assert_allclose(state[op.output], expected, rtol=2e-5, atol=2e-4)
        if case.whole and kind in ("conv", "conv_transpose", "concat", "space_to_depth", "depth_to_space"):
            np.testing.assert_array_equal(state[op.output], expected.astype(np.float32))


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@quick
def test_active_pixels_are_those_with_a_changed_pixel_in_their_window(kind: str, data: st.DataObject) -> None:
    case: Case = data.draw(single_op_cases(kinds=(kind,)))
    first, second = frames(case.plan, case.seed, (data.draw(st.sampled_from([0.02, 0.1, 0.4])),), case.whole)
    executor = ReferenceExecutor(case.plan)
    executor.step(first)
    executor.step(second)
    state = maps(executor, case.plan)
    changed = {name: executor.changed(name) for name in case.plan.tensors}
    np.testing.assert_array_equal(changed["x"], (bits(first) != bits(second)).any(axis=(0, 1)))
    for op in case.plan.ops:
        expected = oracle.footprint(op, case.plan, changed, state)
        np.testing.assert_array_equal(executor.active(op.name), expected)
        assert not (changed[op.output] & ~expected).any()
    assert executor.active_counts().tolist() == [int(executor.active(op.name).sum()) for op in case.plan.ops]


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@quick
def test_at_threshold_0_every_map_is_bit_identical_to_a_full_pass(kind: str, data: st.DataObject) -> None:
    case: Case = data.draw(single_op_cases(kinds=(kind,)))
    delta, full = ReferenceExecutor(case.plan), ReferenceExecutor(case.plan)
    before: dict[str, np.ndarray] = {}
    for i, x in enumerate(frames(case.plan, case.seed, (0.02, 0.3, 0.0, 1.0), case.whole)):
        delta.step(x)
        full.step(x, refresh=True)
        state = maps(delta, case.plan)
        for name, expected in maps(full, case.plan).items():
            np.testing.assert_array_equal(bits(state[name]), bits(expected), err_msg=f"{name} in frame {i}")
            if before:
                marked = (bits(before[name]) != bits(expected)).any(axis=-1)
                np.testing.assert_array_equal(delta.changed(name), marked, err_msg=f"marks of {name} in frame {i}")
        before = state


@pytest.mark.parametrize("act", [a for a in Act if a not in (Act.PRELU, Act.SQRT)])
def test_activations_agree_with_their_definition_far_from_zero(act: Act) -> None:
    x = np.array([-90, -20, -6, -3.1, -1, -1e-3, -0.0, 0.0, 1e-3, 0.5, 2.9, 6, 20, 80], np.float32)
    op = Unary(name="op", inputs=("x",), output="y", activation=Activation(act, 0.3, 0.7))
    plan = make_plan((1, 1, x.size), (op,), {"y": (1, 1, x.size)}, ("y",))
    executor = ReferenceExecutor(plan)
    executor.step(x.reshape(1, -1, 1, 1))
    expected = oracle.act(x.astype(np.float64), op.activation)
    np.testing.assert_allclose(executor.tensor("y").reshape(-1), expected, rtol=1e-5, atol=1e-6)


def test_powers_and_roots() -> None:
    from skipvid.plan import Binary, Constant

    x = np.array([0.25, 1.0, 9.0], np.float32)
    power = Binary(name="p", inputs=("x",), output="p", kind=BinaryKind.POW, constant=Constant(np.full((1, 1, 1), 2, np.float32)))
    root = Unary(name="r", inputs=("p",), output="r", activation=Activation(Act.SQRT))
    executor = ReferenceExecutor(make_plan((1, 1, 3), (power, root), {"p": (1, 1, 3), "r": (1, 1, 3)}, ("r",)))
    executor.step(x.reshape(1, 3, 1, 1))
    np.testing.assert_array_equal(executor.tensor("p").reshape(-1), x**2)
    np.testing.assert_array_equal(executor.tensor("r").reshape(-1), x)
