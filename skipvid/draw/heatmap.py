"""What was recomputed, over the picture."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from skipvid.draw.text import Font
from skipvid.plan import FloatArray
from skipvid.video.cv import cv2

__all__ = ["HeatSum", "accumulated_heat", "heatmap_frame"]

ByteArray: TypeAlias = NDArray[np.uint8]

_FAINTEST, _STRONGEST = 0.40, 0.85  # opacity of the smallest and the largest update
_GREY = 0.62  # the frame is dimmed, so that colour means update
_FIRST_COLOUR = 40  # the darkest entries of the map vanish against a dark frame
_STRIP = 0.45  # brightness left of the picture behind the legend


def heatmap_frame(image: ByteArray, heat: FloatArray, update_rate: float, *, top: float = 1.0, remark: str = "") -> ByteArray:
    """The frame in grey with its updated parts in colour, a colour bar and the frame's update rate.

    Args:
        image: ``(H, W, 3)`` BGR; not changed.
        heat: ``(h, w)`` share recomputed at each place, 0 to 1, of any resolution.
        update_rate: Of the whole frame, 0 to 1.
        top: The share that the hottest colour stands for.
        remark: Said behind the update rate where there is room.

    Returns:
        ``(H, W, 3)`` BGR.
    """
    result = _overlay(image, heat, top)
    rate = f"{100 * update_rate:.1f} %"
    updated = f"updated {rate}"
    _legend(result, (f"{updated}, {remark}" if remark else updated, updated, rate), top)
    return result


class HeatSum:
    """Adds up the heat of frames.

    Attributes:
        frames: Number of frames added.
    """

    def __init__(self) -> None:
        self.frames = 0
        self._total: NDArray[np.float64] | None = None

    def add(self, heat: FloatArray) -> None:
        """Add a frame's ``(h, w)`` heat; after a change of size, older frames are resampled to the new one."""
        if self._total is None:
            self._total = np.zeros(heat.shape, np.float64)
        elif self._total.shape != heat.shape:
            self._total = np.asarray(cv2.resize(self._total, heat.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float64)
        if heat.any():
            self._total += heat
        self.frames += 1

    @property
    def mean(self) -> FloatArray:
        """``(h, w)`` mean heat, 0 to 1; ``(1, 1)`` zero before the first frame."""
        if self._total is None:
            return np.zeros((1, 1), np.float32)
        return (self._total / self.frames).astype(np.float32)


def accumulated_heat(image: ByteArray, mean: FloatArray) -> ByteArray:
    """A frame of a video with the heat of the whole video over it.

    The colours end at the highest mean, so that quiet videos show where they are busiest; the bar tells the scale.

    Args:
        image: ``(H, W, 3)`` BGR; not changed.
        mean: ``(h, w)`` mean heat, 0 to 1.

    Returns:
        ``(H, W, 3)`` BGR.
    """
    top = max(float(mean.max()), 1e-3)
    result = _overlay(image, mean, top)
    rate = f"{100 * float(mean.mean()):.1f} %"
    _legend(result, (f"updated on average {rate}", f"mean {rate}", rate), top)
    return result


@lru_cache(maxsize=1)
def _tables() -> tuple[ByteArray, ByteArray]:
    """What heat adds to a pixel ``(256, 1, 3)``, and what it leaves of the grey frame ``(256, 1)``, by heat 0 to 255."""
    steps = np.linspace(0, 1, 256)
    index = (_FIRST_COLOUR + steps * (255 - _FIRST_COLOUR)).astype(np.uint8)
    colours = np.asarray(cv2.applyColorMap(index.reshape(-1, 1), cv2.COLORMAP_PLASMA), np.float64)
    opacity = _FAINTEST + (_STRONGEST - _FAINTEST) * steps
    opacity[0] = 0
    # The lowest steps fade in, or the edge of a resampled mask would be a hard line of its faintest colour.
    opacity[1:16] *= np.linspace(0.1, 1, 15)
    added = np.rint(colours * opacity[:, None, None]).astype(np.uint8)
    left = np.rint(255 * (1 - opacity)).astype(np.uint8).reshape(-1, 1)
    return added, left


@lru_cache(maxsize=1)
def _bar_colours() -> ByteArray:
    """``(1, 256, 3)``: the colours from the smallest heat to the largest as they look over a middling grey."""
    added, left = _tables()
    colours = added.astype(np.float64) + left[:, :, None] * (_GREY * 110 / 255)
    return np.clip(colours, 0, 255).astype(np.uint8).reshape(1, 256, 3)


def _overlay(image: ByteArray, heat: FloatArray, top: float) -> ByteArray:
    height, width = image.shape[:2]
    levels = np.fmin(np.fmax(heat * np.float32(255 / top), 0), 255)  # of a number and none, these take the number
    small = np.ceil(levels).astype(np.uint8)  # up: a trace of an update is one
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    if not small.any():
        return np.asarray(cv2.cvtColor(cv2.convertScaleAbs(grey, alpha=_GREY), cv2.COLOR_GRAY2BGR), np.uint8)
    added, left = _tables()
    # Colours are premultiplied by their opacity, so that they may be looked up at the map's own resolution and resized.
    result = cv2.resize(added[small, 0], (width, height), interpolation=cv2.INTER_LINEAR)
    share = cv2.resize(left[small, 0], (width, height), interpolation=cv2.INTER_LINEAR)
    kept = cv2.multiply(grey, share, dst=share, scale=_GREY / 255)
    return np.asarray(cv2.add(result, cv2.cvtColor(kept, cv2.COLOR_GRAY2BGR), dst=result), np.uint8)


def _legend(image: ByteArray, texts: tuple[str, ...], top: float) -> None:
    """A strip at the bottom: the first text that fits at the left, the colour bar with three ticks at the right."""
    height, width = image.shape[:2]
    font = Font.of(round((height * width) ** 0.5 / 56))
    margin = max(2, font.height // 2)
    bar_height = max(3, font.height // 2)
    strip = 2 * font.height + font.descent + bar_height + 2 * margin
    if strip > height // 2 or font.width("100%") * 3 > width:
        return  # a picture this small is all legend otherwise
    view = image[height - strip :]
    cv2.convertScaleAbs(view, dst=view, alpha=_STRIP)
    ticks = [_percent(share * top) for share in (0, 0.5, 1)]
    bar_width = max(round(width * 0.38), font.width("".join(ticks)) + 2 * font.width("0"))
    right = width - margin
    left = right - bar_width
    _bar(view, ticks, left, right, margin, bar_height, font)
    for text in texts:
        if margin + font.width(text) + margin <= left:
            font.put_outlined(view, text, margin, (strip + font.height) // 2, (255, 255, 255))
            break


def _bar(view: ByteArray, ticks: list[str], left: int, right: int, top: int, height: int, font: Font) -> None:
    cv2.resize(_bar_colours(), (right - left, height), dst=view[top : top + height, left:right], interpolation=cv2.INTER_LINEAR)
    cv2.rectangle(view, (left - 1, top - 1), (right, top + height), (200, 200, 200), 1)
    base = top + height + font.height + max(3, font.height // 2)
    middle = (left + right) // 2
    starts = (left, middle - font.width(ticks[1]) // 2, right - font.width(ticks[2]))
    for text, x in zip(ticks, starts, strict=True):
        font.put(view, text, x, base, (235, 235, 235))


def _percent(share: float) -> str:
    return f"{100 * share:.0f}%" if share == 0 or share >= 0.02 else f"{100 * share:.1f}%"
