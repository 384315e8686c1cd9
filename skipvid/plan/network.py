"""The plan itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from skipvid.plan.joints import Joint, find_joints
from skipvid.plan.maps import TensorSpec
from skipvid.plan.ops import Conv, ConvTranspose, Island, Op

__all__ = ["GatePoint", "Plan", "Tail"]


@dataclass(frozen=True)
class GatePoint:
    """A map where recomputed pixels may be withheld from the consumers: one that feeds a convolution.

    Attributes:
        name: Key in threshold files: the name of the operator that writes the map; ``input`` for the network's input.
        tensor: The map.
        broadcast: Whether it is a 1x1 map that broadcasts over space.
    """

    name: str
    tensor: str
    broadcast: bool = False


@dataclass(frozen=True, eq=False)
class Tail:
    """The decode tail: what follows the last feature maps, as an ONNX model from maps to graph outputs.

    Attributes:
        inputs: Names of the plan's maps it reads; in ``model`` they are float32 ``(1, C, H, W)``.
        outputs: Names of the graph outputs it produces.
        model: The serialised ONNX model.
        nodes: The ONNX operators inside, for the table that loading prints.
        macs: Multiply-accumulates of one run. They are not part of `Plan.dense_macs`, which counts what streams keep account of.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    model: bytes = field(repr=False)
    nodes: tuple[str, ...] = ()
    macs: int = 0


@dataclass(frozen=True, eq=False)
class Plan:
    """An immutable network of a fixed input size.

    Attributes:
        input: The network's input map.
        tensors: Every map by name, the input among them.
        ops: Operators in execution order.
        maps: Graph outputs that are maps of the plan: ONNX output name -> map. They are returned as ``(1, C, H, W)``.
        tail: The remaining graph outputs, or None.
        outputs: ONNX output names in the graph's order.
        gates: Gate points in execution order, the input first.
        sha256: Digest of the model file, or of the serialised graph where there was no file.
        notes: Remarks of the loader for the user (fp16 widened, sizes bound, ...).
    """

    input: TensorSpec
    tensors: Mapping[str, TensorSpec]
    ops: tuple[Op, ...]
    maps: Mapping[str, str]
    tail: Tail | None
    outputs: tuple[str, ...]
    gates: tuple[GatePoint, ...]
    sha256: str
    notes: tuple[str, ...] = ()

    @cached_property
    def dense_macs(self) -> int:
        """Multiply-accumulates of a full pass."""
        return sum(self.op_macs.values())

    @cached_property
    def op_macs(self) -> dict[str, int]:
        """Multiply-accumulates of a full pass by operator name; operators that multiply nothing have 0."""
        return {op.name: _macs(op, self.tensors) for op in self.ops}

    @cached_property
    def stream_bytes(self) -> int:
        """Memory of the maps that one stream keeps, in bytes, while no rule names a map of `joinable`."""
        return sum(4 * t.pixels * t.channels for name, t in self.tensors.items() if name not in self.joinable)

    def executed_macs(self, op: Op, active: int) -> int:
        """Multiply-accumulates of recomputing ``active`` pixels of an operator's output."""
        return self.op_macs[op.name] * active // self.tensors[op.output].pixels

    @cached_property
    def joints(self) -> tuple[Joint, ...]:
        """Operators that may run as one."""
        shown = {*self.maps.values(), *(() if self.tail is None else self.tail.inputs)}
        return tuple(find_joints(self.ops, self.tensors, shown))

    @cached_property
    def joinable(self) -> frozenset[str]:
        """The maps inside what may run as one operator."""
        return frozenset(name for joint in self.joints for name in joint.maps())

    @cached_property
    def usual_gates(self) -> tuple[GatePoint, ...]:
        """The gate points that policies use unless told otherwise: not those inside what may run as one operator."""
        return tuple(gate for gate in self.gates if gate.tensor not in self.joinable)

    def consumers(self, tensor: str) -> Iterator[Op]:
        """The operators that read a map."""
        return (op for op in self.ops if tensor in op.inputs)


def _macs(op: Op, tensors: Mapping[str, TensorSpec]) -> int:
    match op:
        case Conv():
            return tensors[op.output].pixels * op.weight.size
        case ConvTranspose():
            return tensors[op.inputs[0]].pixels * op.weight.size
        case Island():
            return op.macs
        case _:
            return 0
