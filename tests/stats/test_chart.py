"""The chart over time: round axes with units, and marks where they belong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from skipvid.stats.chart import Level, chart_svg
from skipvid.stats.summary import read_summary
from skipvid.stats.timeline import Bins, bin_series, time_ticks
from stats.making import write_run


def bins(folder: Path, frames: int = 100) -> Bins:
    return bin_series(read_summary(write_run(folder, frames)))


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_every_axis_has_its_unit_and_round_numbers(tmp_path: Path) -> None:
    said = texts(chart_svg(bins(tmp_path)))
    for title, ends in (
        ("Update rate", ["0 %", "30 %", "60 %"]),
        ("Network, ms per frame", ["0", "7.5", "15"]),
        ("Detections per frame", ["0", "2"]),
    ):
        at = said.index(title)
        assert said[at + 1 : at + 1 + len(ends)] == ends
    assert said[-1] == "time in the video, min:s"
    assert said[-11:-1] == [f"0:0{k}" for k in range(10)]


@pytest.mark.parametrize(
    ("frames", "most", "labels"),
    [
        (1, 8, ["0:00.0"]),
        (10, 8, ["0:00.0", "0:00.2", "0:00.4", "0:00.6", "0:00.8"]),
        (100, 4, ["0:00", "0:05"]),
        (3000, 8, ["0:00", "1:00", "2:00", "3:00", "4:00"]),
    ],
)
def test_times_are_round_and_not_more_than_fit(tmp_path: Path, frames: int, most: int, labels: list[str]) -> None:
    ticks = time_ticks(bins(tmp_path, frames), most)
    assert [label for _, label in ticks] == labels
    assert all(0 <= place < 1 for place, _ in ticks)


def test_a_tick_stands_where_its_frame_is(tmp_path: Path) -> None:
    # 100 frames at 10 per second: 4 s is the left edge of frame 40 of 100.
    assert dict((label, place) for place, label in time_ticks(bins(tmp_path), 5))["0:04"] == pytest.approx(0.4)


def test_levels_lie_inside_the_chart_however_high(tmp_path: Path) -> None:
    for ms in (1.0, 12.0, 500.0):
        svg = chart_svg(bins(tmp_path / str(ms)), [Level(ms, "budget")])
        line = re.search(r'<line class="budget"[^>]* y1="([0-9.]+)"', svg)
        assert line is not None
        assert 190 < float(line[1]) < 330


def test_a_run_without_detections_has_no_axis_for_them(tmp_path: Path) -> None:
    summary = read_summary(write_run(tmp_path, busy=range(0)))
    assert "Detections per frame" not in texts(chart_svg(bin_series(summary)))
