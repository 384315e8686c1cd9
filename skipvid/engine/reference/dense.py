"""A plan run densely in torch, without state: one full pass, nothing kept between frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from skipvid.engine.reference.activations import activate
from skipvid.engine.reference.kernels import kernel
from skipvid.plan import Conv, Op, Plan, TensorSpec

__all__ = ["DenseNetwork"]


class DenseNetwork:
    """The dense network of a plan, as torch runs it eagerly.

    Args:
        plan: The network.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._runs = [_run(op, plan.tensors) for op in plan.ops]
        last: dict[str, int] = {}
        for index, op in enumerate(plan.ops):
            last.update(dict.fromkeys(op.inputs, index))
        keep = {*plan.maps.values(), *(plan.tail.inputs if plan.tail else ())}
        self._free = [[name for name in set(op.inputs) if last[name] == i and name not in keep] for i, op in enumerate(plan.ops)]

    def __call__(self, x: Tensor) -> dict[str, Tensor]:
        """The maps that graph outputs and the decode tail read, by name, ``(H, W, C)``.

        Args:
            x: Network input ``(1, C, H, W)`` float32.
        """
        maps = {self._plan.input.name: x[0].permute(1, 2, 0).contiguous()}
        for op, run, dead in zip(self._plan.ops, self._runs, self._free, strict=True):
            results = run(*(maps[name] for name in op.inputs))
            maps.update(zip(op.outputs, results, strict=True))
            for name in dead:
                del maps[name]
        return maps


def _run(op: Op, tensors: Mapping[str, TensorSpec]) -> Callable[..., tuple[Tensor, ...]]:
    """As the executor computes it, but for plain convolutions: those go to torch whole, for all of its threads."""
    if not isinstance(op, Conv) or op.pads[:2] != op.pads[2:]:
        return kernel(op, tensors).dense
    weight = torch.tensor(op.weight).contiguous(memory_format=torch.channels_last)
    bias = torch.tensor(op.bias)

    def convolve(x: Tensor) -> tuple[Tensor, ...]:
        y = F.conv2d(x.permute(2, 0, 1)[None], weight, bias, op.stride, op.pads[:2], op.dilation, op.groups)
        return (activate(y[0].permute(1, 2, 0), op.activation),)

    return convolve
