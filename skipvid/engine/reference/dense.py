"""A plan run densely in torch, without state: one full pass, nothing kept between frames."""

from __future__ import annotations

from torch import Tensor

from skipvid.engine.reference.kernels import kernel
from skipvid.plan import Plan

__all__ = ["DenseNetwork"]


class DenseNetwork:
    """The dense network of a plan, as torch runs it eagerly.

    Args:
        plan: The network.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._kernels = tuple(kernel(op, plan.tensors) for op in plan.ops)
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
        for k, dead in zip(self._kernels, self._free, strict=True):
            results = k.dense(*(maps[name] for name in k.op.inputs))
            maps.update(zip(k.op.outputs, results, strict=True))
            for name in dead:
                del maps[name]
        return maps
