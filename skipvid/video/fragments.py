"""The boxes of a fragmented mp4, as far as is needed to cut off a fragment that was not written to its end."""

from __future__ import annotations

import os
import struct
from pathlib import Path

__all__ = ["trim"]


def trim(path: Path) -> None:
    """Cut an mp4 after its last whole fragment; a file that ends with one is not touched.

    When a disk fills up, the last fragment stands there with its index but without its pictures, and strict players stop with an
    error at it. Layout: ISO/IEC 14496-12, section 4.2: boxes of a 32-bit size, a type, and a 64-bit size where the first says 1.

    Raises:
        OSError: The file cannot be read or cut.
    """
    size = path.stat().st_size
    position = whole = 0
    with path.open("rb") as file:
        while position + 8 <= size:
            file.seek(position)
            header = file.read(16)
            length, kind = struct.unpack(">I4s", header[:8])
            if length == 1 and len(header) == 16:
                length = struct.unpack(">Q", header[8:])[0]
            if length < 8 or position + length > size:
                break
            position += length
            if kind in (b"mdat", b"moov"):
                whole = position
    if 0 < whole < size:
        os.truncate(path, whole)
