"""The parts of a graph that are left to ONNX Runtime: dense islands between maps, and the decode tail behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from skipvid.graph.lowering import DenseNode, Entry, Lowering
from skipvid.graph.nodes import Node
from skipvid.graph.values import Dense, Known, NotIncrementalError, Value, View
from skipvid.plan import Island

__all__ = ["IslandParts", "TailParts", "cut_tail", "form_islands", "tail_macs"]


@dataclass(frozen=True, eq=False)
class IslandParts:
    """What an island's model is made of, once the maps have their final names."""

    names: tuple[str, ...]
    nodes: tuple[DenseNode, ...]
    values: Mapping[str, Value]


@dataclass(frozen=True, eq=False)
class TailParts:
    """What the tail's model is made of, and the graph outputs that are maps."""

    maps: dict[str, str]
    outputs: tuple[str, ...]
    nodes: tuple[DenseNode, ...]
    values: Mapping[str, Value]


def cut_tail(low: Lowering) -> TailParts:
    """Splits the graph's outputs into maps of the plan and results of the tail."""
    maps: dict[str, str] = {}
    rest: list[str] = []
    for name in low.outputs:
        value = low.values[name]
        if isinstance(value, View) and len(value.dims) == 4:
            try:
                maps[name] = low.plain(value).base
                continue
            except NotIncrementalError:
                pass
        rest.append(name)
    nodes, values = low.closure(rest)
    return TailParts(maps, tuple(rest), nodes, values)


def tail_macs(low: Lowering, tail: TailParts) -> int:
    """Multiply-accumulates of one run of the tail."""
    return sum(_macs(d.node, low) for d in tail.nodes)


def _levels(low: Lowering) -> dict[str, int]:
    """How many dense parts lie in front of every map."""
    entries = {e.map: e for e in low.entries}
    written = {t: op for op in low.ops for t in op.outputs}
    level: dict[str, int] = {}
    for start in low.tensors:
        todo = [start]
        while todo:
            name = todo[-1]
            if name in level:
                todo.pop()
                continue
            if name in entries:
                reads = [v.base for v in entries[name].values.values() if isinstance(v, View)]
            else:
                reads = list(written[name].inputs) if name in written else []
            missing = [n for n in reads if n not in level]
            if missing:
                todo.extend(missing)
                continue
            level[name] = max((level[n] for n in reads), default=0) + (name in entries)
            todo.pop()
    return level


def form_islands(low: Lowering) -> list[tuple[Island, IslandParts]]:
    """Joins dense tensors that become maps again into islands: those of one level that share nodes."""
    level = _levels(low)
    groups: list[list[Entry]] = []
    for entry in low.entries:
        mine = {id(n) for n in entry.nodes}
        joined = [
            g for g in groups if level[g[0].map] == level[entry.map] and any(mine & {id(n) for n in other.nodes} for other in g)
        ]
        for g in joined:
            groups.remove(g)
        groups.append([*(e for g in joined for e in g), entry])
    return [_island(low, group) for group in groups]


def _island(low: Lowering, group: list[Entry]) -> tuple[Island, IslandParts]:
    chosen = {id(n) for e in group for n in e.nodes}
    nodes = tuple(dict.fromkeys(d for d in low.dense.values() if id(d) in chosen))
    values = {name: value for e in group for name, value in e.values.items()}
    reasons = dict.fromkeys(f"{d.node.op}: {d.reason}" for d in nodes if not d.reason.startswith("follows"))
    inputs = tuple(dict.fromkeys(v.base for v in values.values() if isinstance(v, View)))
    island = Island(
        name=f"island:{nodes[0].node.name}" if nodes else f"island:{group[0].name}",
        inputs=inputs,
        output=group[0].map,
        extra_outputs=tuple(e.map for e in group[1:]),
        reason="; ".join(reasons),
        nodes=tuple(d.node.op for d in nodes),
        macs=sum(_macs(d.node, low) for d in nodes),
    )
    return island, IslandParts(tuple(e.name for e in group), nodes, values)


def _shape(low: Lowering, name: str) -> tuple[int, ...]:
    value = low.values.get(name)
    if isinstance(value, Known | View | Dense) and value.shape is not None:
        return value.shape
    return ()


def _macs(node: Node, low: Lowering) -> int:
    """Multiply-accumulates of a dense node; 0 where nothing is multiplied or the shape is unknown."""
    out = _shape(low, node.outputs[0])
    first, second = (0, 3) if node.op.startswith("QLinear") else (0, 1)  # operands; quantised ones bring scale and zero point
    match node.op:
        case "Conv" | "ConvInteger" | "QLinearConv":
            return prod(out) * prod(_shape(low, node.inputs[second])[1:])
        case "ConvTranspose":
            return prod(_shape(low, node.inputs[first])) * prod(_shape(low, node.inputs[second])[1:])
        case "MatMul" | "Gemm" | "MatMulInteger" | "QLinearMatMul":
            rows = _shape(low, node.inputs[first])
            return prod(out) * (rows[0 if node.attr("transA", 0) else -1] if rows else 0)
        case _:
            return 0
