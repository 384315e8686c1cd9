"""The state of a graph that is being lowered, and what every rule needs: views in, maps out, operators emitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray

from skipvid.graph.nodes import Node
from skipvid.graph.values import Dense, Known, NotIncrementalError, Value, View, view_of
from skipvid.graph.views import FromBlocks, Permuted, Plain, ToBlocks, as_map
from skipvid.plan import Concat, DepthToSpace, FloatArray, IntArray, Op, Resample, SpaceToDepth, TensorSpec

__all__ = ["DenseNode", "Entry", "Lowering"]

OpT = TypeVar("OpT", bound=Op)


@dataclass(frozen=True, eq=False)
class DenseNode:
    """A node left to ONNX Runtime, and why."""

    node: Node
    reason: str


@dataclass(frozen=True, eq=False)
class Entry:
    """A dense tensor that becomes a map again.

    Attributes:
        name: The ONNX tensor.
        map: The map written from it.
        nodes: The dense nodes that compute it, in order.
        values: What those nodes read from outside.
    """

    name: str
    map: str
    nodes: tuple[DenseNode, ...]
    values: dict[str, Value]


@dataclass(eq=False)
class Lowering:
    """A graph on its way to a plan.

    Attributes:
        opsets: Operator sets of the model, for the parts that are handed to ONNX Runtime.
        may_enter: Decides whether a dense tensor may become a map again for the sake of a node.
    """

    opsets: Sequence[onnx.OperatorSetIdProto]
    may_enter: Callable[[str, Dense, Node], bool]
    values: dict[str, Value] = field(default_factory=dict)
    tensors: dict[str, TensorSpec] = field(default_factory=dict)
    ops: list[Op] = field(default_factory=list)
    dense: dict[str, DenseNode] = field(default_factory=dict)  # by output tensor
    entries: list[Entry] = field(default_factory=list)
    multiplying: list[tuple[Node, list[Op]]] = field(default_factory=list)
    origin: dict[str, str] = field(default_factory=dict)  # operator -> node
    outputs: tuple[str, ...] = ()
    _names: set[str] = field(default_factory=set)
    _node: Node | None = None
    _maps: dict[tuple[str, tuple[Any, ...]], View] = field(default_factory=dict)

    # -- what a rule reads ------------------------------------------------------------------------------------------

    def begin(self, node: Node) -> None:
        """The node that names and errors refer to from here on."""
        self._node = node

    def known(self, node: Node, index: int) -> NDArray[Any] | None:
        """A constant input; None where it is absent.

        Raises:
            NotIncrementalError: It depends on the image.
        """
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        value = self.values[node.inputs[index]]
        if not isinstance(value, Known):
            message = f"input {index} is computed from the image"
            raise NotIncrementalError(message)
        return value.array

    def ints(self, node: Node, name: str, index: int) -> tuple[int, ...] | None:
        """Integers that are an attribute in old operator sets and a constant input since; None where they are absent.

        Raises:
            NotIncrementalError: They depend on the image.
        """
        if node.has(name):
            return node.ints(name, ())
        given = self.known(node, index)
        return None if given is None else tuple(int(v) for v in given.ravel())

    def view(self, name: str) -> View:
        """A tensor as a view of a map; a dense one re-enters where that pays."""
        value = self.values[name]
        if isinstance(value, Dense):
            return self._enter(name, value)
        if isinstance(value, Known):
            message = "reads a constant where a map is expected"
            raise NotIncrementalError(message)
        return value

    def spec(self, view: View) -> TensorSpec:
        return self.tensors[view.base]

    def map(self, name: str) -> TensorSpec:
        """A tensor as a map, which costs a copy where its view is not plain."""
        return self.spec(self.plain(self.view(name)))

    def plain(self, view: View) -> View:
        """The same elements in a map whose plain view this is."""
        key = (view.base, view.dims)
        if key not in self._maps:
            self._maps[key] = self._materialise(view)
        return self._maps[key]

    # -- what a rule writes -----------------------------------------------------------------------------------------

    def emit(
        self, op_type: type[OpT], inputs: Sequence[str], size: tuple[int, int, int], output: str = "", **fields: Any
    ) -> View:
        """Adds an operator for the present node.

        Args:
            op_type: Class of the operator.
            inputs: Maps read.
            size: ``(height, width, channels)`` of the map written.
            output: Wanted name of the map: the ONNX tensor where the map is that tensor, else empty.
            fields: The operator's own fields.

        Returns:
            The plain view of the new map.
        """
        node = self._node
        assert node is not None
        name = self._unique(node.name)
        self.origin[name] = node.name
        tensor = output if output and output not in self.tensors else self._unique_map(node.outputs[0])
        self.tensors[tensor] = TensorSpec(tensor, *size)
        self.ops.append(op_type(name=name, inputs=tuple(inputs), output=tensor, **fields))
        return view_of(self.tensors[tensor])

    def select(self, view: View, channels: IntArray) -> View:
        """The plain view of a map with these channels of the view's map."""
        spec = self.spec(view)
        if np.array_equal(channels, np.arange(spec.channels)):
            return view_of(spec)
        return self.emit(Concat, [spec.name], (spec.height, spec.width, len(channels)), channels=channels.astype(np.int32))

    def constant_map(self, like: TensorSpec, value: FloatArray) -> View:
        """A map that never changes: ``value`` is ``(h, w, c)``, or 1 where it does not vary."""
        from skipvid.plan import Binary, BinaryKind, Constant

        channels = value.shape[2]
        source = self.select(view_of(like), np.zeros(channels, np.int32))
        nowhere = [(np.full((n, 1), -1, np.int32), np.ones((n, 1), np.float32)) for n in (like.height, like.width)]
        (ri, rw), (ci, cw) = nowhere
        fill = float(value.flat[0])
        uniform = bool((value == value.flat[0]).all())
        size = (like.height, like.width, channels)
        blank = self.emit(
            Resample, [source.base], size, row_index=ri, row_weight=rw, col_index=ci, col_weight=cw, fill=fill if uniform else 0.0
        )
        if uniform:
            return blank
        return self.emit(Binary, [blank.base], size, kind=BinaryKind.ADD, constant=Constant(value))

    # -- inside -----------------------------------------------------------------------------------------------------

    def _materialise(self, view: View) -> View:
        spec = self.spec(view)
        how = as_map(view, spec)
        height, width = view.shape[2], view.shape[3]
        match how:
            case Plain():
                return view_of(spec)
            case Permuted(channels):
                return self.emit(Concat, [spec.name], (height, width, len(channels)), channels=channels)
            case ToBlocks(block, source):
                return self.emit(SpaceToDepth, [spec.name], (height, width, len(source)), block=block, source=source)
            case FromBlocks(block, source):
                return self.emit(DepthToSpace, [spec.name], (height, width, source.shape[2]), block=block, source=source)

    def _enter(self, name: str, value: Dense) -> View:
        node = self._node
        assert node is not None
        shape = value.shape
        if (
            shape is None
            or len(shape) != 4
            or shape[0] != 1
            or min(shape) < 1
            or value.elem_type not in (0, onnx.TensorProto.FLOAT)
        ):
            message = "follows a part that is not incremental"
            raise NotIncrementalError(message)
        if not self.may_enter(name, value, node):
            message = "follows a part that is not incremental, with little left to compute"
            raise NotIncrementalError(message)
        nodes, outside = self.closure([name])
        tensor = name if name not in self.tensors else self._unique_map(name)
        self.tensors[tensor] = TensorSpec(tensor, shape[2], shape[3], shape[1])
        self.entries.append(Entry(name, tensor, nodes, outside))
        view = view_of(self.tensors[tensor])
        self.values[name] = view
        return view

    def closure(self, names: Sequence[str]) -> tuple[tuple[DenseNode, ...], dict[str, Value]]:
        """The dense nodes behind some tensors, in order, and the values they take from the plan or know."""
        wanted: set[int] = set()
        outside: dict[str, Value] = {}
        todo = list(names)
        seen: set[str] = set()
        while todo:
            name = todo.pop()
            if name in seen:
                continue
            seen.add(name)
            value = self.values[name]
            if isinstance(value, Dense):
                found = self.dense[name]
                wanted.add(id(found))
                todo.extend(found.node.reads)
            else:
                outside[name] = value
        nodes = dict.fromkeys(d for d in self.dense.values() if id(d) in wanted)
        return tuple(nodes), outside

    def _unique(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self._names:
            count += 1
            name = f"{wanted}#{count}"
        self._names.add(name)
        return name

    def _unique_map(self, wanted: str) -> str:
        count = 1
        name = f"{wanted}@map"
        while name in self.tensors:
            count += 1
            name = f"{wanted}@map{count}"
        return name
