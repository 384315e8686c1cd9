"""The operator registry: which ONNX operator is lowered by which rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from skipvid.graph.lowering import Lowering
    from skipvid.graph.nodes import Node
    from skipvid.graph.values import Value

__all__ = ["LowerFunction", "Rule", "collect"]

LowerFunction: TypeAlias = "Callable[[Node, Lowering], Sequence[Value]]"


@dataclass(frozen=True)
class Rule:
    """How one ONNX operator becomes part of a plan.

    Attributes:
        op: ONNX operator of the default domain.
        lower: Answers with the values of the node's outputs, or raises `NotIncrementalError`.
        form: What it becomes in the plan, for the table of operators.
        restrictions: What keeps it from being incremental, for the same table.
        opsets: Operator set versions.
        multiplies: Whether it executes multiply-accumulates.
    """

    op: str
    lower: LowerFunction
    form: str
    restrictions: str = ""
    opsets: str = "7-21"
    multiplies: bool = False


def collect(*families: Iterable[Rule]) -> Mapping[str, Rule]:
    """One read-only registry of all families.

    Raises:
        ValueError: Two rules claim the same operator.
    """
    rules: dict[str, Rule] = {}
    for family in families:
        for rule in family:
            if rule.op in rules:
                message = f"two rules for the ONNX operator {rule.op}"
                raise ValueError(message)
            rules[rule.op] = rule
    return MappingProxyType(rules)
