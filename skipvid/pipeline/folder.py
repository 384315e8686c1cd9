"""Where the results of a run go."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from skipvid.errors import OutputError
from skipvid.stats import files
from skipvid.video.inputs import is_utf8

__all__ = ["RUNS", "choose_folders", "clear", "prepare", "run_name"]

RUNS = Path("runs")

_OWN = (
    files.RUN,
    files.PREDICTIONS,
    files.STATS,
    files.OPS,
    files.HEAT,
    files.STILL,
    files.ANNOTATED,
    files.HEATMAP,
    "report.html",
    "predictions.coco.json",
    "predictions.coco_results.json",
    "predictions.mot.txt",
    "predictions.csv",
)


def run_name(source: str) -> str:
    """A folder name for a source: the file's stem, ``camera-0`` for an index, host and path for a URL."""
    if source.isdigit():
        return f"camera-{source}"
    address = re.match(r"[a-z][a-z0-9+.-]+://(?:[^@/]*@)?(.*)", source, re.IGNORECASE)
    stem = re.split(r"[?#]", address.group(1))[0].strip("/") if address else PurePath(source).stem
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "run"


def choose_folders(sources: Sequence[str], out: Path | None, *, overwrite: bool = False) -> list[Path]:
    """A folder for each source: ``runs/<name>``, or ``out``, or ``out/<name>`` where there are several sources.

    A default folder that is in use gets ``-2``, ``-3`` ... appended, so that no run is lost.

    Raises:
        OutputError: ``out`` was named by the user, is in use, and ``overwrite`` was not asked for; or a file is in its place.
    """
    if out is not None and len(sources) == 1:
        wanted = [out]
    else:
        base = RUNS if out is None else out
        wanted = [base / run_name(source) for source in sources]
    chosen: list[Path] = []
    for folder in wanted:
        free = _unused(folder, chosen, taken_on_disk=out is None and not overwrite)
        if free.exists() and not free.is_dir():
            message = f"{free} is a file; results go into a folder."
            raise OutputError(message, "Name another one with --out.")
        if out is not None and not overwrite and _in_use(free):
            message = f"The folder {free} is not empty."
            raise OutputError(message, "Name another one with --out, or replace the earlier results with --overwrite.")
        chosen.append(free)
    return chosen


def _unused(folder: Path, chosen: Sequence[Path], *, taken_on_disk: bool) -> Path:
    candidate, number = folder, 1
    while candidate in chosen or (taken_on_disk and _in_use(candidate)):
        number += 1
        candidate = folder.with_name(f"{folder.name}-{number}")
    return candidate


def _in_use(folder: Path) -> bool:
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def prepare(folder: Path) -> None:
    """Create the folder.

    Raises:
        OutputError: It cannot be created, is a file, or has a name that the encoder does not take.
    """
    if not is_utf8(folder.resolve()):
        message = f"The folder {str(folder)!a} cannot be used: its name is not in UTF-8, which videos are written with."
        raise OutputError(message, "Name another one with --out, or, where the locale is not UTF-8, set LC_ALL=C.UTF-8.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "a file of that name is in the way" if folder.exists() else (error.strerror or str(error)).lower()
        message = f"The folder {folder} cannot be created: {reason}."
        raise OutputError(message, "Name another one with --out.") from error


def clear(folder: Path) -> None:
    """Remove the files of an earlier run, those alone: what else lies in the folder stays."""
    for name in _OWN:
        (folder / name).unlink(missing_ok=True)
        (folder / f"{name}.part").unlink(missing_ok=True)
    for frame in (folder / files.HEATMAP_FRAMES).glob("[0-9]*.png"):
        frame.unlink()
