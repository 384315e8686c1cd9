"""Merging operators that only move values: selections of selections, copies of copies, and YOLO's Focus."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skipvid.graph.draft import Draft
from skipvid.plan import Concat, IntArray, Op, Resample, SpaceToDepth

__all__ = ["merge_copies"]


def _selection(draft: Draft, op: Concat) -> list[tuple[str, int]]:
    """For every output channel, the map and the channel it is copied from."""
    flat = [(name, c) for name in op.inputs for c in range(draft.tensors[name].channels)]
    return flat if op.channels is None else [flat[i] for i in op.channels]


def _concat(draft: Draft, op: Concat, picks: list[tuple[str, int]]) -> None:
    """Rewrites a Concat to copy these channels, or removes it where they are a whole map."""
    inputs = tuple(dict.fromkeys(name for name, _ in picks))
    if len(inputs) == 1 and [c for _, c in picks] == list(range(draft.tensors[inputs[0]].channels)):
        return draft.substitute(op, inputs[0])
    start, total = {}, 0
    for name in inputs:
        start[name] = total
        total += draft.tensors[name].channels
    channels = np.asarray([start[name] + c for name, c in picks], np.int32)
    straight = np.array_equal(channels, np.arange(total))
    draft.replace(op, replace(op, inputs=inputs, channels=None if straight else channels))
    return None


def _merge_concats(draft: Draft) -> None:
    """A channel copied from a copy is copied from the original."""
    for op in draft:
        if not isinstance(op, Concat):
            continue
        before = {name: p for name in op.inputs if isinstance(p := draft.producer(name), Concat)}
        inner = {name: _selection(draft, p) for name, p in before.items()}
        picks = [inner[name][c] if name in inner else (name, c) for name, c in _selection(draft, op)]
        _concat(draft, op, picks)


def _single(op: Op | None) -> bool:
    return isinstance(op, Resample) and op.row_index.shape[1] == 1 and op.col_index.shape[1] == 1


def _merge_resamples(draft: Draft) -> None:
    """A copy of rows and columns of such a copy is one."""
    for op in draft:
        before = draft.producer(op.inputs[0]) if op.inputs else None
        if not (_single(op) and _single(before) and isinstance(op, Resample) and isinstance(before, Resample)):
            continue
        outside = (op.row_index < 0).any() or (op.col_index < 0).any()
        if outside and op.fill != before.fill and ((before.row_index < 0).any() or (before.col_index < 0).any()):
            continue
        rows, cols = (_through(a, b) for a, b in ((op.row_index, before.row_index), (op.col_index, before.col_index)))
        fill = op.fill if outside else before.fill
        draft.replace(op, replace(op, inputs=before.inputs, row_index=rows, col_index=cols, fill=fill))


def _through(outer: IntArray, inner: IntArray) -> IntArray:
    return np.where(outer < 0, -1, inner[np.maximum(outer[:, 0], 0)]).astype(np.int32)


def _phase(index: IntArray, size: int) -> tuple[int, int] | None:
    """Step and start of rows taken at regular steps from start to end of a map."""
    flat = index[:, 0]
    if index.shape[1] != 1 or not len(flat) or size % len(flat):
        return None
    step = size // len(flat)
    start = int(flat[0])
    return (step, start) if 0 <= start < step and np.array_equal(flat, np.arange(len(flat)) * step + start) else None


def _focus(draft: Draft) -> None:
    """A join of the phases of one map is SpaceToDepth."""
    for op in draft:
        if not isinstance(op, Concat):
            continue
        source: list[tuple[int, int, int]] = []
        found: set[tuple[str, int]] = set()
        for name, channel in _selection(draft, op):
            part = draft.producer(name)
            if not isinstance(part, Resample):
                break
            spec = draft.tensors[part.inputs[0]]
            rows, cols = _phase(part.row_index, spec.height), _phase(part.col_index, spec.width)
            if rows is None or cols is None or rows[0] != cols[0] or rows[0] < 2:
                break
            found.add((part.inputs[0], rows[0]))
            source.append((rows[1], cols[1], channel))
        if len(found) == 1 and len(source) == draft.tensors[op.output].channels:
            base, block = found.pop()
            where = np.asarray(source, np.int32)
            draft.replace(op, SpaceToDepth(name=op.name, inputs=(base,), output=op.output, block=block, source=where))


def merge_copies(draft: Draft) -> None:
    """Runs until nothing that only moves values reads another such operator of its kind."""
    _merge_resamples(draft)
    _merge_concats(draft)
    draft.prune()
    _focus(draft)
