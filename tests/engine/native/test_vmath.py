"""Elementary functions keep the error bounds that ``csrc/isa/vmath.hpp`` states, anywhere in a vector and in its tail."""

from __future__ import annotations

from collections.abc import Callable
from math import erf

import numpy as np
import pytest
from numpy.typing import NDArray

from skipvid.engine import native_reason
from skipvid.plan import Act, Activation

if native_reason() is None:
    from skipvid.engine import _core
    from skipvid.engine.lower import lower_activation

pytestmark = pytest.mark.usefixtures("isa")

Double = NDArray[np.float64]
_LAST_BIT = 6e-8  # half a unit in the last place of the result, which rounding to float32 costs any implementation


def _sigmoid(x: Double) -> Double:
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def _softplus(x: Double) -> Double:
    return np.logaddexp(0, x)


TRUTH: dict[Act, tuple[Callable[[Double], Double], Callable[[Double], Double]]] = {
    Act.SIGMOID: (_sigmoid, lambda x: np.full_like(x, 1e-7)),
    Act.SILU: (lambda x: x * _sigmoid(x), lambda x: 2e-7 * np.abs(x)),
    Act.TANH: (np.tanh, lambda x: np.full_like(x, 2e-7)),
    Act.SOFTPLUS: (_softplus, lambda x: 2e-7 + _LAST_BIT * np.abs(x)),
    Act.MISH: (lambda x: x * np.tanh(_softplus(x)), lambda x: 4e-7 * np.abs(x) + 1e-30),
    Act.GELU: (lambda x: x / 2 * (1 + np.vectorize(erf)(x / np.sqrt(2))), lambda x: 5e-7 * np.abs(x)),
    Act.EXP: (np.exp, lambda x: 2e-7 * np.exp(x) + 1.2e-38),
}


@pytest.mark.parametrize("act", TRUTH)
def test_functions_keep_their_stated_error(act: Act) -> None:
    random = np.random.default_rng(0)
    spread = np.concatenate([np.linspace(-20, 20, 20011), random.standard_normal(4001) * 0.01, np.linspace(-80, 80, 4003)])
    x = spread.astype(np.float32)
    got = _core.activate(lower_activation(Activation(act)), x).astype(np.float64)
    exact, bound = TRUTH[act]
    true = exact(x.astype(np.float64))
    assert np.all(np.abs(got - true) <= bound(x.astype(np.float64)) + _LAST_BIT * np.abs(true))


@pytest.mark.parametrize("act", TRUTH)
def test_a_tail_has_the_bits_of_a_whole_vector(act: Act) -> None:
    x = np.linspace(-6, 6, 37, dtype=np.float32)
    whole = _core.activate(lower_activation(Activation(act)), np.tile(x, 2))
    for n in range(1, len(x) + 1):
        assert np.array_equal(_core.activate(lower_activation(Activation(act)), x[:n]).view(np.int32), whole[:n].view(np.int32))


@pytest.mark.parametrize("act", [act for act in TRUTH if act is not Act.EXP])
def test_what_is_not_a_number_stays_so(act: Act) -> None:
    assert np.isnan(_core.activate(lower_activation(Activation(act)), np.array([np.nan, 1.0], np.float32))[0])
