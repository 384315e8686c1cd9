"""The one place where OpenCV is loaded: quiet, and with an error that helps where the system lacks its libraries.

Everything in the program that needs OpenCV writes ``from skipvid.video.cv import cv2``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from skipvid.errors import SkipvidError

__all__ = ["cv2", "missing_library_error", "opencv_threads"]

# FFmpeg inside OpenCV prints its complaints to stderr, where they would stand beside our one-line errors; it reads this
# variable when the first video is opened. -8 is AV_LOG_QUIET. Whoever sets a variable keeps control.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")

_PACKAGES = {
    "libGL": "libgl1",
    "libEGL": "libegl1",
    "libgthread": "libglib2.0-0",
    "libglib": "libglib2.0-0",
    "libSM": "libsm6",
    "libICE": "libice6",
    "libXext": "libxext6",
    "libXrender": "libxrender1",
    "libX11": "libx11-6",
    "libxcb": "libxcb1",
}


def missing_library_error(error: ImportError) -> SkipvidError:
    """What to tell a user whose system cannot load OpenCV.

    Args:
        error: What ``import cv2`` raised, for example ``libGL.so.1: cannot open shared object file``.
    """
    reason = str(error).strip() or "unknown reason"
    if "shared object" in reason or ".so" in reason:
        needed = [package for library, package in _PACKAGES.items() if reason.startswith(library)]
        packages = " ".join(dict.fromkeys([*needed, "libgl1", "libglib2.0-0"]))
        return SkipvidError(f"OpenCV cannot be loaded: {reason}.", f"Run: apt-get install -y {packages}")
    return SkipvidError(f"OpenCV cannot be loaded: {reason}.", "Run: pip install opencv-python")


try:
    import cv2
except ImportError as error:
    raise missing_library_error(error) from error


@contextmanager
def opencv_threads(threads: int) -> Iterator[None]:
    """Keep OpenCV within a budget of threads, and put its setting back: it belongs to the process. 0 changes nothing."""
    before = cv2.getNumThreads()
    if threads > 0:
        cv2.setNumThreads(threads)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
