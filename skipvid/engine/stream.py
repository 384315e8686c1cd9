"""A stream: one video on one plan, with the decisions around the executor.

The executor knows commit rules and frames. What a frame is executed with is decided in `skipvid.engine.direction`; the stream
executes it, counts what that took, and knows what of the outputs is worth computing again. It holds all of its state: streams on
one plan do not see each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.engine import EngineName, create_executor
from skipvid.engine.counts import Counter, FrameStats
from skipvid.engine.direction import Direction, Order
from skipvid.engine.executor import ByteArray, Executor, PixelMap
from skipvid.engine.outputs import GraphOutputs
from skipvid.engine.refreshes import BUDGET, FIRST, REQUESTED
from skipvid.errors import UsageError
from skipvid.gates.budget import Budget
from skipvid.gates.care import Care
from skipvid.gates.policies import Policy
from skipvid.gates.safety import Safety
from skipvid.gates.settings import GateSettings, Rect
from skipvid.plan import FloatArray, Plan

__all__ = ["BUDGET", "FIRST", "REQUESTED", "FrameStats", "Stream"]


class Stream:
    """One video on one plan.

    Args:
        plan: The network.
        policy: What decides the gates; None to execute exactly.
        engine: ``auto``, ``native`` or ``reference``.
        threads: Threads of the engine; 0 for its default.
        pixels: How images become the network's input; None where only tensors are given.
        safety: What counts as a cut or a moving camera; None to refresh on request only.
        scales: Known scales of activations by gate name; what the policy needs beyond them is measured.
        ignore: Rectangles of the network input whose changes do not count.
        budget: What a frame may cost; None: what it takes. Frames computed in full after a cut and those that calibrate are
            outside of it; a moving camera and a step of exposure are not.
        care: How coarse gates are by what was found, see `saw`; None: as the policy says everywhere.

    Raises:
        UsageError: If the engine cannot be used, or the policy does not fit the plan.
    """

    def __init__(
        self,
        plan: Plan,
        policy: Policy | None = None,
        *,
        engine: EngineName = "auto",
        threads: int = 0,
        pixels: PixelMap | None = None,
        safety: Safety | None = Safety(),  # noqa: B008 - frozen
        scales: Mapping[str, float] | None = None,
        ignore: tuple[Rect, ...] = (),
        budget: Budget | None = None,
        care: Care | None = None,
    ) -> None:
        self._plan = plan
        self._policy = policy
        self._unit = None if pixels is None else pixels.unit
        self._made: dict[str, Any] = {"engine": engine, "threads": threads, "pixels": pixels}
        self._executor = create_executor(plan, engine, pixels, None, threads)
        self._direction = Direction(self._executor, policy, self._unit, safety, scales or {}, ignore, care)
        self._outputs = GraphOutputs(plan)
        self._counter = Counter(plan)
        self._begin()
        self.budget = budget

    def _begin(self) -> None:
        self._frame = 0
        self._last: FrameStats | None = None
        self._settled = False  # whether the last picture was shown once more, and nothing came of it

    @property
    def plan(self) -> Plan:
        return self._plan

    @property
    def executor(self) -> Executor:
        return self._executor

    @property
    def notices(self) -> list[str]:
        """Remarks for the user, each said once per stream."""
        return self._direction.notices

    @property
    def policy(self) -> Policy | None:
        return self._policy

    @property
    def settings(self) -> GateSettings:
        """The commit rules of the next frame."""
        return self._direction.calibration.settings

    @property
    def asked(self) -> GateSettings:
        """The commit rules as the policy has them, whatever a budget makes of them."""
        return self._direction.calibration.asked

    @property
    def scales(self) -> Mapping[str, float]:
        """Scales known or measured so far, by gate name."""
        return self._direction.calibration.scales

    @property
    def calibrating(self) -> bool:
        """Whether frames are executed exactly for now, to measure scales."""
        return self._direction.calibration.measuring

    @property
    def last(self) -> FrameStats:
        """What the last frame cost.

        Raises:
            RuntimeError: Before the first frame.
        """
        if self._last is None:
            message = "the stream has not seen a frame yet"
            raise RuntimeError(message)
        return self._last

    @property
    def budget(self) -> Budget | None:
        """What a frame may cost. May be replaced between frames.

        With another ``tile`` or ``coarsest``, or the first, the next frame is computed in full.
        """
        return self._direction.budgeting.budget

    @budget.setter
    def budget(self, budget: Budget | None) -> None:
        self._direction.replace_budget(budget)

    @property
    def care(self) -> Care | None:
        """Where gates are finer or coarser than the policy's."""
        return self._direction.attention.care

    def saw(self, boxes: NDArray[np.floating[Any]], scores: NDArray[np.floating[Any]]) -> None:
        """What the network found in the last frame, for `care`; where that did not change it need not be told again.

        Args:
            boxes: ``(N, 4)`` x0, y0, x1, y1 in pixels of the network's input.
            scores: ``(N,)``; those below ``care.floor`` may be left out.
        """
        self._direction.attention.saw(boxes, scores)

    @property
    def changed(self) -> bool:
        """Whether the last frame changed any of the outputs."""
        return self._outputs.changed

    def step(self, x: FloatArray) -> dict[str, FloatArray]:
        """Advance by one frame and return every output.

        Args:
            x: Network input ``(1, C, H, W)`` float32.

        Returns:
            Arrays by ONNX output name, as `outputs` gives them.

        Raises:
            UsageError: If the shape is not that of the network's input.
        """
        if self.budget is not None:
            message = "A budget chooses among the pixels of images; this stream was given a tensor."
            raise UsageError(message, "Use step_image, or make the stream without a budget.")
        picture = x[0].transpose(1, 2, 0) if x.ndim == 4 else None
        unit = 1.0 if self._unit is None else float(self._unit.mean())
        self._advance(picture, unit, lambda _, refresh: self._executor.step(np.ascontiguousarray(x), refresh=refresh))
        return self.outputs()

    def step_image(self, image: ByteArray, *, repeated: bool = False) -> None:
        """Advance by one frame given as an image of the network's input size; `outputs` gives the outputs.

        Args:
            image: ``(H, W, 3)`` uint8 BGR.
            repeated: The image is known to equal that of the frame before in every bit. From its third showing on that costs next
                to nothing: what it did not change a moment ago, under the same rules, it does not change now.

        Raises:
            UsageError: If the shape is not that of the network's input, or the stream was made without ``pixels``.
        """
        picture = image if image.ndim == 3 else None

        def run(shown: ByteArray | None, refresh: bool) -> None:
            self._executor.step_image(np.ascontiguousarray(image if shown is None else shown), refresh=refresh)

        self._advance(picture, 1.0, run, repeated=repeated and self._frame > 0)

    def _advance(
        self,
        picture: FloatArray | ByteArray | None,
        unit: float,
        run: Callable[[ByteArray | None, bool], None],
        *,
        repeated: bool = False,
    ) -> None:
        """One frame; ``run`` gets the picture to execute in its place, or None, and whether to recompute everything."""
        self._direction.budgeting.spent(self._last)
        start = perf_counter()
        if self._direction.look(picture):
            self._settled = False
        reason = self._direction.reason(picture, unit, self._last, repeated=repeated)
        if repeated and self._settled and reason is None:
            self._stay((perf_counter() - start) * 1e3)
            return
        order = self._direction.order(picture, full=reason is not None)
        decided = perf_counter()
        run(order.shown, reason is not None)
        ran = perf_counter()
        self._outputs.advance(self._executor)
        ms = {"gate": (decided - start) * 1e3, "network": (ran - decided) * 1e3, "tail": 0.0}
        self._last = self._count(ms, reason, order)
        self._frame += 1
        self._settled = repeated and reason is None and not order.calibrating and self._is_at_rest()
        self._direction.executed()

    def _is_at_rest(self) -> bool:
        """Whether the last step did nothing, and no rule makes the next one differ from it though the picture does not."""
        nothing = not self._executor.any_changed(self._plan.input.name) and not self._executor.active_counts().any()
        return nothing and self.budget is None and self.settings.timeless

    def _stay(self, gate_ms: float) -> None:
        """One frame after which everything is as it was before it."""
        ms = {"gate": gate_ms, "network": 0.0, "tail": 0.0}
        self._outputs.tail_ms = 0.0
        self._last = FrameStats(self._frame, 0, self._plan.dense_macs, self.last.update_rate, ms)
        self._frame += 1

    def _count(self, ms: Mapping[str, float], reason: str | None, order: Order) -> FrameStats:
        counts = self._executor.active_counts()
        macs, rates = self._counter.macs(counts), self._counter.rates(counts)
        return FrameStats(
            self._frame, macs, self._plan.dense_macs, rates, ms, reason, order.calibrating, order.rationed, order.looked
        )

    def outputs(self) -> dict[str, FloatArray]:
        """Every output of the ONNX graph by its name, in the graph's order and shapes, decode tail included.

        The arrays are read-only and keep their values. An output that did not change is the same array as before.
        """
        return self._collect(copy=True)

    def _collect(self, *, copy: bool) -> dict[str, FloatArray]:
        last = self.last
        result = self._outputs.collect(self._executor, copy=copy)
        if self._outputs.tail_ms:
            self._last = replace(last, ms={**last.ms, "tail": self._outputs.tail_ms})
        return result

    def views(self) -> dict[str, FloatArray]:
        """As `outputs`, without copies: arrays that alias the stream's state are valid until the next step, not to be written."""
        return self._collect(copy=False)

    def heat(self, height: int, width: int) -> FloatArray:
        """Where the last frame was recomputed: ``(height, width)`` float32 in 0 to 1, see `skipvid.engine.heat.heat`."""
        return self._executor.heat(height, width)

    def ungated(self) -> Stream:
        """Another stream on the same plan and engine, fed in the same way, that skips nothing."""
        return Stream(self._plan, None, safety=None, **self._made)

    def use_threads(self, threads: int) -> None:
        """Use at most so many threads from the next frame on, and no more than the stream was made with. Bits do not change."""
        self._direction.budgeting.spent(self._last)
        self._direction.budgeting.use_threads(threads)
        self._executor.use_threads(threads)

    def refresh(self, reason: str = REQUESTED) -> None:
        """Recompute everything at the next frame: it does not follow the last one.

        Args:
            reason: What to call it in `FrameStats.refresh`: ``seek``, ``size``, ``reconnect``, ...
        """
        self._direction.refreshes.request = reason
        self._direction.calibration.gap()

    def reset(self) -> None:
        """Forget the video; the stream equals a fresh one."""
        self._executor.reset()
        self._outputs.reset()
        self._direction.reset()
        self._begin()
