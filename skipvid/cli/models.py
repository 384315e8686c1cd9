"""``skipvid models``: what networks there are, where they come from, and how they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from skipvid.cli import options as opt
from skipvid.cli import values as val

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from skipvid.graph import PlanReport
    from skipvid.models.card import Card
    from skipvid.models.store import Store
    from skipvid.plan import Plan

__all__ = ["app"]

app = typer.Typer(add_completion=False, help="List, fetch, check and explain networks.", no_args_is_help=True)

_PIPED_WIDTH = 160  # columns of a table that goes to a file or another program
_MIB = 1 << 20


@app.command("list")
def list_models() -> None:
    """List the networks that can be named, and which of them are on this machine."""
    from skipvid.models.library import registry
    from skipvid.models.store import Store

    store = Store()
    table = _table("name", "what", "licence", "size", "sha256", "here")
    for card in registry().values():
        source = card.source
        assert source is not None
        size = f"{source.size / _MIB:.1f} MiB" if source.size else "?"
        table.add_row(
            card.name, card.title, card.licence, size, _digest_state(store, card), "yes" if store.path(card).is_file() else "-"
        )
    console = _console()
    console.print(table)
    console.print(f"Weights are kept in {store.folder / 'models'}. Any .onnx file can be given by its path.", soft_wrap=True)


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help="A name from `skipvid models list`.")],
    offline: opt.Offline = False,
) -> None:
    """Fetch a network into the cache folder and check its sha256."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from skipvid.models.library import registry_card
    from skipvid.models.store import Store

    card, store = registry_card(name), Store(offline=offline or None)
    console = _console()
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(name, total=None)
        path = store.pull(card, lambda done, total: bar.update(task, completed=done, total=total or None))
    entry = store.entry(card)
    assert entry is not None
    console.print(f"{name}: {path}", soft_wrap=True)
    console.print(f"sha256 {entry.sha256} ({_how_trusted(entry.published)})", soft_wrap=True)


@app.command()
def verify(name: Annotated[str | None, typer.Argument(help="Check this network only.")] = None) -> None:
    """Check that the networks on this machine are what they were when they were fetched."""
    from skipvid.errors import ModelError
    from skipvid.models.library import registry, registry_card
    from skipvid.models.store import Store

    store, console = Store(), _console()
    cards = [registry_card(name)] if name else [c for c in registry().values() if store.path(c).is_file()]
    failed = False
    for card in cards:
        try:
            digest = store.check(card)
        except ModelError as error:
            if name:
                raise
            failed = True
            console.print(f"{card.name}: [red]failed[/red]. {error}", soft_wrap=True)
        else:
            console.print(f"{card.name}: ok, sha256 {digest} ({_digest_state(store, card)})", soft_wrap=True)
    if not cards:
        console.print("No network of the registry is on this machine. Run `skipvid models pull NAME`.")
    if failed:
        raise typer.Exit(1)


@app.command()
def show(
    model: Annotated[str, typer.Argument(help="A name from `skipvid models list`, or an .onnx file.")],
    imgsz: opt.Imgsz = None,
    head: opt.Head = None,
    offline: opt.Offline = False,
) -> None:
    """Show how a network runs: which operators are incremental, which are not and why, and what it all costs."""
    from skipvid.graph import describe
    from skipvid.models.find import find_card, find_file
    from skipvid.models.loading import input_size
    from skipvid.models.network import Network
    from skipvid.models.store import Store

    path, entry = find_file(model, Store(offline=offline or None))
    network = Network(path)
    card = find_card(path, entry, None, head, None, network.facts)
    size = input_size(card, val.parse_size(imgsz), None, network.facts.declared)
    plan = network.plan(size)
    report = describe(plan)
    console = _console()
    console.print(_operators(report))
    for line in (f"{card.name}: {card.title or path}", *_totals(report), _head_line(card, plan, size), *report.notes):
        console.print(line, soft_wrap=True, markup=False, highlight=False)


def _operators(report: PlanReport) -> Table:
    table = _table("operator", "does", "runs", "why", "output", "MACs", "gate point")
    for row in report.rows:
        shape = " x ".join(map(str, row.shape))
        table.add_row(
            row.op, row.kind, row.how, row.reason, shape, f"{row.macs:,}" if row.macs else "", "yes" if row.gate else ""
        )
    return table


def _totals(report: PlanReport) -> tuple[str, ...]:
    height, width, channels = report.input
    share = 100 * report.incremental_macs / report.macs if report.macs else 100.0
    return (
        f"input {width} x {height}, {channels} channels",
        f"{report.macs / 1e6:,.1f} million MACs a full pass, {share:.1f} % of them incremental; {report.gates} gate points",
        f"memory of a stream {report.stream_bytes / _MIB:.1f} MiB, weights {report.weight_bytes / _MIB:.1f} MiB",
    )


def _head_line(card: Card, plan: Plan, size: tuple[int, int]) -> str:
    from skipvid.errors import DecodeError
    from skipvid.models.heads import recognise
    from skipvid.models.model import output_shapes

    try:
        found = recognise(card, output_shapes(plan), size)
    except DecodeError as error:
        return f"head: none. {error.message}"
    points = f", {found.keypoints} keypoints" if found.keypoints else ""
    return f"head: {found.name}, {found.classes} classes{points}"


def _digest_state(store: Store, card: Card) -> str:
    if card.source and card.source.sha256:
        return "published"
    return "recorded at the first download" if store.entry(card) else "unverified: trusted at the first download"


def _how_trusted(published: bool) -> str:
    if published:
        return "as published"
    return "nothing published to compare with: this first download is trusted, and later ones must equal it"


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        numeric = column in ("size", "MACs")
        table.add_column(
            column, justify="right" if numeric else "left", overflow="fold", no_wrap=column in ("name", "MACs", "size")
        )
    return table


def _console() -> Console:
    from rich.console import Console

    console = Console()
    return console if console.is_terminal else Console(width=_PIPED_WIDTH)
