"""A refresh computes chains of large maps in bands of rows: the bits are those of the operators run one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from engine.building import change, make_plan, numbers
from skipvid.plan import Act, Activation, Binary, BinaryKind, Conv, Op, Plan, Pool, PoolKind

pytestmark = pytest.mark.usefixtures("isa")


def chain(stride: int) -> Plan:
    """Maps above a megabyte: expand, depthwise, project, add, pool."""
    rng = np.random.default_rng(1)
    height, width = 150, 190
    small = ((height - 1) // stride + 1, (width - 1) // stride + 1)
    relu = Activation(Act.RELU)

    def conv(name: str, source: str, shape: tuple[int, ...], **more: Any) -> Conv:
        weight, bias = numbers(rng, shape), numbers(rng, (shape[0],))
        return Conv(name=name, inputs=(source,), output=name, weight=weight, bias=bias, activation=relu, **more)

    ops: tuple[Op, ...] = (
        conv("expand", "x", (24, 3, 1, 1)),
        conv("deep", "expand", (24, 1, 3, 3), groups=24, pads=(1, 1, 1, 1), stride=(stride, stride)),
        conv("project", "deep", (32, 24, 1, 1)),
        Binary(name="sum", inputs=("project", "project"), output="sum", kind=BinaryKind.ADD),
        Pool(name="pool", inputs=("sum",), output="pool", kind=PoolKind.MAX, kernel=(5, 5), pads=(2, 2, 2, 2)),
    )
    sizes = {
        "expand": (height, width, 24),
        **{n: (*small, c) for n, c in (("deep", 24), ("project", 32), ("sum", 32), ("pool", 32))},
    }
    return make_plan((height, width, 3), ops, sizes, ("pool",))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("threads", [1, 3])
def test_bands_change_no_bit(stride: int, threads: int) -> None:
    from skipvid.engine.native import NativeExecutor

    plan = chain(stride)
    rng = np.random.default_rng(2)
    x = numbers(rng, (1, 3, 150, 190))
    full, profiled, delta = (
        NativeExecutor(plan, threads=threads),
        NativeExecutor(plan, threads=1),
        NativeExecutor(plan, threads=1),
    )
    profiled.profiling = True  # operators are timed one by one, so they run one by one
    delta.step(x)
    x = change(x, rng, 0.3)
    full.step(x)
    profiled.step(x)
    delta.step(x)
    for name in plan.tensors:
        assert full.tensor(name).tobytes() == profiled.tensor(name).tobytes() == delta.tensor(name).tobytes(), name
        assert full.changed(name).all()
