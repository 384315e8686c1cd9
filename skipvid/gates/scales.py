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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.gates.noise import NoiseMeter
from skipvid.gates.picture import is_uniform
from skipvid.gates.policies import INPUT, Policy
from skipvid.gates.settings import Norm
from skipvid.plan import FloatArray, GatePoint, Plan

__all__ = ["NOISE_FRAMES", "ScaleMeter", "difference_norm"]

NOISE_FRAMES = 10
# Pixels per map. Spread evenly, 1024 tell a scale to 0.5 to 1.7 % on real maps, as well as 4096 drawn at random do; of these
# every pair counts. In the norm of the largest channel each counts in one pair only.
_PIXELS, _PIXELS_MAX = 1024, 4096
_GOLDEN = (5**0.5 - 1) / 2


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
    """Measures what the relative thresholds of a policy refer to.

    Show it every frame before it is executed (`look`), and the maps after it (`measure`). The first frame that shows something
    gives the scales: by gate name, the root mean square over pairs of pixels of the norm of their difference; for maps of 1x1 the
    norm of the vector itself. It must have been executed exactly; until then nothing is ``ready``. The noise of the video in grey
    levels, ``input``, is told from the second such frame on, and better with each up to the tenth (`NoiseMeter`).

    Args:
        plan: The network.
        norm: The norm of the gates.
        known: Scales that need no measuring, from a model card; they are passed through.
        gates: The gate points to measure; None: all of the plan.
    """

    def __init__(
        self,
        plan: Plan,
        norm: Norm = Norm.MAX,
        known: Mapping[str, float] | None = None,
        gates: tuple[GatePoint, ...] | None = None,
    ) -> None:
        self._norm = norm
        self._known = dict(known or {})
        asked = plan.gates if gates is None else gates
        self._gates = [gate for gate in asked if gate.name != INPUT and gate.name not in self._known]
        self._measured: dict[str, float] | None = None
        self._noise = NoiseMeter()
        self._shows = False

    @classmethod
    def for_policy(cls, policy: Policy, plan: Plan, known: Mapping[str, float] | None = None) -> ScaleMeter | None:
        """The meter that a policy needs, or None where everything it asks for is known."""
        known = known or {}
        gates = policy.asks_for(plan)
        missing = policy.needs_scales and any(gate.name not in known for gate in gates)
        if not missing and not (policy.needs_noise and INPUT not in known):
            return None
        return cls(plan, getattr(policy, "norm", Norm.MAX), known, gates)

    @property
    def ready(self) -> bool:
        """Whether the scales of maps are known, so that frames need not be executed exactly any more."""
        return self._measured is not None

    @property
    def done(self) -> bool:
        """Whether the noise is known, too: there is nothing left to measure."""
        return self.ready and (INPUT in self._known or self._noise.pairs >= NOISE_FRAMES - 1)

    @property
    def scales(self) -> dict[str, float]:
        """Scales so far by gate name, ``input`` among them; empty before a frame was measured."""
        if self._measured is None:
            return {}
        return {INPUT: self._noise.level, **self._measured, **self._known}

    def look(self, picture: NDArray[Any]) -> None:
        """See the next frame.

        Args:
            picture: ``(H, W, C)`` in grey levels, uint8 or float, at the network's input size. Black and uniform ones do not
                count.
        """
        if self.done:
            return
        self._shows = self.ready or not is_uniform(picture)
        if self._shows:
            self._noise.add(picture)
        else:
            self._noise.gap()

    def measure(self, tensor: Callable[[str], FloatArray]) -> None:
        """Take the maps of the frame looked at last; only those of the first frame that counts are read.

        Args:
            tensor: Gives a map ``(H, W, C)`` by name, as `Executor.tensor` does after an exact step.
        """
        if self._shows and not self.ready:
            self._measured = {gate.name: self._scale(tensor(gate.tensor)) for gate in self._gates}

    def gap(self) -> None:
        """The next frame does not follow the last one."""
        self._noise.gap()

    def _scale(self, values: FloatArray) -> float:
        height, width, channels = values.shape
        if height * width == 1:
            norm = float(difference_norm(values.reshape(1, channels), self._norm)[0])
            return norm if np.isfinite(norm) else 0.0
        pixels = _sample(values, _PIXELS_MAX if self._norm is Norm.MAX else _PIXELS)
        mean = pixels.mean(axis=0)
        if not np.isfinite(mean).all():
            # A map that overflows keeps a finite scale; its gate commits what is not a number.
            pixels = pixels[np.isfinite(pixels).all(axis=1)]
            mean = pixels.mean(axis=0) if len(pixels) else mean
        return _root_mean_square(pixels, mean, self._norm) if len(pixels) > 1 else 0.0


def _sample(values: FloatArray, count: int) -> FloatArray:
    """``(n, C)`` pixels of a map, a copy: all of a small one, else ``count`` that are spread evenly over it."""
    height, width, channels = values.shape
    if height * width <= 2 * count:
        return np.array(values).reshape(-1, channels)
    # By row and column: to count through the pixels of a strided map would copy all of it.
    rows, columns = np.divmod(_spread(count, height * width), width)
    drawn: FloatArray = values[rows, columns]
    return drawn


def _spread(count: int, total: int) -> NDArray[np.intp]:
    """``count`` of the numbers below ``total``: one from each of as many equal parts, at places that follow no period."""
    part = np.arange(count)
    return np.asarray((part + part * _GOLDEN % 1) * (total / count), np.intp)


def _root_mean_square(pixels: FloatArray, mean: FloatArray, norm: Norm) -> float:
    """Of the norm of the difference of two of ``(n, C)`` pixels, which are overwritten; ``mean`` ``(C,)`` is theirs."""
    count, channels = pixels.shape
    centred = np.subtract(pixels, mean, out=pixels)
    if norm is Norm.MAX:
        # Each with its successor in a shuffled order.
        shuffled = centred[np.random.default_rng(count).permutation(count)]
        return float(np.sqrt(np.square(difference_norm(shuffled - np.roll(shuffled, 1, axis=0), norm)).mean()))
    # The mean of |a - b|^2 over all pairs is twice the variance.
    square = 2 * float(np.einsum("ij,ij->", centred, centred)) / (count - 1)
    return float(np.sqrt(square / channels if norm is Norm.RMS else square))
