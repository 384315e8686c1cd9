"""Tails that only move values are followed pixel by pixel, and give what ONNX Runtime gives."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

from engine.cases import frames, small_networks
from skipvid.engine import native_reason
from skipvid.engine.island import OnnxPart
from skipvid.engine.movement import movement
from skipvid.engine.stream import Stream
from skipvid.plan import Plan, Tail

PLAN = small_networks()["residual_block"]
HEAD = PLAN.tensors["head"]
SHAPES = {"flat": [1, HEAD.channels, -1], "rows": [1, -1, HEAD.channels], "line": [1, 1, -1]}


def node(kind: str, inputs: list[str], output: str, **attributes: object) -> object:
    return helper.make_node(kind, inputs, [output], **attributes)


LINES = [node("Reshape", ["head", "line"], "a"), node("Reshape", ["other", "line"], "b")]
TAILS = {
    "channels first": ([node("Reshape", ["head", "flat"], "out")], True),
    "channels last": ([node("Transpose", ["head"], "t", perm=[0, 2, 3, 1]), node("Reshape", ["t", "rows"], "out")], True),
    "two maps": (
        [*LINES, node("Concat", ["b", "a"], "out", axis=2)],
        True,
    ),
    "the same twice": ([node("Concat", ["head", "head"], "out", axis=1)], False),
    "with a constant": ([node("Concat", ["head", "constant"], "out", axis=1)], False),
    "a part": ([node("Slice", ["head", "starts", "ends", "axes"], "out")], False),
    "computing": ([node("Reshape", ["head", "flat"], "a"), node("Sigmoid", ["a"], "out")], False),
}


def with_tail(nodes: list[object]) -> Plan:
    """The plan with a tail of these nodes, from its map ``head`` and the map ``other`` that feeds it to ``out``."""
    other = next(op for op in PLAN.ops if op.output == "head").inputs[0]
    names = {"head": "head", "other": other}
    used = [n for n in names if any(n in made.input for made in nodes)]  # type: ignore[attr-defined]
    for made in nodes:
        made.input[:] = [names.get(i, i) for i in made.input]  # type: ignore[attr-defined]
    inputs = tuple(names[n] for n in used)
    declared = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, s.channels, s.height, s.width])
        for n, s in ((n, PLAN.tensors[n]) for n in inputs)
    ]
    constants = [helper.make_tensor(n, TensorProto.INT64, [3], shape) for n, shape in SHAPES.items()]
    constants += [helper.make_tensor(n, TensorProto.INT64, [1], [v]) for n, v in (("starts", 1), ("ends", 3), ("axes", 2))]
    size = HEAD.channels * HEAD.pixels
    constants += [helper.make_tensor("constant", TensorProto.FLOAT, [1, HEAD.channels, HEAD.height, HEAD.width], [0.5] * size)]
    graph = helper.make_graph(nodes, "tail", declared, [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8).SerializeToString()
    tail = Tail(inputs, ("out",), model, tuple(n.op_type for n in nodes))  # type: ignore[attr-defined]
    return Plan(PLAN.input, PLAN.tensors, PLAN.ops, {}, tail, ("out",), PLAN.gates, PLAN.sha256)


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("name", TAILS)
def test_outputs_are_those_of_onnx_runtime_on_every_frame(name: str, engine: str) -> None:
    if engine == "native" and native_reason() is not None:
        pytest.skip(str(native_reason()))
    nodes, moves = TAILS[name]
    plan = with_tail([type(n).FromString(n.SerializeToString()) for n in nodes])  # type: ignore[attr-defined]
    assert plan.tail is not None
    part = OnnxPart(plan.tail.model, plan.tail.inputs, plan.tail.outputs)
    assert (movement(plan, part) is not None) == moves
    stream = Stream(plan, None, engine=engine, safety=None)  # type: ignore[arg-type]
    for number, x in enumerate(frames(PLAN, 1, (0.02, 0.3, 0.0, 0.05, 0.01))):
        stream._advance(None, 1.0, lambda _, refresh, x=x: stream.executor.step(x, refresh=refresh))
        if number == 2:  # nobody asks: nothing may be lost
            continue
        maps = [np.ascontiguousarray(stream.executor.tensor(n).transpose(2, 0, 1)[None]) for n in plan.tail.inputs]
        expected = part(maps)[0]
        np.testing.assert_array_equal(stream.views()["out"], expected)
        kept = stream.outputs()["out"]
        np.testing.assert_array_equal(kept, expected)
        assert not kept.flags.writeable
