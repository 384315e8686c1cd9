"""What each frame of a stream is executed with: which rules, which picture, and whether in full.

Rules come from a policy, after the first frames where its numbers are relative; a budget and care make them coarser, in time
and in places. What is decided is told to the executor here, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from skipvid.engine.budgeting import Budgeting
from skipvid.engine.calibration import Calibration
from skipvid.engine.counts import FrameStats
from skipvid.engine.executor import ByteArray, Executor
from skipvid.engine.refreshes import BUDGET, Refreshes
from skipvid.gates.budget import FINER, Budget, Rationed
from skipvid.gates.care import Attention, Care
from skipvid.gates.norms import remembers
from skipvid.gates.policies import Policy
from skipvid.gates.safety import Safety
from skipvid.gates.settings import Rect
from skipvid.plan import FloatArray, Plan

__all__ = ["Direction", "Order"]


@dataclass(frozen=True, eq=False)
class Order:
    """What was decided of a frame.

    Attributes:
        shown: The picture to execute in place of the frame, or None.
        rationed: What a budget did to it, or None.
        calibrating: Whether it is executed exactly, to measure scales.
        looked: Whether care looks at all of the picture as finely as at what the network is not sure of.
    """

    shown: ByteArray | None
    rationed: Rationed | None
    calibrating: bool
    looked: bool


class Direction:
    """Decides for the frames of one stream.

    Args:
        executor: Is told the rules.
        policy: What decides the gates; None to execute exactly.
        unit: One grey level in units of the network's input, ``(channels,)``; None where that is 1.
        safety: What counts as a cut or a moving camera; None to refresh on request only.
        scales: Known scales of activations by gate name.
        ignore: Rectangles of the network input whose changes do not count.
        care: How coarse gates are by what was found; None: as the policy says everywhere.

    Attributes:
        calibration: The rules as the policy and the video have them.
        refreshes: Why frames are computed in full.
        budgeting: What a budget makes of frames.
        attention: What care makes of them.
        notices: Remarks for the user, each said once.
    """

    def __init__(
        self,
        executor: Executor,
        policy: Policy | None,
        unit: FloatArray | None,
        safety: Safety | None,
        scales: Mapping[str, float],
        ignore: tuple[Rect, ...],
        care: Care | None,
    ) -> None:
        plan: Plan = executor.plan
        self._executor = executor
        self.calibration = Calibration(plan, policy, scales, ignore, unit, care)
        self.refreshes = Refreshes(safety)
        self._remembers = remembers(policy)
        self.budgeting = Budgeting(plan, ignore, executor.apart, remembers=self._remembers)
        self.attention = Attention(care, plan.input.height, plan.input.width)
        self.notices: list[str] = []
        self._common = 1.0  # what the executor multiplies all thresholds by
        self._begin()

    def _begin(self) -> None:
        self.calibration.begin()
        later = self.calibration.later
        if later is not None:
            # A map with a gate keeps values of its own. Said now, they get their place; later, all maps would have to move.
            self._executor.configure(later)
        self._executor.configure(self.calibration.settings)
        self._common = 1.0
        self.notices.clear()

    def reset(self) -> None:
        """Forget the video."""
        self.budgeting.reset()
        self.refreshes.reset()
        self.attention.reset()
        self._begin()

    def replace_budget(self, budget: Budget | None) -> None:
        """Another budget from the next frame on."""
        if self.budgeting.replace(budget):
            self.refreshes.request = self.refreshes.request or BUDGET

    def look(self, picture: FloatArray | ByteArray | None) -> bool:
        """Learn the noise of the video from the next frame, while that is not known; whether the rules are new."""
        if not self.calibration.look(picture):
            return False
        self._executor.configure(self.calibration.settings)
        return True

    def reason(
        self, picture: FloatArray | ByteArray | None, unit: float, last: FrameStats | None, *, repeated: bool
    ) -> str | None:
        """Why the next frame must be computed in full, or None.

        Args:
            picture: ``(H, W, C)``, or None where there is none to look at.
            unit: What one grey level is in it.
            last: What the last frame cost, if there was one.
            repeated: The picture is known to equal the one before.
        """
        share = None if last is None else last.share
        reason = self.refreshes.reason(picture, unit, share=share, repeated=repeated, tight=self.budgeting.tight)
        if reason is None and self.budgeting.wants_finer:
            reason = FINER
        self._notify(self.refreshes.notice)
        return reason

    def order(self, picture: FloatArray | ByteArray | None, *, full: bool) -> Order:
        """Decide what the next frame is executed with, and tell the executor.

        Args:
            picture: As of `reason`.
            full: Whether it is computed in full.
        """
        calibrating = self.calibration.measuring
        shown, rationed = self.budgeting.show(picture, self.calibration.asked, full=full, calibrating=calibrating)
        self._notify(self.budgeting.notice)
        self._coarsen(1.0 if rationed is None else rationed.coarseness, full=full)
        return Order(shown, rationed, calibrating, self.attention.looks)

    def _coarsen(self, factor: float, *, full: bool) -> None:
        """Tell the executor by how much thresholds are coarser in the next frame: everywhere by a factor, and in places."""
        before, self._common = self._common, factor if self._remembers else 1.0
        if self.calibration.adjust(factor / self._common, attending=self.attention.began):
            self._executor.configure(self.calibration.settings)
        if self.attention.advance(full=full, tight=self.budgeting.tight) or self._common != before:
            self._executor.relieve(self.attention.factors, self._common)

    def executed(self) -> None:
        """Learn from the frame that was just executed."""
        self.refreshes.request = None
        if self.calibration.measure(self._executor.tensor):
            self._executor.configure(self.calibration.settings)

    def _notify(self, notice: str | None) -> None:
        if notice is not None and notice not in self.notices:
            self.notices.append(notice)
