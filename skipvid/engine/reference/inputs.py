"""The gate of the network's input, for float tensors and for uint8 images."""

from __future__ import annotations

import torch
from torch import Tensor

from skipvid.engine.executor import ByteArray, PixelMap
from skipvid.engine.reference import masks
from skipvid.engine.reference.commit import bits_differ
from skipvid.engine.reference.relief import Relief
from skipvid.errors import UsageError
from skipvid.gates.settings import GateSettings, InputGate
from skipvid.plan import FloatArray, TensorSpec

__all__ = ["InputState"]


class InputState:
    """The network's input as the network has seen it.

    Args:
        spec: The input map.
        pixels: How images become input; None where only tensors are given.
        relief: Where the threshold is coarser.
    """

    def __init__(self, spec: TensorSpec, pixels: PixelMap | None, relief: Relief) -> None:
        self._relief = relief
        self._spec = spec
        self._pixels = pixels
        self._unit = torch.ones(spec.channels) if pixels is None else torch.tensor(pixels.unit)
        self._image: Tensor | None = None  # the image behind the map, (H, W, 3) uint8; None once a tensor was given
        self._since = torch.zeros(0)  # frames since a pixel exceeded the threshold; empty while hysteresis is off
        self.map: Tensor | None = None

    def reset(self) -> None:
        """Forget everything."""
        self._image = None
        self.map = None
        self._since = torch.zeros(0)

    def take(self, x: FloatArray, settings: GateSettings, *, refresh: bool, look: Tensor | None = None) -> Tensor:
        """Take in a tensor ``(1, C, H, W)`` and return the ``(H, W)`` mask of committed pixels.

        Args:
            x: The frame.
            settings: The rules.
            refresh: Commit everything.
            look: ``(H, W)`` bool: pixels that are committed where any bit of theirs differs.

        Raises:
            UsageError: If the shape is not that of the network's input.
        """
        spec = self._spec
        expected = (1, spec.channels, spec.height, spec.width)
        if tuple(x.shape) != expected or x.dtype != "float32":
            message = f"the network's input is float32 of shape {expected}, not {x.dtype} of shape {tuple(x.shape)}."
            raise UsageError(message, "Resize the frame to the network's input, or load the model with another imgsz.")
        new = torch.tensor(x[0]).permute(1, 2, 0).contiguous()
        self._image = None
        if refresh or self.map is None:
            self.map = new
            self._since = torch.zeros(0)
            return torch.ones(spec.height, spec.width, dtype=torch.bool)
        differs = bits_differ(new, self.map)
        candidates = differs
        if settings.input.threshold > 0:
            candidates = self._exceeds(((new - self.map).abs() / self._unit).amax(-1), settings.input)
        changed = self._spread(candidates, differs, settings, look)
        self.map = torch.where(changed[..., None], new, self.map)
        return changed

    def take_image(self, image: ByteArray, settings: GateSettings, *, refresh: bool, look: Tensor | None = None) -> Tensor:
        """Take in an image ``(H, W, 3)`` uint8 BGR and return the ``(H, W)`` mask of committed pixels.

        The first image after a tensor is a refresh. Arguments as in `take`.

        Raises:
            UsageError: If the shape is not that of the network's input, or if it is unknown how images become input.
        """
        spec = self._spec
        if self._pixels is None:
            message = "it is unknown how an image becomes the network's input."
            raise UsageError(message, "Make the stream with `pixels`, or give it tensors.")
        if image.shape != (spec.height, spec.width, 3) or image.dtype != "uint8":
            size = f"{spec.width}x{spec.height}"
            message = f"the network's input is a uint8 image of {size}, not {image.dtype} of shape {image.shape}."
            raise UsageError(message, "Resize the frame to the network's input, or load the model with another imgsz.")
        new = torch.tensor(image)
        if refresh or self.map is None or self._image is None:
            self._image = new
            self.map = self._convert(new)
            self._since = torch.zeros(0)
            return torch.ones(spec.height, spec.width, dtype=torch.bool)
        difference = (new.to(torch.int16) - self._image).abs().amax(-1)
        differs = difference > 0
        changed = self._spread(self._exceeds(difference, settings.input), differs, settings, look)
        self._image = torch.where(changed[..., None], new, self._image)
        converted = self._convert(self._image)
        # An image may differ where the network's input does not, in a channel that it does not read.
        changed = changed & bits_differ(converted, self.map)
        self.map = converted
        return changed

    @property
    def has_image(self) -> bool:
        """Whether the last frame was given as an image."""
        return self._image is not None

    def _exceeds(self, difference: Tensor, gate: InputGate) -> Tensor:
        exceeds = ~(difference <= self._limit(gate, gate.threshold))
        if gate.hysteresis is None:
            return exceeds
        frames = gate.hysteresis.frames
        if self._since.numel() == 0:
            self._since = torch.full(exceeds.shape, frames)
        recent = masks.dilate(self._since < frames, gate.hysteresis.radius)
        self._since = torch.where(exceeds, 0, self._since + 1)
        return exceeds | (recent & ~(difference <= self._limit(gate, gate.threshold * gate.hysteresis.factor)))

    def _limit(self, gate: InputGate, threshold: float) -> Tensor:
        """``(H, W)``: the threshold, or the coarse one where relief makes it that."""
        coarse = self._relief.coarse(self._spec.height, self._spec.width)
        return torch.where(coarse, gate.relieved, threshold)

    def _spread(self, candidates: Tensor, differs: Tensor, settings: GateSettings, look: Tensor | None) -> Tensor:
        allowed = torch.ones_like(candidates)
        for rect in settings.input.ignore:
            allowed[max(rect.y0, 0) : max(rect.y1, 0), max(rect.x0, 0) : max(rect.x1, 0)] = False
        candidates = candidates & allowed
        coarse = self._relief.coarse(self._spec.height, self._spec.width)
        near = candidates | masks.dilate(candidates & ~coarse, settings.input.dilation)
        if settings.input.threshold > 0:
            near = masks.blocks(near, settings.structure)
        if look is not None:
            near = near | look
        return near & differs & allowed

    def _convert(self, image: Tensor) -> Tensor:
        assert self._pixels is not None
        table = torch.tensor(self._pixels.table)
        return torch.stack([table[c][image[..., k].to(torch.int64)] for c, k in enumerate(self._pixels.order)], dim=-1)
