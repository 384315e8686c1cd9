"""Promise 5: the native engine against the reference and the per-pixel oracle, operator by operator, over shapes and masks drawn
by hypothesis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine import oracle
from engine.cases import Case, frames, single_op_cases
from skipvid.engine.reference import ReferenceExecutor
from skipvid.gates.settings import GateSettings, LayerGate, Norm
from skipvid.plan import Plan

if TYPE_CHECKING:
    from skipvid.engine.native import NativeExecutor

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


def native(plan: Plan, gates: GateSettings | None = None, threads: int = 2) -> NativeExecutor:
    from skipvid.engine.native import NativeExecutor

    return NativeExecutor(plan, settings=gates or GateSettings(), threads=threads)


def bits(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).view(np.int32)


def maps(executor: NativeExecutor, plan: Plan) -> dict[str, np.ndarray]:
    return {name: executor.tensor(name).copy() for name in plan.tensors}


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@quick
def test_dense_values_equal_those_of_the_reference(kind: str, data: st.DataObject) -> None:
    case: Case = data.draw(single_op_cases(kinds=(kind,)))
    ours, theirs = native(case.plan), ReferenceExecutor(case.plan)
    for x in frames(case.plan, case.seed, (0.3,), case.whole):
        ours.step(x)
        theirs.step(x)
        for name in case.plan.tensors:
            if case.whole and kind in ("conv", "conv_transpose", "concat", "space_to_depth", "depth_to_space"):
                np.testing.assert_array_equal(ours.tensor(name), theirs.tensor(name), err_msg=name)
            # Sums of at most 800 products of unit size, in float32.
            np.testing.assert_allclose(ours.tensor(name), theirs.tensor(name), rtol=2e-5, atol=2e-4, err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@quick
def test_active_pixels_are_those_with_a_changed_pixel_in_their_window(kind: str, data: st.DataObject) -> None:
    case: Case = data.draw(single_op_cases(kinds=(kind,)))
    first, second = frames(case.plan, case.seed, (data.draw(st.sampled_from([0.02, 0.1, 0.4])),), case.whole)
    executor = native(case.plan)
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
    delta, full = native(case.plan), native(case.plan, threads=1)
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


@pytest.mark.parametrize("norm", list(Norm))
@given(data=st.data())
@quick
def test_gates_commit_what_exceeds_the_threshold_and_nothing_else(norm: Norm, data: st.DataObject) -> None:
    case: Case = data.draw(single_op_cases(kinds=("conv", "concat", "unary", "pool"), whole=False))
    threshold = data.draw(st.sampled_from([0.05, 0.7, 2.0]))
    gated = native(case.plan, GateSettings(layers={"y": LayerGate(threshold, norm)}))
    full = native(case.plan)
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
