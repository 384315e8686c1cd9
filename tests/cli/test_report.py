"""``skipvid report stats``: which run it takes, what it prints, and what it says where there is none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from stats.making import write_run

from skipvid.cli.main import main


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def test_it_takes_the_newest_run(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for age, name in ((100, "old"), (10, "new"), (50, "middle")):
        path = write_run(runs / name) / "run.json"
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    assert main(["report", "stats", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == str(Path("runs/new"))


@pytest.mark.parametrize("name", ["runs/one", "one", "runs/one/run.json"])
def test_a_run_is_named_by_folder_name_or_file(runs: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    write_run(runs / "one")
    assert main(["report", "stats", name, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["frames"] == 100
    assert set(figures["saved"]) == {"macs", "network_time", "program_time", "full_ms", "full_frames"}


def test_the_summary_shows_the_three_savings_together(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(runs / "one")
    assert main(["report", "stats"]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("MACs saved"))
    assert lines[at].split()[2:4] == ["84.1", "%"]
    assert lines[at + 1].startswith("Network time saved")
    assert lines[at + 2].startswith("Whole-program time saved")
    text = "\n".join(lines)
    for part in ("Time per frame", "body/conv", "busiest", "quietest", "first frame, scene cut"):
        assert part in text


def test_markup_in_names_is_printed_as_it_is(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(runs / "one", source={"name": "[red]street[/nope]"}, notices=["[bold]x[/y]"])
    assert main(["report", "stats"]) == 0
    out = capsys.readouterr().out
    assert "[red]street[/nope]" in out
    assert "[bold]x[/y]" in out


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (["--html"], "runs/one/report.html"),
        (["--html", "runs/one"], "runs/one/report.html"),
        (["one", "--html"], "runs/one/report.html"),
        (["--html", "pages/out.html"], "pages/out.html"),
        (["--html=out.html", "one"], "out.html"),
    ],
)
def test_the_page_goes_where_it_is_told(
    runs: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], written: str
) -> None:
    write_run(runs / "one")
    assert main(["report", "stats", *arguments]) == 0
    assert f"The page is {Path(written)}" in capsys.readouterr().out
    assert (runs.parent / written).read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "There is no run under runs/ yet. Run `skipvid run VIDEO` first, or name the folder of a run."),
        (["nowhere"], "nowhere is not the folder of a run: there is no such folder."),
        (["empty"], "empty is not the folder of a run: it has no run.json."),
    ],
)
def test_no_run_is_one_clear_line(runs: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    (runs.parent / "empty").mkdir()
    assert main(["report", "stats", *arguments]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_page_that_cannot_be_written_is_one_clear_line(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(runs / "one")
    (runs.parent / "taken").mkdir()
    assert main(["report", "stats", "one", "--html", "taken"]) == 1
    assert "cannot be written" in capsys.readouterr().err
