"""Exit codes, errors of one line, and help everywhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module

import pytest
import typer

from cli.conftest import Skipvid
from skipvid.cli import main as cli
from skipvid.errors import SkipvidError, SourceError
from skipvid.pipeline.stop import Interrupted


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A command ``fail`` whose behaviour a test sets with ``setattr(module, "error", ...)``."""
    monkeypatch.setitem(cli.COMMANDS, "fail", __name__)  # type: ignore[arg-type]
    return monkeypatch


app = typer.Typer()
error: BaseException | None = None


@app.command()
def fail() -> None:
    """Fails as it is told to."""
    if error is not None:
        raise error


def _set(failing: pytest.MonkeyPatch, what: BaseException) -> None:
    failing.setattr(import_module(__name__), "error", what)


def _commands() -> list[list[str]]:
    """Every command, those of groups included."""
    found = []
    for name, module in cli.COMMANDS.items():
        group = import_module(module).app
        registered = group.registered_commands
        found.append([name])
        if len(registered) > 1 or group.registered_groups or group.registered_callback:
            found += [[name, entry.name or entry.callback.__name__.replace("_", "-")] for entry in registered]
    return found


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_every_command_and_every_option_has_help(command: list[str], skipvid: Skipvid) -> None:
    said = skipvid(*command, "--help")
    assert said.code == 0
    assert "Usage" in said.out
    resolved = cli._Commands().get_command(None, command[0])
    for name in command[1:]:
        resolved = resolved.commands[name]
    assert resolved.help
    for parameter in resolved.params:
        if parameter.param_type_name == "option":
            assert parameter.help, parameter.name


@pytest.mark.parametrize("command", _commands(), ids=" ".join)
def test_help_speaks_of_no_option_that_the_command_lacks(command: list[str], skipvid: Skipvid) -> None:
    said = skipvid(*command, "--help").out
    named = set(re.findall(r"--[a-z][a-z-]+", said))
    resolved = cli._Commands().get_command(None, command[0])
    for name in command[1:]:
        resolved = resolved.commands[name]
    own = {option for parameter in resolved.params for option in parameter.opts} | {"--help"}
    # The file that tune-thresholds writes is for another command.
    assert named - own <= ({"--thresholds"} if command == ["tune-thresholds"] else set())
    assert "--install-completion" not in own


def test_a_users_error_is_one_line_with_the_remedy(failing: pytest.MonkeyPatch, skipvid: Skipvid) -> None:
    _set(failing, SourceError("x.mp4 is gone.", "Bring it back."))
    assert skipvid("fail") == (1, "", "skipvid: x.mp4 is gone. Bring it back.\n")


def test_debug_shows_the_traceback_wherever_it_stands(failing: pytest.MonkeyPatch, skipvid: Skipvid) -> None:
    _set(failing, SourceError("x.mp4 is gone."))
    for arguments in (["--debug", "fail"], ["fail", "--debug"]):
        with pytest.raises(SkipvidError):
            skipvid(*arguments)


def test_a_fault_of_the_program_is_one_line_too(failing: pytest.MonkeyPatch, skipvid: Skipvid) -> None:
    _set(failing, ZeroDivisionError("division\nby zero"))
    said = skipvid("fail")
    assert said == (
        1,
        "",
        "skipvid: unexpected ZeroDivisionError: division by zero. Run it again with --debug to see where.\n",
    )


@pytest.mark.parametrize(("signal", "code"), [(2, 130), (15, 143)])
def test_an_interruption_says_what_became_of_the_work(
    failing: pytest.MonkeyPatch, skipvid: Skipvid, signal: int, code: int
) -> None:
    _set(failing, Interrupted(signal))
    assert skipvid("fail") == (code, "", "skipvid: stopped before anything was written.\n")


def test_a_missing_package_is_told_without_a_traceback(failing: pytest.MonkeyPatch, skipvid: Skipvid) -> None:
    _set(failing, ImportError("No module named 'onnx'"))
    said = skipvid("fail")
    assert said.code == 1
    assert said.err.startswith("skipvid: a package cannot be loaded: No module named 'onnx'. ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "skipvid: Missing argument 'INPUT...'. See `skipvid run --help`.\n"),
        (["run", "a.mp4", "--export", "xml"], "skipvid: Invalid value for '--export': 'xml' is not one of 'coco', 'mot', 'csv'."),
        (["report"], "skipvid: A command is missing. See `skipvid report --help`.\n"),
        (["nosuch"], "skipvid: No such command 'nosuch'. See `skipvid --help`.\n"),
        (["run", "a.mp4", "--conf", "2"], "skipvid: Invalid value '2' for '--conf'"),
        (["run", "a.mp4", "--conf", "0.3", "--conf", "2"], "skipvid: Invalid value '2' for '--conf'"),
        (["run", "a.mp4", "--threads=many"], "skipvid: Invalid value 'many' for '--threads'"),
        (["run", "a.mp4", "--roi", "1,2,3"], "skipvid: Invalid value: '1,2,3' is no rectangle. Write x,y,w,h in pixels"),
        (["run", "a.mp4", "--imgsz", "0"], "skipvid: Invalid value: '0' is no size."),
        (
            ["run", "a.mp4", "--device", "cuda:0"],
            "skipvid: Invalid value for '--device': 'cuda:0' is not available: skipvid computes on the CPU. Leave --device out. "
            "See `skipvid run --help`.\n",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_exits_with_2(arguments: list[str], message: str, skipvid: Skipvid) -> None:
    said = skipvid(*arguments)
    assert said.code == 2
    assert said.err.startswith(message)
    assert said.err.count("\n") == 1


def test_no_command_shows_the_help(skipvid: Skipvid) -> None:
    said = skipvid()
    assert said.code == 2
    assert "run" in said.out


def test_the_version_is_one_line(skipvid: Skipvid) -> None:
    said = skipvid("--version")
    assert said.code == 0
    assert said.out.startswith("skipvid ")


@pytest.mark.parametrize(("given", "threads"), [(None, "1"), ("3", "3")])
def test_numpys_matrix_library_starts_no_threads_unless_told_to(given: str | None, threads: str) -> None:
    script = """
import os, sys
from skipvid.cli.main import main
assert "numpy" not in sys.modules
main(["--version"])
print(os.environ["OPENBLAS_NUM_THREADS"])
"""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment |= {} if given is None else {"OPENBLAS_NUM_THREADS": given}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == threads
