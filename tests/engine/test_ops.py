"""Operator by operator, over shapes and masks drawn by hypothesis: promises 1 and 5 in every engine and instruction set.

The per-pixel oracle says which outputs are active and what the reference computes; that says what the native engine computes.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import oracle
from engine.cases import Case, frames, single_op_cases
from engine.conftest import MakeExecutor
from skipvid.engine.executor import Executor
from skipvid.engine.reference import ReferenceExecutor
from skipvid.gates.settings import GateSettings, LayerGate, Norm
from skipvid.plan import FloatArray

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
WHOLE = {"conv", "conv_transpose", "concat", "space_to_depth", "depth_to_space"}  # exact where data are small whole numbers
quick = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def bits(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).view(np.int32)


def maps(executor: Executor) -> dict[str, np.ndarray]:
    return {name: executor.tensor(name).copy() for name in executor.plan.tensors}


def assert_close(value: FloatArray, expected: np.ndarray, exact: bool) -> None:
    # Sums of at most 800 products of unit size, in float32.
    np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-4)
    if exact:
        np.testing.assert_array_equal(value, expected.astype(np.float32))


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@quick
def test_dense_values_of_the_reference_follow_the_plans_formulas(kind: str, data: st.DataObject) -> None:
    case: Case = data.draw(single_op_cases(kinds=(kind,)))
    executor = ReferenceExecutor(case.plan)
    executor.step(frames(case.plan, case.seed, (), case.whole)[0])
    state = maps(executor)
    for op in case.plan.ops:
        assert_close(state[op.output], oracle.dense(op, case.plan, state), case.whole and kind in WHOLE)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@quick
def test_values_equal_those_of_the_reference(make_executor: MakeExecutor, kind: str, data: st.DataObject) -> None:
    case: Case = data.draw(single_op_cases(kinds=(kind,)))
    ours, theirs = make_executor(case.plan), ReferenceExecutor(case.plan)
    for x in frames(case.plan, case.seed, (0.3,), case.whole):
        ours.step(x)
        theirs.step(x, refresh=True)
        for name in case.plan.tensors:
            assert_close(ours.tensor(name), theirs.tensor(name), case.whole and kind in WHOLE)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@quick
def test_active_pixels_are_those_with_a_changed_pixel_in_their_window(
    make_executor: MakeExecutor, kind: str, data: st.DataObject
) -> None:
    case: Case = data.draw(single_op_cases(kinds=(kind,)))
    first, second = frames(case.plan, case.seed, (data.draw(st.sampled_from([0.02, 0.1, 0.4])),), case.whole)
    executor = make_executor(case.plan)
    executor.step(first)
    executor.step(second)
    state = maps(executor)
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
def test_at_threshold_0_every_map_is_bit_identical_to_a_full_pass(
    make_executor: MakeExecutor, kind: str, data: st.DataObject
) -> None:
    case: Case = data.draw(single_op_cases(kinds=(kind,)))
    delta, full = make_executor(case.plan), make_executor(case.plan)
    before: dict[str, np.ndarray] = {}
    for i, x in enumerate(frames(case.plan, case.seed, (0.02, 0.3, 0.0, 1.0), case.whole)):
        delta.step(x)
        full.step(x, refresh=True)
        state = maps(delta)
        for name, expected in maps(full).items():
            np.testing.assert_array_equal(bits(state[name]), bits(expected), err_msg=f"{name} in frame {i}")
            if before:
                marked = (bits(before[name]) != bits(expected)).any(axis=-1)
                np.testing.assert_array_equal(delta.changed(name), marked, err_msg=f"marks of {name} in frame {i}")
        before = state


@pytest.mark.parametrize("norm", list(Norm))
@given(data=st.data())
@quick
def test_gates_commit_what_exceeds_the_threshold_and_nothing_else(
    make_executor: MakeExecutor, norm: Norm, data: st.DataObject
) -> None:
    case: Case = data.draw(single_op_cases(kinds=("conv", "concat", "unary", "pool"), whole=False))
    threshold = data.draw(st.sampled_from([0.05, 0.7, 2.0]))
    gated = make_executor(case.plan, GateSettings(layers={"y": LayerGate(threshold, norm)}))
    full = make_executor(case.plan)
    sequence = frames(case.plan, case.seed, (0.1, 0.4, 1.0), False)
    gated.step(sequence[0])
    for x in sequence[1:]:
        before = gated.tensor("y").copy()
        gated.step(x)
        full.step(x, refresh=True)
        difference = full.tensor("y").astype(np.float64) - before
        match norm:
            case Norm.MAX:
                size = np.abs(difference).max(-1)
            case Norm.L2:
                size = np.sqrt((difference**2).sum(-1))
            case Norm.RMS:
                size = np.sqrt((difference**2).mean(-1))
        sure = np.abs(size - threshold) >= 1e-5 * threshold
        np.testing.assert_array_equal(gated.changed("y")[sure], (size > threshold)[sure])
        committed = gated.changed("y")
        np.testing.assert_array_equal(bits(gated.tensor("y")[committed]), bits(full.tensor("y")[committed]))
        np.testing.assert_array_equal(bits(gated.tensor("y")[~committed]), bits(before[~committed]))
