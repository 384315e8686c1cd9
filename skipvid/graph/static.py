"""The model as other runtimes like it best: of one input size, its weights constant."""

from __future__ import annotations

from pathlib import Path

import onnx

from skipvid.graph.binding import bind
from skipvid.graph.loader import load_file

__all__ = ["static_model"]

_CONSTANT_WEIGHTS_IR = 4  # before this version of the format, weights had to be listed as inputs


def static_model(path: Path | str, imgsz: tuple[int, int] | None = None) -> onnx.ModelProto:
    """Reads an ``.onnx`` file and binds it to one input size.

    Weights that the file lists as inputs become constants, batch and size of the image are fixed, and shapes that were
    declared for another size are dropped.

    Args:
        path: The file.
        imgsz: Height and width of the input; None for what the file declares.

    Raises:
        GraphError: The file cannot be read, or its input has no size.
    """
    proto = load_file(path).proto
    source, _ = bind(proto, imgsz)
    graph = proto.graph
    image = next(v for v in graph.input if v.name == source.input)
    shape = image.type.tensor_type.shape.dim
    for dim, size in zip(shape, source.view.shape, strict=True):
        dim.Clear()
        dim.dim_value = size
    del graph.input[:]
    graph.input.append(image)
    del graph.value_info[:]
    for output in graph.output:
        output.type.tensor_type.ClearField("shape")
    proto.ir_version = max(proto.ir_version, _CONSTANT_WEIGHTS_IR)
    return proto
