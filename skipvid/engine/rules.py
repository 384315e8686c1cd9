"""Settings against a plan: what both executors check before they take them."""

from __future__ import annotations

from skipvid.errors import UsageError
from skipvid.gates.settings import GateSettings
from skipvid.plan import Conv, Plan

__all__ = ["gated_convolutions", "joined_maps"]


def gated_convolutions(plan: Plan, settings: GateSettings) -> tuple[Conv, ...]:
    """The convolutions that have an open gate, in plan order.

    Raises:
        UsageError: An open gate names what is not a convolution of the plan.
    """
    ops = {op.name: op for op in plan.ops if op.name in settings.opens}
    for name in settings.opens:
        if not isinstance(ops.get(name), Conv):
            message = f"the plan has no convolution named {name!r} to gate."
            raise UsageError(message, "Name operators as `skipvid models show` does.")
    return tuple(op for op in ops.values() if isinstance(op, Conv))


def joined_maps(plan: Plan, settings: GateSettings) -> frozenset[str]:
    """The maps inside operators that run as one under these settings: those that no rule speaks of.

    They are not kept, and not compared: every recomputed pixel counts as changed.
    """
    ruled = {name for name, gate in settings.layers.items() if gate.threshold > 0}
    for op in gated_convolutions(plan, settings):
        # An open gate adds up what changes in its input, and leaves pixels of its output as they were. A depthwise convolution
        # and the pointwise one behind it share the gate of the first.
        ruled.add(op.inputs[0])
        if not op.is_depthwise:
            ruled.add(op.output)
    return frozenset(name for joint in plan.joints for name in joint.maps(ruled))
