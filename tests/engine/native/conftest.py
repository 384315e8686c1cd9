"""Tests of the native engine are skipped, with the reason, where its compiled part was not built."""

from __future__ import annotations

import pytest

from skipvid.engine import native_reason


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = native_reason()
    if reason is None:
        return
    for item in items:
        if "engine/native" in item.path.as_posix():
            item.add_marker(pytest.mark.skip(reason=f"the native engine cannot be used: {reason}"))
