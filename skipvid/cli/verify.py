"""``skipvid verify``: the promises of the engine on the user's own network and video."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, cast

import typer

from skipvid.cli import options as opt
from skipvid.cli import values as val

if TYPE_CHECKING:
    from pathlib import Path

    from rich.table import Table

    from skipvid.models.card import Preprocess
    from skipvid.plan import FloatArray, Plan
    from skipvid.tune.verify import Check, Report
    from skipvid.video.letterbox import Fit
    from skipvid.video.source import Source

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_PIPED_WIDTH = 160


@app.command()
def verify(
    model: Annotated[str, typer.Argument(help="A name from `skipvid models list`, or an .onnx file.")],
    video: Annotated[str, typer.Argument(help="A video file, camera index or URL.")],
    imgsz: opt.Imgsz = None,
    head: opt.Head = None,
    offline: opt.Offline = False,
    max_frames: Annotated[int, typer.Option(min=1, help="Frames of the video to check.")] = 30,
    engine: opt.Engine = val.EngineName.AUTO,
    threads: opt.Threads = 0,
    quiet: opt.Quiet = False,
) -> None:
    """Check on your own network and video that skipping changes nothing.

    At threshold 0 outputs are bit-identical to full passes, full passes agree with ONNX Runtime, a repeated frame costs nothing,
    and neither threads nor other streams reach the results. Exit code 1 when a check fails.
    """
    from rich.console import Console

    from skipvid.tune.onnx_peer import OnnxPeer
    from skipvid.tune.verify import verify as check
    from skipvid.video.source import open_source

    console = Console()
    console = console if console.is_terminal else Console(width=_PIPED_WIDTH)
    with open_source(video) as source:
        path, plan, preprocess = _network(model, imgsz, head, offline, (source.width, source.height))
        with Console(stderr=True).status("loading", spinner="line") as status:
            report = check(
                plan,
                _inputs(source, plan, preprocess, max_frames),
                OnnxPeer.from_file(path, plan),
                engine=engine.value,
                threads=threads,
                progress=lambda what: None if quiet else status.update(what),
            )
    if not quiet:
        console.print(_table(report))
        console.print(_summary(report), soft_wrap=True)
    if not report.passed:
        raise typer.Exit(1)


def _network(
    model: str, imgsz: str | None, head: str | None, offline: bool, frame_size: tuple[int, int]
) -> tuple[Path, Plan, Preprocess]:
    """The file, plan and preprocessing of a network; one whose outputs no head understands can be verified all the same."""
    from skipvid.errors import DecodeError
    from skipvid.models.card import Preprocess
    from skipvid.models.find import find_card, find_file
    from skipvid.models.loading import input_size
    from skipvid.models.model import bind
    from skipvid.models.network import Network
    from skipvid.models.store import Store

    path, entry = find_file(model, Store(offline=offline or None))
    network = Network(path)
    card = find_card(path, entry, None, head, None, network.facts)
    declared = network.facts.declared
    size = input_size(card, val.parse_size(imgsz), frame_size, declared)
    plan = network.plan(size)
    try:
        return path, plan, bind(lambda _size: plan, size, card, path, declared).preprocess
    except DecodeError:
        return path, plan, card.preprocess or Preprocess()


def _inputs(source: Source, plan: Plan, preprocess: Preprocess, count: int) -> Iterator[FloatArray]:
    """Network inputs from the first frames of a source."""
    import numpy as np

    from skipvid.errors import ModelError
    from skipvid.video.letterbox import Letterbox

    if plan.input.channels != 3:
        message = f"The network takes {plan.input.channels} channels, a video has 3."
        raise ModelError(message, "Verify a network that takes pictures.")
    pixels = preprocess.pixel_map()
    for i, frame in enumerate(source):
        if i == count:
            return
        size = (frame.image.shape[1], frame.image.shape[0])
        fit = Letterbox(size, (plan.input.width, plan.input.height), cast("Fit", preprocess.fit), preprocess.pad)
        image = fit.apply(frame.image)
        x = np.stack([pixels.table[c][image[..., k]] for c, k in enumerate(pixels.order)])
        yield np.ascontiguousarray(x[None])


def _table(report: Report) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("promise", "result", "measured", "bound", "MACs executed", "frames", "remark"):
        right = column in ("measured", "bound", "MACs executed", "frames")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for check in report.checks:
        result = "[green]pass[/green]" if check.passed else "[bold red]FAIL[/bold red]"
        table.add_row(check.name, result, *_numbers(check), str(check.frames), _remark(check))
    return table


def _numbers(check: Check) -> tuple[str, str, str]:
    bound = "-" if check.bound is None else f"{check.bound:.3g}"
    return f"{check.measured:.3g}", bound, "-" if check.share is None else f"{check.share:.1%}"


def _remark(check: Check) -> str:
    return "; ".join(part for part in (check.unit, check.note) if part)


def _summary(report: Report) -> str:
    failed = sum(not check.passed for check in report.checks)
    verdict = "every promise holds" if not failed else f"{failed} of {len(report.checks)} checks failed"
    return f"{verdict} on the {report.engine} engine ({report.dense_macs / 1e6:,.1f} million MACs a full pass)"
