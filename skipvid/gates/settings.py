"""Gate settings: what policies decide, as plain numbers that both executors understand.

A policy (`skipvid.gates.policies`) looks at a plan and at the scales of its activations and answers with one `GateSettings`.
Executors know nothing of policies or presets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

__all__ = ["EXACT", "GateSettings", "InputGate", "LayerGate", "Norm", "Rect"]


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


@dataclass(frozen=True)
class InputGate:
    """The commit rule of the network's input.

    Attributes:
        threshold: For frames given as uint8 images: in grey levels, a pixel differs iff ``max |new - old| > threshold`` over its
            channels. For frames given as float tensors: the same in units of ``Preprocess.unit`` per channel.
        dilation: Pixels within this Chebyshev distance of one that differs are committed too (where any bit of theirs differs).
        ignore: Rectangles, in pixels of the network input, that are committed on a refresh only.
    """

    threshold: float = 0.0
    dilation: int = 0
    ignore: tuple[Rect, ...] = ()


@dataclass(frozen=True)
class GateSettings:
    """All commit rules of a stream.

    Attributes:
        input: The rule of the network's input.
        layers: Rules by *tensor* name; a map that is not named commits what differs in any bit.
    """

    input: InputGate = InputGate()
    layers: Mapping[str, LayerGate] = field(default_factory=lambda: MappingProxyType({}))


EXACT = GateSettings()
