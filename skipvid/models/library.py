"""The cards that come with the package: the registry, and files it knows without offering them."""

from __future__ import annotations

import difflib
import tomllib
from fnmatch import fnmatch
from functools import cache
from importlib import resources
from pathlib import Path

from skipvid.errors import ModelError
from skipvid.models.card import Card, parse_card

__all__ = ["DEFAULT_MODEL", "card_for_file", "package_cards", "registry", "registry_card"]

DEFAULT_MODEL = "centerface"


@cache
def package_cards() -> dict[str, Card]:
    """All cards of the package by name. The dictionary is shared: read it only."""
    folder = resources.files("skipvid.models").joinpath("cards")
    found = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return {(name := f.name.removesuffix(".toml")): parse_card(tomllib.loads(f.read_text("utf-8")), name) for f in found}


def registry() -> dict[str, Card]:
    """The cards whose weights can be fetched, by name, the default first."""
    names = sorted((c.name for c in package_cards().values() if c.source), key=lambda n: (n != DEFAULT_MODEL, n))
    return {name: package_cards()[name] for name in names}


def registry_card(name: str) -> Card:
    """The registry entry of this name.

    Raises:
        ModelError: There is none; the closest names are suggested.
    """
    known = registry()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    message = f"There is no model {name!r}: neither a file nor a name of the registry."
    hint = f"Did you mean {' or '.join(close)}? " if close else ""
    raise ModelError(message, f"{hint}Run `skipvid models list` for the names, or give the path of an .onnx file.")


def card_for_file(path: Path, sha256: str) -> Card | None:
    """The package card that describes a file: by its digest, else by its name."""
    cards = package_cards().values()
    for card in cards:
        if sha256 in card.digests or (card.source and card.source.sha256 == sha256):
            return card
    for card in cards:
        if any(fnmatch(path.name.lower(), pattern) for pattern in card.patterns):
            return card
    return None
