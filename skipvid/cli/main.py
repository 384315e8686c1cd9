"""The command line: commands, errors and exit codes.

0 is success, 1 failure, 2 wrong usage, 130 and 143 Ctrl-C and SIGTERM. An error is one line; only ``--debug`` shows a traceback.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import pairwise
from types import FrameType
from typing import Any

import typer
from typer.core import TyperGroup

from skipvid.cli.options import Debug
from skipvid.cli.values import one_line
from skipvid.errors import SkipvidError, UsageError
from skipvid.pipeline.stop import Interrupted, Stop

__all__ = ["COMMANDS", "app", "main"]

COMMANDS: Mapping[str, str] = {
    "run": "skipvid.cli.run",
    "webcam": "skipvid.cli.webcam",
    "report": "skipvid.cli.report",
    "tune-thresholds": "skipvid.cli.tune",
    "eval": "skipvid.cli.eval",
    "verify": "skipvid.cli.verify",
    "bench": "skipvid.cli.bench",
    "models": "skipvid.cli.models",
}
"""Command -> module with a typer application ``app``, imported when the command is used or the help is shown."""

# Typer brings its own copy of click since 0.20; this is the base of its usage errors either way.
_CommandLineError: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

_MISSING_LIBRARIES = ("libGL", "libgthread", "libglib", "libEGL", "libxcb", "libX11", "libSM", "libICE")


class _Commands(TyperGroup):
    """The commands of `COMMANDS`, imported one at a time."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(import_module(COMMANDS[cmd_name]).app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=_Commands, invoke_without_command=True, add_completion=False, context_settings={"help_option_names": ["-h", "--help"]}
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from skipvid.pipeline.facts import version

        typer.echo(f"skipvid {version() or '(not installed)'}")
        raise typer.Exit


@app.callback()
def _root(
    ctx: typer.Context,
    debug: Debug = False,
    version: bool = typer.Option(False, "--version", is_eager=True, callback=_print_version, help="Print the version and exit."),
) -> None:
    """Video inference that costs what changed: the same detections from a fraction of the arithmetic."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
        raise typer.Exit(2)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    # The matrix library of numpy starts a thread per processor when it is loaded, and keeps them awake for a while. Nothing here
    # multiplies matrices: a short run took a twelfth longer for it.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Loading packages makes many objects and no garbage: looking for some all the while takes a twentieth of the start.
    gc.set_threshold(50_000, *gc.get_threshold()[1:])
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug, given = _take_debug(given)
    stop = Stop()
    try:
        with _signals(stop):
            return _invoke(given, stop)
    except Interrupted as stopped:
        _say(f"{stopped.message}.")
        return stopped.exit_code
    except BrokenPipeError:
        return _broken_pipe()
    except SkipvidError as error:
        if debug:
            raise
        _say(str(error))
        return error.exit_code
    except ImportError as error:
        if debug:
            raise
        _say(_import_problem(error))
        return 1
    except Exception as error:  # the last line of defence: what gets here is a fault of the program
        if debug:
            raise
        _say(f"unexpected {type(error).__name__}: {one_line(error)} Run it again with --debug to see where.")
        return 1


def _invoke(arguments: list[str], stop: Stop) -> int:
    try:
        code = typer.main.get_command(app).main(arguments, prog_name="skipvid", obj=stop, standalone_mode=False)
    except _CommandLineError as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "skipvid"
        # The help was shown in place of a command that was left out.
        said = one_line(error.format_message()).replace("Value error, ", "") or "A command is missing."
        value = _given(getattr(error, "param", None), arguments)
        if value is not None and value not in said:
            said = said.replace("Invalid value for", f"Invalid value {value!r} for", 1)
        raise UsageError(said, f"See `{command} --help`.") from error
    return code if isinstance(code, int) else 0


def _given(option: Any, arguments: list[str]) -> str | None:
    """What was given last for an option that holds one value: Typer does not always say it."""
    if option is None or getattr(option, "multiple", False):
        return None
    given = None
    for argument, behind in pairwise([*arguments, ""]):
        name, equals, value = argument.partition("=")
        if name in option.opts:
            given = value if equals else behind
    return given


def _take_debug(arguments: list[str]) -> tuple[bool, list[str]]:
    """``--debug`` may stand anywhere before ``--``."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [argument for argument in arguments[:end] if argument != "--debug"]
    return len(options) < end, options + arguments[end:]


@contextmanager
def _signals(stop: Stop) -> Iterator[None]:
    def handle(number: int, frame: FrameType | None) -> None:
        stop.request(number)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _import_problem(error: ImportError) -> str:
    text = one_line(error)
    if any(library in text for library in _MISSING_LIBRARIES):
        return f"OpenCV cannot be loaded: {text} Install its system libraries: apt-get install libgl1 libglib2.0-0."
    return (
        f"a package cannot be loaded: {text} Install skipvid again, with its dependencies: pip install --force-reinstall skipvid."
    )


def _broken_pipe() -> int:
    """The reader of our output has gone, as with `| head`: nothing to say, and nobody to say it to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _say(text: str) -> None:
    print(f"skipvid: {text}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
