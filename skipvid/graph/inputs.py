"""What exporters ask for besides an image of floats: sizes and scale factors, and pixels as integers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["simplify_inputs"]

# Decoded boxes stay in pixels of the network's input: the size of the picture is that of the input, and nothing is scaled.
_SIDES: dict[str, tuple[int, ...]] = {
    "im_shape": (2, 3),  # PaddleDetection: height and width
    "orig_target_sizes": (3, 2),  # RT-DETR and its kin: width and height
}
_ONES = ("scale_factor",)
_WHOLE = (
    TensorProto.UINT8,
    TensorProto.INT8,
    TensorProto.UINT16,
    TensorProto.INT16,
    TensorProto.INT32,
    TensorProto.INT64,
)
_REAL = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
_SAME_TYPE = ("Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Slice")


def simplify_inputs(proto: onnx.ModelProto) -> list[str]:
    """Leaves one input, an image of floats, where the others and other types can be told from it.

    Args:
        proto: The model; it is changed in place.

    Returns:
        Remarks for the user.
    """
    constant = {t.name for t in proto.graph.initializer}
    inputs = [v for v in proto.graph.input if v.name not in constant]
    images = [v for v in inputs if len(v.type.tensor_type.shape.dim) == 4]
    if len(images) != 1:
        return []
    notes = [
        f"the input {v.name} is derived from the image"
        for v in inputs
        if v is not images[0] and _derive(proto.graph, v, images[0])
    ]
    kind = images[0].type.tensor_type.elem_type
    if kind in _WHOLE and _only_cast(proto.graph, images[0].name):
        images[0].type.tensor_type.elem_type = TensorProto.FLOAT
        notes.append(f"the file takes pixels of type {TensorProto.DataType.Name(kind).lower()}; they are fed as float")
    return notes


def _derive(graph: onnx.GraphProto, extra: onnx.ValueInfoProto, image: onnx.ValueInfoProto) -> bool:
    """Computes an input whose meaning its name tells from the shape of the image."""
    name, kind = extra.name, extra.type.tensor_type.elem_type
    if name in _ONES:
        ones = np.ones((1, 2), helper.tensor_dtype_to_np_dtype(kind))
        graph.initializer.append(numpy_helper.from_array(ones, name))
    elif name in _SIDES:
        axes = numpy_helper.from_array(np.asarray([_SIDES[name]], np.int64), f"{name}@axes")
        graph.initializer.append(axes)
        nodes = [
            helper.make_node("Shape", [image.name], [f"{name}@shape"], f"{name}@shape"),
            helper.make_node("Gather", [f"{name}@shape", axes.name], [f"{name}@sides"], f"{name}@sides"),
            helper.make_node("Cast", [f"{name}@sides"], [name], f"{name}@cast", to=kind),
        ]
        for node in reversed(nodes):
            graph.node.insert(0, node)
    else:
        return False
    graph.input.remove(extra)
    return True


def _only_cast(graph: onnx.GraphProto, name: str) -> bool:
    """Whether a tensor is only moved about before it is made floating, so that it may as well be floating from the start."""
    readers = [n for n in graph.node if name in n.input]
    return bool(readers) and name not in {o.name for o in graph.output} and all(_casts(graph, n, name) for n in readers)


def _casts(graph: onnx.GraphProto, node: onnx.NodeProto, name: str) -> bool:
    if node.op_type == "Cast":
        return _target(node.attribute) in _REAL
    if node.op_type == "Shape":
        return True
    return node.op_type in _SAME_TYPE and node.input[0] == name and _only_cast(graph, node.output[0])


def _target(attributes: Sequence[onnx.AttributeProto]) -> int:
    return next((a.i for a in attributes if a.name == "to"), 0)
