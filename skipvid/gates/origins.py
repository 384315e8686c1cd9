"""Where the values of a map come from, through operators that only copy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from skipvid.gates.options import INPUT, scale_of
from skipvid.plan import Concat, DepthToSpace, Op, Plan, Resample, SpaceToDepth

__all__ = ["Origins"]


class Origins:
    """Finds the gate points behind the maps of a plan.

    Args:
        plan: The network.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._writers: dict[str, Op] = {name: op for op in plan.ops for name in op.outputs}
        self._gates = {gate.tensor: gate.name for gate in plan.gates}

    def of(self, tensor: str) -> tuple[str, ...]:
        """The maps that a map is copied from; itself where its writer computes."""
        op = self._writers.get(tensor)
        if not isinstance(op, Concat | SpaceToDepth | DepthToSpace | Resample) or tensor in self._gates:
            return (tensor,)
        return tuple(dict.fromkeys(origin for name in op.inputs for origin in self.of(name)))

    def from_input(self, tensor: str) -> bool:
        """Whether a map is the network's input or a copy of it alone."""
        return self.of(tensor) == (self._plan.input.name,)

    def gate(self, tensor: str) -> str | None:
        """Name of the gate point that a map is, or None."""
        return self._gates.get(tensor)

    def scale(self, tensor: str, scales: Mapping[str, float]) -> float:
        """The scale of a map: that of its gate point, or the root mean square over channels of those it is copied from.

        The network's input counts as nothing there: its scale is a noise, in grey levels.

        Raises:
            UsageError: A scale is missing.
        """
        names = [name for name in self.of(tensor) if self._gates.get(name) != INPUT]
        channels = np.array([self._plan.tensors[name].channels for name in names], np.float64)
        squares = np.array([scale_of(scales, self._gates.get(name, name)) for name in names]) ** 2
        return float(np.sqrt((channels * squares).sum() / channels.sum())) if names else 0.0
