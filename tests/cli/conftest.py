"""A small model, a small clip, and the command line inside this process."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from pipeline.conftest import clip, model

from skipvid.cli.main import main

__all__ = ["clip", "model"]


class Said(NamedTuple):
    """What a command left: its exit code, and what it wrote where."""

    code: int
    out: str
    err: str


Skipvid = Callable[..., Said]


@pytest.fixture(autouse=True)
def _collects(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command keeps the collector from what it finds in its process; the tests' process is not its own."""
    monkeypatch.setattr(gc, "freeze", lambda: None)


@pytest.fixture
def skipvid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Skipvid:
    """Runs a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments: object) -> Said:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        said = capfd.readouterr()
        return Said(code, said.out, said.err)

    return call
