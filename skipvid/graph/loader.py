"""Reading a model file: everything that can be wrong with one is found here and explained."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from onnx.inliner import inline_local_functions

from skipvid.errors import GraphError
from skipvid.graph.inputs import simplify_inputs

__all__ = ["LoadedModel", "load_file", "normalise"]

_OLDEST_OPSET = 7
_HALF = (TensorProto.FLOAT16, TensorProto.BFLOAT16)
_EIGHT_BITS = ("QuantizeLinear", "QLinearConv", "ConvInteger", "DynamicQuantizeLinear")


class LoadedModel:
    """A model in memory.

    Attributes:
        proto: The model, weights inside, half precision widened.
        sha256: Digest of the file's bytes.
        notes: Remarks for the user.
        complete: Whether the file held all of it, so that the digest tells it from any other.
    """

    def __init__(self, proto: onnx.ModelProto, sha256: str, notes: tuple[str, ...] = (), complete: bool = True) -> None:
        self.proto = proto
        self.sha256 = sha256
        self.notes = notes
        self.complete = complete


def load_file(path: Path | str) -> LoadedModel:
    """Reads an ``.onnx`` file and its external data.

    Raises:
        GraphError: The file is missing, empty, no ONNX model, or carries weights that cannot be used.
    """
    path = Path(path)
    if not path.is_file():
        message = f"{path} does not exist." if not path.exists() else f"{path} is not a file."
        raise GraphError(message, "Give the path of an .onnx file.")
    try:
        data = path.read_bytes()
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise GraphError(message, "Make the file readable.") from error
    with ThreadPoolExecutor(1, "sha256") as beside:  # takes as long as all the rest
        sha256 = beside.submit(lambda: hashlib.sha256(data).hexdigest())
        proto = _parse(path, data)
        external = _load_external(path, proto)
        proto, notes = normalise(proto, str(path))
        return LoadedModel(proto, sha256.result(), notes, not external)


def _parse(path: Path, data: bytes) -> onnx.ModelProto:
    again = "Download or export it again."
    if not data:
        message = f"{path} is empty."
        raise GraphError(message, again)
    try:
        proto = onnx.load_model_from_string(data)
    except Exception as error:  # protobuf's own exception types differ between its backends
        message = f"{path} is no ONNX model, or a damaged one ({len(data)} bytes)."
        raise GraphError(message, again) from error
    if not proto.graph.node:
        message = f"{path} is no ONNX model: it holds no operators."
        raise GraphError(message, again)
    return proto


def _load_external(path: Path, proto: onnx.ModelProto) -> bool:
    """Reads weights kept beside the model, from inside its folder only; whether there are any."""
    folder, found = path.resolve().parent, False
    for tensor in _tensors(proto.graph):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        found = True
        entries = {e.key: e.value for e in tensor.external_data}
        place = folder / entries.get("location", "")
        if not place.resolve().is_relative_to(folder) or not entries.get("location"):
            message = f"{path}: the weights of {tensor.name} are at {entries.get('location')!r}, outside the model's folder."
            raise GraphError(message, "Use a model whose external data lies beside it.")
        if not place.is_file():
            message = f"{path}: the file {entries['location']} with the weights of {tensor.name} is missing."
            raise GraphError(message, f"Put {entries['location']} into {folder}.")
        start, size = int(entries.get("offset", 0)), int(entries.get("length", 0))
        with place.open("rb") as file:
            file.seek(start)
            raw = file.read(size) if size else file.read()
        if size and len(raw) != size:
            message = f"{path}: {entries['location']} ends before the weights of {tensor.name} do."
            raise GraphError(message, "Download or export both files again.")
        tensor.raw_data = raw
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]
    return found


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            inner = [attribute.g] if attribute.type == onnx.AttributeProto.GRAPH else attribute.graphs
            for sub in inner:
                yield from _graphs(sub)


def _tensors(graph: onnx.GraphProto) -> Iterator[TensorProto]:
    for each in _graphs(graph):
        yield from each.initializer
        for node in each.node:
            for attribute in node.attribute:
                if attribute.type == onnx.AttributeProto.TENSOR:
                    yield attribute.t


def normalise(proto: onnx.ModelProto, label: str) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """Checks the operator set and the weights, widens half precision, simplifies inputs, drops attributes that ONNX abolished.

    Args:
        proto: The model; it is changed in place.
        label: How errors call it.

    Returns:
        The model, and remarks for the user.

    Raises:
        GraphError: The operator set is missing or unsupported, or weights are not finite.
    """
    if proto.functions:
        proto = inline_local_functions(proto)
    _check_opset(proto, label)
    notes = []
    if _widen(proto):
        notes.append("half-precision weights are widened to float32")
    notes += simplify_inputs(proto)
    if any(n.op_type in _EIGHT_BITS for n in proto.graph.node):
        notes.append("what the file rounds to 8 bits or computes in them runs dense; the float network it was made of does not")
    for graph in _graphs(proto.graph):
        for node in graph.node:
            if node.op_type == "BatchNormalization":
                kept = [a for a in node.attribute if a.name != "spatial"]
                del node.attribute[:]
                node.attribute.extend(kept)
    _check_weights(proto, label)
    return proto, tuple(notes)


def _check_opset(proto: onnx.ModelProto, label: str) -> None:
    versions = [o.version for o in proto.opset_import if o.domain in ("", "ai.onnx")]
    newest = onnx.defs.onnx_opset_version()
    if not versions:
        message = f"{label} does not say which ONNX operator set it uses."
        raise GraphError(message, "Export it again with an opset of 11 or later.")
    if not _OLDEST_OPSET <= versions[0] <= newest:
        message = f"{label} uses ONNX operator set {versions[0]}; {_OLDEST_OPSET} to {newest} are supported."
        raise GraphError(message, "Export it again with opset 17.")


def _widen(proto: onnx.ModelProto) -> bool:
    found = False
    for tensor in _tensors(proto.graph):
        if tensor.data_type in _HALF:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))
            found = True
    for graph in _graphs(proto.graph):
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.name in ("to", "dtype") and attribute.i in _HALF and attribute.type == onnx.AttributeProto.INT:
                    attribute.i = TensorProto.FLOAT
        for info in (*graph.input, *graph.output):
            if info.type.tensor_type.elem_type in _HALF:
                info.type.tensor_type.elem_type = TensorProto.FLOAT
                found = True
        del graph.value_info[:]
    return found


def _check_weights(proto: onnx.ModelProto, label: str) -> None:
    for tensor in proto.graph.initializer:
        if tensor.data_type not in (TensorProto.FLOAT, TensorProto.DOUBLE):
            continue
        try:
            array = numpy_helper.to_array(tensor)
        except Exception as error:  # a size that does not fit the shape is a ValueError, or whatever numpy makes of it
            message = f"{label}: the weights of {tensor.name} are damaged: {error}."
            raise GraphError(message, "Download or export it again.") from error
        # Infinity is a sensible bound of a Clip or a mask, never a weight.
        bad = np.isnan(array) if array.size == 1 else ~np.isfinite(array)
        if bad.any():
            kind = "NaN" if np.isnan(array).any() else "infinity"
            message = f"{label}: the weights {tensor.name} hold {kind} in {int(bad.sum())} of {array.size} places."
            raise GraphError(message, "Use a sound copy of the model; this one cannot give sensible results.")
