"""Chains that exporters write are recognised, and still give what ONNX Runtime gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from skipvid.plan import Act, Binary, Concat, Conv, DepthToSpace, GlobalPool, Op, Plan, Pool, SpaceToDepth, Unary
from tests.graph.harness import check
from tests.graph.nets import Net


def kinds(plan: Plan) -> list[type[Op]]:
    return [type(op) for op in plan.ops]


def act(plan: Plan, index: int = 0) -> Act:
    kind = plan.ops[index].activation.kind
    assert isinstance(kind, Act)
    return kind


def six(n: Net, x: str, low: float = 0.0, high: float = 6.0) -> str:
    return str(n.op("Clip", x, n.const(low), n.const(high)))


CHAINS: dict[str, tuple[Act, Callable[[Net, str], str]]] = {
    "sigmoid product": (Act.SILU, lambda n, x: n.op("Mul", x, n.op("Sigmoid", x))),
    "sigmoid product, turned": (Act.SILU, lambda n, x: n.op("Mul", n.op("Sigmoid", x), x)),
    "hardswish, product then quotient": (
        Act.HARD_SWISH,
        lambda n, x: n.op("Div", n.op("Mul", x, six(n, n.op("Add", x, n.const(3)))), n.const(6)),
    ),
    "hardswish, quotient then product": (
        Act.HARD_SWISH,
        lambda n, x: n.op("Mul", x, n.op("Div", six(n, n.op("Add", n.const(3), x)), n.const(6))),
    ),
    "hardswish, scaled map": (
        Act.HARD_SWISH,
        lambda n, x: n.op("Mul", n.op("Mul", x, n.const(1 / 6)), six(n, n.op("Add", x, n.const(3)))),
    ),
    "hardswish, one-element constants": (
        Act.HARD_SWISH,
        lambda n, x: n.op("Mul", n.op("Mul", x, six(n, n.op("Add", x, n.const([3])))), n.const([[[[1 / 6]]]])),
    ),
    "hardswish of HardSigmoid": (Act.HARD_SWISH, lambda n, x: n.op("Mul", x, n.op("HardSigmoid", x, alpha=1 / 6, beta=0.5))),
    "hardswish of Min and Max": (
        Act.HARD_SWISH,
        lambda n, x: n.op(
            "Div", n.op("Mul", x, n.op("Min", n.op("Max", n.op("Add", x, n.const(3)), n.const(0)), n.const(6))), n.const(6)
        ),
    ),
    "hardswish of Relu and Min": (
        Act.HARD_SWISH,
        lambda n, x: n.op("Mul", x, n.op("Div", n.op("Min", n.op("Relu", n.op("Add", x, n.const(3))), n.const(6)), n.const(6))),
    ),
    "hard sigmoid of relu6": (Act.HARD_SIGMOID, lambda n, x: n.op("Div", six(n, n.op("Add", x, n.const(3))), n.const(6))),
    "hard sigmoid of slope and offset": (
        Act.HARD_SIGMOID,
        lambda n, x: six(n, n.op("Add", n.op("Mul", x, n.const(0.2)), n.const(0.5)), 0.0, 1.0),
    ),
    "relu6 of Relu and Min": (Act.CLIP, lambda n, x: n.op("Min", n.op("Relu", x), n.const(6))),
    "mish": (Act.MISH, lambda n, x: n.op("Mul", x, n.op("Tanh", n.op("Softplus", x)))),
    "mish, softplus spelled out": (
        Act.MISH,
        lambda n, x: n.op("Mul", x, n.op("Tanh", n.op("Log", n.op("Add", n.op("Exp", x), n.const(1))))),
    ),
    "gelu, halved last": (
        Act.GELU,
        lambda n, x: n.op(
            "Mul", n.op("Mul", x, n.op("Add", n.op("Erf", n.op("Div", x, n.const(2**0.5))), n.const(1))), n.const(0.5)
        ),
    ),
    "gelu, halved map": (
        Act.GELU,
        lambda n, x: n.op(
            "Mul", n.op("Mul", x, n.const(0.5)), n.op("Add", n.op("Erf", n.op("Mul", x, n.const(0.5**0.5))), n.const(1))
        ),
    ),
    "gelu, halved bracket": (
        Act.GELU,
        lambda n, x: n.op(
            "Mul", x, n.op("Mul", n.op("Add", n.op("Erf", n.op("Div", x, n.const(2**0.5))), n.const(1)), n.const(0.5))
        ),
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_chain_becomes_one_fused_activation(name: str) -> None:
    net = Net(opset=13)
    expected, chain = CHAINS[name]
    plan = check(net.model(chain(net, net.conv("image", 3, 4, 3))))
    assert kinds(plan) == [Conv]
    assert act(plan) is expected


def test_a_chain_whose_middle_is_read_elsewhere_stays_right() -> None:
    net = Net()
    x = net.conv("image", 3, 4)
    s = net.op("Sigmoid", x)
    plan = check(net.model(net.op("Mul", x, s), net.op("Add", s, net.const(1))))
    assert kinds(plan) == [Conv, Unary, Unary, Binary]


def test_what_only_looks_like_a_chain_is_left_alone() -> None:
    net = Net()
    x, y = net.conv("image", 3, 4), net.conv("image", 3, 4)
    odd = net.op("Div", net.op("Mul", x, six(net, net.op("Add", x, net.const(2)))), net.const(6))
    plan = check(net.model(net.op("Mul", x, net.op("Sigmoid", y)), odd))
    assert Act.SILU not in [getattr(op, "activation", None) and act(plan, i) for i, op in enumerate(plan.ops)]


def test_erf_outside_gelu_is_left_to_onnx_runtime() -> None:
    net = Net()
    plan = check(net.model(net.conv(net.op("Erf", net.conv("image", 3, 4)), 4, 2)))
    assert [type(op).__name__ for op in plan.ops] == ["Conv", "Island", "Conv"]


def focus(net: Net, *phases: tuple[int, int]) -> str:
    """YOLO's Focus by strided slices."""

    def phase(dy: int, dx: int) -> str:
        rows = net.op("Slice", "image", net.ints(dy), net.ints(2**31), net.ints(2), net.ints(2))
        return str(net.op("Slice", rows, net.ints(dx), net.ints(2**31), net.ints(3), net.ints(2)))

    return str(net.op("Concat", *(phase(*p) for p in phases or [(0, 0), (1, 0), (0, 1), (1, 1)]), axis=1))


@pytest.mark.parametrize(
    ("kernel", "attributes"),
    [(1, {}), (3, {}), (3, {"pads": [0, 1, 1, 0]}), (3, {"strides": [1, 2]}), (5, {"pads": [0, 0, 0, 0]})],
)
def test_focus_and_the_convolution_behind_it_are_one(kernel: int, attributes: dict[str, list[int]]) -> None:
    net = Net(opset=11)
    plan = check(net.model(net.conv(focus(net), 12, 4, kernel, **attributes)))
    assert kinds(plan) == [Conv]
    (conv,) = plan.ops
    assert isinstance(conv, Conv)
    assert conv.kernel == (2 * kernel, 2 * kernel)
    assert conv.stride == tuple(2 * s for s in attributes.get("strides", (1, 1)))
    assert conv.inputs == (plan.input.name,)


def test_focus_stays_where_a_window_of_pixels_would_not_do() -> None:
    net = Net(opset=11)
    x = focus(net)
    assert kinds(check(net.model(net.conv(x, 12, 4, 3), net.conv(x, 12, 4)))) == [SpaceToDepth, Conv, Conv]
    for options in ({"dilations": [2, 2], "pads": [2] * 4}, {"groups": 3}):
        net = Net(opset=11)
        assert kinds(check(net.model(net.conv(focus(net), 12, 6, 3, **options)))) == [SpaceToDepth, Conv]
    net = Net(opset=11)
    assert kinds(check(net.model(net.conv(focus(net, (0, 0), (1, 1)), 6, 4, 3)))) == [SpaceToDepth, Conv]


def test_focus_by_reshape() -> None:
    net = Net()
    x = net.op("Reshape", "image", net.ints(1, 3, 6, 2, 8, 2))
    x = net.op("Reshape", net.op("Transpose", x, perm=[0, 3, 5, 1, 2, 4]), net.ints(1, -1, 6, 8))
    assert kinds(check(net.model(net.conv(x, 12, 4, 3), x))) == [SpaceToDepth, Conv]
    assert kinds(check(net.model(net.conv(x, 12, 4, 3)))) == [Conv]


def test_pixel_shuffle_by_reshape() -> None:
    net = Net()
    x = net.op("Reshape", net.conv("image", 3, 12), net.ints(1, 3, 2, 2, 12, 16))
    x = net.op("Reshape", net.op("Transpose", x, perm=[0, 1, 4, 2, 5, 3]), net.ints(1, 3, 24, 32))
    assert kinds(check(net.model(net.conv(x, 3, 4, 3)))) == [Conv, DepthToSpace, Conv]


def shuffled(net: Net, x: str, c: int, groups: int = 2) -> str:
    x = net.op("Reshape", x, net.ints(1, groups, c // groups, 12, 16))
    return str(net.op("Reshape", net.op("Transpose", x, perm=[0, 2, 1, 3, 4]), net.ints(1, -1, 12, 16)))


def test_channel_shuffle_and_split_are_one_selection_each() -> None:
    net = Net()
    joined = net.op("Concat", net.conv("image", 3, 4), net.conv("image", 3, 4), axis=1)
    a, b = net.op("Split", shuffled(net, joined, 8), net.ints(4, 4), outputs=2, axis=1)
    plan = check(net.model(net.op("Concat", net.conv(a, 4, 4, 3), b, axis=1), net.conv(b, 4, 2)))
    assert kinds(plan).count(Concat) == 3
    assert all(
        not isinstance(o, Concat) for c in plan.ops if isinstance(c, Concat) for n in c.inputs for o in plan.ops if n == o.output
    )


def test_channel_shuffle_by_gather() -> None:
    net = Net()
    x = net.op("Reshape", net.conv("image", 3, 8), net.ints(4, 2, 12 * 16))
    x = net.op("Reshape", net.op("Transpose", x, perm=[1, 0, 2]), net.ints(2, -1, 4, 12, 16))
    a, b = (net.op("Gather", x, net.const(i, np.int64), axis=0) for i in (0, 1))
    plan = check(net.model(net.op("Concat", net.conv(b, 4, 4, 3), a, axis=1)))
    assert set(kinds(plan)) == {Conv, Concat}


@pytest.mark.parametrize("style", ["conv", "gemm", "matmul", "reduce"])
def test_squeeze_and_excitation(style: str) -> None:
    net = Net(opset=12)
    x = net.conv("image", 3, 8, 3)
    if style == "conv":
        s = net.conv(net.op("Relu", net.conv(net.op("GlobalAveragePool", x), 8, 2)), 2, 8)
    else:
        s = net.op("GlobalAveragePool", x) if style != "reduce" else net.op("ReduceMean", x, axes=[2, 3], keepdims=0)
        s = net.op("Flatten", s) if style == "gemm" else net.op("Reshape", s, net.ints(1, 8)) if style == "matmul" else s
        for a, b in ((8, 2), (2, 8)):
            if style == "gemm":
                s = net.op("Gemm", s, net.weight(b, a), net.weight(b), transB=1)
            else:
                s = net.op("Add", net.op("MatMul", s, net.weight(a, b)), net.weight(b))
            s = net.op("Relu", s) if b == 2 else s
        s = net.op("Unsqueeze", s, axes=[2, 3]) if style == "gemm" else net.op("Reshape", s, net.ints(1, 8, 1, 1))
    plan = check(net.model(net.conv(net.op("Mul", x, net.op("Sigmoid", s)), 8, 2)))
    assert kinds(plan) == [Conv, GlobalPool, Conv, Conv, Binary, Conv]
    assert [(g.name == plan.ops[i].name, g.broadcast) for g, i in zip(plan.gates[1:], (1, 2, 3, 4), strict=True)] == [
        (True, True),
        (True, True),
        (True, True),
        (True, False),
    ]


def test_efficient_channel_attention() -> None:
    net = Net(opset=12)
    x = net.conv("image", 3, 8)
    s = net.op("Transpose", net.op("Squeeze", net.op("GlobalAveragePool", x), axes=[3]), perm=[0, 2, 1])
    s = net.op("Conv", s, net.weight(1, 1, 3), pads=[1, 1])
    s = net.op("Unsqueeze", net.op("Transpose", s, perm=[0, 2, 1]), axes=[3])
    plan = check(net.model(net.op("Mul", x, net.op("Sigmoid", s))))
    assert kinds(plan) == [Conv, GlobalPool, Conv, Binary]


def test_shape_arithmetic_is_computed_at_loading() -> None:
    net = Net(opset=11)
    x = net.op("MaxPool", net.conv("image", 3, 4), kernel_shape=[2, 2], strides=[2, 2])
    shape = net.op("Shape", "image")
    sizes = [net.op("Unsqueeze", net.op("Gather", shape, net.const(i, np.int64)), axes=[0]) for i in (2, 3)]
    head = net.op("Slice", net.op("Shape", x), net.ints(0), net.ints(2), net.ints(0))
    target = net.op("Concat", head, net.op("Cast", net.op("Concat", *sizes, axis=0), to=7), axis=0)
    up = net.op(
        "Resize", x, net.const([]), net.const([]), target, mode="linear", coordinate_transformation_mode="pytorch_half_pixel"
    )
    plan = check(net.model(net.op("Add", up, net.conv("image", 3, 4))))
    assert [type(op).__name__ for op in plan.ops] == ["Conv", "Pool", "Resample", "Conv", "Binary"]


def test_coordinates_join_as_constant_maps() -> None:
    net = Net()
    grid = np.stack(np.meshgrid(np.linspace(-1, 1, 16), np.linspace(-1, 1, 12)))[None]
    plan = check(net.model(net.conv(net.op("Concat", net.op("Relu", "image"), net.const(grid), axis=1), 5, 4, 3)))
    assert plan.tail is None


def test_ghost_module_slices_and_residual() -> None:
    net = Net()
    a = net.conv("image", 3, 6)
    y = net.op("Concat", a, net.conv(a, 6, 6, 3, 6), axis=1)
    y = net.op("Slice", y, net.ints(0), net.ints(10), net.ints(1))
    check(net.model(net.conv(net.op("Relu", net.op("Add", y, net.conv("image", 3, 10))), 10, 4)))


@pytest.mark.parametrize(
    ("windows", "chained"),
    [
        ([(5, 5), (9, 9), (13, 13)], [(5, 5), (5, 5), (5, 5)]),
        ([(13, 13), (3, 3), (5, 5)], [(3, 3), (3, 3), (9, 9)]),
        ([(3, 5), (3, 9)], [(3, 5), (1, 5)]),
        ([(3, 7), (5, 5)], [(3, 7), (5, 5)]),  # neither holds the other
        ([(5, 5), (5, 5)], [(5, 5), (5, 5)]),
    ],
)
def test_a_pyramid_of_pools_is_a_chain(windows: list[tuple[int, int]], chained: list[tuple[int, int]]) -> None:
    net = Net()
    x = net.conv("image", 3, 4)
    pools = [net.op("MaxPool", x, kernel_shape=[h, w], pads=[h // 2, w // 2, h // 2, w // 2]) for h, w in windows]
    plan = check(net.model(net.conv(net.op("Concat", x, *pools, axis=1), 4 + 4 * len(pools), 4)))
    assert [op.kernel for op in plan.ops if isinstance(op, Pool)] == chained


def test_pools_that_do_not_sit_around_their_pixels_are_left_alone() -> None:
    net = Net()
    x = net.conv("image", 3, 4)
    aside = net.op("MaxPool", x, kernel_shape=[3, 3], pads=[2, 2, 0, 0])
    moving = net.op("MaxPool", x, kernel_shape=[5, 5], strides=[2, 2], pads=[2, 2, 2, 2])
    bent = net.op("Sigmoid", net.op("MaxPool", x, kernel_shape=[5, 5], pads=[2, 2, 2, 2]))
    large = net.op("MaxPool", x, kernel_shape=[7, 7], pads=[3, 3, 3, 3])
    mean = net.op("AveragePool", x, kernel_shape=[9, 9], pads=[4, 4, 4, 4])
    plan = check(net.model(*(net.conv(y, 4, 2) for y in (aside, moving, bent, large, mean))))
    assert {op.kernel for op in plan.ops if isinstance(op, Pool)} == {(3, 3), (5, 5), (7, 7), (9, 9)}
    assert len({op.inputs for op in plan.ops if isinstance(op, Pool)}) == 1
