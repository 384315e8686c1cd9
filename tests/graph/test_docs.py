"""The table of operators is generated, and up to date; the registry refuses duplicates."""

from __future__ import annotations

from pathlib import Path

import pytest

from skipvid.graph.docs import operators_table
from skipvid.graph.ops import conv
from skipvid.graph.registry import collect


def test_docs_are_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "operators.md"
    assert page.read_text(encoding="utf-8") == operators_table(), "run `python -m skipvid.graph.docs`"


def test_two_rules_for_one_operator_are_refused() -> None:
    with pytest.raises(ValueError, match="Conv"):
        collect(conv.RULES, conv.RULES)
