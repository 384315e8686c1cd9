"""Colours: one per class, stable from run to run, and text that can be read on them."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["Colour", "class_colour", "text_colour"]

Colour: TypeAlias = tuple[int, int, int]  # B, G, R

# Twenty hues in an order that sets neighbours far apart, light enough for dark footage and saturated enough for bright.
_COLOURS: tuple[Colour, ...] = (
    (240, 176, 0),
    (60, 120, 255),
    (90, 205, 60),
    (200, 80, 235),
    (0, 210, 250),
    (255, 110, 110),
    (150, 90, 255),
    (190, 215, 0),
    (40, 160, 255),
    (235, 60, 170),
    (110, 230, 170),
    (70, 70, 240),
    (255, 200, 120),
    (0, 185, 175),
    (205, 150, 255),
    (130, 175, 30),
    (20, 110, 215),
    (255, 140, 190),
    (80, 235, 230),
    (180, 120, 60),
)


def class_colour(label: int) -> Colour:
    """The colour of a class."""
    return _COLOURS[label % len(_COLOURS)]


def text_colour(background: Colour) -> Colour:
    """Black or white, whichever contrasts more, by the luma of ITU-R BT.601."""
    blue, green, red = background
    return (20, 20, 20) if 0.114 * blue + 0.587 * green + 0.299 * red > 135 else (255, 255, 255)
