"""The outputs of the ONNX graph, from the maps that an executor keeps."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from skipvid.engine.executor import Executor
from skipvid.engine.island import OnnxPart
from skipvid.engine.movement import movement
from skipvid.plan import FloatArray, Plan, Tail

__all__ = ["GraphOutputs"]


class GraphOutputs:
    """Collects the graph outputs of one stream; what did not change is neither copied nor computed again.

    Args:
        plan: The network.
        threads: Threads of the decode tail.
    """

    def __init__(self, plan: Plan, threads: int = 1) -> None:
        self._plan = plan
        self._tail = None if plan.tail is None else _TailOutputs(plan, plan.tail, threads)
        self._stale = set(plan.maps.values())
        self._images: dict[str, FloatArray] = {}
        self.changed = False
        self.tail_ms = 0.0

    def advance(self, executor: Executor) -> None:
        """Note what the last step of the executor changed."""
        changed = {name for name in self._plan.maps.values() if executor.any_changed(name)}
        self._stale |= changed
        in_tail = self._tail is not None and self._tail.advance(executor)
        self.changed = bool(changed) or in_tail
        self.tail_ms = 0.0

    def collect(self, executor: Executor, *, copy: bool = True) -> dict[str, FloatArray]:
        """Every graph output by its ONNX name, in the graph's order and shapes.

        Args:
            executor: Holds the maps.
            copy: Return arrays that are read-only and keep their values; an output that did not change is the same array as
                before. Otherwise they may alias the stream's state, for one who looks at once.
        """
        tail: dict[str, FloatArray] = {}
        if self._tail is not None:
            start = perf_counter()
            if self._tail.update(executor):
                self.tail_ms = (perf_counter() - start) * 1e3
            tail = self._tail.arrays(copy=copy)
        maps, look = self._plan.maps, self._image if copy else _view
        return {name: look(executor, maps[name]) if name in maps else tail[name] for name in self._plan.outputs}

    def _image(self, executor: Executor, name: str) -> FloatArray:
        """A map as ``(1, C, H, W)``, copied when it has changed since it was last asked for."""
        if name in self._stale:
            self._images[name] = _frozen(np.array(_view(executor, name), order="C"))
            self._stale.discard(name)
        return self._images[name]

    def reset(self) -> None:
        """Forget everything."""
        self._stale = set(self._plan.maps.values())
        self._images.clear()
        if self._tail is not None:
            self._tail.reset()
        self.changed = False
        self.tail_ms = 0.0


class _TailOutputs:
    """What the decode tail gives, brought up to date when it is asked for."""

    def __init__(self, plan: Plan, tail: Tail, threads: int) -> None:
        self._plan = plan
        self._inputs, self._outputs = tail.inputs, tail.outputs
        self._part = OnnxPart(tail.model, tail.inputs, tail.outputs, threads)
        self.reset()

    def reset(self) -> None:
        self._arrays: dict[str, FloatArray] = {}
        self._copies: dict[str, FloatArray] = {}  # handed out, and still what the arrays hold
        self._recent: set[str] = set()  # maps that changed in the last step only
        self._stale = set(self._inputs)  # maps that changed before, too

    def advance(self, executor: Executor) -> bool:
        """Note what the last step changed; whether it did anything."""
        changed = {name for name in self._inputs if executor.any_changed(name)}
        self._stale |= self._recent
        self._recent = changed
        return bool(changed)

    def update(self, executor: Executor) -> bool:
        """Take over what has changed since the last call; whether anything had."""
        if not self._recent and not self._stale:
            return False
        moves = movement(self._plan, self._part)
        if moves is None:
            results = self._part([np.ascontiguousarray(_view(executor, name)) for name in self._inputs])
            self._arrays = dict(zip(self._outputs, results, strict=True))
            self._copies.clear()
        else:
            if not self._arrays:
                self._arrays = {name: np.empty(shape, np.float32) for name, shape in moves.shapes.items()}
            for name in self._recent | self._stale:
                moves.apply(executor, name, self._arrays, everywhere=name in self._stale)
                for output in moves.outputs_of(name):
                    self._copies.pop(output, None)
        self._recent, self._stale = set(), set()
        return True

    def arrays(self, *, copy: bool) -> dict[str, FloatArray]:
        if not copy:
            return self._arrays
        for name, array in self._arrays.items():
            if name not in self._copies:
                self._copies[name] = _frozen(array.copy())
        return self._copies


def _view(executor: Executor, name: str) -> FloatArray:
    """A map as ``(1, C, H, W)``, aliasing the executor's state."""
    return executor.tensor(name).transpose(2, 0, 1)[None]


def _frozen(array: FloatArray) -> FloatArray:
    array.flags.writeable = False
    return array
