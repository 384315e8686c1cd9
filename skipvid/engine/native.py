"""The native executor: a plan lowered into the compiled engine, and the state of one video on it.

The compiled part (``csrc/``) executes whole frames without the interpreter; this module hands it plans, settings and frames, and
runs dense islands in between. Importing it raises ImportError where the compiled part is missing.
"""

from __future__ import annotations

import os
from threading import Lock
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from skipvid.engine import _core
from skipvid.engine.executor import BoolArray, ByteArray, PixelMap
from skipvid.engine.island import OnnxPart
from skipvid.engine.lower import LoweredPlan, lower
from skipvid.engine.rules import gated_convolutions, joined_maps
from skipvid.errors import UsageError
from skipvid.gates.settings import EXACT, GateSettings, Hysteresis, LayerGate, Norm, OpenGate, Reference
from skipvid.plan import Conv, FloatArray, Island, Plan

__all__ = ["NativeExecutor", "default_threads", "instruction_set"]

_NORMS = {Norm.MAX: 0, Norm.L2: 1, Norm.RMS: 2}
_UNGATED = LayerGate()


def instruction_set() -> str:
    """The instruction set that the compiled engine uses here: ``avx512``, ``avx2``, ``neon`` or ``generic``.

    The environment variable ``SKIPVID_ISA`` chooses another one.
    """
    return str(_core.Plan().isa)


def default_threads() -> int:
    """Processors that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


class _PlanCache:
    """Lowered plans, shared by the streams of a model for as long as the plan lives."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._plans: WeakKeyDictionary[Plan, LoweredPlan] = WeakKeyDictionary()

    def get(self, plan: Plan) -> LoweredPlan:
        with self._lock:
            lowered = self._plans.get(plan)
            if lowered is None:
                lowered = self._plans[plan] = lower(plan)
            return lowered


_plans = _PlanCache()


class NativeExecutor:
    """Executes a plan in the compiled engine.

    Arrays handed out alias the stream's state until the next step.

    Args:
        plan: The network.
        pixels: How images become input, for `step_image`.
        settings: Commit rules.
        threads: Threads to use; 0 for one per processor.
    """

    def __init__(self, plan: Plan, pixels: PixelMap | None = None, settings: GateSettings = EXACT, threads: int = 0) -> None:
        self._plan = plan
        self._lowered = _plans.get(plan)
        self._pixels = pixels
        threads = threads if threads > 0 else default_threads()
        given = pixels or PixelMap(np.zeros((0, 256), np.float32), ())
        table, unit = (np.ascontiguousarray(values, np.float32) for values in (given.table, given.unit))
        order = [int(k) for k in given.order]
        steps = np.ascontiguousarray(np.zeros(0) if given.steps is None else given.steps, np.float32)
        if pixels is not None and not 1 <= len(order) == table.shape[0] == plan.input.channels <= 16:
            message = f"the pixel map makes {len(order)} channels, the network's input has {plan.input.channels}."
            raise UsageError(message, "Give a pixel map for this network, or feed the stream with tensors.")
        tensor = self._lowered.tensors[plan.input.name]
        self._stream = _core.Stream(self._lowered.native, tensor, table, order, unit, steps, threads)
        self._islands = {i: _island(op, threads) for i, op in enumerate(plan.ops) if isinstance(op, Island)}
        self.configure(settings)

    @property
    def plan(self) -> Plan:
        return self._plan

    @property
    def profiling(self) -> bool:
        """Whether `op_ms` measures."""
        return bool(self._stream.profiling)

    @profiling.setter
    def profiling(self, on: bool) -> None:
        self._stream.profiling = on

    def configure(self, settings: GateSettings) -> None:
        """Use these rules from the next frame on. Maps and masks are kept.

        Raises:
            UsageError: If an open gate names what is not a convolution of the plan.
        """
        gates = [settings.layers.get(name, _UNGATED) for name in self._lowered.tensors]
        thresholds, norms = [g.threshold for g in gates], [_NORMS[g.norm] for g in gates]
        rule = settings.input
        rects = [[r.x0, r.y0, r.x1, r.y1] for r in rule.ignore]
        late = rule.hysteresis or Hysteresis(frames=0)
        gated = gated_convolutions(self._plan, settings)
        opens = [_open_gate(self._lowered.ops[op.name], op, settings.opens[op.name]) for op in gated]
        # Nothing is below a limit of -1: at threshold 0 every window with a change opens, even where its norm is 0.
        limits = [g.limit if g.threshold > 0 else -1.0 for g in (settings.opens[op.name] for op in gated)]
        self._stream.configure(
            rule.threshold,
            rule.dilation,
            rects,
            rule.threshold * late.factor,
            late.frames,
            late.radius,
            rule.relieved,
            thresholds,
            norms,
            opens,
            limits,
            [self._lowered.tensors[name] for name in joined_maps(self._plan, settings)],
            settings.structure,
            settings.refresh_every,
        )

    def relieve(self, factors: FloatArray, common: float = 1.0) -> None:
        """Multiply thresholds in places; see `skipvid.engine.executor.Executor.relieve`.

        Raises:
            ValueError: If there is no cell.
        """
        if factors.ndim != 2 or factors.size == 0:
            message = f"relief is a grid of cells, not an array of shape {factors.shape}"
            raise ValueError(message)
        self._stream.relieve(np.ascontiguousarray(factors, np.float32), common)

    def use_threads(self, threads: int) -> None:
        """Use at most so many threads from the next frame on, and no more than the executor was made with."""
        self._stream.use_threads(threads)

    def step(self, x: FloatArray, *, refresh: bool = False) -> None:
        """Advance by one frame ``(1, C, H, W)`` float32; see `skipvid.engine.executor.Executor.step`.

        Raises:
            UsageError: If the shape is not that of the network's input.
        """
        spec = self._plan.input
        expected = (1, spec.channels, spec.height, spec.width)
        if tuple(x.shape) != expected or x.dtype != np.float32:
            message = f"the network's input is float32 of shape {expected}, not {x.dtype} of shape {tuple(x.shape)}."
            raise UsageError(message, "Resize the frame to the network's input, or load the model with another imgsz.")
        self._stream.begin(np.ascontiguousarray(x), refresh)
        self._run()

    def step_image(self, image: ByteArray, *, refresh: bool = False) -> None:
        """Advance by one frame ``(H, W, 3)`` uint8 BGR; see `skipvid.engine.executor.Executor.step_image`.

        The first image after a tensor is a refresh.

        Raises:
            UsageError: If the shape is not that of the network's input, or the executor was made without ``pixels``.
        """
        spec = self._plan.input
        if self._pixels is None:
            message = "it is unknown how an image becomes the network's input."
            raise UsageError(message, "Make the stream with `pixels`, or give it tensors.")
        if image.shape != (spec.height, spec.width, 3) or image.dtype != np.uint8:
            size = f"{spec.width}x{spec.height}"
            message = f"the network's input is a uint8 image of {size}, not {image.dtype} of shape {image.shape}."
            raise UsageError(message, "Resize the frame to the network's input, or load the model with another imgsz.")
        self._stream.begin_image(np.ascontiguousarray(image), refresh)
        self._run()

    def _run(self) -> None:
        first = 0
        for index, part in self._islands.items():
            self._stream.run(first, index + 1)
            first = index + 1
            if self._stream.count(index):
                self._run_island(index, part)
        self._stream.run(first, len(self._plan.ops))

    def _run_island(self, index: int, part: OnnxPart) -> None:
        op = self._plan.ops[index]
        results = part([np.ascontiguousarray(self.tensor(name).transpose(2, 0, 1)[None]) for name in op.inputs])
        for name, result in zip(op.outputs, results, strict=True):
            spec = self._plan.tensors[name]
            chw = np.asarray(result, np.float32).reshape(spec.channels, spec.height, spec.width)
            self._stream.write(self._lowered.tensors[name], chw.transpose(1, 2, 0))

    def tensor(self, name: str) -> FloatArray:
        """The map as its consumers see it, ``(H, W, C)`` float32. Aliases the stream's state: valid until the next step."""
        array: FloatArray = self._stream.tensor(self._lowered.tensors[name])
        return array

    def changed(self, name: str) -> BoolArray:
        """``(H, W)``: the pixels of a map that the last step committed."""
        array: BoolArray = self._stream.changed(self._lowered.tensors[name])
        return array

    def put(self, name: str, places: NDArray[np.int64], step: int, out: FloatArray, *, everywhere: bool = False) -> None:
        """Write values of a map to their places in a flat array; see `skipvid.engine.executor.Executor.put`."""
        self._stream.put(self._lowered.tensors[name], places, step, everywhere, out)

    def any_changed(self, name: str) -> bool:
        """Whether the last step committed any pixel of a map; costs nothing."""
        return bool(self._stream.any_changed(self._lowered.tensors[name]))

    def active(self, op: str) -> BoolArray:
        """``(H, W)`` of the operator's output: the pixels that the last step recomputed."""
        array: BoolArray = self._stream.active(self._lowered.ops[op])
        return array

    def active_counts(self) -> NDArray[np.int64]:
        """``(len(plan.ops),)``: recomputed pixels of the last step, per operator in plan order."""
        counts: NDArray[np.int64] = self._stream.counts()
        return counts

    def apart(self, first: ByteArray, second: ByteArray, side: int) -> tuple[ByteArray, FloatArray]:
        """The largest and the total absolute difference of two images in each tile, see `skipvid.gates.tiles.apart`."""
        largest, total = _core.apart(np.ascontiguousarray(first), np.ascontiguousarray(second), side)
        shape = (-(-first.shape[0] // side), -(-first.shape[1] // side))
        return largest.reshape(shape), total.reshape(shape)

    def op_ms(self) -> NDArray[np.float64]:
        """``(len(plan.ops),)``: time of each operator in the last step, in ms; zeros unless `profiling` is on."""
        ms: NDArray[np.float64] = self._stream.op_ms()
        return ms

    def heat(self, height: int, width: int) -> FloatArray:
        """``(height, width)`` float32 in 0 to 1: the share of the network recomputed around each cell; see `heat.heat`."""
        cells: FloatArray = self._stream.heat(height, width)
        return cells.reshape(height, width)

    def reset(self) -> None:
        """Forget everything; the next frame is a refresh, and the stream equals a fresh one."""
        self._stream.reset()


def _island(op: Island, threads: int) -> OnnxPart:
    return OnnxPart(op.model, op.inputs, op.outputs, threads)


def _open_gate(index: int, op: Conv, gate: OpenGate) -> list[int]:
    accumulate = int(gate.reference is Reference.ACCUMULATING)
    return [index, *op.kernel, *op.stride, *op.dilation, *op.pads[:2], accumulate, gate.structure]
