"""Operators that may run as one, and the maps between them, which then need not be kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from skipvid.plan.maps import TensorSpec
from skipvid.plan.ops import Binary, Conv, Op

__all__ = ["Joint", "find_joints"]

# Values of an expanded map from which on it costs more to keep it than to compute parts of it again: it does not stay in the
# caches from frame to frame. To compute it around every active pixel costs arithmetic, most where changes are scattered, so that
# small maps are better kept.
LARGE = 1 << 20


@dataclass(frozen=True)
class Joint:
    """A depthwise convolution and its neighbours, which may run as one operator.

    Attributes:
        between: The map that the depthwise convolution writes and nothing but a pointwise one reads.
        expanded: The map it reads, where that is large, nothing else reads it, and a pointwise convolution writes it from a kept
            map of fewer channels: it can be computed around the active pixels when they are, instead of being kept.
        added: The map that the pointwise convolution behind it writes, where nothing but an addition of what the whole began
            with reads it (the inverted residual of MobileNetV2); only where ``expanded`` is there.
    """

    between: str
    expanded: str | None = None
    added: str | None = None

    def maps(self, ruled: Collection[str] = ()) -> tuple[str, ...]:
        """The maps that need not be kept, while those of ``ruled`` have to be."""
        if self.between in ruled:
            return ()
        if self.expanded is None or self.expanded in ruled:
            return (self.between,)
        return tuple(name for name in (self.between, self.expanded, self.added) if name is not None and name not in ruled)


def find_joints(ops: Sequence[Op], tensors: Mapping[str, TensorSpec], shown: Collection[str]) -> Iterator[Joint]:
    """The joints of a plan.

    Args:
        ops: Operators in execution order.
        tensors: Every map by name.
        shown: Maps that are read from outside.
    """
    readers: dict[str, list[Op]] = {}
    for op in ops:
        for name in set(op.inputs):
            readers.setdefault(name, []).append(op)
    only = {name: found[0] for name, found in readers.items() if len(found) == 1 and name not in shown}
    writers = {op.output: op for op in ops}
    between: set[str] = set()
    for op in ops:
        after = only.get(op.output)
        if not (isinstance(op, Conv) and op.is_depthwise and isinstance(after, Conv) and after.is_pointwise):
            continue
        between.add(op.output)
        before = writers.get(op.inputs[0])
        if not (isinstance(before, Conv) and only.get(before.output) is op and _expands(before, tensors, between)):
            yield Joint(op.output)
            continue
        end = only.get(after.output)
        residual = isinstance(end, Binary) and set(end.inputs) == {after.output, before.inputs[0]} and _alike(end, tensors)
        yield Joint(op.output, before.output, after.output if residual else None)


def _expands(op: Conv, tensors: Mapping[str, TensorSpec], between: Collection[str]) -> bool:
    source, target = tensors[op.inputs[0]], tensors[op.output]
    if not op.is_pointwise or source.name in between:
        return False
    return source.channels < target.channels and target.pixels * target.channels >= LARGE


def _alike(op: Binary, tensors: Mapping[str, TensorSpec]) -> bool:
    first, second = (tensors[name] for name in op.inputs)
    return (first.height, first.width, first.channels) == (second.height, second.width, second.channels)
