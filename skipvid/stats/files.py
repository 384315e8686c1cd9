"""The files of a run folder: their names, and how those are written that are replaced as a whole.

=====================  =================================================================================================
``run.json``           one object: configuration, model, versions, machine, source, gates, notices, totals and ``status``
                       (``running``, ``complete``, ``interrupted`` or ``failed``); replaced as a whole, never half-written
``predictions.jsonl``  a row per frame: ``frame``, ``pts`` (s) and ``detections`` (`prediction_row`)
``stats.jsonl``        a row per frame: MACs, update rate, times and refresh reason (`StatsRow`)
``ops.u16``            a record per frame, in the order of ``stats.jsonl``: for each operator of ``run.json``'s ``ops.names`` its
                       update rate times 65535, as a little-endian unsigned 16-bit number
``heat.npy``           ``(h, w)`` float32: mean share of the network recomputed over each part of the picture, per frame
``still.jpg``          one frame of the video to show ``heat.npy`` on (anonymised where the run was)
``annotated.mp4``      the video with what was found, ``heatmap.mp4`` with what was recomputed
=====================  =================================================================================================

Rows, which grow while a run goes on, are written and read by `skipvid.stats.rows`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skipvid.errors import OutputError

__all__ = [
    "ANNOTATED",
    "HEAT",
    "HEATMAP",
    "HEATMAP_FRAMES",
    "OPS",
    "PREDICTIONS",
    "RUN",
    "STATS",
    "STILL",
    "output_error",
    "read_run",
    "write_atomically",
    "write_run",
]

RUN = "run.json"
PREDICTIONS = "predictions.jsonl"
STATS = "stats.jsonl"
OPS = "ops.u16"
HEAT = "heat.npy"
STILL = "still.jpg"
ANNOTATED = "annotated.mp4"
HEATMAP = "heatmap.mp4"
HEATMAP_FRAMES = "heatmap_frames"


def output_error(path: Path, error: OSError) -> OutputError:
    """The error of a file that cannot be written, with the reason the system gives."""
    reason = error.strerror or str(error)
    message = f"{path} cannot be written: {reason[:1].lower()}{reason[1:]}."
    return OutputError(message, "Free space or name another folder with --out.")


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old content or the new one, whatever happens in between.

    Raises:
        OutputError: The file cannot be written; the old content stays.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise output_error(path, error) from error


def write_run(folder: Path, facts: Mapping[str, Any]) -> None:
    """Replace ``run.json``."""
    write_atomically(folder / RUN, (json.dumps(facts, indent=2, ensure_ascii=False, default=str) + "\n").encode())


def read_run(folder: Path) -> dict[str, Any]:
    """The facts of a run.

    Raises:
        OutputError: The folder holds no run, or its ``run.json`` is damaged.
    """
    path = folder / RUN
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        message = f"{folder} is not the folder of a run: it has no {RUN}."
        raise OutputError(message, "Name a folder that `skipvid run` wrote.") from error
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read: {error}."
        raise OutputError(message, "Repeat the run.") from error
    if not isinstance(facts, dict):
        message = f"{path} holds no object."
        raise OutputError(message, "Repeat the run.")
    return facts
