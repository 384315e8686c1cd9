"""Scales of activations: the size of a change that means "something else is here now", per gate point.

A threshold relative to such a scale means the same in every layer, network and resolution. The scale is measured by what the gate
itself measures: the norm over channels of the difference of two pixels. Two pixels drawn at random from one frame show two
unrelated things of the scene, so their difference is what a complete change of content does to this map. Unlike the size of the
activations it does not count an offset that is the same everywhere (biases, saturated channels), and unlike temporal differences
it needs no motion. The root mean square over pairs is taken, not the median: in a map that is flat but for a few responses the
responses are what counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from skipvid.gates.noise import NoiseMeter
from skipvid.gates.picture import is_uniform
from skipvid.gates.policies import INPUT, Policy
from skipvid.gates.settings import Norm
from skipvid.plan import FloatArray, Plan

__all__ = ["FRAMES", "ScaleMeter", "difference_norm"]

FRAMES = 10
_PAIRS = 2048  # per frame and map: the error of the root mean square over ten frames is then below 2 %
_PATIENCE = 300  # frames: a camera in the dark must not keep a stream calibrating for ever


def difference_norm(difference: FloatArray, norm: Norm) -> FloatArray:
    """The norm of `Norm` over the last axis."""
    result: FloatArray
    match norm:
        case Norm.MAX:
            result = np.abs(difference).max(axis=-1)
        case Norm.L2:
            result = np.sqrt(np.square(difference).sum(axis=-1))
        case Norm.RMS:
            result = np.sqrt(np.square(difference).mean(axis=-1))
    return result


class ScaleMeter:
    """Measures, over the first ten frames that show something, what the relative thresholds of a policy refer to.

    Feed it the maps of frames that were executed exactly. ``scales`` then holds, by gate name, the root mean square over random
    pairs of pixels of the norm of their difference; for maps of 1x1 the root mean square over frames of the norm of the vector
    itself; and for ``input`` the noise of the video in grey levels (`NoiseMeter`).

    Args:
        plan: The network.
        norm: The norm of the gates.
        known: Scales that need no measuring, from a model card; they are passed through.
        unit: ``(channels,)`` what one grey level is in the network's input, ``PixelMap.unit``; None: the input is in grey levels.
        frames: Frames to measure over.
    """

    def __init__(
        self,
        plan: Plan,
        norm: Norm = Norm.MAX,
        known: Mapping[str, float] | None = None,
        unit: FloatArray | None = None,
        frames: int = FRAMES,
    ) -> None:
        self._plan = plan
        self._norm = norm
        self._known = dict(known or {})
        self._unit = np.float32(1) if unit is None else np.maximum(unit, np.float32(1e-12))
        self._wanted = frames
        self._random = np.random.default_rng(0)  # the same video gives the same scales
        self._gates = [gate for gate in plan.gates if gate.name != INPUT and gate.name not in self._known]
        self._squares = {gate.name: 0.0 for gate in self._gates}
        self._noise = NoiseMeter()
        self._counted = 0
        self._seen = 0

    @classmethod
    def for_policy(
        cls, policy: Policy, plan: Plan, known: Mapping[str, float] | None = None, unit: FloatArray | None = None
    ) -> ScaleMeter | None:
        """The meter that a policy needs before it can answer, or None where everything it asks for is known."""
        known = known or {}
        missing = policy.needs_scales and any(gate.name not in known for gate in plan.gates if gate.name != INPUT)
        if not missing and not (policy.needs_noise and INPUT not in known):
            return None
        return cls(plan, getattr(policy, "norm", Norm.MAX), known, unit)

    @property
    def done(self) -> bool:
        """Whether enough frames were seen."""
        return self._counted >= self._wanted or (self._seen >= _PATIENCE and self._counted > 0)

    @property
    def frames(self) -> int:
        """Frames that counted."""
        return self._counted

    @property
    def scales(self) -> dict[str, float]:
        """Scales so far by gate name, ``input`` among them; empty before a frame counted."""
        if self._counted == 0:
            return {}
        measured = {name: float(np.sqrt(total / self._counted)) for name, total in self._squares.items()}
        return {INPUT: self._noise.level, **measured, **self._known}

    def add(self, tensor: Callable[[str], FloatArray]) -> bool:
        """Take the next frame.

        Args:
            tensor: Gives a map ``(H, W, C)`` by name, as `Executor.tensor` does after an exact step.

        Returns:
            Whether the frame counted; black and uniform ones do not.
        """
        if self.done:
            return False
        self._seen += 1
        picture = tensor(self._plan.input.name) / self._unit
        self._noise.add(picture)
        if is_uniform(picture):
            return False
        self._counted += 1
        for gate in self._gates:
            self._squares[gate.name] += self._mean_square(tensor(gate.tensor))
        return True

    def gap(self) -> None:
        """The next frame does not follow the last one."""
        self._noise.gap()

    def _mean_square(self, values: FloatArray) -> float:
        height, width, channels = values.shape
        if height * width == 1:
            difference = values.reshape(1, channels)
        else:
            # By row and column: to count through the pixels of a strided map would copy all of it.
            rows, columns = np.divmod(self._random.integers(0, height * width, (2, _PAIRS)), width)
            difference = values[rows[0], columns[0]] - values[rows[1], columns[1]]
        norms = difference_norm(difference, self._norm).astype(np.float64)
        norms = norms[np.isfinite(norms)]  # a map that overflows keeps a finite scale; its gate commits what is not a number
        return float(np.square(norms).mean()) if norms.size else 0.0
