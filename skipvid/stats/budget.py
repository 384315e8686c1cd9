"""Whether a budget was held, and what it put off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skipvid.gates.budget import FINER, TOLERANCE, Rationed
from skipvid.gates.safety import EXPOSURE, MOVING

__all__ = ["BudgetCount", "budget_row"]

# Computed in full because it fits, or in spare time; or not computed in full.
_INSIDE = (None, "", MOVING, EXPOSURE, FINER)


def budget_row(rationed: Rationed) -> dict[str, Any]:
    """As written to ``stats.jsonl``."""
    return {
        "ms": round(rationed.ms, 3),
        "withheld": round(rationed.withheld, 5),
        "oldest": rationed.oldest,
        "forced": rationed.forced,
        "coarseness": round(rationed.coarseness, 3),
    }


class BudgetCount:
    """Adds up rows of a run; those of cuts, seeks and of calibration are outside of the budget."""

    def __init__(self) -> None:
        self._shares: list[float] = []
        self._ms: list[float] = []
        self._withheld: list[float] = []
        self._coarseness: list[float] = []
        self._oldest = self._forced = self._outside = 0

    def add(self, row: Mapping[str, Any], network_ms: float, refresh: str | None, calibrating: bool) -> None:
        """Count a frame.

        Args:
            row: Of `budget_row`.
            network_ms: Time in the network.
            refresh: Why the frame was computed in full, or None.
            calibrating: Whether it was computed exactly, to measure something.
        """
        if refresh not in _INSIDE or calibrating:
            self._outside += 1
            return
        self._shares.append(network_ms / max(float(row["ms"]), 1e-9))
        self._ms.append(float(row["ms"]))
        self._withheld.append(float(row["withheld"]))
        self._coarseness.append(float(row.get("coarseness", 1.0)))
        self._oldest = max(self._oldest, int(row["oldest"]))
        self._forced += bool(row["forced"])

    def to_dict(self) -> dict[str, Any] | None:
        """The totals, or None without a frame under a budget.

        ``ms``: median budget; ``p95``: 95th percentile of the network time over the budget of its frame; ``held``: whether that
        is at most 1.15; ``frames`` under the budget and ``outside`` of it; ``withheld``: mean share of the picture that waited
        with a change; ``oldest``: longest wait in frames; ``coarseness``: mean factor on the thresholds inside the network;
        ``forced``: frames in which what could not wait was more than fits.
        """
        if not self._shares:
            return None
        p95 = float(np.percentile(self._shares, 95))
        return {
            "ms": round(float(np.median(self._ms)), 3),
            "p95": round(p95, 4),
            "held": p95 <= TOLERANCE,
            "frames": len(self._shares),
            "outside": self._outside,
            "withheld": round(float(np.mean(self._withheld)), 5),
            "oldest": self._oldest,
            "coarseness": round(float(np.mean(self._coarseness)), 3),
            "forced": self._forced,
        }

    @staticmethod
    def words(totals: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What `to_dict` says, as titles and texts."""
        ms, p95, share = float(totals["ms"]), float(totals["p95"]), f"{100 * float(totals['withheld']):.1f} %"
        verdict = "held" if totals["held"] else "not held"
        outside = f"; {totals['outside']} more computed in full or to calibrate" if totals["outside"] else ""
        forced = f"; in {totals['forced']} frames more than fits could wait no longer" if totals["forced"] else ""
        factor = float(totals.get("coarseness", 1.0))
        coarser = f"; thresholds {factor:.1f} times as coarse on average" if factor >= 1.05 else ""
        waiting = f"{share} of the picture on average, none of it for more than {totals['oldest']} frames"
        return [
            ("Budget", f"{ms:.1f} ms of network per frame, {verdict}: 95 % of frames within {ms * p95:.1f} ms{outside}"),
            (
                "Waiting",
                f"{waiting}{forced}{coarser}",
            ),
        ]
