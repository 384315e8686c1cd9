"""Elementary functions of the reference executor against the per-pixel oracle, away from where networks usually use them."""

from __future__ import annotations

import numpy as np
import pytest

from engine import oracle
from engine.building import make_plan
from skipvid.engine.reference import ReferenceExecutor
from skipvid.plan import Act, Activation, Binary, BinaryKind, Constant, Unary


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

    x = np.array([0.25, 1.0, 9.0], np.float32)
    power = Binary(name="p", inputs=("x",), output="p", kind=BinaryKind.POW, constant=Constant(np.full((1, 1, 1), 2, np.float32)))
    root = Unary(name="r", inputs=("p",), output="r", activation=Activation(Act.SQRT))
    executor = ReferenceExecutor(make_plan((1, 1, 3), (power, root), {"p": (1, 1, 3), "r": (1, 1, 3)}, ("r",)))
    executor.step(x.reshape(1, 3, 1, 1))
    np.testing.assert_array_equal(executor.tensor("p").reshape(-1), x**2)
    np.testing.assert_array_equal(executor.tensor("r").reshape(-1), x)
