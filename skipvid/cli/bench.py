"""``skipvid bench``: what skipping buys on a model and a video, against dense runtimes, measured side by side."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skipvid.cli import options as opt
from skipvid.cli import values as val
from skipvid.errors import printable

if TYPE_CHECKING:
    from rich.console import Console

    from skipvid.bench.run import BenchReport
    from skipvid.bench.whole import ProcessCost, WholeTimes

__all__ = ["app"]

app = typer.Typer(add_completion=False)

_DEFAULT_THREADS = 2


@app.command()
def bench(
    model: Annotated[str, typer.Argument(help="A name from `skipvid models list`, or an .onnx file.")],
    video: Annotated[str, typer.Argument(help="A video file.")],
    imgsz: opt.Imgsz = None,
    head: opt.Head = None,
    preset: opt.Preset = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of every runtime.")] = _DEFAULT_THREADS,
    frames: Annotated[int, typer.Option(min=60, help="Successive frames of the video, from its middle.")] = 160,
    rounds: Annotated[int, typer.Option(min=3, help="Measured passes of each dense runtime and scene.")] = 15,
    saved: Annotated[
        list[float] | None,
        typer.Option(min=1.5, help="Measure also where thresholds are scaled to save MACs by this factor. Default: 4 and 10."),
    ] = None,
    engine: opt.Engine = val.EngineName.AUTO,
    offline: opt.Offline = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Measure a model on a video: dense runtimes, full passes, made-up scenes and the video itself, all in one run."""
    from rich.console import Console

    from skipvid.bench.peers import available_peers
    from skipvid.bench.run import BenchTask, run_benchmark
    from skipvid.bench.whole import measure_process, measure_still, measure_whole
    from skipvid.gates.presets import DEFAULT
    from skipvid.graph.static import static_model
    from skipvid.models.gating import gating
    from skipvid.models.loading import load
    from skipvid.pipeline.config import GateChoice, ModelChoice, RunConfig
    from skipvid.tune.sampling import successive

    size = val.parse_size(imgsz)
    loaded = load(model, size, head, offline=offline or None)
    footage = successive(loaded, video, frames)
    bound = footage.model
    assert bound.path is not None
    peers, missing = available_peers(static_model(bound.path, bound.input_size[::-1]), bound.plan, threads)
    console = Console(stderr=as_json)
    for line in missing:
        console.print(line, markup=False)
    gates = gating(bound, (preset or val.PresetName(DEFAULT)).value)
    savings = tuple(saved or (4.0, 10.0))
    task = BenchTask.of(footage, gates, peers, threads, savings=savings, rounds=rounds, engine=engine.value)

    def progress(what: str) -> None:
        console.print(f"measuring {what} ...", style="dim")

    report = run_benchmark(task, progress)
    choice = ModelChoice(model, head, None, bound.input_size[::-1], offline)
    gate = GateChoice(preset=None if preset is None else preset.value)
    config = RunConfig(video, None, choice, gate=gate, engine=engine.value, threads=threads)
    progress("whole runs and their parts")
    whole, still = measure_whole(config, frames), measure_still(config, frames)
    process = measure_process(config, frames)
    if as_json:
        facts = {"model": bound.name, "footage": Path(video).name, **dataclasses.asdict(report)}
        runs = {"whole": dataclasses.asdict(whole), "still": dataclasses.asdict(still), "process": dataclasses.asdict(process)}
        typer.echo(json.dumps(facts | runs, indent=1))
    else:
        title = f"{bound.name} {bound.input_size[0]}x{bound.input_size[1]} on {printable(Path(video).name)}"
        _print(console, title, report)
        _print_whole(console, report, whole, still, process)
        console.print(report.machine, soft_wrap=True)


def _print(console: Console, title: str, report: BenchReport) -> None:
    from rich.table import Table

    best = report.dense[report.best_peer]
    dense = Table("full pass", "ms", f"against {report.best_peer}", title=title, title_justify="left")
    for name, ms in {**report.dense, **report.scenes}.items():
        dense.add_row(name, f"{ms:.3f}", f"{100 * ms / best:.1f} %")
    console.print(dense)
    video = Table("on the video", "MACs done", "MACs saved", "network ms", f"{report.best_peer} ms", "gain", "efficiency")
    for row in report.video:
        video.add_row(
            row.name,
            f"{100 * row.macs:.1f} %",
            f"{1 / max(row.macs, 1e-9):.1f}x",
            f"{row.skip_ms:.2f}",
            f"{row.peer_ms:.2f}",
            f"{row.gain:.1f}x",
            f"{row.efficiency:.2f}",
        )
    console.print(video)
    stages = ", ".join(f"{name} {ms:.3f} ms" for name, ms in report.stages.items())
    console.print(f"stages of the network, medians: {stages}; peak memory with all runtimes {report.memory_mb:.0f} MiB")


def _print_whole(console: Console, report: BenchReport, whole: WholeTimes, still: WholeTimes, process: ProcessCost) -> None:
    from rich.table import Table

    table = Table(f"whole program, ms per frame ({whole.frames} frames)", "on the video", "on a frame repeated")
    rows = ("decode", "letterbox", "network", "predictions", "everything")
    names = ("decode alone", "letterbox alone", "network alone", "run, predictions only", "run with both videos")
    for name, row in zip(names, rows, strict=True):
        table.add_row(name, f"{getattr(whole, row):.2f}", f"{getattr(still, row):.2f}")
    for stage, ms in whole.stages.items():
        table.add_row(f"  of it {stage}", f"{ms:.2f}", f"{still.stages.get(stage, 0.0):.2f}")
    table.add_row("frames/s with both videos", f"{1e3 / whole.everything:.1f}", f"{1e3 / still.everything:.1f}")
    table.add_row("predictions only / parts alone", f"{whole.over_parts:.2f}", f"{still.over_parts:.2f}")
    table.add_row("predictions only / decode alone", f"{whole.over_decode:.2f}", f"{still.over_decode:.2f}")
    peer = report.dense[report.best_peer]
    table.add_row(f"gain over a network of {peer:.1f} ms", f"{whole.gain(peer):.2f}x", f"{still.gain(peer):.2f}x")
    console.print(table)
    console.print(f"the run with both videos as a process: {process.seconds:.2f} s, peak memory {process.memory_mb:.0f} MiB")
