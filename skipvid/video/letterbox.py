"""Fitting a frame into a network's input, and mapping coordinates both ways.

Coordinates are continuous: pixel ``i`` covers ``[i, i + 1)``, so a box that fills a frame of width ``w`` is ``0 ... w``,
whatever the scale.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skipvid.plan import FloatArray
from skipvid.video.cv import cv2

__all__ = ["Fit", "Letterbox", "Roi"]

Fit: TypeAlias = Literal["stretch", "letterbox", "letterbox-centre"]
Roi: TypeAlias = tuple[float, float, float, float]
ByteArray: TypeAlias = NDArray[np.uint8]


class Letterbox:
    """How frames of one size become network inputs of one size.

    Args:
        src: Width and height of the frame.
        dst: Width and height of the network's input.
        fit: ``stretch`` ignores the aspect ratio; ``letterbox`` keeps it and pastes at the top left (as YOLOX);
            ``letterbox-centre`` keeps it and pastes in the middle.
        pad: Grey level around the picture.
        roi: ``(x, y, width, height)`` in pixels of the frame: the part that is shown to the network, as top-down pose networks
            want it. It may reach beyond the frame (filled with ``pad``). None: the whole frame.

    Raises:
        ValueError: A size or the region is empty.
    """

    def __init__(
        self, src: tuple[int, int], dst: tuple[int, int], fit: Fit = "letterbox", pad: int = 114, roi: Roi | None = None
    ) -> None:
        if min(*src, *dst) < 1 or (roi is not None and min(roi[2:]) <= 0):
            reason = f"nothing to fit: frame {src}, input {dst}, region {roi}"
            raise ValueError(reason)
        self.src, self.dst, self.fit, self.pad = src, dst, fit, pad
        self.roi: Roi = roi if roi is not None else (0.0, 0.0, float(src[0]), float(src[1]))
        x, y, width, height = self.roi
        ratio = min(dst[0] / width, dst[1] / height)
        if fit == "stretch":
            self.size = dst
        else:
            # YOLOX truncates; the small term keeps an exact product from falling to the pixel below by rounding.
            self.size = (max(1, int(width * ratio + 1e-6)), max(1, int(height * ratio + 1e-6)))
        centre = fit == "letterbox-centre"
        self.offset = ((dst[0] - self.size[0]) // 2, (dst[1] - self.size[1]) // 2) if centre else (0, 0)
        self.scale = (self.size[0] / width, self.size[1] / height)
        whole = all(float(v).is_integer() for v in self.roi)
        self._slice = whole and x >= 0 and y >= 0 and x + width <= src[0] and y + height <= src[1]

    @property
    def is_identity(self) -> bool:
        """Whether frames are network inputs as they are."""
        return self.src == self.dst == self.size and self.roi == (0.0, 0.0, float(self.src[0]), float(self.src[1]))

    def apply(self, frame: ByteArray, out: ByteArray | None = None) -> ByteArray:
        """The network's input image of a frame.

        Args:
            frame: ``(H, W, 3)`` BGR of the size ``src``.
            out: ``(h, w, 3)`` of the size ``dst`` to write into; without it, one is allocated.

        Returns:
            ``out``; or, where nothing is to be done and no ``out`` was given, ``frame`` itself.
        """
        if frame.shape[:2] != (self.src[1], self.src[0]):
            reason = f"a frame of {frame.shape[1]}x{frame.shape[0]} for a letterbox made for {self.src[0]}x{self.src[1]}"
            raise ValueError(reason)
        if self.is_identity:
            if out is None:
                return frame
            np.copyto(out, frame)
            return out
        if out is None:
            out = np.empty((self.dst[1], self.dst[0], 3), np.uint8)
        (left, top), (width, height) = self.offset, self.size
        out[:top] = self.pad
        out[top + height :] = self.pad
        out[top : top + height, :left] = self.pad
        out[top : top + height, left + width :] = self.pad
        self._resample(frame, out[top : top + height, left : left + width])
        return out

    def _resample(self, frame: ByteArray, view: ByteArray) -> None:
        x, y, width, height = self.roi
        if self._slice:
            part = frame[int(y) : int(y + height), int(x) : int(x + width)]
            if part.shape == view.shape:
                np.copyto(view, part)
            else:
                cv2.resize(part, self.size, dst=view, interpolation=cv2.INTER_LINEAR)
            return
        sx, sy = self.scale
        # Pixel centres lie at i + 0.5, the matrix speaks of i.
        matrix = np.array([[sx, 0.0, (0.5 - x) * sx - 0.5], [0.0, sy, (0.5 - y) * sy - 0.5]])
        cv2.warpAffine(
            frame,
            matrix,
            self.size,
            dst=view,
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(self.pad, self.pad, self.pad),
        )

    def to_frame_boxes(self, boxes: FloatArray) -> FloatArray:
        """Boxes ``(N, 4)`` x1, y1, x2, y2 of the input, in pixels of the frame and clipped to it."""
        result = self._back(boxes.reshape(-1, 2, 2))
        limit = np.array(self.src, np.float32)
        return np.asarray(np.clip(result, 0, limit).reshape(-1, 4), np.float32)

    def to_frame_points(self, points: FloatArray) -> FloatArray:
        """Points ``(..., 2 or more)`` x, y, ... of the input, in pixels of the frame; further columns are kept. Not clipped."""
        result = np.array(points, np.float32)
        result[..., :2] = self._back(result[..., :2])
        return result

    def _back(self, xy: FloatArray) -> FloatArray:
        offset = np.array(self.offset, np.float64)
        corner = np.array(self.roi[:2], np.float64)
        return np.asarray((xy - offset) / np.array(self.scale) + corner, np.float32)

    def to_input_rect(self, x: float, y: float, width: float, height: float) -> tuple[int, int, int, int]:
        """The pixels of the input that show anything of a rectangle of the frame.

        Returns:
            ``(x0, y0, x1, y1)``, the ends excluded, clipped to the input; empty (``x0 == x1``) when the input shows none of it.
        """
        low, high = [], []
        for axis, (start, length) in enumerate(((x, width), (y, height))):
            scale, offset, corner = self.scale[axis], self.offset[axis], self.roi[axis]
            # Linear interpolation reads one pixel beyond the one it stands on.
            reach = 0.0 if scale == 1.0 else max(scale, 1.0) * 0.5
            limit = offset + self.size[axis]
            low.append(min(max(math.floor((start - corner) * scale + offset - reach), offset), limit))
            high.append(min(max(math.ceil((start + length - corner) * scale + offset + reach), offset), limit))
        if low[0] >= high[0] or low[1] >= high[1]:
            return (low[0], low[1], low[0], low[1])
        return (low[0], low[1], high[0], high[1])
