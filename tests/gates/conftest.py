"""A small plan for the tests of gates: two convolutions, one global pooling."""

from __future__ import annotations

import numpy as np
import pytest

from skipvid.plan import Conv, GatePoint, GlobalPool, Plan, TensorSpec


@pytest.fixture
def plan() -> Plan:
    weight = np.ones((4, 3, 1, 1), np.float32)
    tensors = {s.name: s for s in (TensorSpec("x", 32, 48, 3), TensorSpec("a", 32, 48, 4), TensorSpec("v", 1, 1, 4))}
    return Plan(
        input=tensors["x"],
        tensors=tensors,
        ops=(
            Conv(name="conv1", inputs=("x",), output="a", weight=weight, bias=np.zeros(4, np.float32)),
            GlobalPool(name="pool", inputs=("a",), output="v"),
        ),
        maps={"out": "v"},
        tail=None,
        outputs=("out",),
        gates=(GatePoint("input", "x"), GatePoint("conv1", "a"), GatePoint("pool", "v", broadcast=True)),
        sha256="0123456789abcdef" * 4,
    )
