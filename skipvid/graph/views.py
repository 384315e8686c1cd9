"""Arithmetic of views: reshape, transpose, select, and the way back to a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from skipvid.graph.values import Atom, Dim, NotIncrementalError, View, atoms_of, canonical
from skipvid.plan import IntArray, TensorSpec

__all__ = [
    "FromBlocks",
    "Permuted",
    "Plain",
    "ToBlocks",
    "as_map",
    "channel_grid",
    "reshape",
    "resolved",
    "transpose",
    "with_channels",
]


def reshape(view: View, shape: Sequence[int]) -> View:
    """The view in another shape.

    Raises:
        NotIncrementalError: A dimension would have to run across the border of an axis.
    """
    rest = atoms_of(view)[::-1]
    dims: list[Dim] = []
    for size in shape:
        dim: list[Atom] = []
        while size > 1:
            if not rest:
                message = "reshapes to a size that is not the map's"
                raise NotIncrementalError(message)
            atom = rest.pop()
            if size % atom.size == 0:
                dim.append(atom)
                size //= atom.size
            elif atom.size % size == 0:
                inner = atom.size // size
                dim.append(Atom(atom.axis, size, atom.stride * inner))
                rest.append(Atom(atom.axis, inner, atom.stride))
                size = 1
            else:
                message = f"reshapes {list(view.shape)} to {list(shape)}, across the axes of the map"
                raise NotIncrementalError(message)
        dims.append(canonical(dim))
    return View(view.base, tuple(dims))


def resolved(shape: Sequence[int], wanted: IntArray, zeros: bool) -> list[int]:
    """The sizes that a Reshape of ``shape`` asks for: 0 is as it was, unless ``zeros`` count, and -1 is what is left."""
    sizes = [shape[i] if n == 0 and not zeros else int(n) for i, n in enumerate(wanted.ravel())]
    if -1 in sizes:
        sizes[sizes.index(-1)] = prod(shape) // max(prod(n for n in sizes if n != -1), 1)
    return sizes


def transpose(view: View, order: Sequence[int]) -> View:
    return View(view.base, tuple(view.dims[i] for i in order))


@dataclass(frozen=True)
class Plain:
    """The view is the map itself."""


@dataclass(frozen=True, eq=False)
class Permuted:
    """The view is the map with its channels reordered: output channel k is input channel ``channels[k]``."""

    channels: IntArray


@dataclass(frozen=True, eq=False)
class ToBlocks:
    """The view moves blocks of space into channels; see `skipvid.plan.SpaceToDepth`."""

    block: int
    source: IntArray


@dataclass(frozen=True, eq=False)
class FromBlocks:
    """The view moves channels into blocks of space; see `skipvid.plan.DepthToSpace`."""

    block: int
    source: IntArray


def as_map(view: View, spec: TensorSpec) -> Plain | Permuted | ToBlocks | FromBlocks:
    """How a ``(1, C, H, W)`` view becomes a map of its own.

    Raises:
        NotIncrementalError: No operator of the plan does it.
    """
    if len(view.dims) != 4 or view.dims[0]:
        message = f"a tensor of shape {list(view.shape)} is not a feature map"
        raise NotIncrementalError(message)
    channel, row, col = view.dims[1:]
    plain_rows, plain_cols = canonical([Atom("h", spec.height)]), canonical([Atom("w", spec.width)])
    if row == plain_rows and col == plain_cols:
        grid = _grid(channel)["c"]
        return Plain() if np.array_equal(grid, np.arange(grid.size)) else Permuted(grid)
    found = _to_blocks(channel, row, col, spec) or _from_blocks(channel, row, col, spec)
    if found is None:
        message = f"a tensor of shape {list(view.shape)} mixes the axes of its feature map"
        raise NotIncrementalError(message)
    return found


def _grid(dim: Dim) -> dict[str, IntArray]:
    """For each axis, the position along it at every index of a dimension."""
    size = prod(a.size for a in dim)
    where = {axis: np.zeros(size, np.int32) for axis in "chw"}
    rest = np.arange(size, dtype=np.int64)
    for atom in reversed(dim):
        where[atom.axis] += (rest % atom.size).astype(np.int32) * np.int32(atom.stride)
        rest //= atom.size
    return where


def _to_blocks(channel: Dim, row: Dim, col: Dim, spec: TensorSpec) -> ToBlocks | None:
    blocks = {spec.height // max(prod(a.size for a in row), 1), spec.width // max(prod(a.size for a in col), 1)}
    if len(blocks) != 1:
        return None
    block = blocks.pop()
    if block < 2 or spec.height % block or spec.width % block:
        return None
    if row != canonical([Atom("h", spec.height // block, block)]) or col != canonical([Atom("w", spec.width // block, block)]):
        return None
    grid = _grid(channel)
    return ToBlocks(block, np.stack([grid["h"], grid["w"], grid["c"]], axis=1))


def _from_blocks(channel: Dim, row: Dim, col: Dim, spec: TensorSpec) -> FromBlocks | None:
    tall, wide = prod(a.size for a in row), prod(a.size for a in col)
    block = tall // spec.height
    if block < 2 or tall != block * spec.height or wide != block * spec.width:
        return None
    rows, cols, channels = _grid(row), _grid(col), _grid(channel)
    inside = np.arange(tall), np.arange(wide)
    straight = np.array_equal(rows["h"], inside[0] // block) and np.array_equal(cols["w"], inside[1] // block)
    if not straight or rows["w"].any() or cols["h"].any() or channels["h"].any() or channels["w"].any():
        return None
    source = rows["c"][:block, None, None] + cols["c"][None, :block, None] + channels["c"][None, None, :]
    return FromBlocks(block, np.ascontiguousarray(source, np.int32))


def channel_grid(view: View, axis: int) -> tuple[IntArray, int]:
    """The channels of the map as an array with one axis per channel atom, those of dimension ``axis`` joined into one.

    Returns:
        The array, and which of its axes is dimension ``axis``.

    Raises:
        NotIncrementalError: The dimension does not run over channels alone.
    """
    if any(a.axis != "c" for a in view.dims[axis]):
        message = f"works along dimension {axis}, which is not the channels"
        raise NotIncrementalError(message)
    parts: list[Dim] = []
    where = 0
    for i, dim in enumerate(view.dims):
        if i == axis:
            where = len(parts)
            parts.append(dim)
        else:
            parts.extend((a,) for a in dim if a.axis == "c")
    grid = np.zeros((), np.int32)
    for part in parts:
        grid = grid[..., None] + _grid(part)["c"]
    return grid.astype(np.int32), where


def with_channels(view: View, axis: int, base: str, size: int) -> View:
    """The view on a map whose channels were rewritten in the order of `channel_grid`, dimension ``axis`` now of ``size``."""
    sizes = [size if i == axis else [a.size for a in dim if a.axis == "c"] for i, dim in enumerate(view.dims)]
    flat: list[int] = []
    for entry in sizes:
        flat.extend([entry] if isinstance(entry, int) else entry)
    strides = [prod(flat[i + 1 :]) for i in range(len(flat))][::-1]
    dims: list[Dim] = []
    for i, dim in enumerate(view.dims):
        if i == axis:
            dims.append(canonical([Atom("c", size, strides.pop())]))
        else:
            dims.append(canonical([Atom("c", a.size, strides.pop()) if a.axis == "c" else a for a in dim]))
    return View(base, tuple(dims))
