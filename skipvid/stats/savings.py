"""What skipping saved, three ways that always stand together: arithmetic, network time, whole-program time.

The time that full passes would have taken is estimated from the frames of the same run that were computed in full or nearly so;
without the time of deciding what to compute, which a network that computes everything does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["NETWORK_STAGES", "Savings", "measure_savings", "network_ms", "pass_ms"]

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
        macs: Of the multiply-accumulates.
        network: Of the network's time, or None where no frame was computed in full.
        program: Of the whole program's time, or None likewise.
        full_ms: Median time of a full pass, in ms, over the frames computed in full.
        full_frames: How many these are.
        network_ms: Mean network time per frame, in ms.
        seconds: Wall time of the run.
        dense_seconds: Estimated wall time with full passes only, or None.
    """

    macs: float
    network: float | None
    program: float | None
    full_ms: float
    full_frames: int
    network_ms: float
    seconds: float
    dense_seconds: float | None

    @property
    def basis(self) -> str:
        """What the two times are compared with, in words."""
        if not self.full_frames:
            return "no frame was computed in full, so there is nothing to compare with"
        if self.full_frames == 1:
            return f"against the one frame computed in full ({self.full_ms:.1f} ms), a rough figure"
        return f"against the {self.full_frames} frames computed in full or nearly so (median {self.full_ms:.1f} ms)"

    def to_dict(self) -> dict[str, Any]:
        return {
            "macs": round(self.macs, 6),
            "network_time": None if self.network is None else round(self.network, 6),
            "program_time": None if self.program is None else round(self.program, 6),
            "full_ms": round(self.full_ms, 3),
            "full_frames": self.full_frames,
        }


def measure_savings(
    macs: int,
    dense_macs: int,
    network: NDArray[np.float64],
    passes: NDArray[np.float64],
    full: NDArray[np.bool_],
    seconds: float,
) -> Savings:
    """Compare a run with what full passes would have cost.

    Args:
        macs: Multiply-accumulates executed.
        dense_macs: Those of full passes.
        network: ``(frames,)`` network time in ms.
        passes: ``(frames,)`` that without deciding what to compute.
        full: ``(frames,)`` which frames were computed in full, or nearly so.
        seconds: Wall time of the run.
    """
    saved = 1 - macs / dense_macs if dense_macs else 0.0
    # The first frame also pays for memory and caches: it counts only where it is the only one.
    later = np.flatnonzero(full)
    later = later[later > 0] if (later > 0).any() else later
    mean = float(network.mean())
    if not later.size:
        return Savings(saved, None, None, 0.0, 0, mean, seconds, None)
    full_ms = float(np.median(passes[later]))
    dense_seconds = seconds + (full_ms - mean) * network.size / 1000
    share = 1 - mean / full_ms if full_ms > 0 else None
    program = 1 - seconds / dense_seconds if dense_seconds > 0 and seconds > 0 else None
    return Savings(saved, share, program, full_ms, int(later.size), mean, seconds, dense_seconds)
