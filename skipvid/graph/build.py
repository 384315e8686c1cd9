"""From an ONNX model to a plan."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import onnx

from skipvid.errors import GraphError
from skipvid.graph.binding import bind, declared
from skipvid.graph.draft import Draft, Pending
from skipvid.graph.fold import lone_model, quiet_session
from skipvid.graph.gates import gate_points
from skipvid.graph.interpret import Source, find_policy
from skipvid.graph.loader import LoadedModel, load_file, normalise
from skipvid.graph.lowering import DenseNode, Lowering
from skipvid.graph.partition import IslandParts, TailParts, cut_tail, form_islands, tail_macs
from skipvid.graph.passes import optimise
from skipvid.graph.submodel import submodel
from skipvid.graph.values import Value, View
from skipvid.plan import Island, Op, Plan, Tail

__all__ = ["build_plan", "declared_size", "load_plan"]


def load_plan(model: Path | str | LoadedModel, imgsz: tuple[int, int] | None = None) -> Plan:
    """Turns an ``.onnx`` file into a plan.

    Args:
        model: The file, or what `skipvid.graph.loader.load_file` read of it; that is not changed.
        imgsz: Height and width of the network's input; None for what the file declares.

    Raises:
        GraphError: The file cannot be read, or its graph cannot be executed.
    """
    return _plan(_loaded(model), imgsz)


def build_plan(model: onnx.ModelProto, imgsz: tuple[int, int] | None = None, sha256: str | None = None) -> Plan:
    """Turns a model in memory into a plan; the model is not changed.

    Args:
        model: The model, weights inside.
        imgsz: As in `load_plan`.
        sha256: Digest of the file it came from; None for that of the serialised model.

    Raises:
        GraphError: The graph cannot be executed.
    """
    digest = sha256 or hashlib.sha256(model.SerializeToString(deterministic=True)).hexdigest()
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    proto, notes = normalise(copy, "The model")
    return _plan(LoadedModel(proto, digest, notes), imgsz)


def declared_size(model: Path | str | LoadedModel) -> tuple[int, int] | None:
    """Height and width that a file declares for its input, or None where it leaves them open.

    Raises:
        GraphError: The file cannot be read.
    """
    return declared(_loaded(model).proto)


def _loaded(model: Path | str | LoadedModel) -> LoadedModel:
    return model if isinstance(model, LoadedModel) else load_file(model)


def _plan(loaded: LoadedModel, imgsz: tuple[int, int] | None) -> Plan:
    source, notes = bind(loaded.proto, imgsz)
    left: dict[str, str] = {}
    while True:
        low, draft, tail, islands = _lower(source, left)
        stuck = {_node_of(low, op): f"{op.function} outside of an activation" for op in draft if isinstance(op, Pending)}
        if not stuck:
            break
        left |= stuck
    ops = _finish_islands(draft, islands, low)
    kept = {source.spec.name, *(t for op in ops for t in op.outputs)}
    tensors = {n: t for n, t in draft.tensors.items() if n in kept}
    final = _finish_tail(draft, tail, low)
    _check_runs(low, tail, [(op, parts) for op, parts in islands], final, ops)
    return Plan(
        input=source.spec,
        tensors=tensors,
        ops=tuple(ops),
        maps={name: draft.resolve(base) for name, base in tail.maps.items()},
        tail=final,
        outputs=source.outputs,
        gates=gate_points(ops, tensors, source.spec.name),
        sha256=loaded.sha256,
        notes=(*loaded.notes, *notes),
    )


def _lower(source: Source, left: Mapping[str, str]) -> tuple[Lowering, Draft, TailParts, list[tuple[Island, IslandParts]]]:
    low = find_policy(source, left)
    tail = cut_tail(low)
    islands = form_islands(low)
    roots = {*tail.maps.values(), *(v.base for v in tail.values.values() if isinstance(v, View))}
    draft = Draft([*low.ops, *(island for island, _ in islands)], low.tensors, source.spec.name, roots)
    optimise(draft)
    return low, draft, tail, islands


def _node_of(low: Lowering, op: Op) -> str:
    return low.origin[op.name]


def _resolved(values: Mapping[str, Value], draft: Draft) -> dict[str, Value]:
    return {n: replace(v, base=draft.resolve(v.base)) if isinstance(v, View) else v for n, v in values.items()}


def _finish_islands(draft: Draft, islands: list[tuple[Island, IslandParts]], low: Lowering) -> list[Op]:
    parts = {island.name: p for island, p in islands}
    ops: list[Op] = []
    for op in draft.sorted():
        if isinstance(op, Island):
            own = parts[op.name]
            renamed = dict(zip(own.names, op.outputs, strict=True))
            nodes = [d.node for d in own.nodes]
            values = _resolved(own.values, draft)
            inputs, model = submodel(nodes, values, draft.tensors, own.names, low.opsets, renamed)
            op = replace(op, inputs=inputs, model=model)
        ops.append(op)
    return ops


def _finish_tail(draft: Draft, tail: TailParts, low: Lowering) -> Tail | None:
    if not tail.outputs:
        return None
    nodes = [d.node for d in tail.nodes]
    inputs, model = submodel(nodes, _resolved(tail.values, draft), draft.tensors, tail.outputs, low.opsets)
    proto = onnx.load_model_from_string(model)
    return Tail(inputs, tail.outputs, model, tuple(n.op_type for n in proto.graph.node), tail_macs(low, tail))


def _check_runs(
    low: Lowering, tail: TailParts, islands: list[tuple[Island, IslandParts]], final: Tail | None, ops: list[Op]
) -> None:
    """Raises one error that lists every operator ONNX Runtime cannot execute either."""
    suspects: list[DenseNode] = []
    reasons: list[str] = []
    built = {op.name: op.model for op in ops if isinstance(op, Island)}
    models = [(built[i.name], p.nodes) for i, p in islands if i.name in built]
    if final is not None:
        models.append((final.model, tail.nodes))
    for model, nodes in models:
        try:
            quiet_session(model)
        except Exception as error:  # ONNX Runtime has a type per failure
            suspects.extend(nodes)
            reasons.append(str(error).split("\n")[0])
    if not reasons:
        return
    broken = [f"{d.node.op} ({d.node.name}): {why}" for d in dict.fromkeys(suspects) if (why := _fault(d, low))]
    listed = "; ".join(broken or reasons)
    message = f"The model has operators that run neither incrementally nor in ONNX Runtime: {listed}."
    raise GraphError(message, "Export the model without them, for example without its post-processing.")


def _fault(dense: DenseNode, low: Lowering) -> str:
    """Why ONNX Runtime refuses a node on its own; empty where it does not."""
    node = dense.node
    try:
        quiet_session(lone_model(node, low.values, low.opsets))
    except Exception as error:  # as above
        return str(error).split("\n")[0]
    return ""
