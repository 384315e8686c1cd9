"""Options that commands share are listed once and mean the same in each."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import typer

from skipvid.cli import run, webcam
from skipvid.cli.shared import RunOptions
from skipvid.pipeline.config import BudgetChoice, RunConfig


@pytest.mark.parametrize("app", [run.app, webcam.app], ids=["run", "webcam"])
def test_every_command_has_all_shared_options_with_their_help(app: typer.Typer) -> None:
    command = typer.main.get_command(app)
    known = {parameter.name: parameter for parameter in command.params}
    for field in fields(RunOptions):
        assert getattr(known[field.name], "help", None), field.name
    assert "options" not in known


def test_options_become_the_configuration() -> None:
    options = RunOptions(budget_ms=12.0, max_age=7, audit=50, imgsz="384x640", roi="1,2,30,40", no_heatmap=True)
    config = options.config("a.mp4", Path("out"), audio=False, show=True)
    assert (config.budget, config.audit) == (BudgetChoice(12.0, None, 7), 50)
    assert (config.model.imgsz, config.roi) == ((384, 640), (1, 2, 30, 40))
    assert (config.output.heatmap, config.output.annotated, config.output.audio, config.output.show) == (False, True, False, True)
    plain = RunOptions().config("a.mp4", None, audio=True, show=False)
    assert plain == RunConfig("a.mp4", None)
