"""What is known of an ONNX tensor while a graph is lowered: a constant, a view of a feature map, or a dense array.

A `View` says how the elements of an ONNX tensor of any rank lie in one feature map of the plan. Reshape and Transpose only
rewrite the view; a channel shuffle, a pixel shuffle or a flatten costs nothing until something asks for the result as a map.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skipvid.plan import TensorSpec

__all__ = [
    "Atom",
    "Axis",
    "Dense",
    "Dim",
    "Joined",
    "Known",
    "NotIncrementalError",
    "Value",
    "View",
    "atoms_of",
    "canonical",
    "view_of",
]

Axis: TypeAlias = Literal["c", "h", "w"]


class NotIncrementalError(Exception):
    """An operator has no incremental form here; the text says why. Never seen by a user."""


@dataclass(frozen=True)
class Atom:
    """A run of an axis of a feature map: ``size`` positions, ``stride`` apart."""

    axis: Axis
    size: int
    stride: int = 1


Dim: TypeAlias = tuple[Atom, ...]


@dataclass(frozen=True)
class View:
    """An ONNX tensor whose elements are those of a feature map, each exactly once.

    Attributes:
        base: Name of the map.
        dims: For each ONNX dimension, the atoms it runs through, outermost first. Atoms of size 1 are left out.
    """

    base: str
    dims: tuple[Dim, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(prod(a.size for a in dim) for dim in self.dims)


@dataclass(frozen=True, eq=False)
class Known:
    """A tensor whose value does not depend on the image."""

    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)


@dataclass(frozen=True)
class Dense:
    """A tensor that only ONNX Runtime can produce.

    Attributes:
        shape: Its shape, or None where it depends on the image.
        elem_type: ONNX element type; 0 when unknown.
    """

    shape: tuple[int, ...] | None
    elem_type: int = 1


@dataclass(frozen=True)
class Joined(Dense):
    """Views of several maps, one behind the other along a dimension of positions.

    No map; but what is done to each position is done to each part, see `skipvid.graph.joined`. To whatever else reads it, a dense
    tensor.

    Attributes:
        parts: ONNX names of the views.
        sizes: Of the parts along the dimension.
        axis: The dimension.
    """

    parts: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    axis: int = 0


Value: TypeAlias = View | Known | Dense


def canonical(dim: Sequence[Atom]) -> Dim:
    """Drops atoms of size 1 and joins neighbours that continue each other."""
    out: list[Atom] = []
    for atom in dim:
        if atom.size == 1:
            continue
        last = out[-1] if out else None
        if last is not None and last.axis == atom.axis and last.stride == atom.size * atom.stride:
            out[-1] = Atom(atom.axis, last.size * atom.size, atom.stride)
        else:
            out.append(atom)
    return tuple(out)


def view_of(spec: TensorSpec) -> View:
    """The plain ``(1, C, H, W)`` view of a map."""
    whole: tuple[tuple[Axis, int], ...] = (("c", spec.channels), ("h", spec.height), ("w", spec.width))
    return View(spec.name, ((), *(canonical([Atom(axis, size)]) for axis, size in whole)))


def atoms_of(view: View) -> list[Atom]:
    """All atoms in ONNX order."""
    return [atom for dim in view.dims for atom in dim]


def as_constant(array: NDArray[Any], view: View, spec: TensorSpec) -> NDArray[np.float32]:
    """Lays an array that broadcasts to a view's shape out as ``(h, w, c)`` of its map, size 1 where it does not vary."""
    full = np.broadcast_to(array, view.shape)
    atoms = atoms_of(view)
    split = full.reshape([a.size for a in atoms])
    order = sorted(range(len(atoms)), key=lambda i: ("hwc".index(atoms[i].axis), -atoms[i].stride))
    value = np.transpose(split, order).reshape(spec.height, spec.width, spec.channels)
    for axis in range(3):
        first = value.take([0], axis=axis)
        if np.array_equal(np.broadcast_to(first, value.shape), value):
            value = first
    if 1 in value.shape[:2] and value.shape[:2] != (1, 1):
        value = np.broadcast_to(value, (spec.height, spec.width, value.shape[2]))
    return np.ascontiguousarray(value, np.float32)
