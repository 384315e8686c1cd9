"""Small networks built by hand, one for each structure that detectors and pose networks are made of."""

from __future__ import annotations

from collections.abc import Sequence
from unittest import mock

import numpy as np

from engine.building import Size, make_plan, numbers, resize_taps, window_size
from skipvid.plan import (
    IDENTITY,
    Act,
    Activation,
    Binary,
    BinaryKind,
    Concat,
    Conv,
    ConvTranspose,
    DepthToSpace,
    GlobalPool,
    Island,
    Op,
    Plan,
    Pool,
    PoolKind,
    Resample,
    Softmax,
    SpaceToDepth,
    joints,
)

RELU = Activation(Act.RELU)


class _Builder:
    """Writes a network down line by line."""

    def __init__(self, size: Size, seed: int = 0) -> None:
        self.size = size
        self.sizes: dict[str, Size] = {}
        self.ops: list[Op] = []
        self.rng = np.random.default_rng(seed)

    def of(self, name: str) -> Size:
        return self.size if name == "x" else self.sizes[name]

    def add(self, op: Op, size: Size) -> str:
        self.ops.append(op)
        self.sizes[op.output] = size
        return op.output

    def conv(
        self,
        source: str,
        name: str,
        out: int,
        k: int = 3,
        stride: int = 1,
        groups: int = 1,
        act: Activation = RELU,
    ) -> str:
        height, width, channels = self.of(source)
        scale = np.float32((channels // groups * k * k) ** -0.5)
        p = k // 2
        op = Conv(
            name=name,
            inputs=(source,),
            output=name,
            weight=numbers(self.rng, (out, channels // groups, k, k)) * scale,
            bias=numbers(self.rng, (out,)) * np.float32(0.1),
            stride=(stride, stride),
            pads=(p, p, p, p),
            groups=groups,
            activation=act,
        )
        return self.add(op, (window_size(height, k, stride, 1, 2 * p), window_size(width, k, stride, 1, 2 * p), out))

    def depthwise(self, source: str, name: str, k: int = 3, stride: int = 1) -> str:
        channels = self.of(source)[2]
        return self.conv(source, name, channels, k, stride, channels)

    def binary(self, a: str, b: str, name: str, kind: BinaryKind = BinaryKind.ADD, act: Activation = IDENTITY) -> str:
        size = max(self.of(a), self.of(b))
        return self.add(Binary(name=name, inputs=(a, b), output=name, kind=kind, activation=act), size)

    def concat(self, sources: Sequence[str], name: str, channels: np.ndarray | None = None) -> str:
        height, width, _ = self.of(sources[0])
        total = sum(self.of(s)[2] for s in sources)
        op = Concat(name=name, inputs=tuple(sources), output=name, channels=channels)
        return self.add(op, (height, width, total if channels is None else len(channels)))

    def pool(self, source: str, name: str, kind: PoolKind, k: int, stride: int) -> str:
        height, width, channels = self.of(source)
        p = k // 2
        op = Pool(name=name, inputs=(source,), output=name, kind=kind, kernel=(k, k), stride=(stride, stride), pads=(p, p, p, p))
        return self.add(op, (window_size(height, k, stride, 1, 2 * p), window_size(width, k, stride, 1, 2 * p), channels))

    def resize(self, source: str, name: str, height: int, width: int, linear: bool) -> str:
        rows, row_weight = resize_taps(self.of(source)[0], height, linear)
        columns, column_weight = resize_taps(self.of(source)[1], width, linear)
        op = Resample(
            name=name,
            inputs=(source,),
            output=name,
            row_index=rows,
            row_weight=row_weight,
            col_index=columns,
            col_weight=column_weight,
        )
        return self.add(op, (height, width, self.of(source)[2]))

    def plan(self, *outputs: str) -> Plan:
        return make_plan(self.size, self.ops, self.sizes, outputs)


def with_joints(plan: Plan) -> Plan:
    """The plan, with expanded maps of any size taken for large ones."""
    with mock.patch.object(joints, "LARGE", 1):
        assert any(joint.expanded is not None for joint in plan.joints)  # it keeps what it found
    return plan


def residual_block() -> Plan:
    """Stem, two residual blocks with the add before the activation, a 1x1 head."""
    b = _Builder((36, 44, 3))
    y = b.conv("x", "stem", 8, 3, 2)
    for i in range(2):
        z = b.conv(b.conv(y, f"r{i}a", 8), f"r{i}b", 8, act=IDENTITY)
        y = b.binary(y, z, f"r{i}", act=Activation(Act.RELU))
    return b.plan(b.conv(y, "head", 5, 1, act=Activation(Act.SIGMOID)))


def depthwise_chain() -> Plan:
    """MobileNet-like: pointwise, depthwise 3x3 and 5x5 with stride, hard-swish."""
    b = _Builder((40, 32, 3), 1)
    swish = Activation(Act.HARD_SWISH)
    y = b.conv("x", "stem", 8, 3, 2, act=swish)
    y = b.conv(b.depthwise(b.conv(y, "expand", 24, 1, act=swish), "dw3"), "project", 8, 1, act=IDENTITY)
    y = b.conv(b.depthwise(y, "dw5", 5, 2), "out", 12, 1, act=Activation(Act.SILU))
    return b.plan(y)


def inverted_residuals() -> Plan:
    """MobileNetV2-like: expand, depthwise, project, with and without a stride, a residual and activations in odd places.

    Their expanded maps are small, and taken for large ones.
    """
    b = _Builder((45, 140, 3), 9)
    clip = Activation(Act.CLIP, 0.0, 6.0)
    y = b.conv("x", "stem", 5, 3, 2, act=clip)
    inner = b.conv(b.depthwise(b.conv(y, "e0", 21, 1, act=clip), "d0"), "p0", 5, 1, act=Activation(Act.LEAKY_RELU, 0.1))
    y = b.binary(inner, y, "sum0", act=Activation(Act.RELU))
    inner = b.conv(b.depthwise(b.conv(y, "e1", 16, 1, act=IDENTITY), "d1", 5), "p1", 5, 1, act=IDENTITY)
    y = b.binary(y, inner, "sum1", BinaryKind.SUB)
    y = b.conv(b.depthwise(b.conv(y, "e2", 18, 1, act=clip), "d2", 3, 2), "p2", 8, 1, act=IDENTITY)
    y = b.conv(b.depthwise(b.conv(y, "e3", 40, 1, act=clip), "d3", 5, 2), "p3", 7, 1, act=Activation(Act.SILU))
    return with_joints(b.plan(y))


def separable_units() -> Plan:
    """YuNet-like: pointwise and depthwise in turns; a depthwise convolution feeds the one that expands."""
    b = _Builder((37, 70, 3), 11)
    y = b.depthwise(b.conv(b.conv("x", "stem", 6, 3, 2), "p0", 9, 1, act=IDENTITY), "d0")
    y = b.depthwise(b.conv(y, "p1", 20, 1, act=IDENTITY), "d1")
    y = b.depthwise(b.conv(y, "p2", 33, 1, act=IDENTITY), "d2", 3, 2)
    return with_joints(b.plan(b.conv(y, "out", 7, 1, act=Activation(Act.SIGMOID))))


def squeeze_excite() -> Plan:
    """A squeeze-excite block: a global pool, two 1x1 convolutions on the vector, a broadcast product."""
    b = _Builder((24, 28, 3), 2)
    y = b.conv("x", "stem", 8, 3, 2)
    s = b.add(GlobalPool(name="squeeze", inputs=(y,), output="squeeze"), (1, 1, 8))
    gate = b.conv(b.conv(s, "down", 4, 1), "up", 8, 1, act=Activation(Act.HARD_SIGMOID, 1 / 6, 0.5))
    y = b.binary(y, gate, "excite", BinaryKind.MUL)
    return b.plan(b.conv(y, "head", 6))


def pooling_pyramid() -> Plan:
    """Max pools of 5 joined with their source, as in YOLO, behind an average pool."""
    b = _Builder((40, 40, 3), 3)
    y = b.pool(b.conv("x", "stem", 6), "average", PoolKind.AVERAGE, 3, 2)
    pools = [y]
    for i in range(3):
        pools.append(b.pool(pools[-1], f"pool{i}", PoolKind.MAX, 5, 1))
    return b.plan(b.conv(b.concat(pools, "join"), "head", 7, 1))


def shuffle_unit() -> Plan:
    """ShuffleNet-like: channel split, a branch, a concat whose channels are interleaved."""
    b = _Builder((32, 24, 3), 4)
    y = b.conv("x", "stem", 8, 3, 2)
    left, right = b.concat([y], "left", np.arange(4, dtype=np.int32)), b.concat([y], "right", np.arange(4, 8, dtype=np.int32))
    right = b.conv(b.depthwise(b.conv(right, "pw1", 4, 1), "dw"), "pw2", 4, 1)
    order = np.arange(8, dtype=np.int32).reshape(2, 4).T.reshape(-1).copy()
    return b.plan(b.conv(b.concat([left, right], "shuffle", order), "head", 5))


def up_and_down() -> Plan:
    """Hour-glass: a transposed convolution and a bilinear resize back up, joined with what went down, softmax over channels."""
    b = _Builder((32, 40, 3), 5)
    fine = b.conv("x", "fine", 6, 3, 2)
    coarse = b.conv(fine, "coarse", 8, 3, 2)
    weight = numbers(b.rng, (8, 6, 4, 4)) * np.float32(0.2)
    up = b.add(
        ConvTranspose(
            name="up", inputs=(coarse,), output="up", weight=weight, bias=numbers(b.rng, (6,)), stride=(2, 2), pads=(1, 1, 1, 1)
        ),
        (16, 20, 6),
    )
    wide = b.resize(coarse, "wide", 16, 20, True)
    nearest = b.resize(coarse, "nearest", 16, 20, False)
    y = b.conv(b.concat([b.binary(fine, up, "sum"), wide, nearest], "join"), "head", 8, act=IDENTITY)
    soft = b.add(Softmax(name="soft", inputs=(y,), output="soft", groups=2), b.of(y))
    return b.plan(soft, "up")


def space_and_depth() -> Plan:
    """YOLO's Focus in front, pixel shuffle behind."""
    b = _Builder((30, 34, 3), 6)
    order = np.array([(dy, dx, c) for dx in range(2) for dy in range(2) for c in range(3)], np.int32)
    y = b.add(SpaceToDepth(name="focus", inputs=("x",), output="focus", block=2, source=order), (15, 17, 12))
    y = b.conv(y, "stem", 8, act=Activation(Act.SILU))
    source = np.arange(8, dtype=np.int32).reshape(2, 2, 2)
    return b.plan(b.add(DepthToSpace(name="spread", inputs=(y,), output="spread", block=2, source=source), (30, 34, 2)))


def island() -> Plan:
    """A part in the middle that runs through ONNX Runtime: a sum along rows, which is not local in space."""
    import onnx
    from onnx import TensorProto, helper

    b = _Builder((20, 24, 3), 7)
    y = b.conv("x", "stem", 4, 3, 2)
    shape = [1, 4, 10, 12]
    graph = helper.make_graph(
        [
            helper.make_node("CumSum", ["stem", "axis"], ["along"]),
            helper.make_node("Neg", ["along"], ["against"]),
        ],
        "part",
        [helper.make_tensor_value_info("stem", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("along", "against")],
        [helper.make_tensor("axis", TensorProto.INT64, [], [3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.checker.check_model(model)
    part = Island(
        name="part",
        inputs=(y,),
        output="along",
        extra_outputs=("against",),
        model=model.SerializeToString(),
        reason="CumSum is not local",
        nodes=("CumSum", "Neg"),
    )
    b.add(part, (10, 12, 4))
    b.sizes["against"] = (10, 12, 4)
    return b.plan(b.conv(b.concat(["along", "against"], "join"), "head", 3))


SMALL_NETWORKS = {
    f.__name__: f
    for f in (
        residual_block,
        depthwise_chain,
        inverted_residuals,
        separable_units,
        squeeze_excite,
        pooling_pyramid,
        shuffle_unit,
        up_and_down,
        space_and_depth,
        island,
    )
}
LOCAL_NETWORKS = tuple(name for name in SMALL_NETWORKS if name not in ("squeeze_excite", "island"))


def small_networks() -> dict[str, Plan]:
    """Hand-built networks by name; those in ``LOCAL_NETWORKS`` are local in space throughout."""
    return {name: build() for name, build in SMALL_NETWORKS.items()}
