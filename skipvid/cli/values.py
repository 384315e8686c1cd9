"""How the values of options are read, and refused."""

from __future__ import annotations

import re
from enum import StrEnum

import typer

__all__ = [
    "EngineName",
    "GateName",
    "PresetName",
    "ReferenceName",
    "check_above_zero",
    "check_structure",
    "one_line",
    "parse_classes",
    "parse_rectangle",
    "parse_size",
    "refuse_device",
]


class PresetName(StrEnum):
    EXACT = "exact"
    HIGH = "high"
    BALANCED = "balanced"
    FAST = "fast"


class EngineName(StrEnum):
    AUTO = "auto"
    NATIVE = "native"
    REFERENCE = "reference"


class GateName(StrEnum):
    TRUNCATION = "truncation"
    INPUT_NORM = "input-norm"
    OUTPUT_NORM = "output-norm"


class ReferenceName(StrEnum):
    ACCUMULATING = "accumulating"
    PREVIOUS_FRAME = "previous-frame"


def parse_size(text: str | None) -> int | tuple[int, int] | None:
    """``640``, or ``384x640`` (height x width) -> (384, 640); None stays None."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)(?:[x,](\d+))?", text.strip())
    sides = [int(side) for side in match.groups() if side] if match else [0]
    if min(sides) < 1:
        message = f"{text!r} is no size. Write a side, such as 640, or height x width, such as 384x640."
        raise typer.BadParameter(message)
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def parse_rectangle(text: str) -> tuple[int, int, int, int]:
    """``x,y,w,h`` in pixels of the frame."""
    match = re.fullmatch(r"(\d+),(\d+),(\d+),(\d+)", text.replace(" ", ""))
    if match is None or int(match[3]) < 1 or int(match[4]) < 1:
        message = f"{text!r} is no rectangle. Write x,y,w,h in pixels of the frame, such as 10,10,220,30."
        raise typer.BadParameter(message)
    return int(match[1]), int(match[2]), int(match[3]), int(match[4])


def parse_classes(values: list[str] | None) -> tuple[str, ...]:
    """``["0,2", "person"]`` -> ``("0", "2", "person")``."""
    return tuple(part for value in values or [] for part in (p.strip() for p in value.split(",")) if part)


def check_structure(side: int | None) -> int | None:
    """``--structure`` is the side of a block."""
    if side not in (None, 1, 2, 4, 8):
        message = f"{side} is no size of block. Write 1, 2, 4 or 8."
        raise typer.BadParameter(message)
    return side


def check_above_zero(value: float | None) -> float | None:
    """A time or a rate is above 0, and not infinite."""
    if value is not None and not 0 < value < float("inf"):
        message = f"{value:g} is too little, or no number. Write one above 0."
        raise typer.BadParameter(message)
    return value


def refuse_device(device: str) -> str:
    """``--device`` is known from other tools; here there is one."""
    if device.lower() != "cpu":
        message = f"{device!r} is not available: skipvid computes on the CPU. Leave --device out."
        raise typer.BadParameter(message)
    return device


def one_line(error: BaseException | str) -> str:
    """What an error says, in one line that ends with a full stop."""
    text = " ".join(str(error).split())
    return text if text.endswith(".") or not text else f"{text}."
