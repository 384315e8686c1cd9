"""The state of one video on one plan, in torch."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from skipvid.engine.executor import BoolArray, ByteArray, PixelMap
from skipvid.engine.reference.bands import spread
from skipvid.engine.reference.commit import EXACT_GATE, commit
from skipvid.engine.reference.inputs import InputState
from skipvid.engine.reference.kernels import Kernel, kernel
from skipvid.gates.settings import EXACT, GateSettings
from skipvid.plan import FloatArray, Plan

__all__ = ["ReferenceExecutor"]


class ReferenceExecutor:
    """Executes a plan with torch on the CPU: each operator densely, then written where active.

    Maps are never written in place: a step replaces them, so arrays handed out earlier keep their values.

    Args:
        plan: The network.
        pixels: How images become input, for `step_image`.
        settings: Commit rules.
        threads: Threads for large convolutions; 0 for as many as torch uses. Their number does not reach the bits.

    Attributes:
        profiling: Whether `op_ms` measures.
    """

    def __init__(self, plan: Plan, pixels: PixelMap | None = None, settings: GateSettings = EXACT, threads: int = 0) -> None:
        self._plan = plan
        self._settings = settings
        over = spread(threads if threads > 0 else torch.get_num_threads())
        self._kernels = tuple(kernel(op, plan.tensors, over) for op in plan.ops)
        self._input = InputState(plan.input, pixels)
        self._nothing = {name: torch.zeros(t.height, t.width, dtype=torch.bool) for name, t in plan.tensors.items()}
        self._everything = {name: torch.ones(t.height, t.width, dtype=torch.bool) for name, t in plan.tensors.items()}
        self._maps: dict[str, Tensor] = {}
        self._changed: dict[str, Tensor] = dict(self._nothing)
        self._active: dict[str, Tensor] = {op.name: self._nothing[op.output] for op in plan.ops}
        self._ms = np.zeros(len(plan.ops))
        self.profiling = False

    @property
    def plan(self) -> Plan:
        return self._plan

    def configure(self, settings: GateSettings) -> None:
        """Use these commit rules from the next frame on. Maps and masks are kept."""
        self._settings = settings

    def step(self, x: FloatArray, *, refresh: bool = False) -> None:
        """Advance by one frame ``(1, C, H, W)`` float32; see `skipvid.engine.executor.Executor.step`.

        Raises:
            UsageError: If the shape is not that of the network's input.
        """
        refresh = refresh or not self._maps
        self._advance(lambda: self._input.take(x, self._settings.input, refresh=refresh), refresh)

    def step_image(self, image: ByteArray, *, refresh: bool = False) -> None:
        """Advance by one frame ``(H, W, 3)`` uint8 BGR; see `skipvid.engine.executor.Executor.step_image`.

        Raises:
            UsageError: If the shape is not that of the network's input, or the executor was made without ``pixels``.
        """
        refresh = refresh or not self._maps or not self._input.has_image
        self._advance(lambda: self._input.take_image(image, self._settings.input, refresh=refresh), refresh)

    def _advance(self, take: Callable[[], Tensor], refresh: bool) -> None:
        with torch.inference_mode(), _one_torch_thread():
            changed = take()
            assert self._input.map is not None
            name = self._plan.input.name
            self._maps[name], self._changed[name] = self._input.map, changed
            self._ms[:] = 0.0
            for i, k in enumerate(self._kernels):
                start = time.perf_counter()
                self._run(k, refresh)
                if self.profiling:
                    self._ms[i] = (time.perf_counter() - start) * 1e3

    def _run(self, k: Kernel, refresh: bool) -> None:
        op = k.op
        active = self._footprint(k, refresh)
        self._active[op.name] = active
        if not bool(active.any()):
            for output in op.outputs:
                self._changed[output] = self._nothing[output]
            return
        results = k.dense(*(self._maps[name] for name in op.inputs))
        for output, new in zip(op.outputs, results, strict=True):
            if refresh:
                self._maps[output], self._changed[output] = new, self._everything[output]
                continue
            gate = self._settings.layers.get(output, EXACT_GATE)
            # An extra output of an island has a size of its own, and an island recomputes all of it.
            where = active if output == op.output else self._everything[output]
            self._maps[output], self._changed[output] = commit(self._maps[output], new, where, gate)

    def _footprint(self, k: Kernel, refresh: bool) -> Tensor:
        if refresh:
            return self._everything[k.op.output]
        changed = [self._changed[name] for name in k.op.inputs]
        if not any(bool(mask.any()) for mask in changed):
            return self._nothing[k.op.output]
        return k.footprint(*changed)

    def tensor(self, name: str) -> FloatArray:
        """The map as its consumers see it, ``(H, W, C)`` float32, not to be written."""
        array: FloatArray = self._maps[name].numpy()
        return array

    def changed(self, name: str) -> BoolArray:
        """``(H, W)``: the pixels of a map that the last step committed."""
        array: BoolArray = self._changed[name].numpy()
        return array

    def active(self, op: str) -> BoolArray:
        """``(H, W)`` of the operator's output: the pixels that the last step recomputed."""
        array: BoolArray = self._active[op].numpy()
        return array

    def active_counts(self) -> NDArray[np.int64]:
        """``(len(plan.ops),)``: recomputed pixels of the last step, per operator in plan order."""
        return np.array([int(self._active[op.name].sum()) for op in self._plan.ops], np.int64)

    def op_ms(self) -> NDArray[np.float64]:
        """``(len(plan.ops),)``: time of each operator in the last step, in ms; zeros unless `profiling` is on."""
        return self._ms.copy()

    def reset(self) -> None:
        """Forget everything; the next frame is a refresh, and the stream equals a fresh one."""
        self._input.reset()
        self._maps.clear()
        self._changed = dict(self._nothing)
        self._active = {op.name: self._nothing[op.output] for op in self._plan.ops}
        self._ms[:] = 0.0


@contextmanager
def _one_torch_thread() -> Iterator[None]:
    """Keep torch from splitting operators, and put its setting back: it belongs to the process, not to the stream."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
