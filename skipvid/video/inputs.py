"""From what a user types to a list of sources: files, folders, patterns, camera numbers, addresses."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable
from pathlib import Path

from skipvid.errors import SourceError

__all__ = [
    "IMAGE_SUFFIXES",
    "VIDEO_SUFFIXES",
    "expand",
    "is_camera",
    "is_url",
    "is_utf8",
    "missing",
    "numbered_images",
    "require_content",
    "require_utf8",
]

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

    A folder of numbered images is one source, its path.

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


def numbered_images(folder: Path) -> list[Path]:
    """The images of a folder in order, if they are the frames of one sequence; else none.

    They are where there are two at least and no video, and their names differ in the number at the end alone.
    """
    media = _media(folder) if folder.is_dir() else []
    return media if _are_sequence(media) else []


def _are_sequence(media: list[Path]) -> bool:
    if len(media) < 2 or not all(p.suffix.lower() in IMAGE_SUFFIXES and p.stem[-1:].isdigit() for p in media):
        return False
    return len({(re.sub(r"\d+$", "", p.stem), p.suffix.lower()) for p in media}) == 1


def _media(folder: Path) -> list[Path]:
    wanted = VIDEO_SUFFIXES | IMAGE_SUFFIXES
    names = [p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in wanted and not p.name.startswith(".")]
    return sorted(names, key=_natural)


def _folder(path: Path, spec: str) -> list[str]:
    names = _media(path)
    if _are_sequence(names):
        return [str(path)]
    if not names:
        message = f"The folder {spec} holds no video or image."
        raise SourceError(message, "Give a folder with files such as .mp4, .mkv, .avi or .jpg (its subfolders are not searched).")
    return [str(p) for p in names]


def _pattern(path: Path, spec: str) -> list[str]:
    names = [p for p in map(Path, glob.glob(str(path), recursive=True)) if p.is_file()]
    if not names:
        message = f"No file matches {spec}."
        raise SourceError(message, "Check the pattern and the current folder.")
    return [str(p) for p in sorted(names, key=_natural)]


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"(\d+)", str(path).lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def require_content(path: Path) -> None:
    """Refuse what is no file with something in it, or has a name that the decoder cannot take.

    Raises:
        SourceError: So it is.
    """
    if not path.exists():
        raise missing(str(path))
    if path.is_dir():
        message = f"{path} is a folder."
        raise SourceError(message, "Give a video file.")
    require_utf8(path)
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise SourceError(message, "Check the file's permissions.") from error
    if empty:
        message = f"{path} is empty (0 bytes)."
        raise SourceError(message, "Copy or download it again.")


def require_utf8(path: Path) -> None:
    """Refuse a name that neither the decoder nor the rows of a run can take.

    Raises:
        SourceError: It is not in UTF-8.
    """
    if not is_utf8(path.resolve()):
        message = f"The name of {str(path)!a} is not in UTF-8, the one encoding that the decoder takes."
        raise SourceError(message, "Rename it, or, where the locale is not UTF-8, set LC_ALL=C.UTF-8.")
