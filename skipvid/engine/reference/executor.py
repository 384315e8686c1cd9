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
from skipvid.engine.heat import heat
from skipvid.engine.reference.bands import spread
from skipvid.engine.reference.commit import EXACT_GATE, commit
from skipvid.engine.reference.inputs import InputState
from skipvid.engine.reference.kernels import Kernel, kernel
from skipvid.engine.reference.opening import OpenState, residual_norm
from skipvid.engine.reference.relief import Relief
from skipvid.engine.reference.sweep import Sweep
from skipvid.engine.rules import gated_convolutions, joined_maps
from skipvid.gates.settings import EXACT, GateSettings
from skipvid.gates.tiles import apart
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
        over = spread(threads if threads > 0 else torch.get_num_threads())
        self._kernels = tuple(kernel(op, plan.tensors, over) for op in plan.ops)
        self._writers = {output: k for k in self._kernels for output in k.op.outputs}
        self._relief = Relief()
        self._input = InputState(plan.input, pixels, self._relief)
        self._nothing = {name: torch.zeros(t.height, t.width, dtype=torch.bool) for name, t in plan.tensors.items()}
        self._everything = {name: torch.ones(t.height, t.width, dtype=torch.bool) for name, t in plan.tensors.items()}
        self._maps: dict[str, Tensor] = {}
        self._changed: dict[str, Tensor] = dict(self._nothing)
        self._active: dict[str, Tensor] = {op.name: self._nothing[op.output] for op in plan.ops}
        self._residuals: dict[str, Tensor] = {}
        self._opening: dict[str, OpenState] = {}
        self._sweep = Sweep(plan)
        self._ms = np.zeros(len(plan.ops))
        self.profiling = False
        self.configure(settings)

    @property
    def plan(self) -> Plan:
        return self._plan

    def configure(self, settings: GateSettings) -> None:
        """Use these rules from the next frame on. Maps and masks are kept.

        Raises:
            UsageError: If an open gate names what is not a convolution of the plan.
        """
        gated = gated_convolutions(self._plan, settings)
        states = self._opening
        self._opening = {op.name: states.get(op.name) or OpenState(op, self._plan.tensors[op.output]) for op in gated}
        self._residuals = dict.fromkeys((op.inputs[0] for op in gated), torch.zeros(0))
        self._joined = joined_maps(self._plan, settings)
        # Nothing is kept inside an inverted residual that a refresh would have to look at.
        inverted = (joint for joint in self._plan.joints if joint.expanded in self._joined)
        self._inside = self._joined.intersection(name for joint in inverted for name in joint.maps())
        self._settings = settings

    def relieve(self, factors: FloatArray, common: float = 1.0) -> None:
        """Multiply thresholds in places; see `skipvid.engine.executor.Executor.relieve`."""
        self._relief.set(factors, common)

    def use_threads(self, threads: int) -> None:
        """Nothing: torch's threads belong to the process."""

    def step(self, x: FloatArray, *, refresh: bool = False) -> None:
        """Advance by one frame ``(1, C, H, W)`` float32; see `skipvid.engine.executor.Executor.step`.

        Raises:
            UsageError: If the shape is not that of the network's input.
        """
        refresh = refresh or not self._maps
        self._advance(lambda look: self._input.take(x, self._settings, refresh=refresh, look=look), refresh)

    def step_image(self, image: ByteArray, *, refresh: bool = False) -> None:
        """Advance by one frame ``(H, W, 3)`` uint8 BGR; see `skipvid.engine.executor.Executor.step_image`.

        Raises:
            UsageError: If the shape is not that of the network's input, or the executor was made without ``pixels``.
        """
        refresh = refresh or not self._maps or not self._input.has_image
        self._advance(lambda look: self._input.take_image(image, self._settings, refresh=refresh, look=look), refresh)

    def _advance(self, take: Callable[[Tensor | None], Tensor], refresh: bool) -> None:
        with torch.inference_mode(), _one_torch_thread():
            name = self._plan.input.name
            old = self._maps.get(name)
            self._relief.begin()
            look = self._sweep.begin(0 if refresh else self._settings.refresh_every)
            changed = take(look)
            assert self._input.map is not None
            self._maps[name] = self._input.map
            self._committed(name, old, changed, refresh)
            self._ms[:] = 0.0
            for i, k in enumerate(self._kernels):
                start = time.perf_counter()
                self._run(k, refresh)
                if self.profiling:
                    self._ms[i] = (time.perf_counter() - start) * 1e3

    def _run(self, k: Kernel, refresh: bool) -> None:
        op = k.op
        exactly = None if refresh or op.output in self._inside else self._sweep.look(op)
        active = self._activity(k, refresh, exactly)
        self._active[op.name] = active
        self._attribute(k, active, refresh)
        if not bool(active.any()):
            for output in op.outputs:
                self._committed(output, self._maps[output], self._nothing[output], False)
            return
        results = k.dense(*(self._maps[name] for name in op.inputs))
        for output, new in zip(op.outputs, results, strict=True):
            old = self._maps.get(output)
            if refresh:
                self._maps[output] = new
                self._committed(output, old, self._everything[output], refresh)
                continue
            # An extra output of an island has a size of its own, and an island recomputes all of it.
            where, at_once = active, exactly
            if output != op.output:
                where = self._everything[output]
                at_once = where if exactly is not None and bool(exactly.any()) else None
            changed = self._commit(output, new, where, at_once)
            self._committed(output, old, changed, refresh)

    def _attribute(self, k: Kernel, active: Tensor, refresh: bool) -> None:
        """What runs as one is computed where its last operator is, an expanded map where that reads it."""
        for name in k.op.inputs:
            if name in self._joined:
                before = self._writers[name]
                read = active if refresh or k.read is None else k.read(active)
                self._active[before.op.name] = self._everything[name] if refresh else read
                self._attribute(before, read, refresh)

    def _commit(self, output: str, new: Tensor, active: Tensor, exactly: Tensor | None) -> Tensor:
        """Accept recomputed pixels into a map, those of ``exactly`` where any bit differs; which were accepted."""
        if output in self._joined:
            self._maps[output] = torch.where(active[..., None], new, self._maps[output])
            return active
        gate, structure = self._settings.layers.get(output, EXACT_GATE), self._settings.structure
        if exactly is None or gate.threshold == 0:
            self._maps[output], changed = commit(self._maps[output], new, active, gate, structure)
            return changed
        self._maps[output], first = commit(self._maps[output], new, exactly, EXACT_GATE)
        self._maps[output], second = commit(self._maps[output], new, active & ~exactly, gate, structure)
        return first | second

    def _committed(self, name: str, old: Tensor | None, changed: Tensor, refresh: bool) -> None:
        """Tell the consumers of a map what changed in it."""
        self._changed[name] = changed
        if name in self._residuals and not refresh:
            assert old is not None
            self._residuals[name] = residual_norm(old, self._maps[name], changed)

    def _activity(self, k: Kernel, refresh: bool, exactly: Tensor | None) -> Tensor:
        """The output pixels to recompute."""
        op = k.op
        if refresh:
            active = self._everything[op.output]
        else:
            active = self._footprint(k)
            gate = self._settings.opens.get(op.name)
            if gate is not None and (self._relief.asks or bool(active.any())):
                active = self._opening[op.name].open(self._residuals[op.inputs[0]], active, gate, self._relief)
            if exactly is not None:
                active = active | exactly
        if op.name in self._opening:
            self._opening[op.name].computed(active)
        return active

    def _footprint(self, k: Kernel) -> Tensor:
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

    def put(self, name: str, places: NDArray[np.int64], step: int, out: FloatArray, *, everywhere: bool = False) -> None:
        """Write values of a map to their places in a flat array; see `skipvid.engine.executor.Executor.put`."""
        values, chosen = self.tensor(name), self.changed(name)
        if everywhere:
            chosen = np.ones_like(chosen)
        out[places[chosen.reshape(-1)][:, None] + step * np.arange(values.shape[2])] = values[chosen]

    def any_changed(self, name: str) -> bool:
        """Whether the last step committed any pixel of a map."""
        return bool(self._changed[name].any())

    def active(self, op: str) -> BoolArray:
        """``(H, W)`` of the operator's output: the pixels that the last step recomputed."""
        array: BoolArray = self._active[op].numpy()
        return array

    def active_counts(self) -> NDArray[np.int64]:
        """``(len(plan.ops),)``: recomputed pixels of the last step, per operator in plan order."""
        return np.array([int(self._active[op.name].sum()) for op in self._plan.ops], np.int64)

    def heat(self, height: int, width: int) -> FloatArray:
        """``(height, width)`` float32 in 0 to 1: share of the network recomputed around each cell, see `skipvid.engine.heat`."""
        return heat(self, height, width)

    def apart(self, first: ByteArray, second: ByteArray, side: int) -> tuple[ByteArray, FloatArray]:
        """The largest and the total absolute difference of two images in each tile, see `skipvid.gates.tiles.apart`."""
        return apart(first, second, side)

    def op_ms(self) -> NDArray[np.float64]:
        """``(len(plan.ops),)``: time of each operator in the last step, in ms; zeros unless `profiling` is on."""
        return self._ms.copy()

    def reset(self) -> None:
        """Forget everything; the next frame is a refresh, and the stream equals a fresh one."""
        self._input.reset()
        self._relief.reset()
        self._maps.clear()
        self._opening.clear()
        self._sweep = Sweep(self._plan)
        self.configure(self._settings)
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
