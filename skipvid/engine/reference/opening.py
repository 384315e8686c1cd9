"""Open gates: which output pixels of a convolution are worth computing, decided before it runs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from skipvid.engine.reference import masks
from skipvid.engine.reference.relief import Relief
from skipvid.gates.settings import OpenGate, Reference
from skipvid.plan import Conv, TensorSpec

__all__ = ["OpenState", "residual_norm", "window_sum"]


def residual_norm(old: Tensor, new: Tensor, changed: Tensor) -> Tensor:
    """``(H, W)``: the L1 norm over channels of what a commit changed, 0 where nothing was committed.

    Args:
        old: ``(H, W, C)`` before the commit.
        new: ``(H, W, C)`` after it.
        changed: ``(H, W)`` bool: what was committed.
    """
    return torch.where(changed, (new - old).abs().sum(-1), 0.0)


def window_sum(values: Tensor, op: Conv, target: TensorSpec) -> Tensor:
    """``(out_h, out_w)``: the sum of a map ``(H, W)`` over the taps of each window of a convolution, tap by tap.

    Strides and dilation are the convolution's; its zero border adds nothing.
    """
    (kh, kw), (sh, sw), (dh, dw) = op.kernel, op.stride, op.dilation
    height, width = (target.height - 1) * sh + 1, (target.width - 1) * sw + 1
    top, left = op.pads[0], op.pads[1]
    # Where strides leave the last rows or columns unread there is nothing to add, and more to take away than torch allows.
    bottom = max(height + (kh - 1) * dh - top - values.shape[0], 0)
    right = max(width + (kw - 1) * dw - left - values.shape[1], 0)
    padded = F.pad(values, (left, right, top, bottom))
    total = torch.zeros(target.height, target.width)
    for ky in range(kh):
        for kx in range(kw):
            total = total + padded[ky * dh : ky * dh + height : sh, kx * dw : kx * dw + width : sw]
    return total


class OpenState:
    """What the closed output pixels of one convolution remember.

    Args:
        op: The convolution.
        target: Its output map.
    """

    def __init__(self, op: Conv, target: TensorSpec) -> None:
        self._op = op
        self._target = target
        self._sums = torch.zeros(target.height, target.width)

    def open(self, residual: Tensor, reached: Tensor, gate: OpenGate, relief: Relief) -> Tensor:
        """Decide for one frame.

        Args:
            residual: ``(H, W)`` norms of what was committed to the input map, see `residual_norm`.
            reached: ``(out_h, out_w)`` bool: output pixels with a committed pixel in their window.
            gate: The rule.
            relief: Where it is coarser, and which pixels are to be asked again.

        Returns:
            ``(out_h, out_w)`` bool: the pixels to compute.
        """
        sums = window_sum(residual, self._op, self._target)
        if gate.reference is Reference.ACCUMULATING:
            sums = self._sums = self._sums + sums
        if gate.threshold > 0:
            size = (self._target.height, self._target.width)
            asked = relief.asked(*size) if gate.reference is Reference.ACCUMULATING else None
            limit = torch.tensor(gate.limit, dtype=torch.float32) * relief.factors(*size)
            reached = (reached if asked is None else reached | asked) & ~(sums <= limit)
        return masks.blocks(reached, gate.structure)

    def computed(self, active: Tensor) -> None:
        """These pixels now show their window as it is."""
        self._sums = torch.where(active, 0.0, self._sums)
