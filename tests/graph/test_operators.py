"""Every operator, alone or in a small pattern, gives what ONNX Runtime gives (1e-4 of the largest value)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from skipvid.plan import (
    Act,
    Binary,
    Concat,
    Conv,
    DepthToSpace,
    GlobalPool,
    Island,
    Op,
    Plan,
    Pool,
    Resample,
    SpaceToDepth,
    Unary,
)
from tests.graph.harness import check
from tests.graph.nets import Net


def kinds(plan: Plan) -> list[type[Op]]:
    return [type(op) for op in plan.ops]


@pytest.mark.parametrize(
    ("k", "attributes"),
    [
        (3, {"strides": [2, 1], "pads": [0, 1, 2, 1]}),
        (3, {"dilations": [2, 3], "pads": [2, 3, 2, 3]}),
        (5, {"auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        (4, {"auto_pad": "SAME_LOWER", "strides": [3, 2]}),
        (3, {"auto_pad": "VALID"}),
    ],
)
def test_convolution_geometry(k: int, attributes: dict[str, Any]) -> None:
    net = Net()
    assert kinds(check(net.model(net.conv("image", 3, 4, k, **attributes)))) == [Conv]


@pytest.mark.parametrize("groups", [2, 4])
def test_grouped_convolution(groups: int) -> None:
    net = Net()
    check(net.model(net.conv(net.conv("image", 3, 4), 4, 8, 3, groups)))


@pytest.mark.parametrize(
    "attributes",
    [
        {"strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"strides": [2, 3], "output_padding": [1, 2], "pads": [0, 1, 1, 0]},
        {"strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
        {"strides": [2, 2], "output_shape": [25, 33]},
        {"dilations": [2, 2]},
        {"group": 3},
    ],
)
def test_transposed_convolution(attributes: dict[str, Any]) -> None:
    net = Net()
    groups = attributes.get("group", 1)
    y = net.op("ConvTranspose", "image", net.weight(3, 6 // groups, 4, 4), net.weight(6), **attributes)
    check(net.model(net.op("Relu", net.bn(y, 6))))


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]},
        {"kernel_shape": [3, 2], "strides": [2, 2], "ceil_mode": 1},
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1, "pads": [1, 0, 1, 1]},
        {"kernel_shape": [2, 2], "strides": [3, 3], "ceil_mode": 1, "pads": [0, 0, 1, 1]},
        {"kernel_shape": [5, 5], "auto_pad": "SAME_UPPER"},
        {"kernel_shape": [2, 4], "auto_pad": "SAME_LOWER", "strides": [2, 3]},
        {"kernel_shape": [12, 16]},
    ],
)
def test_pooling(kind: str, attributes: dict[str, Any]) -> None:
    net = Net(opset=12)
    plan = check(net.model(net.op(kind, net.conv("image", 3, 4), **attributes)))
    assert kinds(plan)[1] is (GlobalPool if attributes["kernel_shape"] == [12, 16] else Pool)


@pytest.mark.parametrize("attributes", [{"pads": [1, 1, 1, 1]}, {"ceil_mode": 1, "pads": [1, 0, 1, 1], "strides": [2, 2]}])
def test_average_that_counts_its_pads(attributes: dict[str, Any]) -> None:
    net = Net(opset=12)
    check(net.model(net.op("AveragePool", "image", kernel_shape=[3, 3], count_include_pad=1, **attributes)))


def test_dilated_max_pool() -> None:
    net = Net(opset=12)
    check(net.model(net.op("MaxPool", "image", kernel_shape=[3, 3], dilations=[2, 3], pads=[2, 2, 2, 1])))


@pytest.mark.parametrize("kind", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pooling(kind: str) -> None:
    net = Net()
    assert kinds(check(net.model(net.op(kind, "image")))) == [GlobalPool]


@pytest.mark.parametrize("kind", ["ReduceMean", "ReduceMax"])
@pytest.mark.parametrize("axes", [[2, 3], [-1, -2], [2], [3], [1]])
@pytest.mark.parametrize("keep", [0, 1])
def test_reductions(kind: str, axes: list[int], keep: int) -> None:
    net = Net(opset=12)
    plan = check(net.model(net.op(kind, net.conv("image", 3, 5), axes=axes, keepdims=keep)))
    assert Island not in kinds(plan)


UNARY: dict[str, Callable[[Net, str], str]] = {
    "Relu": lambda n, x: n.op("Relu", x),
    "LeakyRelu": lambda n, x: n.op("LeakyRelu", x, alpha=0.2),
    "Sigmoid": lambda n, x: n.op("Sigmoid", x),
    "HardSigmoid": lambda n, x: n.op("HardSigmoid", x, alpha=0.3, beta=0.4),
    "HardSwish": lambda n, x: n.op("HardSwish", x),
    "Mish": lambda n, x: n.op("Mish", x),
    "Gelu": lambda n, x: n.op("Gelu", x),
    "Tanh": lambda n, x: n.op("Tanh", x),
    "Elu": lambda n, x: n.op("Elu", x, alpha=0.7),
    "Softplus": lambda n, x: n.op("Softplus", x),
    "Exp": lambda n, x: n.op("Exp", x),
    "Sqrt of Abs": lambda n, x: n.op("Sqrt", n.op("Abs", x)),
    "Neg": lambda n, x: n.op("Neg", x),
    "Clip": lambda n, x: n.op("Clip", x, n.const(-0.5), n.const(0.25)),
    "Clip below": lambda n, x: n.op("Clip", x, n.const(-0.5)),
    "Clip above": lambda n, x: n.op("Clip", x, "", n.const(0.5)),
    "PRelu": lambda n, x: n.op("PRelu", x, n.const(np.linspace(-1, 1, 4).reshape(4, 1, 1))),
    "PRelu of one slope": lambda n, x: n.op("PRelu", x, n.const([0.3])),
    "Identity": lambda n, x: n.op("Identity", n.op("Relu", x)),
    "Dropout": lambda n, x: n.op("Dropout", n.op("Relu", x)),
}


@pytest.mark.parametrize("name", UNARY)
def test_activation_is_fused(name: str) -> None:
    net = Net(opset=20)
    plan = check(net.model(UNARY[name](net, net.conv("image", 3, 4, 3))))
    assert kinds(plan)[0] is Conv
    assert len(plan.ops) == (2 if name == "Sqrt of Abs" else 1)


ARITHMETIC: dict[str, Callable[[Net, str, str], str]] = {
    "add": lambda n, a, b: n.op("Add", a, b),
    "sub": lambda n, a, b: n.op("Sub", a, b),
    "mul": lambda n, a, b: n.op("Mul", a, b),
    "div": lambda n, a, b: n.op("Div", a, n.op("Exp", b)),
    "min": lambda n, a, b: n.op("Min", a, b),
    "max of three": lambda n, a, b: n.op("Max", a, b, n.const(np.full((1, 4, 1, 1), 0.1))),
    "sum of three": lambda n, a, b: n.op("Sum", a, b, a),
    "square by itself": lambda n, a, b: n.op("Mul", a, a),
    "sum with itself": lambda n, a, b: n.op("Add", n.op("Sub", a, a), n.op("Add", b, b)),
    "power": lambda n, a, b: n.op("Pow", a, n.const(2.0)),
    "constant from the left": lambda n, a, b: n.op("Sub", n.const(1.0), n.op("Div", n.const(2.0), n.op("Exp", b))),
    "constant of a channel": lambda n, a, b: n.op("Mul", n.op("Sigmoid", a), n.const(np.arange(4.0).reshape(4, 1, 1))),
    "constant of a position": lambda n, a, b: n.op("Add", a, n.const(np.arange(12 * 16.0).reshape(12, 16))),
    "constant of a row": lambda n, a, b: n.op("Add", a, n.const(np.arange(12.0).reshape(12, 1))),
    "constant of everything": lambda n, a, b: n.op("Add", a, n.const(np.arange(4 * 12 * 16.0).reshape(1, 4, 12, 16))),
    "vector": lambda n, a, b: n.op("Mul", a, n.op("Sigmoid", n.op("GlobalAveragePool", b))),
    "one channel": lambda n, a, b: n.op("Mul", a, n.op("Sigmoid", n.conv(b, 4, 1))),
    "column": lambda n, a, b: n.op("Mul", a, n.op("ReduceMean", b, axes=[3], keepdims=1)),
    "reciprocal": lambda n, a, b: n.op("Reciprocal", n.op("Exp", a)),
}


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic(name: str) -> None:
    net = Net(opset=12)
    plan = check(net.model(ARITHMETIC[name](net, net.conv("image", 3, 4), net.conv("image", 3, 4))))
    assert Island not in kinds(plan)
    assert plan.tail is None


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize(
    "coordinates", ["half_pixel", "pytorch_half_pixel", "asymmetric", "align_corners", "half_pixel_symmetric"]
)
@pytest.mark.parametrize("factor", [(2.0, 2.0), (0.5, 1.5), (1.7, 0.6)])
def test_resize(mode: str, coordinates: str, factor: tuple[float, float]) -> None:
    net = Net(opset=19)
    y = net.op(
        "Resize",
        "image",
        "",
        net.const([1, 1, *factor]),
        mode=mode,
        coordinate_transformation_mode=coordinates,
        nearest_mode="floor",
    )
    assert kinds(check(net.model(y))) == [Resample]


@pytest.mark.parametrize("rounding", ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"])
@pytest.mark.parametrize("size", [(24, 32), (18, 40), (6, 8), (7, 11)])
def test_resize_rounding(rounding: str, size: tuple[int, int]) -> None:
    net = Net(opset=13)
    for coordinates in ("half_pixel", "asymmetric"):
        y = net.op(
            "Resize", "image", "", "", net.ints(1, 3, *size), nearest_mode=rounding, coordinate_transformation_mode=coordinates
        )
    assert kinds(check(net.model(y))) == [Resample]


@pytest.mark.parametrize(("opset", "mode"), [(7, "nearest"), (9, "nearest"), (9, "linear"), (10, "nearest"), (10, "linear")])
def test_upsample_of_old_opsets(opset: int, mode: str) -> None:
    net = Net(opset=opset)
    if opset == 7:
        y = net.op("Upsample", "image", scales=[1.0, 1.0, 2.0, 3.0], mode=mode)
    else:
        y = net.op("Resize" if opset == 10 else "Upsample", "image", net.const([1, 1, 2, 3]), mode=mode)
    assert kinds(check(net.model(y))) == [Resample]


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap"])
@pytest.mark.parametrize("pads", [(2, 1, 0, 3), (-1, 2, 3, -2)])
def test_pad(mode: str, pads: tuple[int, int, int, int]) -> None:
    net = Net(opset=19)
    y = net.op("Pad", "image", net.ints(0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3]), net.const(1.5), mode=mode)
    assert kinds(check(net.model(y))) == [Resample]


def test_pad_of_channels() -> None:
    net = Net()
    y = net.op("Pad", net.op("Relu", "image"), net.ints(0, 1, 1, 0, 0, 4, 0, 0), net.const(0.5))
    check(net.model(net.conv(y, 8, 4, 3)))


def test_zero_pad_joins_the_convolution_behind_it() -> None:
    net = Net()
    y = net.conv(net.op("Pad", "image", net.ints(0, 0, 0, 0, 0, 0, 1, 1)), 3, 4, 3, pads=[0, 0, 0, 0], strides=[2, 2])
    assert kinds(check(net.model(y))) == [Conv]


def test_zero_pad_joins_a_counting_average_but_no_max_pool() -> None:
    net = Net(opset=12)
    padded = net.op("Pad", "image", net.ints(0, 0, 1, 1, 0, 0, 1, 1))
    mean = net.op("AveragePool", padded, kernel_shape=[3, 3], strides=[2, 2])
    highest = net.op("MaxPool", padded, kernel_shape=[3, 3], strides=[2, 2])
    assert kinds(check(net.model(mean, highest))) == [Resample, Pool, Pool]


def test_crop_and_reversal() -> None:
    net = Net()
    y = net.op("Slice", "image", net.ints(2, -3), net.ints(10, -1000), net.ints(2, 3), net.ints(1, -2))
    assert kinds(check(net.model(y))) == [Resample]


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(mode: str) -> None:
    net = Net()
    y = net.op("DepthToSpace", net.conv("image", 3, 12), blocksize=2, mode=mode)
    assert kinds(check(net.model(y))) == [Conv, DepthToSpace]


def test_space_to_depth() -> None:
    net = Net()
    assert kinds(check(net.model(net.op("SpaceToDepth", "image", blocksize=4)))) == [SpaceToDepth]


@pytest.mark.parametrize("axis", [1, -3])
@pytest.mark.parametrize("opset", [11, 13])
def test_softmax_over_channels(axis: int, opset: int) -> None:
    net = Net(opset=opset)
    x = net.conv("image", 3, 6)
    if opset == 11:  # there it spans all dimensions from the axis on, so the channels must come last
        x = net.op("Transpose", x, perm=[0, 2, 3, 1])
        y = net.op("Transpose", net.op("Softmax", x, axis=3), perm=[0, 3, 1, 2])
    else:
        y = net.op("Softmax", x, axis=axis)
    plan = check(net.model(y))
    assert plan.tail is None


@pytest.mark.parametrize("axis", [2, 3])
def test_softmax_over_groups_of_channels(axis: int) -> None:
    net = Net()
    x = net.op("Reshape", net.conv("image", 3, 12), net.ints(1, 2, 3, 2, 12, 16))
    y = net.op("Reshape", net.op("Softmax", x, axis=axis), net.ints(1, 12, 12, 16))
    plan = check(net.model(net.conv(y, 12, 3, 3)))
    assert Island not in kinds(plan)


def test_split_slice_and_gather_of_channels() -> None:
    net = Net()
    x = net.conv("image", 3, 8)
    a, b = net.op("Split", x, net.ints(3, 5), outputs=2, axis=1)
    c = net.op("Slice", x, net.ints(1), net.ints(7), net.ints(1), net.ints(2))
    d = net.op("Gather", x, net.ints(7, 0, 0), axis=1)
    plan = check(net.model(net.conv(net.op("Concat", b, a, c, d, axis=1), 14, 4, 3)))
    assert kinds(plan) == [Conv, Concat, Conv]


def test_split_of_equal_parts_before_opset_13() -> None:
    net = Net(opset=11)
    parts = net.op("Split", net.conv("image", 3, 6), outputs=3, axis=1)
    check(net.model(*[net.conv(p, 2, 2, 3) for p in parts]))


def test_batch_norm_folds_forward_and_stands_alone() -> None:
    net = Net()
    folded = net.bn(net.conv("image", 3, 4, 3), 4)
    alone = net.op("Relu", net.bn(net.op("MaxPool", folded, kernel_shape=[2, 2]), 4))
    plan = check(net.model(net.conv(alone, 4, 2)))
    assert kinds(plan) == [Conv, Pool, Binary, Binary, Conv]


def test_scale_of_every_group_of_a_transposed_convolution() -> None:
    net = Net()
    y = net.op("ConvTranspose", net.conv("image", 3, 4), net.weight(4, 3, 2, 2), net.weight(6), group=2, strides=[2, 2])
    assert len(check(net.model(net.bn(y, 6))).ops) == 2


def test_gemm_behind_flatten_is_one_convolution_over_the_map() -> None:
    net = Net(shape=(1, 3, 4, 5))
    x = net.op("Flatten", net.conv("image", 3, 6))
    plan = check(net.model(net.op("Gemm", net.op("Relu", x), net.weight(7, 120), net.weight(7), transB=1, alpha=0.5, beta=2.0)))
    assert kinds(plan) == [Conv, Conv]


def test_activations_that_stand_before_a_reshape_run_on_the_map() -> None:
    net = Net()
    x = net.op("Reshape", net.op("Transpose", net.conv("image", 3, 4), perm=[0, 2, 3, 1]), net.ints(1, -1, 4))
    plan = check(net.model(net.op("Sigmoid", x)))
    assert [(type(op), op.activation.kind) for op in plan.ops] == [(Conv, Act.SIGMOID)]
    assert plan.tail is not None
    assert set(plan.tail.nodes) <= {"Reshape", "Transpose"}


def test_an_activation_with_two_readers_stays_right() -> None:
    net = Net()
    x = net.conv("image", 3, 4, 3)
    shared = net.op("Relu", x)
    plan = check(net.model(net.conv(shared, 4, 4, 3), net.op("Add", shared, x)))
    assert kinds(plan) == [Conv, Unary, Conv, Binary]
