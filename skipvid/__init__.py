"""Video inference that costs what changed.

    model = skipvid.load("yolox_nano.onnx")      # or a name of the registry, such as "centerface"
    stream = model.stream()
    for frame in frames:                         # uint8 (H, W, 3) BGR
        detections = model.detect(stream, frame)

Importing this package loads neither torch nor onnx nor OpenCV: each name below is loaded with its first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skipvid.engine.stream import FrameStats, Stream
    from skipvid.errors import SkipvidError
    from skipvid.gates.budget import Budget
    from skipvid.gates.care import Care
    from skipvid.gates.policies import InputNorm, OutputNorm, Truncation
    from skipvid.models.detection import Detection
    from skipvid.models.loading import convert, load
    from skipvid.models.model import Model

__all__ = [
    "Budget",
    "Care",
    "Detection",
    "FrameStats",
    "InputNorm",
    "Model",
    "OutputNorm",
    "SkipvidError",
    "Stream",
    "Truncation",
    "convert",
    "load",
]

_HOME = {
    "Budget": "skipvid.gates.budget",
    "Care": "skipvid.gates.care",
    "Detection": "skipvid.models.detection",
    "FrameStats": "skipvid.engine.stream",
    "InputNorm": "skipvid.gates.policies",
    "Model": "skipvid.models.model",
    "OutputNorm": "skipvid.gates.policies",
    "SkipvidError": "skipvid.errors",
    "Stream": "skipvid.engine.stream",
    "Truncation": "skipvid.gates.policies",
    "convert": "skipvid.models.loading",
    "load": "skipvid.models.loading",
}


def __getattr__(name: str) -> Any:
    """Load a name of the public interface with its first use."""
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
