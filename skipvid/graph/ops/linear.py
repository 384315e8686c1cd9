"""Gemm and MatMul with constant weights: 1x1 convolutions, or one whole-map convolution behind a flatten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.graph.lowering import Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.ops.runs import along_channels
from skipvid.graph.registry import Rule
from skipvid.graph.values import Atom, Known, NotIncrementalError, Value, View, canonical
from skipvid.plan import Conv, FloatArray

__all__ = ["RULES"]


def _linear(low: Lowering, view: View, weight: NDArray[np.float32], bias: FloatArray, axis: int = -1) -> View:
    """``x @ weight + bias`` along a dimension of a view, the last unless it runs over the channels; ``weight`` is
    ``(inputs, outputs)``."""
    spec = low.spec(view)
    axis %= len(view.dims)
    inputs, outputs = weight.shape
    last = view.dims[axis]
    if view.shape[axis] != inputs:
        message = f"weights of {inputs} rows for a dimension of {view.shape[axis]}"
        raise NotIncrementalError(message)
    some = bool(last) and all(a.axis == "c" for a in last) and inputs < spec.channels
    if some or last == canonical([Atom("c", spec.channels)]):
        return along_channels(low, view, axis, np.ascontiguousarray(weight.T), bias)
    if axis != len(view.dims) - 1 or any(view.dims[:-1]):
        message = "multiplies along a dimension that is not the channels"
        raise NotIncrementalError(message)
    # Everything is flattened into one vector: each row of the matrix belongs to one element of the map.
    split = weight.reshape(*[a.size for a in last], outputs)
    order = sorted(range(len(last)), key=lambda i: ("chw".index(last[i].axis), -last[i].stride))
    block = np.transpose(split, [*order, len(last)]).reshape(spec.channels, spec.height, spec.width, outputs)
    kernel = np.ascontiguousarray(np.transpose(block, (3, 0, 1, 2)))
    y = low.emit(Conv, [spec.name], (1, 1, outputs), weight=kernel, bias=bias)
    return View(y.base, (*view.dims[:-1], canonical([Atom("c", outputs)])))


def gemm(node: Node, low: Lowering) -> Sequence[Value]:
    view = low.view(node.inputs[0])
    weight, bias = low.known(node, 1), low.known(node, 2)
    if weight is None or len(view.dims) != 2 or view.shape[0] != 1 or node.attr("transA", 0):
        message = "a product of two matrices"
        raise NotIncrementalError(message)
    matrix = weight.T if node.attr("transB", 0) else weight
    matrix = matrix.astype(np.float32) * np.float32(node.attr("alpha", 1.0))
    outputs = matrix.shape[1]
    offset = np.zeros(outputs, np.float32) if bias is None else np.broadcast_to(bias, (1, outputs)).reshape(-1)
    return [_linear(low, view, matrix, (offset * np.float32(node.attr("beta", 1.0))).astype(np.float32))]


def matmul(node: Node, low: Lowering) -> Sequence[Value]:
    left = low.values[node.inputs[0]]
    if isinstance(left, Known):
        return [_from_left(low, left.array, low.view(node.inputs[1]))]
    weight = low.known(node, 1)
    view = low.view(node.inputs[0])
    if weight is not None and weight.ndim == 1 and len(view.dims) > 1:
        sums = _linear(low, view, weight.astype(np.float32)[:, None], np.zeros(1, np.float32))
        return [View(sums.base, sums.dims[:-1])]
    if weight is None or weight.ndim != 2 or len(view.dims) < 2:
        message = "a product of two tensors"
        raise NotIncrementalError(message)
    return [_linear(low, view, weight.astype(np.float32), np.zeros(weight.shape[1], np.float32))]


def _from_left(low: Lowering, weight: NDArray[Any], view: View) -> View:
    """``weight @ x``: a matrix along the second dimension from the end, such as embeddings that a map is compared with."""
    extra = weight.shape[:-2]
    if weight.ndim < 2 or weight.ndim > len(view.dims) or any(n != 1 for n in extra):
        message = "a product of two tensors"
        raise NotIncrementalError(message)
    matrix = weight.reshape(-1, weight.shape[-1]).T.astype(np.float32)
    return _linear(low, view, matrix, np.zeros(matrix.shape[1], np.float32), -2)


_RULE = "constant right operand; along channels, or of a flattened map"
_EITHER = "one operand constant, a matrix; along channels, or of a flattened map"
RULES = (
    Rule("Gemm", gemm, "Conv", _RULE, multiplies=True),
    Rule("MatMul", matmul, "Conv", _EITHER, multiplies=True),
)
