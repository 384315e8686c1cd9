"""Images on their way to the native engine's input, whatever tables of grey levels and sizes they have."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.building import make_plan
from skipvid.engine.executor import PixelMap
from skipvid.engine.reference import ReferenceExecutor
from skipvid.gates.settings import GateSettings, InputGate
from skipvid.plan import Act, Activation, Unary

if TYPE_CHECKING:
    from skipvid.engine.native import NativeExecutor

GREY = PixelMap.normalised(1.0, (0, 0, 0), (1, 1, 1), (0, 1, 2))
NETWORK = PixelMap.normalised(1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, -0.225), (0, 1, 2))
BENT = replace(GREY, table=np.where(np.arange(256) < 200, GREY.table, GREY.table + np.float32(1)))  # not what its steps make
FLAT = PixelMap.normalised(2.0**-40, (1, 1, 1), (1, 1, 1), (0, 1, 2))  # different bytes, the same values


@pytest.mark.parametrize("pixels", [GREY, NETWORK, BENT, FLAT, replace(BENT, steps=None)], ids=lambda p: f"{p.table[1, 255]:g}")
@settings(max_examples=50, deadline=None)
@given(
    width=st.integers(1, 150),
    height=st.integers(1, 3),
    order=st.sampled_from([*itertools.permutations(range(3)), (1, 1, 2)]),
    dilation=st.integers(0, 2),
    seed=st.integers(0, 99),
)
def test_changed_pixels_of_an_image_are_taken_over_and_no_others(
    pixels: PixelMap, width: int, height: int, order: tuple[int, ...], dilation: int, seed: int
) -> None:
    from skipvid.engine.native import NativeExecutor

    size = (height, width, 3)
    copy = Unary(name="copy", inputs=("x",), output="y", activation=Activation(Act.RELU))
    plan = make_plan(size, [copy], {"y": size}, ["y"])
    gates = GateSettings(InputGate(2.0, dilation))
    pixels = replace(pixels, order=order)
    ours: NativeExecutor = NativeExecutor(plan, pixels, gates, threads=2)
    theirs = ReferenceExecutor(plan, pixels, gates)
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, size, np.uint8)
    for share in (0.0, 0.3, 0.02, 1.0):
        moved = (rng.random((height, width, 1)) < share) * rng.integers(-4, 5, size)
        image = np.clip(image + moved, 0, 255).astype(np.uint8)
        for executor in (ours, theirs):
            executor.step_image(image)
        assert np.array_equal(ours.changed("x"), theirs.changed("x"))
        assert ours.tensor("x").tobytes() == theirs.tensor("x").tobytes()
        assert ours.tensor("y").tobytes() == theirs.tensor("y").tobytes()
