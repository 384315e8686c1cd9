"""Spellings and inputs that only some exporters write."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from skipvid.errors import GraphError
from skipvid.graph import build_plan, describe
from skipvid.plan import Conv, Island
from tests.graph.harness import assert_close, check, run, session
from tests.graph.nets import Net


@pytest.mark.parametrize("tokens", [False, True])
def test_layer_norm_spelled_out_runs_on_the_map_with_channels_last(tokens: bool) -> None:
    net = Net(opset=11)
    x = net.conv("image", 3, 8, 3)
    x = net.op("Reshape", x, net.ints(1, 8, -1)) if tokens else x
    x = net.op("Transpose", x, perm=[0, 2, 1] if tokens else [0, 2, 3, 1])
    apart = net.op("Sub", x, net.op("ReduceMean", x, axes=[-1]))
    spread = net.op("ReduceMean", net.op("Pow", apart, net.const(2.0)), axes=[-1])
    x = net.op("Div", apart, net.op("Sqrt", net.op("Add", spread, net.const(1e-6))))
    x = net.op("Add", net.op("Mul", x, net.weight(8)), net.weight(8))
    x = net.op("Add", net.op("MatMul", x, net.weight(8, 16)), net.weight(16))
    x = net.op("Transpose", x, perm=[0, 2, 1] if tokens else [0, 3, 1, 2])
    x = net.op("Reshape", x, net.ints(1, 16, 12, 16)) if tokens else x
    plan = check(net.model(net.conv(x, 16, 4, 3)))
    assert plan.tail is None
    assert not [op for op in plan.ops if isinstance(op, Island)]


@pytest.mark.parametrize("shape", [(5, 8), (1, 5, 8)])
def test_a_constant_matrix_on_the_left_is_a_convolution(shape: tuple[int, ...]) -> None:
    net = Net(opset=13)
    x = net.op("Reshape", net.conv("image", 3, 8, 3), net.ints(1, 8, 192))
    x = net.op("MatMul", net.weight(*shape), x)
    plan = check(net.model(net.op("Reshape", x, net.ints(1, 5, 12, 16))))
    assert [type(op) for op in plan.ops] == [Conv, Conv]
    assert plan.tail is None


def test_a_constant_matrix_on_the_left_along_rows_is_left_to_onnx_runtime() -> None:
    net = Net(opset=13)
    plan = check(net.model(net.op("MatMul", net.weight(5, 12), net.conv("image", 3, 8, 3))))
    assert plan.tail is not None


def test_the_arithmetic_of_the_tail_is_counted_in_the_table() -> None:
    net = Net(opset=13)
    x = net.op("Reshape", net.conv("image", 3, 8), net.ints(8, 192))
    plan = check(net.model(net.op("MatMul", x, net.op("Transpose", x, perm=[1, 0]))))
    report = describe(plan)
    assert report.rows[-1].macs == 8 * 8 * 192
    assert report.incremental_macs == plan.dense_macs == 192 * 24
    assert report.macs == report.incremental_macs + 8 * 8 * 192


def test_sizes_and_scale_factors_are_derived_from_the_image() -> None:
    net = Net(opset=13, shape=("n", 3, "h", "w"))
    for name, kind in (
        ("im_shape", TensorProto.FLOAT),
        ("scale_factor", TensorProto.FLOAT),
        ("orig_target_sizes", TensorProto.INT64),
    ):
        net.inputs.insert(0, helper.make_tensor_value_info(name, kind, ["n", 2]))
    x = net.op("Reshape", net.conv("image", 3, 4), net.ints(-1, 2))
    boxes = net.op("Div", net.op("Mul", x, "im_shape"), "scale_factor")
    model = net.model(net.op("Mul", boxes, net.op("Cast", "orig_target_sizes", to=TensorProto.FLOAT)))
    plan = build_plan(model, (12, 16))
    image = np.random.default_rng(0).normal(size=(1, 3, 12, 16)).astype(np.float32)
    ready = session(model.SerializeToString())
    feed = {
        "image": image,
        "im_shape": np.array([[12, 16]], np.float32),
        "scale_factor": np.ones((1, 2), np.float32),
        "orig_target_sizes": np.array([[16, 12]], np.int64),
    }
    assert_close(run(plan, image), dict(zip(plan.outputs, ready.run(None, feed), strict=True)))
    assert sum("derived from the image" in note for note in plan.notes) == 3


def test_a_second_input_of_unknown_meaning_is_named() -> None:
    net = Net()
    net.inputs.append(helper.make_tensor_value_info("prompt", TensorProto.FLOAT, [1, 3, 1]))
    with pytest.raises(GraphError, match="prompt"):
        build_plan(net.model(net.op("Add", net.conv("image", 3, 3), "prompt")))


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.INT32])
def test_pixels_as_integers_are_fed_as_floats(kind: int) -> None:
    net = Net(opset=13, shape=(1, 12, 16, 3))
    net.inputs[0].type.tensor_type.elem_type = kind
    x = net.op("Cast", net.op("Transpose", "image", perm=[0, 3, 1, 2]), to=TensorProto.FLOAT)
    model = net.model(net.conv(net.op("Sub", net.op("Div", x, net.const(127.5)), net.const(1.0)), 3, 4, 3))
    plan = build_plan(model)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 12, 16, 3)).astype(helper.tensor_dtype_to_np_dtype(kind))
    (want,) = session(model.SerializeToString()).run(None, {"image": pixels})
    got = run(plan, np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32))
    assert_close(got, {plan.outputs[0]: want})
    assert any("fed as float" in note for note in plan.notes)
    assert plan.tail is None


def test_pixels_that_are_computed_with_as_integers_are_refused() -> None:
    net = Net(opset=13)
    net.inputs[0].type.tensor_type.elem_type = TensorProto.INT32
    half = net.op("Div", "image", net.const(2, np.int32))
    with pytest.raises(GraphError, match="INT32"):
        build_plan(net.model(net.conv(net.op("Cast", half, to=TensorProto.FLOAT), 3, 4)))


def test_a_network_of_eight_bits_says_that_it_runs_dense() -> None:
    net = Net(opset=13)
    step, zero = net.const(0.02), net.const(128, np.uint8)
    x = net.op("DequantizeLinear", net.op("QuantizeLinear", "image", step, zero), step, zero)
    plan = check(net.model(net.conv(x, 3, 4, 3)))
    assert [type(op) for op in plan.ops] == [Island, Conv]
    assert any("8 bits" in note for note in plan.notes)


def test_the_arithmetic_of_a_quantised_convolution_is_counted() -> None:
    net = Net(opset=13)
    step, zero = net.const(0.02), net.const(128, np.uint8)
    weight = net.const(net.rng.integers(0, 255, (4, 3, 3, 3)), np.uint8)
    x = net.op("QuantizeLinear", "image", step, zero)
    y = net.op("QLinearConv", x, step, zero, weight, step, zero, step, zero, pads=[1, 1, 1, 1])
    plan = check(net.model(net.op("DequantizeLinear", y, step, zero)))
    report = describe(plan)
    assert (report.macs, report.incremental_macs) == (12 * 16 * 4 * 27, 0)
