"""ONNX models of parts of a graph: the decode tail and dense islands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from skipvid.graph.fold import IR_VERSION
from skipvid.graph.nodes import Node
from skipvid.graph.values import Known, Value, View, atoms_of
from skipvid.plan import TensorSpec

__all__ = ["lay_out", "submodel"]


def lay_out(name: str, view: View, spec: TensorSpec) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Nodes that turn a map, ``(1, C, H, W)`` under its name, into the ONNX tensor ``name`` that is a view of it."""
    atoms = atoms_of(view)
    stored = sorted(range(len(atoms)), key=lambda i: ("chw".index(atoms[i].axis), -atoms[i].stride))
    order = [stored.index(i) for i in range(len(atoms))]
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []
    at = spec.name
    shape: tuple[int, ...] = (1, spec.channels, spec.height, spec.width)

    def step(op: str, target: tuple[int, ...] | None = None, **attributes: Any) -> None:
        nonlocal at
        result = f"{name}@{len(nodes)}"
        inputs = [at]
        if target is not None:
            constants.append(numpy_helper.from_array(np.asarray(target, np.int64), f"{result}@shape"))
            inputs.append(f"{result}@shape")
        nodes.append(helper.make_node(op, inputs, [result], **attributes))
        at = result

    if order != sorted(order):
        split = tuple(atoms[i].size for i in stored)
        if split != shape:
            step("Reshape", split)
        step("Transpose", perm=order)
        shape = tuple(a.size for a in atoms)
    if shape != view.shape:
        step("Reshape", view.shape)
    if not nodes and at != name:
        step("Identity")
    if nodes:
        nodes[-1].output[0] = name
    return nodes, constants


def submodel(
    nodes: Iterable[Node],
    values: Mapping[str, Value],
    tensors: Mapping[str, TensorSpec],
    outputs: Sequence[str],
    opsets: Sequence[onnx.OperatorSetIdProto],
    renamed: Mapping[str, str] | None = None,
) -> tuple[tuple[str, ...], bytes]:
    """A model from maps to ONNX tensors.

    Args:
        nodes: Dense nodes, in order.
        values: What they, or the outputs, read from outside: views (with bases in ``tensors``) and constants.
        tensors: Maps by name.
        outputs: ONNX tensors to answer with.
        opsets: Operator sets of the model.
        renamed: Names of outputs in the model, where they differ.

    Returns:
        The names of the maps it reads, and the serialised model.
    """
    body: list[onnx.NodeProto] = []
    constants: dict[str, onnx.TensorProto] = {}
    inputs: dict[str, None] = {}
    for name, value in values.items():
        if isinstance(value, Known):
            held = f"{name}@value" if name in outputs else name  # an initialiser cannot be an output itself
            constants[held] = numpy_helper.from_array(value.array, held)
            if held != name:
                body.append(helper.make_node("Identity", [held], [name]))
        elif isinstance(value, View):
            inputs[value.base] = None
            steps, extra = lay_out(name, value, tensors[value.base])
            body.extend(steps)
            constants |= {t.name: t for t in extra}
    body.extend(n.proto for n in nodes)
    results = []
    for name in outputs:
        final = (renamed or {}).get(name, name)
        if final != name:
            body.append(helper.make_node("Identity", [name], [final]))
        results.append(helper.make_empty_tensor_value_info(final))
    infos = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, (1, tensors[n].channels, tensors[n].height, tensors[n].width))
        for n in inputs
    ]
    graph = helper.make_graph(body, "part", infos, results, list(constants.values()))
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    return tuple(inputs), model.SerializeToString(deterministic=True)
