"""Binding a model to one input size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from skipvid.errors import GraphError
from skipvid.graph.interpret import Source
from skipvid.graph.nodes import Node
from skipvid.graph.values import View, view_of
from skipvid.plan import TensorSpec

__all__ = ["bind", "declared"]


@dataclass(frozen=True)
class Image:
    """The image input as the file declares it; 0 stands for a dimension that is open."""

    name: str
    batch: int
    channels: int
    height: int
    width: int
    channels_last: bool


def _image(proto: onnx.ModelProto) -> Image:
    constant = {t.name for t in proto.graph.initializer}
    used = {n for node in proto.graph.node for n in Node(node, 0, "").reads} | {o.name for o in proto.graph.output}
    inputs = [v for v in proto.graph.input if v.name not in constant]
    images = [v for v in inputs if v.name in used] or inputs
    if len(images) != 1:
        names = ", ".join(v.name for v in images) or "none"
        message = f"The model has {len(images)} inputs ({names}); one image is expected."
        raise GraphError(message, "Export the network alone, without further inputs such as scale factors.")
    tensor = images[0].type.tensor_type
    shape = [d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else 0 for d in tensor.shape.dim]
    if len(shape) != 4:
        message = (
            f"The input {images[0].name} has the shape {shape}; an image of four dimensions (1, 3, height, width) is expected."
        )
        raise GraphError(message, "Use a model that takes images.")
    if tensor.elem_type != TensorProto.FLOAT:
        kind = TensorProto.DataType.Name(tensor.elem_type)
        message = f"The input {images[0].name} is of type {kind}; float is expected."
        raise GraphError(message, "Export the network with a float input.")
    last = shape[3] in (1, 3, 4) and shape[1] not in (1, 3, 4)
    n, c, h, w = (shape[0], shape[3], shape[1], shape[2]) if last else shape
    return Image(images[0].name, n, c or 3, h, w, last)


def declared(proto: onnx.ModelProto) -> tuple[int, int] | None:
    """Height and width that the file declares, or None where it leaves them open."""
    image = _image(proto)
    return (image.height, image.width) if image.height and image.width else None


def bind(proto: onnx.ModelProto, imgsz: tuple[int, int] | None) -> tuple[Source, tuple[str, ...]]:
    """Fixes batch and size of the input.

    Args:
        proto: A model as `skipvid.graph.loader.normalise` leaves it.
        imgsz: Height and width; None for what the file declares.

    Returns:
        The model ready to be lowered, and remarks for the user.

    Raises:
        GraphError: There is not exactly one image input, or its size is open and ``imgsz`` is None.
    """
    image = _image(proto)
    size = imgsz or declared(proto)
    if size is None:
        message = f"The model leaves the height and width of its input {image.name} open."
        raise GraphError(message, "Give the size with --imgsz HEIGHTxWIDTH.")
    height, width = size
    if height < 1 or width < 1:
        message = f"An input of {height}x{width} pixels is not possible."
        raise GraphError(message, "Give a height and a width of at least one pixel.")
    notes = []
    if image.height and image.width and (height, width) != (image.height, image.width):
        notes.append(f"input bound to {height}x{width}; the file declares {image.height}x{image.width}")
    if image.batch > 1:
        notes.append(f"batch bound to 1; the file declares {image.batch}")
    spec = TensorSpec(image.name, height, width, image.channels)
    view = view_of(spec)
    if image.channels_last:
        notes.append("the file takes its input channels last; it is fed as (1, C, H, W) all the same")
        view = View(view.base, (view.dims[0], view.dims[2], view.dims[3], view.dims[1]))
    opset = next(o.version for o in proto.opset_import if o.domain in ("", "ai.onnx"))
    source = Source(
        nodes=_sorted(proto, opset),
        initializers=_initializers(proto),
        input=image.name,
        view=view,
        spec=spec,
        outputs=tuple(o.name for o in proto.graph.output),
        opsets=tuple(proto.opset_import),
    )
    return source, tuple(notes)


def _initializers(proto: onnx.ModelProto) -> Mapping[str, np.ndarray]:
    return {t.name: numpy_helper.to_array(t) for t in proto.graph.initializer}


def _sorted(proto: onnx.ModelProto, opset: int) -> tuple[Node, ...]:
    """The nodes that the outputs need, every one after those it reads from, otherwise in the order of the file."""
    graph = proto.graph
    writer: dict[str, int] = {}
    for i, node in enumerate(graph.node):
        for name in node.output:
            if name:
                writer[name] = i
    known = {t.name for t in graph.initializer} | {v.name for v in graph.input}
    names: set[str] = set()
    nodes: list[Node] = []
    for node in graph.node:
        name = wanted = node.name or node.output[0]
        count = 1
        while name in names:
            count += 1
            name = f"{wanted}#{count}"
        names.add(name)
        nodes.append(Node(node, opset, name))
    for node in nodes:
        missing = [n for n in node.reads if n not in writer and n not in known]
        if missing:
            message = f"The operator {node.name} reads {missing[0]}, which nothing writes."
            raise GraphError(message, "Export the model again.")
    lost = [o.name for o in graph.output if o.name not in writer and o.name not in known]
    if lost:
        message = f"The output {lost[0]} is written by no operator."
        raise GraphError(message, "Export the model again.")
    return tuple(nodes[i] for i in _order(nodes, writer, [o.name for o in graph.output]))


def _order(nodes: list[Node], writer: Mapping[str, int], outputs: list[str]) -> list[int]:
    needed: set[int] = set()
    todo = [writer[n] for n in outputs if n in writer]
    while todo:
        i = todo.pop()
        if i not in needed:
            needed.add(i)
            todo.extend(writer[n] for n in nodes[i].reads if n in writer)
    done: set[int] = set()
    order: list[int] = []
    for first in sorted(needed):
        stack = [first]
        entered: set[int] = set()
        while stack:
            i = stack[-1]
            before = [j for n in nodes[i].reads if n in writer and (j := writer[n]) not in done]
            if i in done or not before:
                stack.pop()
                if i not in done:
                    done.add(i)
                    order.append(i)
            elif i in entered:
                message = f"The operator {nodes[i].name} depends on its own result."
                raise GraphError(message, "Export the model again.")
            else:
                entered.add(i)
                stack.extend(reversed(before))
    return order
