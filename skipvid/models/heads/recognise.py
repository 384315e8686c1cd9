"""Which head decodes these outputs."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

from skipvid.errors import DecodeError
from skipvid.models.card import Card
from skipvid.models.heads.base import Facts, Head

__all__ = ["head_names", "recognise"]


class _Family(Protocol):
    def match(self, facts: Facts) -> Head | None: ...


# Each in the module of its name, without hyphens, which is imported when it is asked. The order is that of recognition: layouts
# that only one family has come first.
_FAMILIES = {
    "centernet": "CenterNet",
    "yunet": "YuNet",
    "scrfd": "Scrfd",
    "simcc": "SimCC",
    "movenet": "MoveNet",
    "ssd": "Ssd",
    "boxes": "Boxes",
    "gfl": "Gfl",
    "yolox": "YoloX",
    "yolo": "Yolo",
    "end-to-end": "EndToEnd",
    "keypoints": "Keypoints",
    "darknet": "Darknet",
    "fastestdet": "FastestDet",
    "yolo-fastest-v2": "YoloFastestV2",
    "text": "Text",
}
_ONLY_NAMED = ("text",)  # what many networks give that are something else


def head_names() -> tuple[str, ...]:
    """The names that a card's ``head`` and ``--head`` may have."""
    return tuple(_FAMILIES)


def _family(name: str) -> _Family:
    module = import_module(f"skipvid.models.heads.{name.replace('-', '')}")
    return cast(_Family, getattr(module, _FAMILIES[name]))


def recognise(card: Card, shapes: Mapping[str, tuple[int, ...]], input_size: tuple[int, int]) -> Head:
    """Find the head of a network.

    Args:
        card: Its ``head`` decides where it is set; its labels and options help.
        shapes: ONNX output name -> shape, in the graph's order, at this input size.
        input_size: Height and width of the network's input.

    Raises:
        DecodeError: No head understands these outputs, or the one named does not.
    """
    facts = Facts(dict(shapes), *input_size, classes=len(card.labels), options=card.options)
    if card.head:
        if card.head not in _FAMILIES:
            message = f"There is no head {card.head!r}."
            raise DecodeError(message, f"Use one of {', '.join(_FAMILIES)}.")
        if (head := _family(card.head).match(facts)) is not None:
            return head
        raise _unknown(card, facts, f"The head {card.head!r} does not understand the outputs of {card.name!r}")
    for name in _FAMILIES:
        if name not in _ONLY_NAMED and (head := _family(name).match(facts)) is not None:
            return head
    raise _unknown(card, facts, f"No head understands the outputs of {card.name!r}")


def _unknown(card: Card, facts: Facts, what: str) -> DecodeError:
    outputs = "".join(f"\n  {name}: {' x '.join(map(str, shape))}" for name, shape in facts.shapes.items())
    message = f"{what} (input {facts.height} x {facts.width}):{outputs}\n"
    if all(len(shape) == 2 and shape[0] == 1 for shape in facts.shapes.values()):
        return DecodeError(message, "That tells of the picture as a whole, as a classifier does. Use a detector or pose network.")
    remedy = f"Write a card beside the file, model.toml, or pass --head:\n{_snippet(card)}"
    return DecodeError(message, remedy)


def _snippet(card: Card) -> str:
    head = card.head or "yolox"
    return (
        f'  head = "{head}"  # one of {", ".join(head_names())}\n'
        '  labels = ["first class", "second class"]  # or "coco80", "face", "person"\n'
        "  conf = 0.25\n"
        "  iou = 0.7\n"
        "  [preprocess]  # x = (grey level * scale - mean) / std\n"
        '  order = "rgb"\n'
        "  scale = 1.0\n"
        "  mean = [0.0, 0.0, 0.0]\n"
        "  std = [255.0, 255.0, 255.0]\n"
        '  fit = "letterbox-centre"  # or "letterbox", "stretch"\n'
        "  [options]  # what the head wants to know besides, such as anchors; see docs/models.md"
    )
