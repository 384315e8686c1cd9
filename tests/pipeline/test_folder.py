"""Results never overwrite results, and only ever a run's own files are removed."""

from __future__ import annotations

from pathlib import Path

import pytest

from skipvid.errors import OutputError
from skipvid.pipeline.folder import choose_folders, clear, prepare, run_name
from skipvid.pipeline.record import public_name
from skipvid.stats import files


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("clips/street day.mp4", "street-day"),
        ("0", "camera-0"),
        ("rtsp://user:secret@10.0.0.7:554/live?token=1", "10.0.0.7-554-live"),
        ("https://host/a/b.mp4", "host-a-b.mp4"),
        ("...", "run"),
    ],
)
def test_names_tell_the_source_and_no_password(source: str, name: str) -> None:
    assert run_name(source) == name


def test_the_default_folder_counts_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert choose_folders(["a.mp4"], None) == [Path("runs/a")]
    for name in ("a", "a-2"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "run.json").touch()
    assert choose_folders(["a.mp4"], None) == [Path("runs/a-3")]
    assert choose_folders(["a.mp4"], None, overwrite=True) == [Path("runs/a")]


def test_an_empty_folder_is_free(tmp_path: Path) -> None:
    assert choose_folders(["a.mp4"], tmp_path) == [tmp_path]


def test_several_sources_get_a_folder_each_even_with_one_name(tmp_path: Path) -> None:
    chosen = choose_folders(["x/a.mp4", "y/a.mp4", "b.mp4"], tmp_path / "out")
    assert chosen == [tmp_path / "out" / "a", tmp_path / "out" / "a-2", tmp_path / "out" / "b"]


def test_a_named_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(OutputError) as caught:
        choose_folders(["a.mp4"], tmp_path)
    assert str(caught.value) == (
        f"The folder {tmp_path} is not empty. Name another one with --out, or replace the earlier results with --overwrite."
    )
    assert choose_folders(["a.mp4"], tmp_path, overwrite=True) == [tmp_path]


def test_overwriting_removes_a_runs_own_files_only(tmp_path: Path) -> None:
    own = [tmp_path / files.STATS, tmp_path / files.ANNOTATED, tmp_path / f"{files.HEATMAP}.part"]
    foreign = [tmp_path / "mine.mp4", tmp_path / files.HEATMAP_FRAMES / "notes.png"]
    frame = tmp_path / files.HEATMAP_FRAMES / "000001.png"
    frame.parent.mkdir()
    for path in (*own, *foreign, frame):
        path.touch()
    clear(tmp_path)
    assert not any(path.exists() for path in (*own, frame))
    assert all(path.exists() for path in foreign)


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(OutputError) as caught:
        prepare(tmp_path / "out")
    assert str(caught.value) == (
        f"The folder {tmp_path / 'out'} cannot be created: a file of that name is in the way. Name another one with --out."
    )


def test_no_password_of_an_address_is_printed_or_stored() -> None:
    assert public_name("rtsp://user:secret@10.0.0.7:554/live?token=1") == "rtsp://10.0.0.7:554/live"
    assert public_name("clips/a@b.mp4") == "clips/a@b.mp4"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_in_the_place_of_the_folder_is_named_as_such(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match=r"is a file; results go into a folder\. Name another one with --out\."):
        choose_folders(["a.mp4"], tmp_path / "out", overwrite=overwrite)
    assert (tmp_path / "out").read_text() == "mine"
