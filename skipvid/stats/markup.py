"""HTML by function calls: what is not markup already is escaped, so no name or label can become markup."""

from __future__ import annotations

from html import escape

__all__ = ["Markup", "join", "tag"]

_VOID = frozenset({"img", "input", "meta", "br"})


class Markup(str):
    """Text that is HTML."""


def join(*parts: str) -> Markup:
    """The parts one after the other; plain text among them is escaped."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts))


def tag(name: str, *children: str, **attributes: str | float | None) -> Markup:
    """An element. Attributes of value None are left out; ``class_`` is ``class``, ``aria_label`` is ``aria-label``."""
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    head = "".join(f' {key}="{escape(str(value))}"' for key, value in given.items())
    return Markup(f"<{name}{head}>") if name in _VOID else Markup(f"<{name}{head}>{join(*children)}</{name}>")
