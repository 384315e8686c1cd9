"""``skipvid run``: video in, annotated video, heatmap, predictions and statistics out."""

from __future__ import annotations

from typing import Annotated

import typer

from skipvid.cli import options as opt
from skipvid.cli.shared import RunOptions, with_options

__all__ = ["app"]

app = typer.Typer(add_completion=False)

Inputs = Annotated[list[str], typer.Argument(metavar="INPUT...", help="Video files, folders, patterns, a camera index or a URL.")]


@app.command()
@with_options
def run(
    ctx: typer.Context, inputs: Inputs, no_audio: opt.NoAudio = False, show: opt.Show = False, *, options: RunOptions
) -> None:
    """Find objects in videos, recomputing only what changed from frame to frame.

    Results land in one folder per input: annotated.mp4, heatmap.mp4, predictions.jsonl, stats.jsonl and run.json.
    """
    from skipvid.cli.batch import run_all

    base = options.config("", None, audio=not no_audio, show=show)
    run_all(base, inputs, options.out, stop=ctx.obj, quiet=options.quiet, verbose=options.verbose)
