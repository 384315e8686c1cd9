"""The Plan: an immutable network, as the engines execute it.

A plan is a list of operators over named feature maps. Every map belongs to a batch of one and is laid out as
``(height, width, channels)`` float32; a vector, such as the result of global pooling, is a map of 1x1. Operators stand in
execution order and write one map each (a dense island may write several). Nothing in a plan changes while a
video runs; the state of a video is a stream.

How an executor runs one frame, for every operator in order:

1. *footprint*: an output pixel is **active** iff a changed pixel of an input lies in its window (``refresh``: all);
2. the active pixels are recomputed from the input maps as they stand;
3. *commit*: a recomputed pixel is written, and marked as changed for the consumers, iff it differs from the old one - in any
   bit, or, where the map is a gate point with a threshold above zero, by more than that threshold.

This module depends on numpy alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "IDENTITY",
    "Act",
    "Activation",
    "Binary",
    "BinaryKind",
    "Concat",
    "Constant",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "FloatArray",
    "GatePoint",
    "GlobalPool",
    "IntArray",
    "Island",
    "Op",
    "Plan",
    "Pool",
    "PoolKind",
    "Resample",
    "Softmax",
    "SpaceToDepth",
    "Tail",
    "TensorSpec",
    "Unary",
]

FloatArray: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.int32]
Pads: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right


@dataclass(frozen=True)
class TensorSpec:
    """A named feature map of ``(height, width, channels)`` float32."""

    name: str
    height: int
    width: int
    channels: int

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @property
    def is_vector(self) -> bool:
        """Whether the map is 1x1, and so broadcasts over space."""
        return self.height == 1 and self.width == 1


class Act(StrEnum):
    """Pointwise functions; ``a`` and ``b`` are the fields ``alpha`` and ``beta`` of `Activation`."""

    IDENTITY = "identity"
    RELU = "relu"
    LEAKY_RELU = "leaky_relu"  # x if x >= 0 else a*x
    PRELU = "prelu"  # x if x >= 0 else slope[c]*x
    CLIP = "clip"  # min(max(x, a), b)
    SIGMOID = "sigmoid"
    HARD_SIGMOID = "hard_sigmoid"  # min(max(a*x + b, 0), 1)
    HARD_SWISH = "hard_swish"  # x * min(max(x/6 + 1/2, 0), 1)
    SILU = "silu"  # x * sigmoid(x)
    MISH = "mish"  # x * tanh(log(1 + exp(x)))
    TANH = "tanh"
    ELU = "elu"  # x if x >= 0 else a*(exp(x) - 1)
    GELU = "gelu"  # x/2 * (1 + erf(x/sqrt(2)))
    SOFTPLUS = "softplus"  # log(1 + exp(x))
    EXP = "exp"
    SQRT = "sqrt"
    ABS = "abs"
    NEG = "neg"


@dataclass(frozen=True, eq=False)
class Activation:
    """A pointwise function with its parameters.

    Attributes:
        kind: The function.
        alpha: First parameter (slope, lower bound, ...), see `Act`.
        beta: Second parameter (upper bound, offset), see `Act`.
        slope: ``(channels,)`` slopes of PReLU, else None.
    """

    kind: Act = Act.IDENTITY
    alpha: float = 0.0
    beta: float = 0.0
    slope: FloatArray | None = None


IDENTITY = Activation()


@dataclass(frozen=True, eq=False, kw_only=True)
class Op:
    """What all operators share.

    Attributes:
        name: Unique and stable: the ONNX node's name where it has one, else the name of its output.
        inputs: Names of the maps read.
        output: Name of the map written.
    """

    name: str
    inputs: tuple[str, ...]
    output: str

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.output,)


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv(Op):
    """2-D cross-correlation with zero padding, bias and activation.

    Attributes:
        weight: ``(out_channels, in_channels / groups, kernel_h, kernel_w)``.
        bias: ``(out_channels,)``.
        stride: Vertical and horizontal.
        dilation: Vertical and horizontal.
        pads: Zero rows and columns around the input: top, left, bottom, right.
        groups: Channel groups.
        activation: Applied to the result.
    """

    weight: FloatArray
    bias: FloatArray
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    groups: int = 1
    activation: Activation = IDENTITY

    @property
    def kernel(self) -> tuple[int, int]:
        return int(self.weight.shape[2]), int(self.weight.shape[3])

    @property
    def is_depthwise(self) -> bool:
        return self.groups == self.weight.shape[0] and self.weight.shape[1] == 1 and self.groups > 1


@dataclass(frozen=True, eq=False, kw_only=True)
class ConvTranspose(Op):
    """Transposed convolution. Output pixel ``o`` receives input ``i`` through tap ``k`` where ``o + pad = i*stride + k*dilation``.

    Attributes:
        weight: ``(in_channels, out_channels / groups, kernel_h, kernel_w)``.
        pads: Cropped from the full result: top, left, bottom, right (output padding is a negative bottom or right).
    """

    weight: FloatArray
    bias: FloatArray
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    groups: int = 1
    activation: Activation = IDENTITY

    @property
    def kernel(self) -> tuple[int, int]:
        return int(self.weight.shape[2]), int(self.weight.shape[3])


class PoolKind(StrEnum):
    MAX = "max"
    AVERAGE = "average"


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool(Op):
    """Window pooling. Windows are clipped to the map: no zero border is ever read.

    Attributes:
        count_pads: For averages: divide by the taps inside the *padded* map (ONNX ``count_include_pad``) instead of by those inside
            the map. A tap beyond the padded map, as ``ceil_mode`` makes them, never counts.
    """

    kind: PoolKind
    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    count_pads: bool = False
    activation: Activation = IDENTITY


@dataclass(frozen=True, eq=False, kw_only=True)
class GlobalPool(Op):
    """Pooling over the whole map to 1x1. Averages add pixels within a row, then rows from top to bottom."""

    kind: PoolKind = PoolKind.AVERAGE
    activation: Activation = IDENTITY


@dataclass(frozen=True, eq=False, kw_only=True)
class Unary(Op):
    """A pointwise function that no producer could take in."""

    activation: Activation


class BinaryKind(StrEnum):
    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    DIV = "div"
    MAX = "max"
    MIN = "min"
    POW = "pow"


@dataclass(frozen=True, eq=False)
class Constant:
    """An operand known when the plan is built: ``(1, 1, 1)``, ``(1, 1, channels)``, ``(h, w, 1)`` or ``(h, w, channels)``."""

    value: FloatArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Binary(Op):
    """Pointwise arithmetic of two maps, or of a map and a constant.

    A 1x1 map broadcasts over space, a one-channel map over channels: when a 1x1 operand changes, every pixel is active.

    Attributes:
        inputs: One or two maps.
        constant: The other operand when there is one map.
        constant_first: Whether the constant is the left operand.
    """

    kind: BinaryKind
    constant: Constant | None = None
    constant_first: bool = False
    activation: Activation = IDENTITY


@dataclass(frozen=True, eq=False, kw_only=True)
class Concat(Op):
    """Channels of the inputs, one after the other, or any selection of them.

    Attributes:
        channels: ``(out_channels,)`` indices into the concatenation, or None for all in order. Split, Gather, channel slices and
            channel shuffles are this operator.
    """

    channels: IntArray | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class Resample(Op):
    """Separable resampling: resizes, pads, crops and strided slices of space.

    ``out[y, x] = sum_i sum_j row_weight[y, i] * col_weight[x, j] * in[row_index[y, i], col_index[x, j]]``, columns first, taps in
    order. Where any index of weight above zero is -1 the output is ``fill`` (constant padding). With one tap in both directions
    the weights are 1 and pixels are copied bit for bit.

    Attributes:
        row_index: ``(out_h, taps)`` int32 source rows. Taps of weight 0 are not read.
        row_weight: ``(out_h, taps)`` float32.
        col_index: ``(out_w, taps)`` int32 source columns.
        col_weight: ``(out_w, taps)`` float32.
        fill: Value outside the map.
    """

    row_index: IntArray
    row_weight: FloatArray
    col_index: IntArray
    col_weight: FloatArray
    fill: float = 0.0


@dataclass(frozen=True, eq=False, kw_only=True)
class SpaceToDepth(Op):
    """``out[y, x, k] = in[y*block + dy[k], x*block + dx[k], channel[k]]``: SpaceToDepth and YOLO's Focus.

    Attributes:
        source: ``(out_channels, 3)`` int32 rows ``(dy, dx, channel)``, 0 <= dy, dx < block.
    """

    block: int
    source: IntArray


@dataclass(frozen=True, eq=False, kw_only=True)
class DepthToSpace(Op):
    """``out[y, x, c] = in[y // block, x // block, source[y % block, x % block, c]]``.

    Attributes:
        source: ``(block, block, out_channels)`` int32 input channels.
    """

    block: int
    source: IntArray


@dataclass(frozen=True, eq=False, kw_only=True)
class Softmax(Op):
    """Softmax over channels, or over each of ``groups`` equal runs of channels."""

    groups: int = 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Island(Op):
    """A part of the graph without an incremental form, run whole by ONNX Runtime whenever one of its inputs changed.

    Attributes:
        inputs: Maps, handed over as float32 ``(1, C, H, W)`` or in the shape of ``input_shapes``.
        extra_outputs: Further maps written, after ``output``.
        model: A serialised ONNX model whose inputs and outputs have the names of the maps, in order.
        reason: Why this part is not incremental, for the table that loading prints.
        nodes: The ONNX operators inside, for the same table.
        macs: Multiply-accumulates of one run.
    """

    extra_outputs: tuple[str, ...] = ()
    model: bytes = field(repr=False, default=b"")
    reason: str = ""
    nodes: tuple[str, ...] = ()
    macs: int = 0

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.output, *self.extra_outputs)


@dataclass(frozen=True, eq=False)
class Tail:
    """The decode tail: what follows the last feature maps, as an ONNX model from maps to graph outputs.

    Attributes:
        inputs: Names of the plan's maps it reads; in ``model`` they are float32 ``(1, C, H, W)``.
        outputs: Names of the graph outputs it produces.
        model: The serialised ONNX model.
        nodes: The ONNX operators inside, for the table that loading prints.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    model: bytes = field(repr=False)
    nodes: tuple[str, ...] = ()


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
        """Memory of the maps that one stream keeps, in bytes."""
        return sum(4 * t.pixels * t.channels for t in self.tensors.values())

    def executed_macs(self, op: Op, active: int) -> int:
        """Multiply-accumulates of recomputing ``active`` pixels of an operator's output."""
        return self.op_macs[op.name] * active // self.tensors[op.output].pixels

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
