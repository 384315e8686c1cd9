"""What ``run.json`` says about a run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from skipvid.pipeline import facts
from skipvid.pipeline.config import RunConfig
from skipvid.pipeline.observer import Status
from skipvid.pipeline.setup import Setup
from skipvid.pipeline.tally import Tally
from skipvid.stats import files
from skipvid.video.inputs import is_url
from skipvid.video.live import without_password
from skipvid.video.source import Source

__all__ = ["FORMAT", "Record", "public_name"]

FORMAT = 1


def public_name(source: str) -> str:
    """A source as it may be printed and stored: an address without its password."""
    return without_password(source) if is_url(source) else source


class Record:
    """Keeps ``run.json``: written when the run starts, replaced when it ends.

    Args:
        folder: Of the run.
        config: What was asked for.
        source: The video.
        setup: What was made of it.
    """

    def __init__(self, folder: Path, config: RunConfig, source: Source, setup: Setup) -> None:
        self._folder, self._config, self._source, self._setup = folder, config, source, setup
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._fixed = {"versions": facts.versions(), "machine": facts.machine()}

    def write(
        self, status: Status, tally: Tally, notices: Sequence[str] = (), seconds: float = 0.0, error: str | None = None
    ) -> None:
        """Replace the file.

        Raises:
            OutputError: It cannot be written; the old one stays.
        """
        ended = None if status is Status.RUNNING else datetime.now(UTC).isoformat(timespec="seconds")
        files.write_run(
            self._folder,
            {
                "format": FORMAT,
                "status": status.value,
                "error": error,
                "started": self._started,
                "ended": ended,
                "config": self._config.to_dict() | {"source": public_name(self._config.source)},
                "source": self._describe_source(),
                "model": dict(self._setup.model_facts),
                "gate": self._setup.describe_gate(),
                "ops": self._describe_ops(),
                "notes": list(self._setup.notes),
                "engine": self._setup.engine,
                **self._fixed,
                "totals": tally.to_dict(seconds, self._source.dropped),
                "notices": list(notices),
            },
        )

    def _describe_source(self) -> dict[str, Any]:
        source = self._source
        return {
            "name": source.name,
            "path": None if source.path is None else str(source.path),
            "width": source.width,
            "height": source.height,
            "fps": source.fps,
            "frames": source.frames,
            "live": source.live,
            "file": None if source.facts is None else source.facts.to_dict(),
        }

    def _describe_ops(self) -> dict[str, Any]:
        plan = self._setup.plan
        return {
            "file": files.OPS,
            "names": [op.name for op in plan.ops],
            "kinds": [type(op).__name__ for op in plan.ops],
            "macs": [plan.op_macs[op.name] for op in plan.ops],
        }
