"""Light that changes all over the picture does not stay behind in patches, whatever the gate."""

from __future__ import annotations

import numpy as np
import pytest

from engine.building import grey_pixels
from engine.networks import residual_block
from skipvid.engine.stream import Stream
from skipvid.gates.policies import InputNorm, OutputNorm, Policy, Truncation
from skipvid.gates.safety import EXPOSURE, Safety

PLAN = residual_block()
GATES: dict[str, Policy] = {
    "truncation": Truncation(0.3, input_threshold=12, input_noise=0, relative=False),
    "input-norm": InputNorm(0.05, input_threshold=12, input_noise=0, relative=False),
    "output-norm": OutputNorm(0.3, input_threshold=12, input_noise=0, relative=False),
    "paper": InputNorm.paper(0.05, input_threshold=12),
}


def picture() -> np.ndarray:
    coarse = np.random.default_rng(0).integers(40, 200, (9, 11, 3))
    return coarse.repeat(4, 0).repeat(4, 1)


def stream(policy: Policy | None, safety: Safety | None = None) -> Stream:
    return Stream(PLAN, policy, engine="reference", pixels=grey_pixels(), safety=safety)


def walk(s: Stream, levels: list[int]) -> list[str | None]:
    reasons = []
    for level in levels:
        s.step_image((picture() + level).astype(np.uint8))
        reasons.append(s.last.refresh)
    return reasons


@pytest.mark.parametrize("gate", GATES)
def test_a_step_below_every_threshold_is_refreshed(gate: str) -> None:
    gated, blind, dense = stream(GATES[gate], Safety()), stream(GATES[gate]), stream(None)
    levels = [0] * 6 + [9] * 8
    assert walk(gated, levels).count(EXPOSURE) == 1
    walk(blind, levels)
    walk(dense, levels)
    assert not np.array_equal(blind.outputs()["head"], dense.outputs()["head"])
    assert np.array_equal(gated.outputs()["head"], dense.outputs()["head"])


@pytest.mark.parametrize("gate", GATES)
def test_a_sunset_is_followed_within_the_input_threshold(gate: str) -> None:
    gated = stream(GATES[gate], Safety())
    walk(gated, [level // 3 for level in range(120)])
    behind = gated.executor.tensor("x") - grey_pixels().table[0][(picture() + 119 // 3)[..., ::-1]]
    assert np.abs(behind).max() * 127.5 <= 12.01
    # What is behind is behind by about the same everywhere: no seams between old light and new.
    assert np.ptp(behind) * 127.5 <= 12.01


@pytest.mark.parametrize("gate", GATES)
def test_staggered_refresh_takes_in_what_no_threshold_sees(gate: str) -> None:
    policy = GATES[gate]
    swept = stream(type(policy)(**{**vars(policy), "refresh_every": 5}))
    dense = stream(None)
    levels = [0] * 6 + [9] * 5 * (len(PLAN.ops) + 1)
    walk(swept, levels)
    walk(dense, levels)
    assert np.array_equal(swept.outputs()["head"], dense.outputs()["head"])
