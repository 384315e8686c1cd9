"""Evaluating constant nodes and inferring the shapes of dense ones, a node at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from skipvid.graph.nodes import Node
from skipvid.graph.values import Dense, Known, Value

__all__ = ["IR_VERSION", "constant_of", "evaluate", "infer", "lone_model", "quiet_session"]

IR_VERSION = 8


def quiet_session(model: bytes) -> Any:
    """An ONNX Runtime session of one thread that prints nothing but fatal errors."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def constant_of(node: Node) -> NDArray[Any]:
    """The value of a Constant node."""
    attribute = node.proto.attribute[0]
    value = helper.get_attribute_value(attribute)
    match attribute.name:
        case "value":
            return numpy_helper.to_array(value)
        case "value_float" | "value_floats":
            return np.asarray(value, np.float32)
        case "value_int" | "value_ints":
            return np.asarray(value, np.int64)
        case _:
            return np.asarray(value)


def evaluate(node: Node, values: Mapping[str, Value], opsets: Sequence[onnx.OperatorSetIdProto]) -> list[NDArray[Any]] | None:
    """Runs a node whose inputs are all known; None where ONNX Runtime cannot."""
    initializers = []
    for name in dict.fromkeys(node.reads):
        value = values[name]
        assert isinstance(value, Known)
        initializers.append(numpy_helper.from_array(value.array, name))
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.outputs if name]
    graph = helper.make_graph([node.proto], "fold", [], outputs, initializers)
    try:
        session = quiet_session(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString())
        return list(session.run(None, {}))
    except Exception:  # whatever ONNX Runtime raises, the node is then kept as it is
        return None


def lone_model(node: Node, values: Mapping[str, Value], opsets: Sequence[onnx.OperatorSetIdProto]) -> bytes:
    """A model of one node, as far as the shapes of its inputs are known."""
    initializers, inputs = [], []
    for name in dict.fromkeys(node.reads):
        value = values[name]
        if isinstance(value, Known):
            initializers.append(numpy_helper.from_array(value.array, name))
        else:
            elem_type = (value.elem_type or TensorProto.FLOAT) if isinstance(value, Dense) else TensorProto.FLOAT
            inputs.append(helper.make_tensor_value_info(name, elem_type, value.shape))
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.outputs if name]
    graph = helper.make_graph([node.proto], "node", inputs, outputs, initializers)
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION).SerializeToString())


def infer(node: Node, values: Mapping[str, Value], opsets: Sequence[onnx.OperatorSetIdProto]) -> list[Dense]:
    """Shapes and types of a node's outputs from those of its inputs; unknown where inference fails."""
    try:
        model = onnx.load_model_from_string(lone_model(node, values, opsets))
        found = {v.name: v.type.tensor_type for v in onnx.shape_inference.infer_shapes(model, data_prop=True).graph.output}
    except Exception:  # foreign or malformed nodes: nothing is known of what they give
        found = {}
    return [_dense(found.get(name)) for name in node.outputs]


def _dense(tensor: Any) -> Dense:
    if tensor is None or not tensor.HasField("shape"):
        return Dense(None, 0 if tensor is None else tensor.elem_type)
    sizes = [d.dim_value if d.HasField("dim_value") else -1 for d in tensor.shape.dim]
    return Dense(None if -1 in sizes else tuple(sizes), tensor.elem_type)
