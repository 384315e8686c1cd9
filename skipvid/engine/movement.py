"""Decode tails that only move values: reshapes, transpositions and concatenations of the last maps.

Where every value of the tail's outputs is a value of one of its inputs, a changed pixel is written to its places in the outputs,
and the tail need not run at all. Which value goes where is found by running the tail once on maps that hold their own positions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from skipvid.engine.executor import Executor
from skipvid.engine.island import OnnxPart
from skipvid.plan import FloatArray, Plan, Tail

__all__ = ["Movement", "movement"]

_MOVING = frozenset({"Reshape", "Transpose", "Concat", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Split", "Slice"})
_LARGEST = 1 << 24  # whole numbers below it are exact in float32


@dataclass(frozen=True, eq=False)
class _Move:
    """Where the values of a map go in a flattened output, see `skipvid.engine.executor.Executor.put`."""

    output: str
    places: NDArray[np.int64]
    step: int


@dataclass(frozen=True, eq=False)
class Movement:
    """A tail as a table of moves.

    Attributes:
        shapes: Shapes of the tail's outputs by name.
    """

    shapes: Mapping[str, tuple[int, ...]]
    _moves: Mapping[str, tuple[_Move, ...]]

    def outputs_of(self, name: str) -> set[str]:
        """The outputs that a map's values go to."""
        return {move.output for move in self._moves[name]}

    def apply(self, executor: Executor, name: str, outputs: Mapping[str, FloatArray], *, everywhere: bool) -> None:
        """Write a map's values into the outputs: those of all pixels, or of those that the last step committed."""
        for move in self._moves[name]:
            executor.put(name, move.places, move.step, outputs[move.output].reshape(-1), everywhere=everywhere)


_known: WeakKeyDictionary[Tail, Movement | None] = WeakKeyDictionary()
_lock = Lock()


def movement(plan: Plan, part: OnnxPart) -> Movement | None:
    """The plan's tail as moves, or None where it computes.

    Args:
        plan: A plan with a tail.
        part: The tail, to be run.

    Raises:
        GraphError: If the tail cannot be run.
    """
    assert plan.tail is not None
    with _lock:
        if plan.tail not in _known:
            _known[plan.tail] = _derive(plan, plan.tail, part)
        return _known[plan.tail]


def _derive(plan: Plan, tail: Tail, part: OnnxPart) -> Movement | None:
    specs = [plan.tensors[name] for name in tail.inputs]
    sizes = [s.pixels * s.channels for s in specs]
    if not tail.nodes or not _MOVING.issuperset(tail.nodes) or sum(sizes) + 1 >= _LARGEST:
        return None
    # Position 0 is left to what comes from elsewhere, such as a constant that is concatenated.
    starts = np.cumsum([1, *sizes])
    numbered = [
        np.arange(start, start + size, dtype=np.float32).reshape(1, s.channels, s.height, s.width)
        for start, size, s in zip(starts, sizes, specs, strict=False)
    ]
    results = dict(zip(tail.outputs, part(numbered), strict=True))
    moves: dict[str, list[_Move]] = {name: [] for name in tail.inputs}
    for output, result in results.items():
        sources = result.reshape(-1).astype(np.int64)
        if sources.min(initial=1) < 1 or sources.max(initial=0) >= starts[-1]:
            return None
        went = np.full(starts[-1], -1)  # by source, where it went: sorting would take as long as many frames
        went[sources] = np.arange(len(sources))
        if np.count_nonzero(went >= 0) != len(sources):  # something went to two places
            return None
        for name, start, size, s in zip(tail.inputs, starts, sizes, specs, strict=False):
            order = went[start : start + size]
            if (order < 0).all():
                continue
            if (order < 0).any():  # a part of the map only
                return None
            places = order.reshape(s.channels, s.pixels).T
            step = int(places[0, 1] - places[0, 0]) if s.channels > 1 else 1
            if not np.array_equal(places, places[:, :1] + step * np.arange(s.channels)):
                return None
            moves[name].append(_Move(output, np.ascontiguousarray(places[:, 0], np.int64), step))
    return Movement({name: tuple(r.shape) for name, r in results.items()}, {name: tuple(m) for name, m in moves.items()})
