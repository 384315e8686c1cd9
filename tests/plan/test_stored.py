"""Plans as bytes: what comes back is the plan that went in, and nothing else is taken for one."""

from __future__ import annotations

import dataclasses
import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skipvid.graph import load_plan
from skipvid.plan import Plan, TensorSpec
from skipvid.plan.stored import dump_plan, parse_plan
from tests.engine.cases import single_op_plans
from tests.engine.networks import SMALL_NETWORKS, small_networks
from tests.graph.test_models import weights

_HEAD = struct.Struct("<8sQI")


def assert_same(a: Any, b: Any) -> None:
    """Every field of two plans has the same type and value, arrays bit for bit."""
    if dataclasses.is_dataclass(a):
        assert type(a) is type(b)
        for f in dataclasses.fields(a):
            assert_same(getattr(a, f.name), getattr(b, f.name))
    elif isinstance(a, np.ndarray):
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    elif isinstance(a, Mapping):
        assert list(a) == list(b)
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, tuple):
        assert type(a) is type(b)
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            assert_same(x, y)
    else:
        assert (type(a), repr(a)) == (type(b), repr(b))  # a number that is none equals nothing, but reads the same


@given(single_op_plans())
def test_every_operator_comes_back_as_it_was(plan: Plan) -> None:
    assert_same(parse_plan(dump_plan(plan)), plan)


@pytest.mark.parametrize("name", SMALL_NETWORKS)
def test_networks_come_back_as_they_were(name: str) -> None:
    plan = small_networks()[name]
    assert_same(parse_plan(dump_plan(plan)), plan)


@pytest.mark.parametrize("name", weights())
def test_real_networks_come_back_as_they_were(name: str, shared_data: Path) -> None:
    plan = load_plan(shared_data / "weights" / name)
    assert_same(parse_plan(dump_plan(plan)), plan)


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_a_flipped_bit_or_a_missing_end_is_noticed(place: float, bit: int, cut: bool) -> None:
    data = bytearray(dump_plan(small_networks()["residual_block"]))
    at = int(place * len(data))
    if cut:
        del data[at:]
    else:
        data[at] ^= 1 << bit
    with pytest.raises(ValueError, match="plan"):
        parse_plan(bytes(data))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda v: st.lists(v, max_size=4), max_leaves=6
)


@given(data=st.data(), value=_JSON)
def test_other_contents_with_a_true_checksum_are_refused_or_harmless(data: st.DataObject, value: object) -> None:
    """One value anywhere in the JSON replaced by any other: a plan comes back, or a ValueError."""
    stored = dump_plan(small_networks()["island"])
    length = _HEAD.unpack_from(stored)[1]
    tree = json.loads(stored[_HEAD.size : _HEAD.size + length])
    inner = tree
    while isinstance(inner, list | dict) and inner:
        keys = list(range(len(inner))) if isinstance(inner, list) else list(inner)
        key = data.draw(st.sampled_from(keys))
        if not isinstance(inner[key], list | dict) or data.draw(st.booleans()):
            inner[key] = value
            break
        inner = inner[key]
    text = json.dumps(tree).encode()
    body = text + stored[_HEAD.size + length :]
    try:
        plan = parse_plan(_HEAD.pack(stored[:8], len(text), zlib.crc32(body)) + body)
    except ValueError:
        return
    assert isinstance(plan, Plan)


def test_what_has_no_place_in_a_plan_is_not_written() -> None:
    plan = dataclasses.replace(small_networks()["residual_block"], notes=(object(),))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a plan holds no object"):
        dump_plan(plan)


def test_no_plan() -> None:
    spec = TensorSpec("x", 1, 1, 1)
    for data in (b"", b"short", dump_plan(spec)):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="plan"):
            parse_plan(data)
