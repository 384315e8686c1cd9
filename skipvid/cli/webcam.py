"""``skipvid webcam``: what ``run`` does, on a camera, newest frame first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from skipvid.cli.shared import RunOptions, with_options

__all__ = ["app"]

app = typer.Typer(add_completion=False)

Camera = Annotated[str, typer.Argument(metavar="INDEX|URL|FILE", help="Camera number, address, or a file fed at its own pace.")]
Record = Annotated[bool, typer.Option("--record", help="Write a run folder, as `skipvid run` does.", rich_help_panel="Results")]
NoShow = Annotated[bool, typer.Option("--no-show", help="Open no preview window.", rich_help_panel="Results")]


@app.command()
@with_options
def webcam(
    ctx: typer.Context, camera: Camera = "0", record: Record = False, no_show: NoShow = False, *, options: RunOptions
) -> None:
    """Find objects in what a camera sees now, in a preview window; q or Esc ends it.

    The newest frame comes first: those that arrive while another is processed are dropped, and counted.

    Nothing is written without --record or --out.
    """
    from skipvid.cli.batch import run_camera

    folder = _folder(camera, options.out, record=record, overwrite=options.overwrite)
    config = options.config(camera, folder, audio=False, show=not no_show, live=True)
    run_camera(config, stop=ctx.obj, quiet=options.quiet, verbose=options.verbose)


def _folder(camera: str, out: Path | None, *, record: bool, overwrite: bool) -> Path | None:
    from skipvid.pipeline.folder import choose_folders

    if not record and out is None:
        return None
    return choose_folders([camera], out, overwrite=overwrite)[0]
