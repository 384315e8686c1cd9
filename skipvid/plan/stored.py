"""Plans as bytes, for a cache: JSON of what they are made of, and the numbers of their arrays behind it.

    8 bytes      magic and version of the format
    8 bytes      length of the JSON, little-endian
    4 bytes      CRC-32 of all that follows
    JSON         the plan as nested lists, see `_Writer.value`; arrays by their place among the numbers
    ...          padding to 64 bytes, then the numbers, every array at a multiple of 64

Nothing in it is code, and what is no plan is refused. It says nothing about who wrote it: that is the cache's business.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import Enum
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from skipvid.plan import maps, network, ops
from skipvid.plan.network import Plan

__all__ = ["dump_plan", "parse_plan"]

_MAGIC = b"skvplan1"
_HEAD = struct.Struct("<8sQI")
_ALIGNMENT = 64
_NUMBERS = re.compile(r"[<>|][fiub][1248]")  # as numpy writes them

_CLASSES: Mapping[str, type] = {
    c.__name__: c
    for c in (
        *(maps.TensorSpec, maps.Activation, network.GatePoint, network.Tail, Plan, ops.Constant),
        *(ops.Binary, ops.Concat, ops.Conv, ops.ConvTranspose, ops.DepthToSpace, ops.GlobalPool, ops.Island),
        *(ops.Pool, ops.Resample, ops.Softmax, ops.SpaceToDepth, ops.Unary),
    )
}
_ENUMS: Mapping[str, type[Enum]] = {e.__name__: e for e in (maps.Act, ops.BinaryKind, ops.PoolKind)}


def dump_plan(plan: Plan) -> bytes:
    """The bytes that `parse_plan` takes.

    Raises:
        TypeError: The plan holds something that has no place in one.
    """
    writer = _Writer()
    text = json.dumps(writer.value(plan), separators=(",", ":")).encode()
    text += b" " * (-(_HEAD.size + len(text)) % _ALIGNMENT)
    body = b"".join([text, *writer.pieces])
    return _HEAD.pack(_MAGIC, len(text), zlib.crc32(body)) + body


def parse_plan(data: bytes) -> Plan:
    """A plan from its bytes; its arrays lie in them, read-only.

    Raises:
        ValueError: These are not the bytes of a plan, or not all of them, or damaged.
    """
    if len(data) < _HEAD.size:
        message = "too short for a plan"
        raise ValueError(message)
    magic, length, checksum = _HEAD.unpack_from(data)
    body = memoryview(data)[_HEAD.size :]
    if magic != _MAGIC or length > len(body) or zlib.crc32(body) != checksum:
        message = "not a plan, or a damaged one"
        raise ValueError(message)
    try:
        plan = _Reader(body[length:]).value(json.loads(bytes(body[:length])))
    except (KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        message = f"not a plan: {error}"
        raise ValueError(message) from error
    if not isinstance(plan, Plan):
        message = "not a plan"
        raise ValueError(message)
    return plan


class _Writer:
    """Values as what JSON holds; a list begins with its kind."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self._length = 0

    def value(self, value: object) -> object:
        match value:
            case Enum():
                return ["enum", type(value).__name__, value.value]
            case None | bool() | int() | float() | str():
                return value
            case bytes():
                return ["bytes", self._place(value), len(value)]
            case np.ndarray():
                return ["array", value.dtype.str, list(value.shape), self._place(value.tobytes())]
            case tuple():
                return ["tuple", [self.value(v) for v in value]]
            case Mapping():
                return ["mapping", [[self.value(k), self.value(v)] for k, v in value.items()]]
        if _CLASSES.get(type(value).__name__) is not type(value):
            message = f"a plan holds no {type(value).__name__}"
            raise TypeError(message)
        own = cast("Any", value)
        return [type(value).__name__, {f.name: self.value(getattr(own, f.name)) for f in fields(own)}]

    def _place(self, piece: bytes) -> int:
        place = self._length
        padding = -len(piece) % _ALIGNMENT
        self.pieces += [piece, b"\0" * padding]
        self._length += len(piece) + padding
        return place


class _Reader:
    def __init__(self, numbers: memoryview) -> None:
        self._numbers = numbers
        self._kinds: Mapping[str, Callable[..., object]] = {
            "enum": lambda name, value: _ENUMS[name](value),
            "bytes": lambda place, length: bytes(self._piece(place, length)),
            "array": self._array,
            "tuple": lambda items: tuple(self.value(v) for v in items),
            "mapping": lambda items: {self.value(k): self.value(v) for k, v in items},
        }

    def value(self, value: Any) -> Any:
        if not isinstance(value, list):
            return value
        kind, *rest = value
        if kind in self._kinds:
            return self._kinds[kind](*rest)
        (own,) = rest
        return _CLASSES[kind](**{name: self.value(v) for name, v in own.items()})

    def _array(self, dtype: str, shape: list[int], place: int) -> NDArray[Any]:
        if not _NUMBERS.fullmatch(dtype):
            message = f"an array of {dtype!r}"
            raise ValueError(message)
        kind = np.dtype(dtype)
        length = kind.itemsize * int(np.prod(shape, dtype=np.int64))
        return np.frombuffer(self._piece(place, length), kind).reshape(shape)

    def _piece(self, place: int, length: int) -> memoryview:
        if min(place, length) < 0 or place + length > len(self._numbers):
            message = "a piece lies outside"
            raise ValueError(message)
        return self._numbers[place : place + length]
