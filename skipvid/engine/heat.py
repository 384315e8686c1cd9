"""Where in the picture the network was recomputed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from skipvid.engine.executor import Executor
from skipvid.plan import FloatArray

__all__ = ["heat"]


def heat(executor: Executor, height: int, width: int) -> FloatArray:
    """The share of the network that the last step recomputed around each cell of a grid laid over the network's input.

    The masks of all operators, each brought to the grid by area and weighted by the operator's multiply-accumulates: 0 where
    nothing was recomputed, 1 where everything was. The mean over the grid is the share of multiply-accumulates executed.

    Args:
        executor: The executor, after a step.
        height: Rows of the grid.
        width: Columns of the grid.

    Returns:
        ``(height, width)`` float32 in 0 to 1.
    """
    plan = executor.plan
    by_size: dict[tuple[int, int], FloatArray] = {}
    for op in plan.ops:
        macs = plan.op_macs[op.name]
        if macs == 0:
            continue
        mask = executor.active(op.name)
        total = by_size.setdefault((mask.shape[0], mask.shape[1]), np.zeros(mask.shape, np.float32))
        if mask.any():
            np.add(total, np.float32(macs / plan.dense_macs), out=total, where=mask)
    result = np.zeros((height, width), np.float32)
    for (rows, columns), total in by_size.items():
        if total.any():
            result += _area(rows, height) @ total @ _area(columns, width).T
    clipped: FloatArray = np.clip(result, 0.0, 1.0)
    return clipped


@lru_cache(maxsize=256)
def _area(source: int, target: int) -> FloatArray:
    """``(target, source)`` weights that average by area: cell ``t`` covers ``[t, t + 1) * source / target``; rows add up to 1."""
    edges = np.arange(target + 1) * (source / target)
    cells = np.arange(source)
    low = np.maximum(edges[:-1, None], cells)
    high = np.minimum(edges[1:, None], cells + 1)
    overlap = np.clip(high - low, 0.0, None)
    weights: FloatArray = (overlap / overlap.sum(axis=1, keepdims=True)).astype(np.float32)
    return weights
