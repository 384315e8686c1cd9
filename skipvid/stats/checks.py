"""What a run was held to besides its result: budget and audits, from totals to words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skipvid.stats.audit import AuditCount
from skipvid.stats.budget import BudgetCount
from skipvid.stats.savings import network_ms

__all__ = ["check_title", "check_words", "read_checks"]


def read_checks(table: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Totals of ``budget`` and ``audit``, where there were any, from the rows of a run that may have ended early.

    Args:
        table: Rows of ``stats.jsonl``.
        facts: ``run.json``; of audits it knows the average precision.
    """
    budgets, audits = BudgetCount(), AuditCount()
    for row in table:
        if "budget" in row:
            network = network_ms(row.get("ms", {}))
            budgets.add(row["budget"], network, row.get("refresh"), bool(row.get("calibrating")))
        if "audit" in row:
            audits.add(row["audit"])
    budget, audit = budgets.to_dict(), audits.to_dict()
    checks: dict[str, Any] = {} if budget is None else {"budget": budget}
    if audit is not None:
        known = facts.get("totals", {}).get("audit") or {}
        checks["audit"] = {**audit, **{name: value for name, value in known.items() if name == "ap50"}}
    return checks


def check_title(checks: Mapping[str, Any]) -> str:
    """What the totals are about."""
    return " and ".join(name for name in ("budget", "audit") if checks.get(name)).capitalize()


def check_words(checks: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Titles and texts for the totals ``budget`` and ``audit``, where there are any."""
    words: list[tuple[str, str]] = []
    if checks.get("budget"):
        words += BudgetCount.words(checks["budget"])
    if checks.get("audit"):
        words += AuditCount.words(checks["audit"])
    return words
