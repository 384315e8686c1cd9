"""From what a user names to a file and a card."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from skipvid.errors import ModelError
from skipvid.models.card import Card, Options, read_card, read_labels
from skipvid.models.library import card_by_digest, card_by_name, package_cards, registry, registry_card
from skipvid.models.plans import Facts
from skipvid.models.store import Progress, Store

__all__ = ["class_names", "find_card", "find_file"]


def find_file(model: str | Path, store: Store, progress: Progress | None = None) -> tuple[Path, Card | None]:
    """The file of a model, and its card where it is one of the registry.

    Args:
        model: A registry name, or a path.
        store: Where weights are kept.
        progress: Called while weights are fetched.

    Raises:
        ModelError: There is no such file and no such name, the file cannot be read, or the weights cannot be had.
    """
    path = Path(model).expanduser()
    if str(model) in registry() and not path.is_file():
        card = registry_card(str(model))
        return store.get(card, progress), card
    if path.is_dir():
        message = f"{path} is a folder, not a model."
        raise ModelError(message, "Give the path of an .onnx file, or a name that `skipvid models list` shows.")
    if not path.exists():
        if path.suffix or len(path.parts) > 1:
            message = f"There is no model file {path}."
            raise ModelError(message, "Check the path, or run `skipvid models list` for the names of the registry.")
        registry_card(str(model))
    try:
        path.open("rb").close()
    except OSError as error:
        message = f"The model file {path} cannot be read: {error.strerror}."
        raise ModelError(message, "Check its permissions.") from error
    return path, None


def find_card(
    path: Path | None,
    entry: Card | None,
    card: Card | str | Path | None,
    head: str | None,
    labels: str | Path | Iterable[str] | None,
    facts: Facts | None,
) -> Card:
    """The card of a model: the one given, or beside the file, or of the registry, or of the package, or inferred; in that order.

    Args:
        path: The model's file, or None for a converted module.
        entry: The card of the registry, where the model was named by it.
        card: A card, its path, or the name of one of the package.
        head: Replaces the card's.
        labels: Class names that replace the card's: names, a file, or a known set.
        facts: What the file says, to recognise it by; None for a converted module.

    Raises:
        ModelError: A card or a file of class names cannot be used.
    """
    found = _given(card) or (_beside(path) if path and not entry else None) or entry
    if found is None and path is not None and facts is not None:
        # What a file says about itself is surer than what its name suggests: exporters reuse the names of other networks.
        told = _inferred(path, facts)
        found = card_by_digest(facts.sha256) or (told if told.labels else card_by_name(path) or told)
    found = found or Card("model")
    names = labels if labels is None else read_labels(str(labels)) if isinstance(labels, str | Path) else tuple(labels)
    if path is not None and not entry:
        found = found.with_(name=path.stem)
    return found.with_(head=head, labels=names)


def _given(card: Card | str | Path | None) -> Card | None:
    if card is None or isinstance(card, Card):
        return card
    if str(card) in package_cards():
        return package_cards()[str(card)]
    if not Path(card).is_file():
        message = f"There is no model card {str(card)!r}."
        raise ModelError(message, f"Give the path of a .toml file, or one of {', '.join(package_cards())}.")
    return read_card(Path(card))


def _beside(path: Path) -> Card | None:
    for candidate in (path.with_suffix(".toml"), path.with_name("model.toml")):
        if candidate.is_file():
            return read_card(candidate, path.stem)
    return None


def class_names(names: object) -> tuple[str, ...]:
    """The classes that Ultralytics' modules and files name, index to name; none where it is something else."""
    return tuple(str(names[k]) for k in sorted(names)) if isinstance(names, dict) else ()


def _inferred(path: Path, facts: Facts) -> Card:
    """A card from the file's own metadata, as Ultralytics' exporter writes it: class names, task and number of keypoints."""
    labels = class_names(_literal(facts.metadata.get("names", "")))
    shape = _literal(facts.metadata.get("kpt_shape", ""))
    options: Options = {"keypoints": int(shape[0])} if isinstance(shape, list) and shape and shape[-1] == 3 else {}
    return Card(path.stem, labels=labels, options=options)


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
