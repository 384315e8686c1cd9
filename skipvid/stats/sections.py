"""The parts of a run's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skipvid.stats.chart import Level, chart_svg
from skipvid.stats.checks import check_title, check_words
from skipvid.stats.markup import Markup, join, tag
from skipvid.stats.moments import Moment, clock
from skipvid.stats.pictures import GRADIENT, heat_uri, still_uri, strip_uri
from skipvid.stats.summary import LayerSummary, RunSummary
from skipvid.stats.timeline import Bins, encode_cells, strip_cells, time_ticks
from skipvid.stats.words import error_share, giga, model_line, refresh_words, savings_words, share, speed

__all__ = [
    "checks",
    "chips",
    "facts",
    "header",
    "headline",
    "layers",
    "moments",
    "notes",
    "picture",
    "stages",
    "strip",
    "timeline",
]

_STAGES = {  # name on the page, number of its colour: the network's three are warm
    "decode": ("decode", 0),
    "letterbox": ("letterbox", 1),
    "gate": ("gate (compare)", 2),
    "network": ("network", 3),
    "tail": ("tail (of the graph)", 4),
    "head": ("head (boxes)", 5),
    "draw": ("draw", 6),
    "heat": ("heatmap", 7),
    "encode": ("encode", 8),
    "audit": ("audit (full passes)", 9),
}
_LAYER_COLUMNS = (  # heading, class
    ("#", None),
    ("layer", "name"),
    ("kind", "text wide"),
    ("MACs of a full pass", "wide"),
    ("update rate", None),
    ("MACs per frame", None),
    ("share of all executed", None),
)
_SORTED = 6  # the column by which the table is sorted at first, falling


def header(summary: RunSummary) -> Markup:
    """The video, the model and when."""
    began = str(summary.fact("started") or "").replace("T", " ").replace("+00:00", " UTC")
    return tag("header", tag("h1", summary.name), tag("p", " · ".join(filter(None, (model_line(summary), began))), class_="sub"))


def headline(summary: RunSummary) -> Markup:
    """The three savings together."""
    cards = []
    for title, value, detail in savings_words(summary.savings):
        tone = "none" if value is None or abs(value) < 0.0005 else "lost" if value < 0 else "saved"
        cards.append(tag("div", tag("span", title), tag("b", share(value), class_=tone), tag("small", detail), class_="number"))
    return join(tag("div", *cards, class_="headline"), tag("p", summary.savings.basis, class_="basis"))


def chips(summary: RunSummary) -> Markup:
    """Figures beside the headline."""
    rate, full = summary.series.update_rate, summary.refreshes
    figures = (
        (f"{summary.frames}", "frame" if summary.frames == 1 else "frames"),
        (speed(summary.savings), "frames per second"),
        (share(float(rate.mean())), "mean update rate"),
        (share(float((rate == 0).mean())), "of frames without a MAC"),
        (f"{sum(full.values())}", "computed in full" + (f": {refresh_words(full)}" if full else "")),
        (f"{summary.detections}", f"detections, {summary.detections / summary.frames:.2f} per frame"),
    )
    return tag("div", *(tag("div", tag("strong", value), tag("small", name)) for value, name in figures), class_="chips")


def notes(summary: RunSummary) -> Markup:
    """What a reader should know."""
    return join(*(tag("p", note[:1].upper() + note[1:], class_="note") for note in summary.notes))


def _section(title: str, hint: str, *content: str) -> Markup:
    return tag("section", tag("h2", title), tag("p", hint, class_="hint") if hint else Markup(""), *content)


def timeline(summary: RunSummary, bins: Bins) -> Markup:
    """The chart over time, for wide and for narrow screens."""
    saved, budget = summary.savings, summary.checks.get("budget")
    legend, levels = [("mean", "mean" if _gathered(bins) else "each frame")], []
    if _gathered(bins):
        legend.append(("peak", "highest frame"))
    if saved.network is not None:
        levels.append(Level(saved.full_ms, "full"))
        legend.append(("full", f"a full pass, {saved.full_ms:.1f} ms"))
    if budget:
        levels.append(Level(float(budget["ms"]), "budget"))
        legend.append(("budget", f"budget, {float(budget['ms']):.1f} ms"))
    if any(bins.refresh):
        legend.append(("refresh", "computed in full"))
    if bins.looked.any():
        legend.append(("look", "looked at finely all over"))
    if (bins.forced[1:] & bins.forced[:-1]).any():
        legend.append(("band", "calibrating, or in full throughout"))
    tip = tag("div", class_="tip")
    return _section(
        "Over time",
        "Update rate: the share of the network's arithmetic that a frame needed.",
        tag("div", chart_svg(bins, levels), tip, class_="chart wide"),
        tag("div", chart_svg(bins, levels, phone=True), tip, class_="chart narrow"),
        tag("ul", *(tag("li", tag("i", class_=f"key {tone}"), name) for tone, name in legend), class_="legend"),
    )


def _gathered(bins: Bins) -> bool:
    """Whether columns hold more than one frame."""
    return bool(bins.edges[-1] > bins.mean.size)


def picture(summary: RunSummary) -> Markup:
    """The accumulated heat over a frame of the video."""
    title, heat = "Where it was recomputed", heat_uri(summary.folder)
    if heat is None:
        return _section(title, "The run left no map of it.")
    still = still_uri(summary.folder)
    width, height = still[1] if still else (summary.fact("source", "width") or 16, summary.fact("source", "height") or 9)
    frame = tag("img", class_="still", src=still[0], alt="A frame of the video") if still else Markup("")
    words = f"Where the network was recomputed: from {share(heat[1])} to {share(heat[2])} of it"
    overlay = tag("img", class_="heat", src=heat[0], alt=words)
    slider = tag("input", type="range", min=0, max=100, value=80, aria_label="Opacity of the heat")
    scale = tag("span", f"{share(heat[1])} ", tag("i", style=f"background:{GRADIENT}"), f" {share(heat[2])}", class_="scale")
    return _section(
        title,
        "Mean share of the network recomputed around each part of the picture.",
        tag(
            "figure",
            tag("div", frame, overlay, class_="picture", style=f"aspect-ratio:{int(width)}/{int(height)}"),
            tag("figcaption", scale, tag("label", "opacity ", slider)),
        ),
    )


def stages(summary: RunSummary) -> Markup:
    """Where a frame's time goes."""
    total = sum(summary.stage_ms.values())
    if total <= 0:
        return Markup("")
    bars, rows = [], []
    for stage, ms in summary.stage_ms.items():
        name, number = _STAGES.get(stage, (stage, 0))
        tone = f"background:var(--s{number})"
        bars.append(tag("i", style=f"{tone};flex:{ms / total:.5f} 0 0", title=f"{name} {ms:.2f} ms"))
        label = tag("td", tag("i", class_="swatch", style=tone), name, class_="text")
        rows.append(tag("tr", label, tag("td", f"{ms:.2f} ms"), tag("td", share(ms / total))))
    return _section(
        "Time per frame",
        f"Mean of each stage. Together {total:.1f} ms of work, in {1000 * summary.seconds / summary.frames:.1f} ms on the clock.",
        tag("div", *bars, class_="stack"),
        tag("table", tag("tbody", *rows)),
    )


def moments(summary: RunSummary) -> Markup:
    """The busiest and quietest moments."""
    if not summary.busiest:
        return Markup("")

    def listed(title: str, found: Sequence[Moment]) -> Markup:
        items = (tag("li", tag("span", f"{clock(m.start)} - {clock(m.end)}"), tag("b", share(m.update_rate))) for m in found)
        return tag("div", tag("h3", title), tag("ol", *items))

    both = listed("Busiest", summary.busiest), listed("Quietest", summary.quietest)
    hint = "Mean update rate of stretches of the video. Frames computed in full by order, or looked at all over, are left aside."
    return _section("Busiest and quietest moments", hint, tag("div", *both, class_="moments"))


def strip(summary: RunSummary, bins: Bins) -> tuple[Markup, dict[str, Any]]:
    """The picture of layers by time, and what the page's script tells about its cells."""
    chosen = [i for i, layer in enumerate(summary.layers) if layer.macs]
    if not chosen or not len(summary.rates):
        return Markup(""), {"names": [], "columns": 0, "times": [], "cells": ""}
    cells = strip_cells(summary, chosen, bins)
    columns = cells.shape[1]
    data = {
        "names": [summary.layers[i].name for i in chosen],
        "columns": columns,
        "times": bins.times[:columns].round(3).tolist(),
        "cells": encode_cells(cells),
    }
    tall = min(max(len(chosen) * 5, 120), 460)
    image = tag("img", src=strip_uri(cells), alt="Update rate per layer over time")
    marks = (tag("span", label, style=f"left:{100 * place:.2f}%") for place, label in time_ticks(bins, 5))
    content = tag("div", image, class_="ground"), tag("div", class_="tip"), tag("div", *marks, class_="ends")
    # Colours go by the square root, so that a quarter of the way is a sixteenth.
    stops = (tag("span", text, style=f"left:{25 * k}%") for k, text in enumerate(("0", "6 %", "25 %", "56 %", "100 %")))
    bar = tag("div", tag("i", style=f"background:{GRADIENT}"), tag("div", *stops), class_="ramp")
    scale = tag("div", "share recomputed", bar, class_="scale")
    hint = (
        f"A row for each of the {len(chosen)} layers that multiply, in the order of the network, the first at the top. "
        "From left to right: time in the video, min:s."
    )
    return _section("Which layers, when", hint, tag("div", *content, class_="strip", style=f"--tall:{tall}px"), scale), data


def layers(summary: RunSummary) -> Markup:
    """The table of layers."""
    shown = [layer for layer in summary.layers if layer.macs]
    if not shown:
        return Markup("")
    left = sum(layer.executed for layer in shown) or 1
    heads = (
        tag("th", tag("button", name, type="button"), class_=kind, aria_sort="descending" if i == _SORTED else None)
        for i, (name, kind) in enumerate(_LAYER_COLUMNS)
    )
    costly = sorted(enumerate(shown, 1), key=lambda item: -item[1].executed)
    rows = (_layer_row(number, layer, layer.executed / left) for number, layer in costly)
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), class_="sortable")
    hint = "What is still executed, the most first. A click on a heading sorts by it; # is the place in the network."
    return _section("Layers", hint, tag("div", table, class_="scroll"))


def _layer_row(number: int, layer: LayerSummary, part: float) -> Markup:
    bar = tag("span", tag("i", style=f"width:{100 * layer.update_rate:.2f}%"), class_="bar")
    return tag(
        "tr",
        tag("td", f"{number}", data_key=number),
        tag("td", layer.name, class_="name", data_key=layer.name, title=layer.name),
        tag("td", layer.kind, class_="text wide", data_key=layer.kind),
        tag("td", giga(layer.macs), class_="wide", data_key=layer.macs),
        tag("td", share(layer.update_rate), bar, data_key=f"{layer.update_rate:.6f}"),
        tag("td", giga(layer.executed), data_key=f"{layer.executed:.0f}"),
        tag("td", share(part), data_key=f"{part:.6f}"),
    )


def checks(summary: RunSummary) -> Markup:
    """What the budget and the audits came to."""
    words = check_words(summary.checks)
    if not words:
        return Markup("")
    listed = tag("dl", *(join(tag("dt", key), tag("dd", text)) for key, text in words))
    return _section(check_title(summary.checks), "", listed, _errors(summary.checks.get("audit", {}).get("outputs", {})))


def _errors(outputs: Mapping[str, Any]) -> Markup:
    """The errors of several outputs; that of a single one is in the words already."""
    if len(outputs) < 2:
        return Markup("")
    heads = tag("tr", tag("th", "output", class_="text"), tag("th", "largest error"), tag("th", "mean error"))
    rows = (
        tag("tr", tag("td", name, class_="name"), *(tag("td", error_share(float(error[key]))) for key in ("max", "mean")))
        for name, error in outputs.items()
    )
    hint = "In % of the largest magnitude that the full pass has in the output."
    table = tag("table", tag("thead", heads), tag("tbody", *rows), class_="small")
    return join(tag("div", table, class_="scroll"), tag("p", hint, class_="hint"))


def facts(summary: RunSummary) -> Markup:
    """What makes the run repeatable."""
    fact, fps, versions = summary.fact, summary.fact("source", "fps"), summary.fact("versions")
    rate = f", {fps:.3g} frames/s" if isinstance(fps, int | float) else ""
    policy, level, outcome = fact("gate", "policy", "type"), fact("gate", "input_threshold"), fact("gate", "name")
    gate = f"{policy}, {outcome}" + (f", input threshold {level:.3g} grey levels" if isinstance(level, int | float) else "")
    entries = {
        "Source": f"{fact('source', 'path') or summary.name}, {fact('source', 'width')}x{fact('source', 'height')}{rate}",
        "Model": f"{fact('model', 'name')} ({fact('model', 'head')} head)",
        "sha256": fact("model", "sha256"),
        "Gate": gate if policy else fact("config", "preset"),
        "Thresholds": fact("config", "gate", "thresholds"),
        "Engine": fact("engine"),
        "Status": summary.status,
        "Began": fact("started"),
        "Ended": fact("ended"),
        "Machine": fact("machine"),
        "Versions": ", ".join(f"{name} {number}" for name, number in versions.items()) if isinstance(versions, Mapping) else None,
        "Folder": str(summary.folder),
    }
    pairs = (join(tag("dt", key), tag("dd", str(value))) for key, value in entries.items() if value not in (None, ""))
    return _section("The run", "", tag("dl", *pairs))
