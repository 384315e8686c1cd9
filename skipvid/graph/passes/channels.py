"""The order of channels, where no one sees it: selections copy runs of channels instead of single ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skipvid.graph.draft import Draft
from skipvid.plan import Concat, Conv, IntArray

__all__ = ["order_channels"]


def order_channels(draft: Draft) -> None:
    """Channels that were shuffled (Zhang et al., ShuffleNet, arXiv 1707.01083) are copied in the order in which they lie.

    A convolution reads its channels in any order, if its weights are in the same one; a depthwise convolution hands the order on.
    Where nothing else reads a selection, runs that are copied at once replace single channels that are strewn.
    """
    for op in draft:
        if not isinstance(op, Concat) or op.channels is None:
            continue
        order = np.argsort(op.channels, kind="stable").astype(np.int32)
        readers = _readers(draft, op.output)
        if readers is None or np.array_equal(order, np.arange(len(order))):
            continue
        for reader in readers:
            draft.replace(reader, _reordered(reader, order))
        channels = op.channels[order]
        straight = np.array_equal(channels, np.arange(sum(draft.tensors[name].channels for name in op.inputs)))
        if straight and len(op.inputs) == 1:
            draft.substitute(op, op.inputs[0])
        else:
            draft.replace(op, replace(op, channels=None if straight else channels))


def _readers(draft: Draft, tensor: str) -> list[Conv] | None:
    """The convolutions that a map's order of channels reaches, or None where it reaches anything else."""
    if tensor in draft.roots:
        return None
    found: list[Conv] = []
    for reader in draft.readers(tensor):
        if not isinstance(reader, Conv):
            return None
        found.append(reader)
        if reader.groups == 1:
            continue
        beyond = _readers(draft, reader.output) if reader.is_depthwise else None
        if beyond is None:
            return None
        found += beyond
    return found


def _reordered(conv: Conv, order: IntArray) -> Conv:
    if conv.groups == 1:
        return replace(conv, weight=np.ascontiguousarray(conv.weight[:, order]))
    slope = conv.activation.slope
    activation = conv.activation if slope is None else replace(conv.activation, slope=slope[order])
    return replace(conv, weight=np.ascontiguousarray(conv.weight[order]), bias=conv.bias[order], activation=activation)
