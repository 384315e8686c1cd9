"""ONNX Runtime on the model file itself, to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from skipvid.engine.island import OnnxPart
from skipvid.errors import GraphError
from skipvid.plan import FloatArray, Plan
from skipvid.tune.kinds import Kind, kinds

__all__ = ["OnnxPeer"]

Outputs = dict[str, np.ndarray[Any, Any]]


class OnnxPeer:
    """A model file bound to the input size of a plan.

    Args:
        model: The model, as `skipvid.graph.loader` reads it; it is not changed.
        plan: The plan made of it.

    Raises:
        GraphError: If the model has no input for images.
    """

    def __init__(self, model: onnx.ModelProto, plan: Plan) -> None:
        self._outputs = plan.outputs
        bound = _bound(model, plan)
        self._model = bound
        image = _image(bound)
        self._channels_last = [d.dim_value for d in image.type.tensor_type.shape.dim][1:] == [
            plan.input.height,
            plan.input.width,
            plan.input.channels,
        ]
        serialised = bound.SerializeToString()
        self._part = OnnxPart(serialised, (image.name,), plan.outputs)
        self._literal = OnnxPart(serialised, (image.name,), plan.outputs, optimise=False)

    @classmethod
    def from_file(cls, path: Path | str, plan: Plan) -> OnnxPeer:
        """The peer of a plan that was loaded from ``path``."""
        from skipvid.graph.loader import load_file

        return cls(load_file(path).proto, plan)

    def __call__(self, x: FloatArray) -> Outputs:
        """Every output by its name for a network input ``(1, C, H, W)``."""
        return self._run(self._part, x)

    def variants(self, x: FloatArray) -> list[Outputs]:
        """The same twice more: without rewriting the network first, and for an input that is off by the last bit.

        The first adds up in another order and approximates functions in another way; the second is what the network makes of one
        rounding.
        """
        signs = np.random.default_rng(0).integers(0, 2, x.shape).astype(bool)
        nudged = np.nextafter(x, np.where(signs, np.float32(np.inf), np.float32(-np.inf)))
        return [self._run(self._literal, x), self._run(self._part, nudged)]

    def _run(self, part: OnnxPart, x: FloatArray) -> Outputs:
        fed = np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if self._channels_last else x
        return dict(zip(self._outputs, part([fed]), strict=True))

    def kinds(self) -> dict[str, Sequence[Kind]]:
        """The channel groups of every output, see `skipvid.tune.kinds`."""
        return kinds(self._model)


def _image(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    constant = {t.name for t in model.graph.initializer}
    inputs: list[onnx.ValueInfoProto] = [v for v in model.graph.input if v.name not in constant]
    used = {name for node in model.graph.node for name in node.input}
    images = [v for v in inputs if v.name in used] or inputs
    if not images:
        message = "the model has no input for images."
        raise GraphError(message, "Use a model that takes images.")
    return images[0]


def _bound(model: onnx.ModelProto, plan: Plan) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    dims = _image(copy).type.tensor_type.shape.dim
    channels, height, width = plan.input.channels, plan.input.height, plan.input.width
    last = dims[3].dim_value in (1, 3, 4) and dims[1].dim_value not in (1, 3, 4)
    for dim, size in zip(dims, (1, height, width, channels) if last else (1, channels, height, width), strict=True):
        dim.Clear()
        dim.dim_value = size
    # What the file says of later shapes belongs to its own size.
    del copy.graph.value_info[:]
    for output in copy.graph.output:
        output.type.tensor_type.ClearField("shape")
    return copy
