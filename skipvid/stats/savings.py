"""What skipping saved, three ways that always stand together: arithmetic, network time, whole-program time.

The time that full passes would have taken is estimated from the frames of the same run that were computed in full or nearly so,
from its audits, and from full passes made in the end; without the time of deciding what to compute, which a network that computes
everything does not have.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

__all__ = ["NETWORK_STAGES", "Savings", "SavingsCount", "network_ms", "pass_ms"]

_NEARLY_FULL = 0.95  # frames of at least this update rate tell what a full pass costs

NETWORK_STAGES = ("gate", "network", "tail")
"""Stages of a frame that make up the network's time: deciding what to compute, computing it, and the graph's tail."""


def network_ms(ms: Mapping[str, float]) -> float:
    """The network's share of a frame's time by stage."""
    return float(sum(ms.get(stage, 0.0) for stage in NETWORK_STAGES))


def pass_ms(ms: Mapping[str, float]) -> float:
    """The same without what a network that computes everything does not have to do."""
    return network_ms(ms) - ms.get("gate", 0.0)


@dataclass(frozen=True)
class Savings:
    """Shares saved against full passes, 0 to 1; negative where skipping cost more than it saved.

    Attributes:
        frames: How many were computed.
        executed: Multiply-accumulates executed.
        dense: Those of full passes.
        network: Of the network's time, or None where there is nothing to compare with.
        program: Of the whole program's time, or None likewise, and where a camera sets the pace.
        full_ms: Median time of a full pass, in ms.
        full_frames: Of how many that is the median.
        cold: Whether the first frame is the only one, which also pays for memory and caches.
        network_ms: Mean network time per frame, in ms.
        seconds: Wall time of the run.
        dense_seconds: Estimated wall time with full passes only, or None.
        live: Whether a camera sets the pace.
    """

    frames: int
    executed: int
    dense: int
    network: float | None
    program: float | None
    full_ms: float
    full_frames: int
    cold: bool
    network_ms: float
    seconds: float
    dense_seconds: float | None
    live: bool

    @property
    def macs(self) -> float:
        """Of the multiply-accumulates."""
        return 1 - self.executed / self.dense if self.dense else 0.0

    @property
    def basis(self) -> str:
        """What the two times are compared with, in a sentence."""
        if self.network is None:
            single = "The only frame was computed in full" if self.full_frames else "No frame was computed in full"
            return f"{single}, so there is nothing to compare times with."
        if self.cold:
            return f"Times are against the first frame, the only one computed in full ({self.full_ms:.1f} ms): a rough figure."
        if self.full_frames == 1:
            return f"Times are against one full pass ({self.full_ms:.1f} ms): a rough figure."
        return f"Times are against {self.full_frames} full passes (median {self.full_ms:.1f} ms)."

    def to_dict(self) -> dict[str, Any]:
        return {
            "macs": round(self.macs, 6),
            "network_time": None if self.network is None else round(self.network, 6),
            "program_time": None if self.program is None else round(self.program, 6),
            "full_ms": round(self.full_ms, 3),
            "full_frames": self.full_frames,
        }


class SavingsCount:
    """Adds up frames, as a run goes on or as its rows are read back, and compares them with what full passes would have cost.

    Attributes:
        macs: Multiply-accumulates executed.
        dense_macs: Those of full passes.
        network_ms: Time in the network, in ms.
    """

    def __init__(self) -> None:
        self.frames = self.macs = self.dense_macs = 0
        self.network_ms = 0.0
        self._first: float | None = None
        self._later = array("d")
        self._passes = array("d")

    def add(self, macs: int, dense_macs: int, ms: Mapping[str, float]) -> None:
        """Count the next frame, with its times by stage in ms."""
        if dense_macs and macs >= _NEARLY_FULL * dense_macs:
            if self.frames:
                self._later.append(pass_ms(ms))
            else:
                self._first = pass_ms(ms)
        self.frames += 1
        self.macs += macs
        self.dense_macs += dense_macs
        self.network_ms += network_ms(ms)

    def add_audit(self, audit: Mapping[str, Any]) -> None:
        """Count the full pass of an audit, as the ``audit`` entry of its row tells of it."""
        if (ms := audit.get("full_ms")) is not None:
            self._later.append(float(ms))

    def add_passes(self, ms: Iterable[float]) -> None:
        """Times of full passes that were made in the end, in ms."""
        self._passes.extend(ms)

    @property
    def passes(self) -> Sequence[float]:
        """The times of `add_passes`."""
        return tuple(self._passes)

    @property
    def first_ms(self) -> float | None:
        """Time of the first frame, where it was computed in full and no other was, in ms."""
        return None if self._later or self._passes else self._first

    @property
    def full(self) -> tuple[float, int]:
        """Median time of a full pass, in ms, and over how many it is taken."""
        known = [*self._later, *self._passes]
        if known:
            return median(known), len(known)
        # The first frame also pays for memory and caches: it counts only where it is the only one.
        return (0.0, 0) if self._first is None else (self._first, 1)

    def measure(self, seconds: float, *, live: bool = False) -> Savings:
        """The comparison.

        Args:
            seconds: Wall time of the frames counted.
            live: Whether a camera set the pace: full passes would have dropped frames, and ended with it too.
        """
        full_ms, count = self.full
        mean = self.network_ms / self.frames if self.frames else 0.0
        known = count > 0 and full_ms > 0 and self.frames > 1
        dense_seconds = seconds + (full_ms - mean) * self.frames / 1000
        estimated = known and not live and seconds > 0 and dense_seconds > 0
        return Savings(
            frames=self.frames,
            executed=self.macs,
            dense=self.dense_macs,
            network=1 - mean / full_ms if known else None,
            program=1 - seconds / dense_seconds if estimated else None,
            full_ms=full_ms,
            full_frames=count,
            cold=self.first_ms is not None,
            network_ms=mean,
            seconds=seconds,
            dense_seconds=dense_seconds if estimated else None,
            live=live,
        )
