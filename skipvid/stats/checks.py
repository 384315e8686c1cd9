"""What a run was held to besides its result: budget and audits, from totals to words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skipvid.stats.audit import AuditCount
from skipvid.stats.budget import BudgetCount

__all__ = ["check_words"]


def check_words(checks: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Titles and texts for the totals ``budget`` and ``audit``, where there are any."""
    words: list[tuple[str, str]] = []
    if checks.get("budget"):
        words += BudgetCount.words(checks["budget"])
    if checks.get("audit"):
        words += AuditCount.words(checks["audit"])
    return words
