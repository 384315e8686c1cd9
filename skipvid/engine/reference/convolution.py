"""Dense convolutions over ``(H, W, C)`` maps.

torch hands them to oneDNN, which picks its method by shape and never by value, so an output pixel has the same bits in every
frame in which its window does; Winograd, which mixes neighbouring windows, is used by neither.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from skipvid.engine.reference.activations import activate
from skipvid.engine.reference.bands import Spread, bands
from skipvid.plan import Conv, ConvTranspose, TensorSpec

__all__ = ["convolution", "transposed_convolution"]


def convolution(op: Conv, source: TensorSpec, target: TensorSpec, spread: Spread) -> Callable[[Tensor], Tensor]:
    """A function from the input map to the output map of a convolution, computed in bands of rows."""
    weight = torch.tensor(op.weight)
    bias = torch.tensor(op.bias)
    top, left, bottom, right = op.pads
    rows = bands(target.height, target.pixels * op.weight.size)
    reach = (op.kernel[0] - 1) * op.dilation[0] + 1

    def run(x: Tensor) -> Tensor:
        image = _image(F.pad(x, (0, 0, left, right, top, bottom)) if any(op.pads) else x)
        w, b = weight.to(x.device), bias.to(x.device)

        def band(i: int) -> Tensor:
            first, end = rows[i]
            part = image[:, :, first * op.stride[0] : (end - 1) * op.stride[0] + reach]
            return activate(_map(F.conv2d(part, w, b, op.stride, (0, 0), op.dilation, op.groups)), op.activation)

        parts = spread(band, len(rows))
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    return run


def transposed_convolution(op: ConvTranspose, source: TensorSpec, target: TensorSpec) -> Callable[[Tensor], Tensor]:
    """A function from the input map to the output map of a transposed convolution."""
    weight = torch.tensor(op.weight)
    bias = torch.tensor(op.bias)
    top, left, _, _ = op.pads

    def run(x: Tensor) -> Tensor:
        full = F.conv_transpose2d(_image(x), weight.to(x.device), None, op.stride, groups=op.groups, dilation=op.dilation)
        # A negative pad extends the result by zeros: output padding.
        bottom = full.shape[2] - top - target.height
        right = full.shape[3] - left - target.width
        y = _map(F.pad(full, (-left, -right, -top, -bottom)))
        return activate(y + bias.to(x.device), op.activation)

    return run


def _image(x: Tensor) -> Tensor:
    return x.permute(2, 0, 1).unsqueeze(0)


def _map(y: Tensor) -> Tensor:
    return y[0].permute(1, 2, 0).contiguous()
