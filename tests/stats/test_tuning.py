"""The table of tuning holds the trials with their figures, on screen and on a page, and stays away where nothing was tuned."""

from __future__ import annotations

from rich.console import Console

from skipvid.stats.tuning import pareto_section, pareto_table

ROW = {"macs": 0.321, "ms": 4.5, "quality": 0.987, "quality75": 0.97, "longest_miss": 3, "false_detections": 0.25, "chosen": True}
MEASURED = {
    "pareto": [{**ROW, "macs": 0.5, "quality": 1.0, "chosen": False}, ROW],
    "held_out": {"macs": 0.333, "quality": 0.981},
}


def test_the_table_shows_every_trial_and_marks_the_chosen() -> None:
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(pareto_table(MEASURED))
    lines = [line for line in captured.get().splitlines() if "%" in line]
    assert len(lines) == 2
    assert "chosen" not in lines[0]
    for text in ("32.1 %", "4.50", "0.987", "0.970", "0.25", "chosen"):
        assert text in lines[1]


def test_the_page_says_what_was_tuned_on_and_escapes_names() -> None:
    page = pareto_section({"footage": [{"name": "<door>"}], "measured": MEASURED})
    assert "&lt;door&gt;" in page
    assert "<door>" not in page
    assert "33.3 % of the MACs at AP50 0.981" in page
    assert page.count("<tr>") == 3


def test_without_tuning_there_is_no_section() -> None:
    assert pareto_section(None) == ""
    assert pareto_section({"measured": {"pareto": []}}) == ""
    assert pareto_section({"footage": [], "measured": {"pareto": [{"macs": None}, "rubbish"]}}).count("<tr>") == 2
