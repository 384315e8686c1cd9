"""The preview window."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from numpy.typing import NDArray

from skipvid.video.cv import cv2

__all__ = ["Window", "display_problem"]

# A GUI toolkit without a display ends the process instead of raising, so it is tried in another one.
_PROBE = "import cv2; cv2.namedWindow('skipvid'); cv2.waitKey(1); cv2.destroyAllWindows()"
_ESCAPE = 27


def display_problem() -> str | None:
    """Why no window can be opened here, or None where it can."""
    try:
        probe = subprocess.run([sys.executable, "-c", _PROBE], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return "the display does not answer"
    if probe.returncode == 0:
        return None
    return "this OpenCV has no windows (a headless build)" if "not implemented" in probe.stderr else "there is no display"


class Window:
    """Shows frames until the user closes it or presses q or Esc."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._opened = False

    def show(self, image: NDArray[np.uint8]) -> bool:
        """Show a BGR frame.

        Returns:
            Whether to go on.
        """
        if not self._opened:
            cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
            cv2.resizeWindow(self._title, image.shape[1], image.shape[0])
            self._opened = True
        cv2.imshow(self._title, image)
        key = cv2.waitKey(1) & 0xFF
        closed = cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) < 1
        return not (closed or key in (ord("q"), _ESCAPE))

    def close(self) -> None:
        if self._opened:
            cv2.destroyWindow(self._title)
            self._opened = False
