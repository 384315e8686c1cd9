"""Who goes first where there are more threads than processors."""

from __future__ import annotations

import contextlib
import os
import sys
import threading

__all__ = ["give_way"]

_NICER, _NICEST = 10, 19  # next to a thread that does not give way, one that does gets a tenth of a processor


def give_way() -> None:
    """Let other threads go first from now on; what this thread starts, such as an encoder, does the same.

    It is for good: Linux lets no thread become more important again. Elsewhere nothing happens.
    """
    if sys.platform == "linux":
        own = threading.get_native_id()
        with contextlib.suppress(OSError):  # a sandbox may forbid it; then nobody goes first
            os.setpriority(os.PRIO_PROCESS, own, min(os.getpriority(os.PRIO_PROCESS, own) + _NICER, _NICEST))
