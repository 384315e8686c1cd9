"""Running over several inputs: one that fails does not stop the rest, and the exit code tells."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from skipvid.cli.progress import Reporter
from skipvid.cli.values import GateName, PresetName, ReferenceName, one_line, parse_rectangle
from skipvid.errors import SkipvidError, UsageError, printable
from skipvid.pipeline.config import GateChoice, RunConfig
from skipvid.pipeline.observer import RunResult
from skipvid.pipeline.stop import Interrupted, Stop

__all__ = ["check", "end_if_interrupted", "gate_choice", "run_all"]


def run_all(
    base: RunConfig, inputs: Sequence[str], out: Path | None, *, stop: Stop | None, quiet: bool = False, verbose: bool = False
) -> None:
    """Run over every source that the inputs name, each into a folder of its own.

    Args:
        base: What to do; ``source`` and ``folder`` are filled in.
        inputs: Files, folders, patterns, a camera index, URLs.
        out: Folder given by the user, or None.
        stop: How the user ends it early.
        quiet: Print errors only.
        verbose: Print more.

    Raises:
        Exception: The only source failed.
        typer.Exit: With code 1: some of several sources failed, and were told.
        Interrupted: The user ended it; files are finalised.
    """
    from skipvid.pipeline.folder import choose_folders
    from skipvid.pipeline.process import run
    from skipvid.pipeline.record import public_name
    from skipvid.pipeline.setup import Models

    check(base)
    _settle_in()
    stop = stop or Stop()
    sources, failed = _sources(inputs)
    total = len(sources) + len(failed)
    folders = choose_folders(sources, out, overwrite=base.overwrite)
    models = Models()
    reporter = _reporter(quiet=quiet, verbose=verbose)
    for source, folder in zip(sources, folders, strict=True):
        try:
            result = run(replace(base, source=source, folder=folder), reporter, stop, models)
        except (Interrupted, BrokenPipeError, ImportError):
            raise
        except Exception as error:  # a fault of the program in one input is no reason to leave out the others
            if total == 1:
                raise
            print(f"skipvid: {_told(error, source)}", file=sys.stderr)
            failed.append(source)
        else:
            end_if_interrupted(result)
        finally:
            reporter.close()
    if failed:
        if not quiet:
            names = printable(", ".join(map(public_name, failed)))
            print(f"skipvid: {len(failed)} of {total} inputs failed: {names}.", file=sys.stderr)
        raise typer.Exit(1)


def _told(error: Exception, source: str) -> str:
    from skipvid.pipeline.record import public_name

    if isinstance(error, SkipvidError):
        return str(error)
    name = printable(public_name(source))
    return f"{name}: unexpected {type(error).__name__}: {one_line(error)} Run it alone with --debug to see where."


def _settle_in() -> None:
    """Take what is loaded for good: to look through it for garbage, in the run and once more at its end, takes 0.1 s and more."""
    if gc.get_freeze_count() == 0:
        gc.freeze()


def _reporter(*, quiet: bool, verbose: bool) -> Reporter:
    if quiet:
        return Reporter(None)
    from rich.console import Console

    # Progress goes to stderr, so that a reader of stdout who leaves early does not end the run.
    return Reporter(Console(stderr=True), Console(), verbose=verbose)


def _sources(inputs: Sequence[str]) -> tuple[list[str], list[str]]:
    """The sources that exist, and the inputs that name none; those are told, unless there is but one."""
    from skipvid.video.inputs import expand

    sources: list[str] = []
    failed: list[str] = []
    for given in inputs:
        try:
            sources += expand([given])
        except SkipvidError as error:
            if len(inputs) == 1:
                raise
            print(f"skipvid: {error}", file=sys.stderr)
            failed.append(given)
    return sources, failed


def check(config: RunConfig) -> None:
    """Refuse combinations that cannot be meant.

    Raises:
        UsageError: The combination makes no sense.
    """
    output = config.output
    if output.blur and not (output.annotated or output.show):
        message = "--blur with --no-annotated leaves no picture to anonymise."
        raise UsageError(message, "Leave one of them out.")
    if config.gate.thresholds is not None and config.gate.preset is not None:
        message = "--thresholds and --preset exclude each other: both say how much change is ignored."
        raise UsageError(message, "Leave one of them out.")
    if config.gate.thresholds is not None and config.gate.family is not None:
        message = "--thresholds and --gate exclude each other: the file says what kind of gate its thresholds are for."
        raise UsageError(message, "Leave one of them out.")
    budget = config.budget
    if budget.ms is not None and budget.fps is not None:
        message = "--budget-ms and --target-fps exclude each other: both say what a frame may cost."
        raise UsageError(message, "Leave one of them out.")
    if budget.max_age is not None and budget.ms is None and budget.fps is None:
        message = "--max-age says how long changes may wait for want of time; without a budget none waits."
        raise UsageError(message, "Add --budget-ms or --target-fps, or leave it out.")


def gate_choice(
    preset: PresetName | None,
    thresholds: Path | None,
    input_threshold: float | None,
    ignore_zones: Sequence[str] | None,
    family: GateName | None = None,
    structure: int | None = None,
    reference: ReferenceName | None = None,
    refresh_every: int | None = None,
) -> GateChoice:
    """What counts as a change, from the options."""
    return GateChoice(
        None if preset is None else preset.value,
        thresholds,
        input_threshold,
        tuple(parse_rectangle(zone) for zone in ignore_zones or ()),
        None if family is None else family.value,
        structure,
        None if reference is None else reference.value,
        refresh_every,
    )


def end_if_interrupted(result: RunResult) -> None:
    """Pass the user's wish to stop on to the command line.

    Raises:
        Interrupted: The run was interrupted by a signal.
    """
    if result.signal is not None:
        where = "" if result.folder is None else f"; the files in {result.folder}/ are finished and play"
        raise Interrupted(result.signal, f"interrupted after {result.frames} frames{where}")


def run_camera(config: RunConfig, *, stop: Stop | None, quiet: bool = False, verbose: bool = False) -> None:
    """Run over one live source.

    Raises:
        SkipvidError: The camera, the model or a file does not do.
        Interrupted: The user ended it by a signal.
    """
    from skipvid.pipeline.process import run

    check(config)
    _settle_in()
    reporter = _reporter(quiet=quiet, verbose=verbose)
    try:
        end_if_interrupted(run(config, reporter, stop))
    finally:
        reporter.close()
