"""The one exception family a user may see.

Every error states what was wrong with the offending value, why, and what mends it. The command line prints
``message`` and ``remedy`` on one line and exits with ``exit_code``; a traceback appears only under ``--debug``.
"""

from __future__ import annotations

__all__ = [
    "DecodeError",
    "GraphError",
    "ModelError",
    "OutputError",
    "SkipvidError",
    "SourceError",
    "UsageError",
    "printable",
]


def printable(text: str, keep: str = "") -> str:
    """A text that names may stand in as users gave them: what would break a line or steer a terminal is escaped.

    Args:
        text: Any.
        keep: Characters that stay as they are though they are not printable.
    """
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


class SkipvidError(Exception):
    """An error that is explained to the user.

    Args:
        message: What was wrong, naming the value, and why.
        remedy: What to do about it, as an imperative; empty when nothing can be done.
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        between = "" if message.endswith("\n") else " "
        super().__init__(printable(f"{message}{between}{remedy}".strip(), keep="\n"))
        self.message = message
        self.remedy = remedy


class UsageError(SkipvidError):
    """A wrong combination of options or arguments."""

    exit_code = 2


class SourceError(SkipvidError):
    """A video, camera or image that cannot be read."""


class ModelError(SkipvidError):
    """A model, card, weight file or download that cannot be used."""


class GraphError(ModelError):
    """An ONNX graph that cannot be turned into a plan."""


class DecodeError(ModelError):
    """Network outputs that no head understands."""


class OutputError(SkipvidError):
    """A result that cannot be written."""
