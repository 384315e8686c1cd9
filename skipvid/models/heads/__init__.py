"""Heads: one small module per family of networks, and how the right one is found."""

from __future__ import annotations

from skipvid.models.heads.base import Defaults, Facts, Head
from skipvid.models.heads.recognise import head_names, recognise

__all__ = ["Defaults", "Facts", "Head", "head_names", "recognise"]
