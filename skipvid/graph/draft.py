"""The operators of a plan while passes rewrite them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from skipvid.plan import IDENTITY, Act, Activation, Op, TensorSpec

__all__ = ["Draft", "Pending", "activation_of", "with_activation"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Pending(Op):
    """A pointwise function that exists only while it waits to be recognised as a part of another one.

    Attributes:
        function: ``erf`` or ``log``.
    """

    function: str


class Draft:
    """A list of operators that can be rewritten in place.

    Args:
        ops: The operators, in execution order.
        tensors: All maps by name.
        input: The network's input map.
        roots: Maps that must survive under their name, because something outside the operators reads them.
    """

    def __init__(self, ops: Iterable[Op], tensors: Mapping[str, TensorSpec], input: str, roots: Iterable[str]) -> None:
        self.tensors = dict(tensors)
        self.input = input
        self.roots = set(roots)
        self.alias: dict[str, str] = {}
        self._ops: dict[str, Op] = {}
        self._writer: dict[str, str] = {}
        self._readers: dict[str, dict[str, None]] = {}
        for op in ops:
            self._add(op)

    def __iter__(self) -> Iterator[Op]:
        """The operators as they are now; they may be rewritten while iterating."""
        for name in list(self._ops):
            if name in self._ops:
                yield self._ops[name]

    def producer(self, tensor: str) -> Op | None:
        name = self._writer.get(tensor)
        return None if name is None else self._ops[name]

    def readers(self, tensor: str) -> list[Op]:
        return [self._ops[n] for n in self._readers.get(tensor, ())]

    def sole_reader(self, tensor: str) -> Op | None:
        """The only operator that reads a map nothing else needs."""
        readers = self.readers(tensor)
        return readers[0] if len(readers) == 1 and tensor not in self.roots else None

    def replace(self, old: Op, new: Op) -> None:
        """Puts an operator of the same name in another's place."""
        self._forget(old)
        self._add(new)

    def remove(self, op: Op) -> None:
        self._forget(op)
        del self._ops[op.name]

    def substitute(self, op: Op, tensor: str) -> None:
        """Removes an operator whose result equals another map."""
        gone = op.output
        self.remove(op)
        for reader in self.readers(gone):
            self.replace(reader, replace(reader, inputs=tuple(tensor if n == gone else n for n in reader.inputs)))
        self.alias[gone] = tensor
        if gone in self.roots:
            self.roots.discard(gone)
            self.roots.add(tensor)

    def resolve(self, tensor: str) -> str:
        while tensor in self.alias:
            tensor = self.alias[tensor]
        return tensor

    def prune(self) -> None:
        """Removes operators that nothing needs."""
        for op in reversed(list(self._ops.values())):
            if not any(self._readers.get(t) or t in self.roots for t in op.outputs):
                self.remove(op)

    def sorted(self) -> list[Op]:
        """The operators, every one after those it reads from, otherwise in their present order."""
        position = {name: i for i, name in enumerate(self._ops)}
        missing = {name: len({self._writer[t] for t in op.inputs if t in self._writer}) for name, op in self._ops.items()}
        ready = [position[name] for name, count in missing.items() if count == 0]
        heapq.heapify(ready)
        ordered, by_position = [], list(self._ops.values())
        while ready:
            op = by_position[heapq.heappop(ready)]
            ordered.append(op)
            for name in dict.fromkeys(n for t in op.outputs for n in self._readers.get(t, ())):
                missing[name] -= 1
                if not missing[name]:
                    heapq.heappush(ready, position[name])
        return ordered

    def _add(self, op: Op) -> None:
        self._ops[op.name] = op
        for tensor in op.outputs:
            self._writer[tensor] = op.name
        for tensor in op.inputs:
            self._readers.setdefault(tensor, {})[op.name] = None

    def _forget(self, op: Op) -> None:
        for tensor in op.outputs:
            if self._writer.get(tensor) == op.name:
                del self._writer[tensor]
        for tensor in op.inputs:
            self._readers.get(tensor, {}).pop(op.name, None)


def activation_of(op: Op | None) -> Activation | None:
    """The activation field of an operator that has one."""
    found = getattr(op, "activation", None)
    return found if isinstance(found, Activation) else None


def with_activation(op: Op, activation: Activation, output: str) -> Op:
    """The operator with an activation taken in, writing ``output``."""
    assert getattr(op, "activation", IDENTITY).kind is Act.IDENTITY
    return replace(op, activation=activation, output=output)  # type: ignore[call-arg]
