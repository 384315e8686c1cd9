"""Commits: what counts as a change, down to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from skipvid.engine.reference.commit import EXACT_GATE, commit
from skipvid.gates.settings import LayerGate, Norm

NAN, INF = float("nan"), float("inf")
TINY = float(np.float32(1e-45))  # the smallest denormal


def run(old: list[float], new: list[float], gate: LayerGate = EXACT_GATE) -> bool:
    """Whether one pixel of these channels is committed."""
    a, b = (torch.tensor(v).reshape(1, 1, -1) for v in (old, new))
    state, changed = commit(a, b, torch.ones(1, 1, dtype=torch.bool), gate)
    expected = b if changed.item() else a
    assert torch.equal(state.view(torch.int32), expected.view(torch.int32))
    return bool(changed.item())


@pytest.mark.parametrize(
    ("old", "new", "committed"),
    [
        ([1.0, 2.0], [1.0, 2.0], False),
        ([1.0, 2.0], [1.0, float(np.nextafter(np.float32(2), np.float32(3)))], True),
        ([0.0], [-0.0], True),
        ([-0.0, 5.0], [0.0, 5.0], True),
        ([NAN], [NAN], False),
        ([NAN], [1.0], True),
        ([1.0], [NAN], True),
        ([INF], [INF], False),
        ([INF], [-INF], True),
        ([0.0], [TINY], True),
        ([TINY], [-TINY], True),
    ],
)
def test_threshold_0_commits_iff_any_bit_differs(old: list[float], new: list[float], committed: bool) -> None:
    assert run(old, new) is committed


@pytest.mark.parametrize("norm", Norm)
def test_above_0_the_rule_is_strict(norm: Norm) -> None:
    gate = LayerGate(0.5, norm)
    assert not run([1.0], [1.5], gate)
    assert run([1.0], [1.625], gate)
    assert not run([0.0], [-0.0], gate)
    assert run([1.0], [NAN], gate)
    assert run([NAN], [1.0], gate)
    assert run([1.0], [INF], gate)


def test_norms_differ_over_channels() -> None:
    old, new = [0.0] * 4, [3.0, 0.0, -4.0, 0.0]
    for norm, value in ((Norm.MAX, 4.0), (Norm.L2, 5.0), (Norm.RMS, 2.5)):
        assert run(old, new, LayerGate(value - 0.01, norm))
        assert not run(old, new, LayerGate(value, norm))


floats = hnp.arrays(
    np.float32, (3, 4, 2), elements=st.sampled_from([0.0, -0.0, 1.0, 1.5, NAN, INF, -INF, TINY, 3e38, -3e38]).map(np.float32)
)


@given(old=floats, new=floats, active=hnp.arrays(bool, (3, 4)))
@settings(max_examples=80, deadline=None)
def test_only_active_pixels_are_written_and_marks_are_changed_bits(old: np.ndarray, new: np.ndarray, active: np.ndarray) -> None:
    before = old.copy()
    state, changed = commit(torch.tensor(old), torch.tensor(new), torch.tensor(active), EXACT_GATE)
    expected = np.where(active[..., None], new, old)
    np.testing.assert_array_equal(state.numpy().view(np.int32), expected.view(np.int32))
    np.testing.assert_array_equal(changed.numpy(), active & (old.view(np.int32) != new.view(np.int32)).any(-1))
    np.testing.assert_array_equal(old.view(np.int32), before.view(np.int32))
