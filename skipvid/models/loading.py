"""The two ways to a model: from an ONNX file and from a torch module."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from skipvid.errors import DecodeError, UsageError
from skipvid.models.card import Card
from skipvid.models.find import class_names, find_card, find_file
from skipvid.models.model import Model, bind
from skipvid.models.network import Network
from skipvid.models.plans import PlanCache
from skipvid.models.store import Progress, Store

__all__ = ["convert", "input_size", "load"]

Size = tuple[int, int]


def load(
    model: str | Path,
    imgsz: int | Size | None = None,
    head: str | None = None,
    labels: str | Path | Iterable[str] | None = None,
    card: Card | str | Path | None = None,
    *,
    frame_size: Size | None = None,
    offline: bool | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
) -> Model:
    """Load a model.

    Args:
        model: Path of an ``.onnx`` file, or a name of the registry, whose weights are fetched at first use.
        imgsz: Height and width of the network's input, or one number for both; None to choose by the card's rule.
        head: Name of the head; None to take the card's, or to recognise it from the outputs.
        labels: Class names, the path of a file with one a line, or the name of a known set; None to take the card's.
        card: A card, its path, or the name of one of the package; None to look for it.
        frame_size: Width and height of the video, for cards that choose the input size by it.
        offline: Never touch the network; None to do as ``SKIPVID_OFFLINE`` says.
        store: Where weights are kept; None for the user's cache folder.
        progress: Called while weights are fetched, with the bytes so far and in all.

    Raises:
        ModelError: The file, the card or the download cannot be used.
        GraphError: The network cannot be turned into a plan.
        DecodeError: No head understands its outputs.
    """
    store = store or Store(offline=offline)
    path, entry = find_file(model, store, progress)
    network = Network(path, PlanCache(store.folder / "plans"))
    declared = network.facts.declared
    found = find_card(path, entry, card, head, labels, network.facts)
    return bind(network.plan, input_size(found, imgsz, frame_size, declared), found, path, declared)


def convert(
    module: Any,
    example: Any,
    head: str | None = None,
    labels: str | Path | Iterable[str] | None = None,
    card: Card | str | Path | None = None,
) -> Model:
    """Make a model of a torch module.

    Where no head understands all that it gives, the first two outputs, or the first one, are taken: detectors give what they
    found first, and behind it what their loss asks for. Class names are those of its attribute ``names``, as Ultralytics' modules
    have it, where neither labels nor a card are given.

    Args:
        module: A ``torch.nn.Module`` in evaluation mode.
        example: ``(1, 3, H, W)`` float32 tensor: the network's input size.
        head: As in `load`.
        labels: As in `load`.
        card: As in `load`.

    Raises:
        ModelError: The module cannot be exported, or its card cannot be used.
        GraphError: The network cannot be turned into a plan.
        DecodeError: No head understands its outputs.
    """
    from skipvid.graph import build_plan, export_torch

    if labels is None and card is None:
        labels = class_names(getattr(module, "names", None)) or None
    proto = export_torch(module, example)
    found = find_card(None, Card(type(module).__name__), card, head, labels, None)
    declared = (int(example.shape[2]), int(example.shape[3]))
    try:
        return bind(partial(build_plan, proto), declared, found, None, declared)
    except DecodeError as error:
        for count in range(min(len(proto.graph.output) - 1, 2), 0, -1):
            first = type(proto)()
            first.CopyFrom(proto)
            del first.graph.output[count:]
            with suppress(DecodeError):
                return bind(partial(build_plan, first), declared, found, None, declared)
        raise error from None


def input_size(card: Card, imgsz: int | Size | None, frame_size: Size | None, declared: Size | None) -> Size:
    """Height and width of the network's input.

    Args:
        card: Its rule chooses where `imgsz` is None.
        imgsz: What the user asks for: height and width, or one number for both. Where the card goes by the video, one number
            is the longest side, and the other follows the video.
        frame_size: Width and height of the video, where there is one.
        declared: Height and width that the file declares, or None.

    Raises:
        UsageError: `imgsz` is no size.
    """
    if imgsz is None:
        return card.imgsz.choose(frame_size, declared)
    sides = (imgsz, imgsz) if isinstance(imgsz, int) else tuple(imgsz)
    if len(sides) != 2 or min(sides) < 1:
        message = f"The input size {imgsz!r} is not a height and a width."
        raise UsageError(message, "Give imgsz as one number or two, such as 640 or (384, 640).")
    if isinstance(imgsz, int) and card.imgsz.rule == "video" and frame_size is not None:
        return card.imgsz.with_longest(frame_size, imgsz)
    if card.imgsz.rule == "video":  # such a network takes multiples only
        return card.imgsz.round_up(sides[0]), card.imgsz.round_up(sides[1])
    return sides[0], sides[1]
