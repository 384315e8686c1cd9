"""From what a user types to a list of sources: files, folders, patterns, camera numbers, addresses."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from skipvid.errors import SourceError

__all__ = ["IMAGE_SUFFIXES", "VIDEO_SUFFIXES", "expand", "is_camera", "is_url", "is_utf8"]

_CONTAINERS = ".3g2 .3gp .asf .avi .flv .gif .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .rm .ts .vob .webm .wmv"
_RAW_STREAMS = ".dv .h264 .h265 .hevc .ivf .mjpeg .mjpg .y4m"
VIDEO_SUFFIXES = frozenset(f"{_CONTAINERS} {_RAW_STREAMS}".split())
IMAGE_SUFFIXES = frozenset([".bmp", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"])


def is_url(spec: str) -> bool:
    """Whether a source is an address such as ``rtsp://camera/stream``."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", spec) is not None


def is_camera(spec: str) -> bool:
    """Whether a source is the number of a camera; a file of that name is a file."""
    return spec.isascii() and spec.isdigit() and not Path(spec).exists()


def is_utf8(path: Path) -> bool:
    """Whether a name is UTF-8 on the disk, which is what FFmpeg takes it for, whatever the locale; other names crash OpenCV."""
    return os.fsencode(path) == str(path).encode("utf-8", "surrogatepass")


def expand(inputs: Iterable[str | Path]) -> list[str]:
    """The sources that a list of inputs names, in order; within a folder or pattern, 2 comes before 10.

    Args:
        inputs: Each a file, a folder, a pattern (``*``, ``?``, ``[...]``, ``**``), the number of a camera or an address.

    Raises:
        SourceError: A file is missing, a folder holds no video, or a pattern matches nothing.
    """
    found: list[str] = []
    for item in inputs:
        spec = str(item)
        if not spec:
            message = "An input is empty."  # as of an unset variable of the shell; a path, it would be the current folder
            raise SourceError(message, "Give a video file, a folder, a pattern, the number of a camera, or an rtsp:// address.")
        path = Path(spec).expanduser()
        if is_url(spec) or is_camera(spec):
            found.append(spec)
        elif path.is_dir():
            found.extend(_folder(path, spec))
        elif path.exists():
            found.append(str(path))
        elif glob.has_magic(spec):
            found.extend(_pattern(path, spec))
        else:
            raise missing(spec)
    return found


def missing(spec: str) -> SourceError:
    """The error for a file that is not there."""
    parent = Path(spec).expanduser().parent
    reason = f"{spec} does not exist" if parent.is_dir() else f"{spec} does not exist: there is no folder {parent}"
    return SourceError(f"{reason}.", "Give a video file, a folder, a pattern, the number of a camera, or an rtsp:// address.")


def _folder(path: Path, spec: str) -> list[str]:
    wanted = VIDEO_SUFFIXES | IMAGE_SUFFIXES
    names = [p for p in path.iterdir() if p.is_file() and p.suffix.lower() in wanted and not p.name.startswith(".")]
    if not names:
        message = f"The folder {spec} holds no video or image."
        raise SourceError(message, "Give a folder with files such as .mp4, .mkv, .avi or .jpg (its subfolders are not searched).")
    return [str(p) for p in sorted(names, key=_natural)]


def _pattern(path: Path, spec: str) -> list[str]:
    names = [p for p in map(Path, glob.glob(str(path), recursive=True)) if p.is_file()]
    if not names:
        message = f"No file matches {spec}."
        raise SourceError(message, "Check the pattern and the current folder.")
    return [str(p) for p in sorted(names, key=_natural)]


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", str(path).lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
