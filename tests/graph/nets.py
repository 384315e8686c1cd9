"""Small ONNX graphs, written down in a few lines each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    """A graph under construction. Every method answers with the name of the tensor it adds."""

    def __init__(self, opset: int = 13, shape: Sequence[int | str] = (1, 3, 12, 16), seed: int = 0) -> None:
        self.opset = opset
        self.inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, list(shape))]
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.rng = np.random.default_rng(seed)
        self.count = 0

    def const(self, value: Any, dtype: Any = np.float32) -> str:
        self.count += 1
        name = f"k{self.count}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def ints(self, *values: int) -> str:
        return self.const(list(values), np.int64)

    def weight(self, *shape: int) -> str:
        return self.const(self.rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]) or 1))

    def op(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        self.count += 1
        names = [f"t{self.count}"] if outputs == 1 else [f"t{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, f"{kind}_{self.count}", **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x: str, cin: int, cout: int, k: int = 1, groups: int = 1, **attributes: Any) -> str:
        attributes.setdefault("pads", [k // 2] * 4)
        if "auto_pad" in attributes:
            del attributes["pads"]
        return str(self.op("Conv", x, self.weight(cout, cin // groups, k, k), self.weight(cout), group=groups, **attributes))

    def bn(self, x: str, c: int, **attributes: Any) -> str:
        values = [self.const(self.rng.uniform(0.5, 1.5, c)) for _ in range(4)]
        return str(self.op("BatchNormalization", x, *values, **attributes))

    def model(self, *outputs: str) -> onnx.ModelProto:
        results = [helper.make_empty_tensor_value_info(n) for n in outputs]
        graph = helper.make_graph(self.nodes, "net", self.inputs, results, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
