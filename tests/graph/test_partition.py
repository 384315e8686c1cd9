"""What is not incremental becomes islands and a tail; nothing dies at the first unknown operator."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper

from skipvid.engine.stream import Stream
from skipvid.errors import GraphError
from skipvid.gates.presets import preset
from skipvid.graph import build_plan, describe
from skipvid.plan import Binary, Concat, Conv, Island, Plan, Pool
from tests.graph.harness import check
from tests.graph.nets import Net


def islands(plan: Plan) -> list[Island]:
    return [op for op in plan.ops if isinstance(op, Island)]


def silu(net: Net, x: str) -> str:
    return str(net.op("Mul", x, net.op("Sigmoid", x)))


def test_anchors_of_all_levels_are_joined_in_the_tail() -> None:
    net = Net(opset=11)
    levels = []
    x = "image"
    for c in (3, 8):
        x = net.conv(x, c, 8, 3, strides=[2, 2])
        head = net.op("Concat", net.conv(x, 8, 4), net.op("Sigmoid", net.conv(x, 8, 3)), axis=1)
        levels.append(net.op("Reshape", head, net.ints(1, 7, -1)))
    plan = check(net.model(net.op("Transpose", net.op("Concat", *levels, axis=2), perm=[0, 2, 1])))
    assert not islands(plan)
    assert plan.tail is not None
    assert len(plan.tail.inputs) == 2
    assert sorted(set(plan.tail.nodes)) == ["Concat", "Reshape", "Transpose"]


def test_attention_in_the_middle_is_one_island() -> None:
    net = Net(opset=13, shape=(1, 3, 8, 8))
    x = silu(net, net.conv("image", 3, 8, 3))
    a, b = net.op("Split", net.conv(x, 8, 16), net.ints(8, 8), outputs=2, axis=1)
    qkv = net.op("Reshape", net.conv(b, 8, 16), net.ints(1, 2, 8, 64))
    q, k, v = net.op("Split", qkv, net.ints(2, 2, 4), outputs=3, axis=2)
    score = net.op(
        "Softmax", net.op("Mul", net.op("MatMul", net.op("Transpose", q, perm=[0, 1, 3, 2]), k), net.const(0.7)), axis=-1
    )
    mixed = net.op("Reshape", net.op("MatMul", v, net.op("Transpose", score, perm=[0, 1, 3, 2])), net.ints(1, 8, 8, 8))
    place = net.conv(net.op("Reshape", v, net.ints(1, 8, 8, 8)), 8, 8, 3, 8)
    b = net.op("Add", b, net.conv(net.op("Add", mixed, place), 8, 8))
    b = net.op("Add", b, net.conv(silu(net, net.conv(b, 8, 16)), 16, 8))
    plan = check(net.model(net.conv(net.op("Concat", a, b, axis=1), 16, 4)))
    (island,) = islands(plan)
    assert "MatMul" in island.nodes
    assert "Conv" not in island.nodes
    assert island.macs == 2 * 64 * 64 * (2 + 4)
    assert plan.tail is None
    row = next(r for r in describe(plan).rows if r.how == "island")
    assert "MatMul" in row.reason


def test_unknown_function_between_maps_re_enters_where_a_convolution_follows() -> None:
    net = Net()
    x = net.op("InstanceNormalization", net.conv("image", 3, 4), net.weight(4), net.weight(4))
    y = net.op("Round", net.op("Add", net.op("Relu", x), net.conv("image", 3, 4)))
    plan = check(net.model(net.conv(y, 4, 2, 3)))
    assert [op.nodes for op in islands(plan)] == [("InstanceNormalization", "Relu"), ("Round",)]
    assert [type(op) for op in plan.ops] == [Conv, Conv, Island, Binary, Island, Conv]


def test_islands_behind_one_another_stay_in_order() -> None:
    net = Net()
    x = net.conv(net.op("Round", net.conv("image", 3, 4)), 4, 4)
    y = net.conv(net.op("Ceil", x), 4, 4)
    both = net.op("Add", net.op("Floor", y), net.op("Ceil", x))
    plan = check(net.model(net.conv(both, 4, 2), net.op("Round", y)))
    assert len(islands(plan)) == 3
    assert plan.tail is not None
    assert plan.tail.nodes == ("Round",)


def test_anchor_decoding_on_five_dimensions_stays_on_maps() -> None:
    net = Net(opset=12, shape=(1, 3, 16, 16))
    flat = []
    x = "image"
    for c, n in ((3, 8), (8, 4)):
        x = silu(net, net.conv(x, c, 8, 3, strides=[2, 2]))
        y = net.op("Reshape", net.conv(x, 8, 3 * 7), net.ints(1, 3, 7, n, n))
        y = net.op("Sigmoid", net.op("Transpose", y, perm=[0, 1, 3, 4, 2]))
        xy, wh, rest = (
            net.op("Slice", y, net.ints(a), net.ints(b), net.ints(4), net.ints(1)) for a, b in ((0, 2), (2, 4), (4, 7))
        )
        grid = np.stack(np.meshgrid(np.arange(n), np.arange(n)), -1).reshape(1, 1, n, n, 2)
        xy = net.op("Mul", net.op("Add", net.op("Mul", xy, net.const(2)), net.const(grid - 0.5)), net.const(8))
        anchors = net.const(np.arange(1.0, 7.0).reshape(1, 3, 1, 1, 2))
        wh = net.op("Mul", net.op("Pow", net.op("Mul", wh, net.const(2)), net.const(2)), anchors)
        flat.append(net.op("Reshape", net.op("Concat", xy, wh, rest, axis=4), net.ints(1, -1, 7)))
    plan = check(net.model(net.op("Concat", *flat, axis=1)))
    assert not islands(plan)
    assert plan.tail is not None
    assert set(plan.tail.nodes) == {"Reshape", "Transpose", "Concat"}


def test_outputs_that_are_maps_constants_or_the_input() -> None:
    net = Net()
    x = net.conv("image", 3, 4)
    plan = check(net.model(x, net.op("Identity", x), net.op("Shape", x), net.op("Reshape", x, net.ints(1, -1))))
    assert set(plan.maps.values()) == {x}
    net = Net()
    net.conv("image", 3, 4)
    plan = check(net.model("image", net.op("Flatten", "image")))
    assert plan.maps == {"image": "image"}
    assert not plan.ops


def test_suppression_in_the_graph_is_part_of_the_tail() -> None:
    net = Net(opset=11, shape=(1, 3, 8, 8))
    x = net.op("Relu", net.conv("image", 3, 8, 3))
    boxes = net.op("Reshape", net.op("Transpose", net.conv(x, 8, 4), perm=[0, 2, 3, 1]), net.ints(1, -1, 4))
    scores = net.op("Reshape", net.op("Sigmoid", net.conv(x, 8, 1)), net.ints(1, 1, -1))
    kept = net.op("NonMaxSuppression", boxes, scores, net.ints(5), net.const([0.5]), net.const([0.1]))
    picked = net.op("Gather", net.op("Squeeze", boxes, axes=[0]), net.op("Gather", kept, net.ints(2), axis=1))
    plan = check(net.model(picked))
    assert not islands(plan)
    assert plan.tail is not None
    assert "NonMaxSuppression" in plan.tail.nodes


def test_gates_are_where_values_are_computed_for_convolutions() -> None:
    net = Net()
    a = net.conv("image", 3, 4)
    b = net.op("Add", net.conv(a, 4, 4, 3), a)
    pooled = net.op("MaxPool", b, kernel_shape=[2, 2])
    joined = net.op("Concat", net.op("Identity", b), b, axis=1)
    plan = check(net.model(net.conv(joined, 8, 2), net.conv(pooled, 4, 2)))
    kinds = {op.name: type(op) for op in plan.ops}
    gated = [kinds[g.name] for g in plan.gates[1:]]
    assert plan.gates[0].tensor == "image"
    assert gated == [Conv, Binary, Pool]  # the first convolution feeds one; the one before the addition does not
    assert Concat not in gated


def test_what_an_island_gives_a_convolution_is_gated() -> None:
    net = Net()
    plan = build_plan(net.model(net.conv(net.op("Round", net.conv("image", 3, 4)), 4, 4)))
    (island,) = islands(plan)
    assert island.name in {gate.name for gate in plan.gates}
    assert {gate.tensor for gate in plan.gates} == {"image", island.output}
    stream = Stream(plan, preset("balanced"))
    x = np.random.default_rng(0).normal(size=(1, 3, 12, 16)).astype(np.float32)
    for shift in range(3):
        stream.step(np.roll(x, shift, 3))


def test_channels_last_networks_are_understood() -> None:
    net = Net(opset=13, shape=(1, 12, 16, 3))
    x = net.conv(net.op("Transpose", "image", perm=[0, 3, 1, 2]), 3, 4, 3)
    plan = build_plan(net.model(net.op("Transpose", x, perm=[0, 2, 3, 1])))
    assert (plan.input.height, plan.input.width, plan.input.channels) == (12, 16, 3)
    assert len(plan.ops) == 1
    assert any("channels last" in n for n in plan.notes)


def test_all_operators_that_run_nowhere_are_listed_at_once() -> None:
    net = Net()
    x = net.conv("image", 3, 4)
    for name in ("Frobnicate", "Defenestrate"):
        net.nodes.append(helper.make_node(name, [x], [name.lower()], f"my_{name}", domain="acme"))
        x = name.lower()
    model = net.model(x)
    model.opset_import.append(helper.make_opsetid("acme", 1))
    with pytest.raises(GraphError) as caught:
        build_plan(model)
    assert "Frobnicate (my_Frobnicate)" in caught.value.message
    assert "Defenestrate (my_Defenestrate)" in caught.value.message
    assert caught.value.remedy


def test_the_same_model_gives_the_same_plan() -> None:
    def once() -> Plan:
        net = Net()
        x = silu(net, net.conv("image", 3, 4))
        return build_plan(net.model(net.op("Round", net.conv(net.op("Ceil", x), 4, 4))))

    a, b = once(), once()
    assert [op.name for op in a.ops] == [op.name for op in b.ops]
    assert a.sha256 == b.sha256
    assert a.tail is not None
    assert b.tail is not None
    assert a.tail.model == b.tail.model


def test_nodes_in_any_order_and_without_names() -> None:
    net = Net()
    model = net.model(net.conv(net.op("Relu", net.conv("image", 3, 4)), 4, 2))
    shuffled = onnx.ModelProto()
    shuffled.CopyFrom(model)
    del shuffled.graph.node[:]
    for node in reversed(model.graph.node):
        node.name = ""
        shuffled.graph.node.append(node)
    plan = build_plan(shuffled)
    assert [op.name for op in plan.ops] == [model.graph.node[0].output[0], model.graph.node[2].output[0]]
