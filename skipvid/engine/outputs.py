"""The outputs of the ONNX graph, from the maps that an executor keeps."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from skipvid.engine.executor import Executor
from skipvid.engine.island import OnnxPart
from skipvid.plan import FloatArray, Plan

__all__ = ["GraphOutputs"]


class GraphOutputs:
    """Collects the graph outputs of one stream; what did not change is neither copied nor computed again.

    Args:
        plan: The network.
        threads: Threads of the decode tail.
    """

    def __init__(self, plan: Plan, threads: int = 1) -> None:
        self._plan = plan
        tail = plan.tail
        self._part = None if tail is None else OnnxPart(tail.model, tail.inputs, tail.outputs, threads)
        self._sources = tuple(dict.fromkeys((*plan.maps.values(), *(() if tail is None else tail.inputs))))
        self._stale = set(self._sources)
        self._images: dict[str, FloatArray] = {}
        self._tail: dict[str, FloatArray] = {}
        self._tail_stale = True
        self.changed = False
        self.tail_ms = 0.0

    def advance(self, executor: Executor) -> None:
        """Note what the last step of the executor changed."""
        changed = [name for name in self._sources if executor.any_changed(name)]
        self.changed = bool(changed)
        self._stale.update(changed)
        if self._plan.tail is not None and not self._tail_stale:
            self._tail_stale = any(name in self._plan.tail.inputs for name in changed)
        self.tail_ms = 0.0

    def collect(self, executor: Executor, *, copy: bool = True) -> dict[str, FloatArray]:
        """Every graph output by its ONNX name, in the graph's order and shapes.

        Args:
            executor: Holds the maps.
            copy: Return arrays that are read-only and keep their values; an output that did not change is the same array as
                before. Otherwise those that are maps of the plan alias the executor's state, for one who looks at once.
        """
        tail = self._plan.tail
        if self._part is not None and tail is not None and self._tail_stale:
            start = perf_counter()
            results = self._part([self._image(executor, name) for name in tail.inputs])
            self.tail_ms = (perf_counter() - start) * 1e3
            self._tail = {name: _frozen(array) for name, array in zip(tail.outputs, results, strict=True)}
            self._tail_stale = False
        maps, look = self._plan.maps, self._image if copy else _view
        return {name: look(executor, maps[name]) if name in maps else self._tail[name] for name in self._plan.outputs}

    def _image(self, executor: Executor, name: str) -> FloatArray:
        """A map as ``(1, C, H, W)``, copied when it has changed since it was last asked for."""
        if name in self._stale:
            self._images[name] = _frozen(np.array(_view(executor, name), order="C"))
            self._stale.discard(name)
        return self._images[name]

    def reset(self) -> None:
        """Forget everything."""
        self._stale = set(self._sources)
        self._images.clear()
        self._tail.clear()
        self._tail_stale = True
        self.changed = False
        self.tail_ms = 0.0


def _view(executor: Executor, name: str) -> FloatArray:
    """A map as ``(1, C, H, W)``, aliasing the executor's state."""
    return executor.tensor(name).transpose(2, 0, 1)[None]


def _frozen(array: FloatArray) -> FloatArray:
    array.flags.writeable = False
    return array
