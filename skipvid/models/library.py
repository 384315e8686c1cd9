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

__all__ = ["DEFAULT_MODEL", "card_by_digest", "card_by_name", "package_cards", "registry", "registry_card"]

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


def card_by_digest(sha256: str) -> Card | None:
    """The package card of the very file with this sha256."""
    cards = package_cards().values()
    return next((c for c in cards if sha256 in c.digests or (c.source and c.source.sha256 == sha256)), None)


def card_by_name(path: Path) -> Card | None:
    """The package card that a file's name calls for."""
    cards = package_cards().values()
    return next((c for c in cards if any(fnmatch(path.name.lower(), pattern) for pattern in c.patterns)), None)
