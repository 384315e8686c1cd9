"""Facts that make a result repeatable: versions and the machine."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib import metadata
from pathlib import Path

__all__ = ["machine", "processors", "version", "versions"]

_PACKAGES = ("numpy", "onnx", "onnxruntime", "opencv-python", "opencv-python-headless", "av", "torch")


def version(package: str = "skipvid") -> str | None:
    """The installed version of a package, or None."""
    try:
        found = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        return None
    # Its `version` would parse the whole text as an email.
    text = found.read_text("METADATA") or found.read_text("PKG-INFO") or ""
    return next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("Version:")), None)


@cache
def versions() -> dict[str, str]:
    """Versions of skipvid, Python and the libraries a run goes through. The dictionary is shared: read it only."""
    found = {"skipvid": version() or "not installed", "python": platform.python_version()}
    return found | {package: number for package in _PACKAGES if (number := version(package))}


def machine() -> str:
    """One line: processor, cores usable, system."""
    return f"{_processor()}, {processors()} cores, {platform.system()} {platform.release()} {platform.machine()}"


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown processor"
