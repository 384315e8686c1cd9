"""Plans that were made before: making one takes the larger part of a short run's start.

Kept in the cache folder by the digest of the model's file and the input size, for the very sources of this package that made
them. What is damaged, of another version or cannot be written is made anew without a word: a cache is never missed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import skipvid
from skipvid.errors import OutputError
from skipvid.plan import Plan

__all__ = ["Facts", "PlanCache"]

Size = tuple[int, int]

_MOST_BYTES, _MOST_PLANS = 256 << 20, 64  # of all plans together; the one used longest ago goes first
_MAKERS = ("graph", "plan")  # folders of the package whose sources decide what a plan is


@dataclass(frozen=True)
class Facts:
    """What a model file says besides its network.

    Attributes:
        sha256: Digest of the file.
        declared: Height and width that it declares for its input, or None.
        metadata: Its own notes.
    """

    sha256: str
    declared: Size | None
    metadata: Mapping[str, str]


class PlanCache:
    """Plans of models whose files hold all of their weights.

    Args:
        folder: Where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def facts(self, sha256: str) -> Facts | None:
        """The facts of the file with this digest, if they were kept."""
        try:
            kept = json.loads(self._facts_path(sha256).read_text("utf-8"))
            declared = kept["declared"]
            metadata = {str(k): str(v) for k, v in kept["metadata"].items()}
            return Facts(sha256, None if declared is None else (int(declared[0]), int(declared[1])), metadata)
        except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
            return None

    def plan(self, sha256: str, size: Size) -> Plan | None:
        """The plan of the file with this digest at a height and width, if it was kept."""
        path = self._plan_path(sha256, size)
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        from skipvid.plan.stored import parse_plan

        try:
            plan = parse_plan(data)
        except ValueError:
            return None
        return plan if plan.sha256 == sha256 else None

    def keep(self, facts: Facts, size: Size, plan: Plan) -> None:
        """Keep a plan, and what its file says."""
        if _stamp() is None:
            return
        from skipvid.plan.stored import dump_plan
        from skipvid.stats.files import write_atomically

        data = dump_plan(plan)
        if len(data) > _MOST_BYTES:
            return
        with suppress(OSError, OutputError):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._make_room(len(data))
            write_atomically(self._facts_path(facts.sha256), json.dumps(asdict(facts)).encode())
            write_atomically(self._plan_path(facts.sha256, size), data)

    def _facts_path(self, sha256: str) -> Path:
        return self._folder / f"{sha256[:32]}.{_stamp()}.json"

    def _plan_path(self, sha256: str, size: Size) -> Path:
        return self._folder / f"{sha256[:32]}.{_stamp()}.{size[0]}x{size[1]}.plan"

    def _make_room(self, size: int) -> None:
        # With what a process that was killed left half written.
        kept = sorted((p.stat().st_mtime, p.stat().st_size, p) for p in self._folder.glob("*.plan*"))
        total = sum(length for _, length, _ in kept) + size
        for i, (_, length, path) in enumerate(kept):
            if total <= _MOST_BYTES and len(kept) - i < _MOST_PLANS:
                break
            model, stamp, _ = path.name.split(".", 2)
            path.unlink(missing_ok=True)
            (self._folder / f"{model}.{stamp}.json").unlink(missing_ok=True)  # the model's file will be read again
            total -= length


@cache
def _stamp() -> str | None:
    """Names the sources that make plans, as they are on this disk; None where they are in no folder."""
    package = Path(skipvid.__file__).parent
    sources = sorted(path for name in _MAKERS for path in (package / name).rglob("*.py"))
    if not sources:
        return None
    states = [(str(path.relative_to(package)), (s := path.stat()).st_size, s.st_mtime_ns) for path in sources]
    return hashlib.sha256(repr(states).encode()).hexdigest()[:12]
