"""How much of a network a change at its input can reach, from the geometry of its operators alone."""

from __future__ import annotations

import torch

from skipvid.engine.executor import BoolArray
from skipvid.engine.reference.kernels import kernel
from skipvid.plan import Plan

__all__ = ["reach"]


def reach(plan: Plan, changed: BoolArray) -> int:
    """Multiply-accumulates of what has to be computed for all outputs in whose receptive field a set of input pixels lies.

    No exact execution of a frame in which these pixels change can be asked to do with less, unless values happen to stay equal.

    Args:
        plan: The network.
        changed: ``(H, W)`` of the network's input.
    """
    masks = {plan.input.name: torch.tensor(changed)}
    for op in plan.ops:
        inputs = [masks[name] for name in op.inputs]
        target = plan.tensors[op.output]
        if any(bool(mask.any()) for mask in inputs):
            active = kernel(op, plan.tensors).footprint(*inputs)
        else:
            active = torch.zeros(target.height, target.width, dtype=torch.bool)
        masks[op.output] = active
        for extra in op.outputs[1:]:
            spec = plan.tensors[extra]
            masks[extra] = torch.full((spec.height, spec.width), bool(active.any()))
    computed = dict(masks)
    for joint in plan.joints:
        if joint.expanded is not None:
            # Not kept, but computed around the pixels that read it.
            (reader,) = plan.consumers(joint.expanded)
            read = kernel(reader, plan.tensors).read
            assert read is not None
            computed[joint.expanded] = read(masks[joint.between])
    return sum(plan.executed_macs(op, int(computed[op.output].sum())) for op in plan.ops)
