"""Pictures of a run as data URIs: where it was recomputed, and which layers when."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skipvid.plan import FloatArray
from skipvid.stats import files

__all__ = ["GRADIENT", "colour", "heat_uri", "still_uri", "strip_uri"]

_STILL_WIDTH = 800  # pixels: more than the page shows
_SHADES = 40

# Stops of the colours from little to much: amber to dark red, readable on light and dark alike. Alpha rises with the value.
_STOPS = np.array([(255, 214, 102, 0), (255, 183, 77, 150), (249, 115, 22, 215), (220, 38, 38, 245), (136, 14, 79, 255)], float)
GRADIENT = "linear-gradient(90deg, " + ", ".join(f"rgba({r:.0f},{g:.0f},{b:.0f},{a / 255:.2f})" for r, g, b, a in _STOPS) + ")"


def colour(values: FloatArray) -> NDArray[np.uint8]:
    """``(h, w)`` values in 0 to 1 -> ``(h, w, 4)`` red, green, blue, alpha."""
    at = np.linspace(0, 1, len(_STOPS))
    channels = [np.interp(values, at, _STOPS[:, c]) for c in range(4)]
    pixels: NDArray[np.uint8] = np.rint(np.stack(channels, axis=-1)).astype(np.uint8)
    return pixels


def _png_uri(image: NDArray[np.uint8]) -> str:
    import cv2

    ok, data = cv2.imencode(".png", image[..., [2, 1, 0, 3]], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    assert ok
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()


def heat_uri(folder: Path) -> tuple[str, float, float] | None:
    """The accumulated heat as an overlay, and the values of its weakest and strongest colour; None where the run left none.

    Colours begin at the lowest value: what frames computed in full add everywhere would veil the picture.
    """
    import cv2

    try:
        heat = np.load(folder / files.HEAT, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if heat.ndim != 2 or not heat.size or not np.isfinite(heat).all():
        return None
    low, high = float(heat.min()), float(heat.max())
    scaled = (heat - low) / (high - low) if high > low else np.zeros_like(heat)
    # The page stretches it smoothly; much finer than this takes bytes and looks the same.
    smooth = cv2.resize(scaled.astype(np.float32), None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return _png_uri(colour(np.clip(smooth, 0, 1))), low, high


def still_uri(folder: Path) -> tuple[str, tuple[int, int]] | None:
    """A frame of the video, and its width and height; None where the run left none."""
    import cv2

    path = folder / files.STILL
    data = path.read_bytes() if path.is_file() else b""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        return None
    size = int(image.shape[1]), int(image.shape[0])
    if size[0] > _STILL_WIDTH:
        small = cv2.resize(image, (_STILL_WIDTH, max(1, round(size[1] * _STILL_WIDTH / size[0]))), interpolation=cv2.INTER_AREA)
        ok, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])
        assert ok
        data = encoded.tobytes()
    return "data:image/jpeg;base64," + base64.b64encode(data).decode(), size


def strip_uri(cells: NDArray[np.uint8]) -> str:
    """``(layers, columns)`` square roots of update rates times 255, as a picture with a pixel per cell."""
    steps = np.rint(cells / np.float32(255) * _SHADES) / np.float32(_SHADES)  # fewer colours, half the bytes
    return _png_uri(colour(steps.astype(np.float32)))
