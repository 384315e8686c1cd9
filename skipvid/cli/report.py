"""``skipvid report``: what a run did, read back from its folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperCommand

from skipvid.errors import OutputError, SkipvidError

__all__ = ["app", "find_run"]

app = typer.Typer(add_completion=False, help="Show what a run did.", no_args_is_help=True)

PAGE = "report.html"
_RUN_FILE = "run.json"
_PIPED_WIDTH = 120


@app.callback()
def _group() -> None:
    """Show what a run did."""


class _OptionalPage(TyperCommand):
    """``--html`` with or without a file behind it: what is an option, a folder or nothing is no file."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        given: list[str] = []
        for i, argument in enumerate(args):
            given.append(argument)
            follower = args[i + 1] if i + 1 < len(args) else None
            if argument == "--html" and (follower is None or follower.startswith("-") or _names_run(follower)):
                given.append("")
        parsed: list[str] = super().parse_args(ctx, given)
        return parsed


@app.command(cls=_OptionalPage)
def stats(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="Folder of a run, or its name under runs/. Default: the newest.")
    ] = None,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="[FILE]", help=f"Write a self-contained page to FILE, or to {PAGE} in the run's folder."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Show what was skipped, where and when, and what it bought."""
    from skipvid.stats.summary import read_summary

    summary = read_summary(find_run(run))
    if as_json:
        typer.echo(json.dumps(summary.to_dict(), indent=2))
    if html is not None:
        from skipvid.stats.files import write_atomically
        from skipvid.stats.html import render_page

        path = Path(html) if html else summary.folder / PAGE
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, render_page(summary).encode())
        typer.echo(f"The page is {path}", err=as_json)
    elif not as_json:
        from rich.console import Console

        from skipvid.stats.terminal import print_summary

        console = Console()
        print_summary(summary, console if console.is_terminal else Console(width=_PIPED_WIDTH))


def find_run(name: str | None) -> Path:
    """The folder of a run.

    Args:
        name: A folder, the ``run.json`` in it, or a name under ``runs/``; None for the newest run under ``runs/``.

    Raises:
        SkipvidError: There is no run there.
    """
    from skipvid.pipeline.folder import RUNS

    if name is None:
        newest = max(RUNS.glob(f"*/{_RUN_FILE}"), key=lambda path: path.stat().st_mtime, default=None)
        if newest is None:
            message = f"There is no run under {RUNS}/ yet."
            raise SkipvidError(message, "Run `skipvid run VIDEO` first, or name the folder of a run.")
        return newest.parent
    for folder in (Path(name), RUNS / name):
        if folder.is_dir():
            if not (folder / _RUN_FILE).is_file():
                message = f"{folder} is not the folder of a run: it has no {_RUN_FILE}."
                raise OutputError(message, "Name a folder that `skipvid run` wrote.")
            return folder
    if Path(name).name == _RUN_FILE and Path(name).is_file():
        return Path(name).parent
    message = f"{name} is not the folder of a run: there is no such folder."
    raise SkipvidError(message, "Name a folder that `skipvid run` wrote, or leave it out for the newest run.")


def _names_run(text: str) -> bool:
    from skipvid.pipeline.folder import RUNS

    return any((folder / _RUN_FILE).is_file() for folder in (Path(text), RUNS / text))
