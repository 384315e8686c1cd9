"""The operators of a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from skipvid.plan.maps import IDENTITY, Activation, FloatArray, IntArray, Pads

__all__ = [
    "Binary",
    "BinaryKind",
    "Concat",
    "Constant",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "GlobalPool",
    "Island",
    "Op",
    "Pool",
    "PoolKind",
    "Resample",
    "Softmax",
    "SpaceToDepth",
    "Unary",
]


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
        gated: Whether changes may be withheld from it; not where it costs next to nothing, as in decoders and means.
    """

    weight: FloatArray
    bias: FloatArray
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    pads: Pads = (0, 0, 0, 0)
    groups: int = 1
    activation: Activation = IDENTITY
    gated: bool = True

    @property
    def kernel(self) -> tuple[int, int]:
        return int(self.weight.shape[2]), int(self.weight.shape[3])

    @property
    def is_depthwise(self) -> bool:
        return self.groups == self.weight.shape[0] and self.weight.shape[1] == 1 and self.groups > 1

    @property
    def is_pointwise(self) -> bool:
        """Whether an output reads all channels of the one pixel at its own place."""
        return self.kernel == (1, 1) and self.stride == (1, 1) and self.pads == (0, 0, 0, 0) and self.groups == 1


@dataclass(frozen=True, eq=False, kw_only=True)
class ConvTranspose(Op):
    """Transposed convolution.

    Output pixel ``o`` receives input ``i`` through tap ``k`` where ``o + pad = i*stride + k*dilation``.

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
        count_pads: For averages: divide by the taps inside the *padded* map (ONNX ``count_include_pad``) instead of by
            those inside the map. A tap beyond the padded map, as ``ceil_mode`` makes them, never counts.
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
