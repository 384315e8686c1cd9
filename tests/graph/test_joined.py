"""What detectors do to the positions of all levels, once they have joined them, runs on the maps of the levels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from skipvid.engine.stream import Stream
from skipvid.graph import build_plan
from skipvid.plan import Binary, Conv, Island, Plan, Softmax
from tests.graph.harness import check
from tests.graph.nets import Net

MOVES = {"Reshape", "Transpose", "Concat", "Identity"}
SIZES = (64, 16)  # positions of the two levels of `levels`
N = sum(SIZES)


def levels(net: Net, channels: int, last: bool = False) -> str:
    """Two levels of a detector, joined: ``(1, channels, N)``, or with the channels last."""
    x, flat = "image", []
    for cin in (3, 8):
        x = net.op("Relu", net.conv(x, cin, 8, 3, strides=[2, 2]))
        y = net.op("Reshape", net.conv(x, 8, channels), net.ints(1, channels, -1))
        flat.append(net.op("Transpose", y, perm=[0, 2, 1]) if last else y)
    return str(net.op("Concat", *flat, axis=1 if last else 2))


def network(opset: int = 13) -> Net:
    return Net(opset, shape=(1, 3, 16, 16))


def assert_on_maps(plan: Plan) -> None:
    assert plan.tail is not None
    assert set(plan.tail.nodes) <= MOVES
    assert not [op for op in plan.ops if isinstance(op, Island)]


def sides(net: Net, y: str) -> str:
    """YOLOv8's distance of each side as the expectation of a distribution of 16 bins."""
    bins = net.op("Transpose", net.op("Reshape", y, net.ints(1, 4, 16, N)), perm=[0, 2, 1, 3])
    mean = net.op("Conv", net.op("Softmax", bins, axis=1), net.const(np.arange(16.0).reshape(1, 16, 1, 1)))
    return str(net.op("Reshape", mean, net.ints(1, 4, N)))


def yolov8(net: Net) -> str:
    box, score = net.op("Split", levels(net, 69), net.ints(64, 5), outputs=2, axis=1)
    side = sides(net, box)
    near, far = (net.op("Slice", side, net.ints(a), net.ints(a + 2), net.ints(1)) for a in (0, 2))
    centres = net.const(np.random.default_rng(0).uniform(0, 9, (1, 2, N)))
    near, far = net.op("Sub", centres, near), net.op("Add", centres, far)
    box = net.op("Concat", net.op("Div", net.op("Add", near, far), net.const(2)), net.op("Sub", far, near), axis=1)
    strides = net.const(np.repeat([8.0, 16.0], SIZES)[None, None])
    return str(net.op("Concat", net.op("Mul", box, strides), net.op("Sigmoid", score), axis=1))


def yolov6(net: Net) -> str:
    bins = net.op("Reshape", levels(net, 32, last=True), net.ints(1, N, 4, 8))
    return str(net.op("MatMul", net.op("Softmax", bins, axis=3), net.const(np.arange(8.0))))


def ppyoloe(net: Net) -> str:
    bins = net.op("Softmax", net.op("Reshape", levels(net, 32, last=True), net.ints(-1, N, 4, 8)), axis=-1)
    mean = net.op("Squeeze", net.op("MatMul", bins, net.const(np.arange(8.0)[:, None])), net.ints(3))
    return str(net.op("Mul", mean, net.const(np.repeat([8.0, 16.0], SIZES)[:, None])))


def yolox(net: Net) -> str:
    y = levels(net, 9, last=True)
    place, size, rest = (net.op("Slice", y, net.ints(a), net.ints(b), net.ints(2)) for a, b in ((0, 2), (2, 4), (4, 9)))
    grid = net.const(np.random.default_rng(1).integers(0, 8, (1, N, 2)))
    strides = net.const(np.repeat([8.0, 16.0], SIZES)[None, :, None])
    place = net.op("Mul", net.op("Add", place, grid), strides)
    return str(net.op("Concat", place, net.op("Mul", net.op("Exp", size), strides), net.op("Sigmoid", rest), axis=-1))


def fastest_v2(net: Net) -> str:
    """Rows of cells, level by level, each with its own functions on parts of the channels."""
    x, rows = "image", []
    for cin in (3, 8):
        x = net.op("Relu", net.conv(x, cin, 8, 3, strides=[2, 2]))
        parts = []
        for channels, function in ((4, "Sigmoid"), (6, "Softmax")):
            y = net.op("Reshape", net.op("Transpose", net.conv(x, 8, channels), perm=[0, 2, 3, 1]), net.ints(-1, channels))
            parts.append(net.op(function, y, **({"axis": 1} if function == "Softmax" else {})))
        rows.append(net.op("Concat", *parts, axis=1))
    return str(net.op("Concat", *rows, axis=0))


def projected(net: Net) -> str:
    """As transformers read the levels of an encoder."""
    y = net.op("Add", net.op("MatMul", levels(net, 8, last=True), net.weight(8, 12)), net.weight(12))
    return str(net.op("Unsqueeze", net.op("Gather", y, net.const([3, 1, 8], np.int64), axis=2), net.ints(1)))


def normalised(net: Net) -> str:
    """A normalisation of each position's channels, spelled out."""
    y = levels(net, 8, last=True)
    apart = net.op("Sub", y, net.op("ReduceMean", y, axes=[-1]))
    spread = net.op("ReduceMean", net.op("Pow", apart, net.const(2)), axes=[2])
    return str(net.op("Div", apart, net.op("Sqrt", net.op("Add", spread, net.const(1e-5)))))


def best(net: Net) -> str:
    """The score of the best class, for a selection of the best positions."""
    return str(net.op("ReduceMax", net.op("Sigmoid", levels(net, 7)), axes=[1], keepdims=0))


@pytest.mark.parametrize("decode", [yolov8, yolov6, ppyoloe, yolox, fastest_v2, projected, normalised, best])
def test_decoding_runs_on_the_maps_of_the_levels(decode: Callable[[Net], str]) -> None:
    net = network()
    assert_on_maps(check(net.model(decode(net))))


@pytest.mark.parametrize("opset", [11, 13])
def test_a_softmax_over_classes_of_joined_positions(opset: int) -> None:
    net = network(opset)
    plan = check(net.model(net.op("Softmax", levels(net, 6, last=True), axis=2)))
    assert_on_maps(plan)
    assert len([op for op in plan.ops if isinstance(op, Softmax)]) == 2


def test_levels_joined_in_two_steps_are_one() -> None:
    net = network()
    a, b = levels(net, 5), levels(net, 5)
    both = net.op("Concat", a, b, axis=2)
    assert_on_maps(check(net.model(net.op("Sigmoid", both))))


def test_joined_tensors_meet_each_other_part_by_part() -> None:
    net = network()
    a, b = levels(net, 5), levels(net, 5)
    assert_on_maps(check(net.model(net.op("Mul", a, net.op("Sigmoid", b)))))


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("softmax", "Softmax"),
        ("slice", "Slice"),
        ("other", "Add"),
        ("reduce", "ReduceMax"),
        ("across", "Reshape"),
        ("top", "TopK"),
    ],
)
def test_what_works_along_positions_is_left_to_onnx_runtime(name: str, left: str) -> None:
    net = network()
    y = net.op("Sigmoid", levels(net, 6))
    outputs = {
        "softmax": lambda: net.op("Softmax", y, axis=2),
        "slice": lambda: net.op("Slice", y, net.ints(3), net.ints(70), net.ints(2)),
        "other": lambda: net.op("Add", y, net.op("Reshape", net.op("GlobalAveragePool", "image"), net.ints(3, 1, 1))),
        "reduce": lambda: net.op("ReduceMax", y, axes=[2]),
        "across": lambda: net.op("Sigmoid", net.op("Reshape", y, net.ints(1, N, 6))),
        "top": lambda: net.op("TopK", y, net.ints(5), outputs=2, axis=2)[0],
    }
    plan = check(net.model(outputs[name]()))
    assert plan.tail is not None
    assert left in plan.tail.nodes
    assert len(plan.tail.inputs) >= 2


def test_a_join_that_is_read_as_a_whole_and_part_by_part() -> None:
    net = network()
    y = levels(net, 6)
    plan = check(net.model(net.op("Sigmoid", y), net.op("ReduceMax", y, axes=[2])))
    assert plan.tail is not None
    assert "Sigmoid" not in plan.tail.nodes


def test_the_convolution_of_a_decoder_is_no_gate() -> None:
    net = network()
    plan = build_plan(net.model(yolov8(net)))
    decoding = [op for op in plan.ops if isinstance(op, Conv) and not op.gated]
    assert [op.weight.shape for op in decoding] == [(4, 16, 1, 1)] * 2
    assert not {op.inputs[0] for op in decoding} & {gate.tensor for gate in plan.gates}


def test_decoded_boxes_follow_the_maps_they_are_made_of() -> None:
    net = network()
    model = net.model(yolov8(net))
    plan = build_plan(model)
    stream, fresh = Stream(plan), Stream(plan)
    rng = np.random.default_rng(2)
    x = rng.normal(size=(1, 3, 16, 16)).astype(np.float32)
    for _ in range(4):
        x[..., 3:6, rng.integers(0, 12) :] += 1
        fresh.reset()
        got, want = stream.step(x), fresh.step(x)
        for name, array in want.items():
            assert np.array_equal(got[name], array)
    changes = [op for op in plan.ops if isinstance(op, Binary)]
    assert changes  # the arithmetic of boxes is among what is skipped
