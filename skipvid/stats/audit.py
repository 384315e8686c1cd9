"""What audits found: how far the outputs of the network, and its detections, are from those of a full pass."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skipvid.stats.words import error_share

__all__ = ["AuditCount"]


class AuditCount:
    """Adds up the ``audit`` entries of the rows of a run."""

    def __init__(self) -> None:
        self._outputs: dict[str, tuple[float, float]] = {}  # largest error, sum of mean errors
        self._frames = self._dense = self._missed = self._false = 0
        self._ms = 0.0

    def add(self, entry: Mapping[str, Any]) -> None:
        """Count an audited frame."""
        self._frames += 1
        self._ms += float(entry["ms"])
        self._dense += int(entry["dense"])
        self._missed += int(entry["missed"])
        self._false += int(entry["false"])
        for name, error in entry["outputs"].items():
            largest, total = self._outputs.get(name, (0.0, 0.0))
            self._outputs[name] = (max(largest, float(error["max"])), total + float(error["mean"]))

    @property
    def ms(self) -> float:
        """Time of all audits."""
        return self._ms

    def to_dict(self) -> dict[str, Any] | None:
        """The totals, or None without an audit.

        ``frames`` audited; ``ms`` of all audits; ``dense``: detections of the full passes, of which ``missed`` were missed, and
        ``false`` the detections without one; ``f1``: of the detections, 1 where neither found anything; ``outputs``: by name the
        largest error ``max`` and the mean ``mean``, as shares of the largest magnitude of the full pass.
        """
        if not self._frames:
            return None
        found = self._dense - self._missed
        wrong = self._missed + self._false
        return {
            "frames": self._frames,
            "ms": round(self._ms, 3),
            "dense": self._dense,
            "missed": self._missed,
            "false": self._false,
            "f1": round(2 * found / (2 * found + wrong), 5) if found + wrong else 1.0,
            "outputs": {name: {"max": largest, "mean": total / self._frames} for name, (largest, total) in self._outputs.items()},
        }

    @staticmethod
    def words(totals: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What `to_dict` says, as titles and texts."""
        frames, ap50 = int(totals["frames"]), totals.get("ap50")
        precision = f", AP50 {ap50:.3f}" if isinstance(ap50, int | float) else ""
        found = f"F1 {totals['f1']:.3f}{precision}: {totals['missed']} of {totals['dense']} missed, {totals['false']} false"
        worst = max(totals["outputs"].items(), key=lambda item: float(item[1]["max"]), default=None)
        each = f"{float(totals['ms']) / frames:.1f} ms each, not counted above"
        lines = [("Audits", f"{frames} {'frame' if frames == 1 else 'frames'} against full passes, {each}")]
        lines.append(("Agreement", found))
        if worst is not None:
            name, error = worst
            largest, mean = (error_share(float(error[key])) for key in ("max", "mean"))
            lines.append(("Largest error", f"{largest} of the largest magnitude of `{name}`, {mean} on average"))
        return lines
