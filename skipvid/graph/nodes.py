"""ONNX nodes with their attributes as Python values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import onnx

__all__ = ["Node", "outer_names"]


@dataclass(frozen=True, eq=False)
class Node:
    """One node of the graph.

    Attributes:
        proto: The node as it stands in the file.
        opset: Version of its operator set.
        name: Unique: the node's own name, else that of its first output.
    """

    proto: onnx.NodeProto
    opset: int
    name: str

    @property
    def op(self) -> str:
        return self.proto.op_type

    @property
    def domain(self) -> str:
        return self.proto.domain

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        return tuple(self.proto.input)

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        return tuple(self.proto.output)

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """All tensors the node depends on: its inputs and what its subgraphs take from outside."""
        return tuple(n for n in (*self.inputs, *outer_names(self.proto)) if n)

    @cached_property
    def _attributes(self) -> dict[str, onnx.AttributeProto]:
        return {a.name: a for a in self.proto.attribute}

    def has(self, name: str) -> bool:
        return name in self._attributes

    def attr(self, name: str, default: Any = None) -> Any:
        """The attribute's value, text as str; ``default`` where it is absent."""
        found = self._attributes.get(name)
        if found is None:
            return default
        value = onnx.helper.get_attribute_value(found)
        return value.decode() if isinstance(value, bytes) else value

    def ints(self, name: str, default: Sequence[int]) -> tuple[int, ...]:
        return tuple(int(v) for v in self.attr(name, default))


def outer_names(proto: onnx.NodeProto) -> Iterator[str]:
    """Tensors that the subgraphs of a node take from the surrounding graph."""
    for attribute in proto.attribute:
        graphs = [attribute.g] if attribute.type == onnx.AttributeProto.GRAPH else list(attribute.graphs)
        for graph in graphs:
            inner = {v.name for v in graph.input} | {t.name for t in graph.initializer}
            inner |= {o for n in graph.node for o in n.output}
            for node in graph.node:
                yield from (n for n in (*node.input, *outer_names(node)) if n and n not in inner)
            yield from (v.name for v in graph.output if v.name not in inner)
