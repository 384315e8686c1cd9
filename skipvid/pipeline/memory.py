"""How the process deals with memory it has freed."""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_freed_memory"]

# Of malloc.h; the C library takes up to 32 MiB for either.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LIMIT = 32 << 20


def keep_freed_memory() -> bool:
    """Let pictures be made in memory that earlier ones have left.

    By default the GNU C library gives blocks of the size of a picture back to the system as soon as they are freed, and the next
    picture pays for every page of them anew: more than for drawing it. The process does not become larger than at its peak.

    Returns:
        Whether this C library can be told.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library
        return False
    return all(mallopt(option, _LIMIT) == 1 for option in (_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD))
