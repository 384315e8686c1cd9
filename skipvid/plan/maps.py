"""Feature maps and pointwise functions: what operators are made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["IDENTITY", "Act", "Activation", "FloatArray", "IntArray", "Pads", "TensorSpec"]

FloatArray: TypeAlias = NDArray[np.float32]


IntArray: TypeAlias = NDArray[np.int32]


Pads: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right


@dataclass(frozen=True)
class TensorSpec:
    """A named feature map of ``(height, width, channels)`` float32."""

    name: str
    height: int
    width: int
    channels: int

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @property
    def is_vector(self) -> bool:
        """Whether the map is 1x1, and so broadcasts over space."""
        return self.height == 1 and self.width == 1


class Act(StrEnum):
    """Pointwise functions; ``a`` and ``b`` are the fields ``alpha`` and ``beta`` of `Activation`."""

    IDENTITY = "identity"
    RELU = "relu"
    LEAKY_RELU = "leaky_relu"  # x if x >= 0 else a*x
    PRELU = "prelu"  # x if x >= 0 else slope[c]*x
    CLIP = "clip"  # min(max(x, a), b)
    SIGMOID = "sigmoid"
    HARD_SIGMOID = "hard_sigmoid"  # min(max(a*x + b, 0), 1)
    HARD_SWISH = "hard_swish"  # x * min(max(x/6 + 1/2, 0), 1)
    SILU = "silu"  # x * sigmoid(x)
    MISH = "mish"  # x * tanh(log(1 + exp(x)))
    TANH = "tanh"
    ELU = "elu"  # x if x >= 0 else a*(exp(x) - 1)
    GELU = "gelu"  # x/2 * (1 + erf(x/sqrt(2)))
    SOFTPLUS = "softplus"  # log(1 + exp(x))
    EXP = "exp"
    SQRT = "sqrt"
    ABS = "abs"
    NEG = "neg"


@dataclass(frozen=True, eq=False)
class Activation:
    """A pointwise function with its parameters.

    Attributes:
        kind: The function.
        alpha: First parameter (slope, lower bound, ...), see `Act`.
        beta: Second parameter (upper bound, offset), see `Act`.
        slope: ``(channels,)`` slopes of PReLU, else None.
    """

    kind: Act = Act.IDENTITY
    alpha: float = 0.0
    beta: float = 0.0
    slope: FloatArray | None = None


IDENTITY = Activation()
