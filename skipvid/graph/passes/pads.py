"""Taking explicit zero borders into the operator behind them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skipvid.graph.draft import Draft
from skipvid.plan import Conv, IntArray, Op, Pool, PoolKind, Resample

__all__ = ["fold_pads"]


def _border(index: IntArray, size: int) -> tuple[int, int] | None:
    """Rows of nothing before and after an otherwise untouched map."""
    flat = index[:, 0]
    inside = np.flatnonzero(flat >= 0)
    if index.shape[1] != 1 or inside.size != size or not np.array_equal(flat[inside], np.arange(size)):
        return None
    before = int(inside[0])
    return before, len(flat) - size - before


def _takes(op: Op, fill: float) -> bool:
    if isinstance(op, Conv):
        return fill == 0.0
    if isinstance(op, Pool) and op.kind is PoolKind.MAX:
        return fill == -np.inf
    return isinstance(op, Pool) and fill == 0.0 and (op.count_pads or not any(op.pads))


def fold_pads(draft: Draft) -> None:
    """Zero borders become the pads of a convolution or a counting average, borders of minus infinity those of a max-pool."""
    for op in draft:
        if not isinstance(op, Conv | Pool):
            continue
        pad = draft.producer(op.inputs[0])
        if not isinstance(pad, Resample) or not _takes(op, pad.fill):
            continue
        spec = draft.tensors[pad.inputs[0]]
        rows, cols = _border(pad.row_index, spec.height), _border(pad.col_index, spec.width)
        if rows is None or cols is None:
            continue
        top, left, bottom, right = op.pads
        pads = (top + rows[0], left + cols[0], bottom + rows[1], right + cols[1])
        new: Op
        if isinstance(op, Conv):
            new = replace(op, inputs=pad.inputs, pads=pads)
        else:
            new = replace(op, inputs=pad.inputs, pads=pads, count_pads=op.kind is PoolKind.AVERAGE)
        draft.replace(op, new)
