"""The network in a model file: read, or known from before."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from skipvid.models.plans import Facts, PlanCache
from skipvid.plan import Plan

if TYPE_CHECKING:
    from skipvid.graph import LoadedModel

__all__ = ["Network"]

Size = tuple[int, int]


class Network:
    """The network in a model file, at any input size.

    The file is read where its plan is not among those that were made before, and then once only as long as one size is asked
    for: what was read makes the first plan, and is let go of with it.

    Args:
        path: The file.
        cache: Plans that were made before; None: none are kept.

    Raises:
        GraphError: The file cannot be read, or is no model.
    """

    def __init__(self, path: Path, cache: PlanCache | None = None) -> None:
        self._path = path
        self._cache = cache
        self._read: LoadedModel | None = None
        known = None
        if cache is not None:
            with suppress(OSError), path.open("rb") as file:  # what is wrong with a file is said by who reads it
                known = cache.facts(hashlib.file_digest(file, "sha256").hexdigest())
        self.facts: Facts = known or _facts(self._file())

    def plan(self, size: Size) -> Plan:
        """The plan at a height and width.

        Raises:
            GraphError: The file cannot be read, or its graph cannot be executed.
        """
        if self._cache is not None and self._read is None:
            kept = self._cache.plan(self.facts.sha256, size)
            if kept is not None:
                return kept
        from skipvid.graph import load_plan

        read, self._read = self._file(), None
        plan = load_plan(read, size)
        if self._cache is not None and read.complete:
            self._cache.keep(_facts(read), size, plan)  # of what was read: read again, the file may be another
        return plan

    def _file(self) -> LoadedModel:
        from skipvid.graph import load_file

        if self._read is None:
            self._read = load_file(self._path)
        return self._read


def _facts(read: LoadedModel) -> Facts:
    """What a file that was read says besides its network."""
    from skipvid.graph import declared_size

    return Facts(read.sha256, declared_size(read), {entry.key: entry.value for entry in read.proto.metadata_props})
