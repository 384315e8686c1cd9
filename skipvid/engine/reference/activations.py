"""The pointwise functions of `skipvid.plan.Act` in torch."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from skipvid.plan import Act, Activation

__all__ = ["activate"]


def activate(x: Tensor, activation: Activation) -> Tensor:
    """Apply a pointwise function to a map ``(H, W, C)``; returns ``x`` itself for the identity."""
    a, b = activation.alpha, activation.beta
    match activation.kind:
        case Act.IDENTITY:
            return x
        case Act.RELU:
            return torch.relu(x)
        case Act.LEAKY_RELU:
            return torch.where(x >= 0, x, a * x)
        case Act.PRELU:
            slope = torch.as_tensor(activation.slope, device=x.device)
            return torch.where(x >= 0, x, slope * x)
        case Act.CLIP:
            return x.clamp(a, b)
        case Act.HARD_SIGMOID:
            return (a * x + b).clamp(0.0, 1.0)
        case Act.HARD_SWISH:
            return x * (x / 6.0 + 0.5).clamp(0.0, 1.0)
        case Act.ELU:
            return torch.where(x >= 0, x, a * torch.expm1(x))
        case Act.GELU:
            return F.gelu(x)
        case Act.SOFTPLUS:
            return softplus(x)
        case Act.MISH:
            return x * torch.tanh(softplus(x))
        case _:
            return _PLAIN[activation.kind](x)


def softplus(x: Tensor) -> Tensor:
    """``log(1 + exp(x))`` without overflow, and without the cut-off of torch's own."""
    return torch.clamp_min(x, 0.0) + torch.log1p(torch.exp(-x.abs()))


_PLAIN: dict[Act, Callable[[Tensor], Tensor]] = {
    Act.SIGMOID: torch.sigmoid,
    Act.SILU: F.silu,
    Act.TANH: torch.tanh,
    Act.EXP: torch.exp,
    Act.SQRT: torch.sqrt,
    Act.ABS: torch.abs,
    Act.NEG: torch.neg,
}
