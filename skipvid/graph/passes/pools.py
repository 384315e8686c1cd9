"""Pyramids of pools (He et al., SPP, arXiv 1406.4729) as chains of small ones."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from skipvid.graph.draft import Draft
from skipvid.plan import IDENTITY, Pool, PoolKind

__all__ = ["chain_pools"]


def chain_pools(draft: Draft) -> None:
    """The maximum over a large window is that over the maxima of smaller ones around each of its pixels.

    Pools of 5, 9 and 13 pixels then read 75 pixels in place of 275, and where a maximum did not change, nothing follows from it.
    Windows are centred and clipped to the map, so those at the border agree as well.
    """
    pools: dict[str, list[Pool]] = {}
    for op in draft:
        if isinstance(op, Pool) and _is_centred(op):
            pools.setdefault(op.inputs[0], []).append(op)
    for same in pools.values():
        for small, large in pairwise(sorted(same, key=lambda op: op.kernel)):
            high, wide = (a - b + 1 for a, b in zip(large.kernel, small.kernel, strict=True))
            if min(high, wide) < 1 or small.kernel == large.kernel or small.activation != IDENTITY:
                continue
            pads = (high // 2, wide // 2, high // 2, wide // 2)
            draft.replace(large, replace(large, inputs=(small.output,), kernel=(high, wide), pads=pads))


def _is_centred(op: Pool) -> bool:
    high, wide = op.kernel
    centred = high % 2 == wide % 2 == 1 and op.pads == (high // 2, wide // 2, high // 2, wide // 2)
    return op.kind is PoolKind.MAX and op.stride == op.dilation == (1, 1) and centred
