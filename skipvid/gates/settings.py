"""Gate settings: what policies decide, as plain numbers that both executors understand.

A policy (`skipvid.gates.policies`) looks at a plan and at the scales of its activations and answers with one `GateSettings`.
Executors know nothing of policies or presets.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType

__all__ = ["EXACT", "STRUCTURES", "GateSettings", "Hysteresis", "InputGate", "LayerGate", "Norm", "OpenGate", "Rect", "Reference"]

STRUCTURES = (1, 2, 4, 8)
"""Sides of the blocks, in pixels of a map, that gates may decide for as a whole."""


class Norm(StrEnum):
    """How the difference of two pixels is measured over their C channels d_1 ... d_C."""

    MAX = "max"  # max |d_c|
    L2 = "l2"  # sqrt(sum d_c^2)
    RMS = "rms"  # sqrt(sum d_c^2 / C)


@dataclass(frozen=True)
class Rect:
    """A rectangle of pixels ``x0 <= x < x1``, ``y0 <= y < y1``."""

    x0: int
    y0: int
    x1: int
    y1: int


@dataclass(frozen=True)
class LayerGate:
    """The commit rule of one map: a recomputed pixel is committed iff ``norm(new - old) > threshold``.

    At threshold 0 the rule is "iff any bit differs", whatever the norm. A difference that is not a number commits.
    """

    threshold: float = 0.0
    norm: Norm = Norm.MAX


class Reference(StrEnum):
    """What an output pixel that stayed closed remembers of the changes in its window."""

    ACCUMULATING = "accumulating"  # their norms, added up until the pixel is computed
    PREVIOUS_FRAME = "previous-frame"  # nothing


@dataclass(frozen=True)
class OpenGate:
    """Which output pixels of a convolution are computed: those whose window changed by enough.

    Let ``r(q) = sum_c |new_c(q) - old_c(q)|`` for an input pixel that this frame committed, else 0, and ``S(p)`` the sum of ``r``
    over the taps of the window of output ``p`` that lie inside the map. ``p`` opens iff this frame committed a pixel in its
    window and ``scale * n(p) > threshold``, where ``n`` is ``S`` (previous-frame), or ``S`` summed over the frames since ``p``
    was last computed (accumulating). A norm that is not a number opens. At threshold 0 every reached pixel opens.

    Attributes:
        threshold: The least norm that stays closed, epsilon.
        scale: Normalisation of the window's sum.
        reference: What closed pixels remember.
        structure: Side of the blocks of the output map that open as a whole where one of their pixels does.
    """

    threshold: float = 0.0
    scale: float = 1.0
    reference: Reference = Reference.ACCUMULATING
    structure: int = 1

    @property
    def limit(self) -> float:
        """The threshold in units of the window's sum; infinite where nothing that happens in the window can matter."""
        return self.threshold / self.scale if self.scale > 0 else math.inf


@dataclass(frozen=True)
class Hysteresis:
    """A lower input threshold around what just changed, so that a pixel at the edge of a threshold does not flicker.

    Attributes:
        factor: What the threshold is multiplied by there, 0 to 1.
        frames: For how many frames a pixel counts as having just changed. Only a change above the full threshold counts:
            noise does not keep itself alive.
        radius: Chebyshev distance within which the lower threshold holds.
    """

    factor: float = 0.5
    frames: int = 5
    radius: int = 2


@dataclass(frozen=True)
class InputGate:
    """The commit rule of the network's input.

    Attributes:
        threshold: For frames given as uint8 images: in grey levels, a pixel differs iff ``max |new - old| > threshold`` over its
            channels. For frames given as float tensors: the same in units of ``Preprocess.unit`` per channel.
        dilation: Pixels within this Chebyshev distance of one that differs are committed too (where any bit of theirs differs).
        ignore: Rectangles, in pixels of the network input, that are committed on a refresh only.
        hysteresis: The lower threshold around recent changes, or None.
        coarse: The threshold where relief is above 1 (see `skipvid.engine.executor.Executor.relieve`), in place of both; nothing
            near is taken along there. None: ``threshold``.
    """

    threshold: float = 0.0
    dilation: int = 0
    ignore: tuple[Rect, ...] = ()
    hysteresis: Hysteresis | None = None
    coarse: float | None = None

    @property
    def relieved(self) -> float:
        """The threshold where relief is above 1; 0 stays exact."""
        return self.threshold if self.coarse is None or self.threshold == 0 else self.coarse


@dataclass(frozen=True)
class GateSettings:
    """All rules of a stream.

    Attributes:
        input: The rule of the network's input.
        layers: Commit rules by *tensor* name; a map that is not named commits what differs in any bit.
        opens: Rules of convolutions by *operator* name; one that is not named computes every pixel that a change reaches.
        structure: Side of the blocks, in pixels of a map, that commit rules with a threshold above 0 decide for as a whole:
            where one pixel of a block is committed, so is every recomputed pixel of the block that differs in any bit.
        refresh_every: Recompute one of so many bands of rows of every map per frame and commit what differs in any bit; 0: never.
            Each round of bands settles one more map of every path: a still picture becomes exact.
    """

    input: InputGate = InputGate()
    layers: Mapping[str, LayerGate] = field(default_factory=lambda: MappingProxyType({}))
    opens: Mapping[str, OpenGate] = field(default_factory=lambda: MappingProxyType({}))
    structure: int = 1
    refresh_every: int = 0

    def coarser(self, factor: float) -> GateSettings:
        """The same rules with all thresholds but the input's multiplied; those at 0 stay exact."""
        if factor == 1.0:
            return self
        layers = {name: replace(gate, threshold=gate.threshold * factor) for name, gate in self.layers.items()}
        opens = {name: replace(gate, threshold=gate.threshold * factor) for name, gate in self.opens.items()}
        return replace(self, layers=MappingProxyType(layers), opens=MappingProxyType(opens))

    @cached_property
    def skips_inside(self) -> bool:
        """Whether any rule behind the input's has a threshold above 0."""
        layers = any(gate.threshold > 0 for gate in self.layers.values())
        return layers or any(gate.threshold > 0 for gate in self.opens.values())

    @property
    def timeless(self) -> bool:
        """Whether a picture that was shown before and changed nothing never will, however often it is shown again."""
        return self.refresh_every == 0 and self.input.hysteresis is None


EXACT = GateSettings()
