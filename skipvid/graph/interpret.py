"""Walks an ONNX graph once and finds out, for every node, whether it is constant, incremental or dense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import numpy_helper

from skipvid.graph.fold import constant_of, evaluate, infer
from skipvid.graph.joined import join, lower_parts
from skipvid.graph.lowering import DenseNode, Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.ops import REGISTRY
from skipvid.graph.values import Dense, Known, NotIncrementalError, View
from skipvid.plan import Op, TensorSpec

__all__ = ["Policy", "Source", "find_policy", "interpret"]


@dataclass(frozen=True, eq=False)
class Source:
    """A model that is checked and bound to a size.

    Attributes:
        nodes: In topological order.
        initializers: Constants by name.
        input: ONNX name of the image.
        view: The image as a view of the plan's input map.
        spec: The plan's input map.
        outputs: Names of the graph's outputs.
        opsets: Operator sets of the model.
    """

    nodes: tuple[Node, ...]
    initializers: Mapping[str, np.ndarray]
    input: str
    view: View
    spec: TensorSpec
    outputs: tuple[str, ...]
    opsets: tuple[onnx.OperatorSetIdProto, ...]
    cache: dict[str, list[np.ndarray] | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Policy:
    """What an earlier walk found out about a graph.

    Attributes:
        refused: Dense tensors that stay dense although a convolution reads them.
        worth: Tensors from which incremental convolutions can be reached, or None in the first walk.
        left: Nodes left to ONNX Runtime, with the reason.
    """

    refused: frozenset[str] = frozenset()
    worth: frozenset[str] | None = None
    left: Mapping[str, str] = field(default_factory=dict)


def interpret(source: Source, policy: Policy) -> Lowering:
    """One walk over the graph."""
    low = Lowering(source.opsets, lambda name, value, node: _may_enter(policy, low, name, value, node))
    low.outputs = source.outputs
    low.tensors[source.spec.name] = source.spec
    low.values[source.input] = source.view
    for name, array in source.initializers.items():
        low.values[name] = Known(array)
    for node in source.nodes:
        if node.op == "Constant" and not node.domain:
            low.values[node.outputs[0]] = Known(constant_of(node))
    for node in source.nodes:
        if node.op != "Constant" or node.domain:
            _visit(node, low, source, policy)
    return low


def _may_enter(policy: Policy, low: Lowering, name: str, value: Dense, node: Node) -> bool:
    if name in policy.refused:
        return False
    if node.op in ("Conv", "ConvTranspose"):
        return True
    if policy.worth is None:
        return False
    # Elsewhere a dense tensor becomes a map only to meet another one, on the way to a convolution.
    shape = value.shape
    met = [v.shape[2:] for n in node.inputs if isinstance(v := low.values[n], View)]
    return shape is not None and shape[2:] in met and any(o in policy.worth for o in node.outputs)


def _visit(node: Node, low: Lowering, source: Source, policy: Policy) -> None:
    low.begin(node)
    inputs = [low.values[n] for n in node.reads]
    if node.name in policy.left:
        return _leave(node, low, policy.left[node.name])
    if all(isinstance(v, Known) for v in inputs) and not _random(node):
        return _fold(node, low, source)
    if node.op in ("Shape", "Size") and not node.domain and inputs[0].shape is not None:
        return _measure(node, low, inputs[0].shape)
    if node.op == "If" and not node.domain and isinstance(inputs[0], Known):
        return _branch(node, low, source, policy)
    rule = None if node.domain else REGISTRY.get(node.op)
    if rule is None:
        return _leave(node, low, "no incremental form" if not node.domain else f"an operator of the domain {node.domain}")
    kept = len(low.ops)
    try:
        results = () if lower_parts(node, low, rule) else rule.lower(node, low)
    except NotIncrementalError as error:
        return None if join(node, low) else _leave(node, low, str(error))
    except (ValueError, IndexError, KeyError, TypeError, AssertionError, ZeroDivisionError) as error:
        return _leave(node, low, f"not understood: {error}")
    for name, value in zip(node.outputs, results, strict=False):
        if name:
            low.values[name] = value
    if rule.multiplies:
        low.multiplying.append((node, low.ops[kept:]))
    return None


def _branch(node: Node, low: Lowering, source: Source, policy: Policy) -> None:
    """An If whose condition is known is the branch it takes."""
    condition = low.values[node.inputs[0]]
    assert isinstance(condition, Known)
    graph = node.attr("then_branch" if condition.array.reshape(-1)[0] else "else_branch")
    for tensor in graph.initializer:
        low.values[tensor.name] = Known(numpy_helper.to_array(tensor))
    taken = [
        onnx.helper.make_node("Identity", [inner.name], [outer]) for inner, outer in zip(graph.output, node.outputs, strict=True)
    ]
    for i, proto in enumerate([*graph.node, *taken]):
        inner = Node(proto, node.opset, f"{node.name}/{proto.name or proto.op_type}:{i}")
        if inner.op == "Constant":
            low.values[inner.outputs[0]] = Known(constant_of(inner))
        else:
            _visit(inner, low, source, policy)


def _random(node: Node) -> bool:
    return node.op.startswith("Random") or node.op in ("Multinomial", "Bernoulli")


def _measure(node: Node, low: Lowering, shape: Sequence[int]) -> None:
    if node.op == "Size":
        low.values[node.outputs[0]] = Known(np.asarray(np.prod(shape), np.int64))
        return
    end = node.attr("end")
    part = list(shape)[int(node.attr("start", 0)) : None if end is None else int(end)]
    low.values[node.outputs[0]] = Known(np.asarray(part, np.int64))


def _fold(node: Node, low: Lowering, source: Source) -> None:
    if node.name not in source.cache:
        source.cache[node.name] = evaluate(node, low.values, source.opsets)
    found = source.cache[node.name]
    if found is None:
        return _leave(node, low, "a constant that cannot be computed beforehand")
    rest = iter(found)
    for name in node.outputs:
        if name:
            low.values[name] = Known(next(rest))
    return None


def _leave(node: Node, low: Lowering, reason: str) -> None:
    found = DenseNode(node, reason)
    shapes = infer(node, low.values, low.opsets)
    for name, value in zip(node.outputs, shapes, strict=True):
        if name:
            low.values[name] = value
            low.dense[name] = found


def reaching(source: Source, targets: set[str]) -> frozenset[str]:
    """All tensors from which a node of ``targets`` (by name) can be reached."""
    worth: set[str] = set()
    for node in reversed(source.nodes):
        if node.name in targets or any(o in worth for o in node.outputs):
            worth.update(node.reads)
    return frozenset(worth)


def find_policy(source: Source, left: Mapping[str, str]) -> Lowering:
    """Walks until it is settled which dense parts are left again.

    A dense tensor becomes a map again in front of a convolution if the dense part keeps the size of a map it reads, as attention
    does, or if at least a twentieth of the arithmetic is done there; the small convolutions of a decode tail stay in the tail.
    """
    first = interpret(source, Policy(left=left))
    if not first.entries:
        return first
    total = sum(_cost(ops, first) for _, ops in first.multiplying) or 1
    refused: set[str] = set()
    for entry in first.entries:
        spec = first.tensors[entry.map]
        read = [first.tensors[v.base] for v in entry.values.values() if isinstance(v, View)]
        gain = sum(_cost(ops, first) for node, ops in first.multiplying if entry.name in node.inputs)
        if (spec.height, spec.width) not in {(t.height, t.width) for t in read} and gain < 0.05 * total:
            refused.add(entry.name)
    behind = _behind(first, {e.map for e in first.entries if e.name in refused})
    kept = {node.name for node, ops in first.multiplying if ops and ops[-1].output not in behind}
    return interpret(source, Policy(frozenset(refused), reaching(source, kept), left))


def _behind(low: Lowering, maps: set[str]) -> set[str]:
    """All maps that depend on some."""
    behind = set(maps)
    dense = {e.map: {v.base for v in e.values.values() if isinstance(v, View)} for e in low.entries}
    size = -1
    while size != len(behind):
        size = len(behind)
        behind.update(name for name, reads in dense.items() if reads & behind)
        for op in low.ops:
            if any(n in behind for n in op.inputs):
                behind.update(op.outputs)
    return behind


def _cost(ops: Sequence[Op], low: Lowering) -> int:
    from skipvid.plan import Conv, ConvTranspose

    return sum(low.tensors[op.output].pixels * op.weight.size for op in ops if isinstance(op, Conv | ConvTranspose))
