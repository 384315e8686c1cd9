"""The parts of a run's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skipvid.stats.checks import check_words
from skipvid.stats.markup import Markup, join, tag
from skipvid.stats.moments import Moment, clock
from skipvid.stats.pictures import GRADIENT, heat_uri, still_uri, strip_uri
from skipvid.stats.summary import LayerSummary, RunSummary
from skipvid.stats.timeline import Bins, chart_svg, encode_cells, strip_cells
from skipvid.stats.words import giga, model_line, share, times_fewer, whole_time

__all__ = ["checks", "chips", "facts", "header", "headline", "layers", "moments", "picture", "stages", "strip", "timeline"]

_STAGE_NAMES = {"gate": "gate (compare)", "tail": "tail (of the graph)"}
_LAYER_COLUMNS = ("#", "layer", "kind", "MACs of a full pass", "update rate", "MACs per frame", "share of what is left")


def header(summary: RunSummary) -> Markup:
    """The video, the model and when."""
    began = str(summary.fact("started") or "").replace("T", " ").split("+")[0]
    return tag("header", tag("h1", summary.name), tag("p", " - ".join(filter(None, (model_line(summary), began))), class_="sub"))


def headline(summary: RunSummary) -> Markup:
    """The three savings together."""
    saved = summary.savings
    numbers = (
        ("MACs saved", saved.macs, f"{times_fewer(saved.macs)}: {giga(summary.macs)} of {giga(summary.dense_macs)}"),
        ("Network time saved", saved.network, f"{saved.network_ms:.1f} ms per frame"),
        ("Whole-program time saved", saved.program, whole_time(saved)),
    )
    cards = []
    for title, value, detail in numbers:
        tone = "none" if value is None else "lost" if value < 0 else "saved"
        cards.append(tag("div", tag("span", title), tag("b", share(value), class_=tone), tag("small", detail), class_="number"))
    return join(tag("div", *cards, class_="headline"), tag("p", f"Times are {saved.basis}.", class_="basis"))


def chips(summary: RunSummary) -> Markup:
    """Figures beside the headline."""
    rate = summary.series.update_rate
    speed = summary.frames / summary.seconds if summary.seconds else 0.0
    reasons = ", ".join(f"{reason} {count}" for reason, count in summary.refreshes.items())
    figures = (
        (f"{summary.frames}", "frames"),
        (f"{summary.detections}", f"detections, {summary.detections / summary.frames:.2f} per frame"),
        (share(float(rate.mean())), "mean update rate"),
        (share(float((rate == 0).mean())), "of frames cost no MACs"),
        (f"{sum(summary.refreshes.values())}", "computed in full" + (f": {reasons}" if reasons else "")),
        (f"{speed:.1f}", "frames per second"),
    )
    return tag("div", *(tag("div", tag("strong", value), tag("small", name)) for value, name in figures), class_="chips")


def _section(title: str, hint: str, *content: str) -> Markup:
    return tag("section", tag("h2", title), tag("p", hint, class_="hint") if hint else Markup(""), *content)


def _legend(name: str, tone: str) -> Markup:
    return tag("li", tag("i", style=f"background:var(--{tone})"), name)


def timeline(bins: Bins) -> Markup:
    """The chart of the update rate, for wide and for narrow screens."""
    legend = [_legend("update rate", "accent")]
    if float((bins.peak - bins.mean).max()) > 0.001:
        legend.append(_legend("highest frame", "accent-soft"))
    if any(bins.refresh):
        legend.append(_legend("computed in full", "mark"))
    if (bins.forced[1:] & bins.forced[:-1]).any():
        legend.append(_legend("calibrating or refreshed throughout", "band"))
    if bins.found.max() > 0:
        legend.append(_legend("detections", "soft"))
    tip = tag("div", class_="tip")
    return _section(
        "How much was recomputed, over time",
        "Update rate: the share of the network's arithmetic that each frame needed.",
        tag("div", chart_svg(bins), tip, class_="chart wide"),
        tag("div", chart_svg(bins, phone=True), tip, class_="chart narrow"),
        tag("ul", *legend, class_="legend"),
    )


def picture(summary: RunSummary) -> Markup:
    """The accumulated heat over a frame of the video."""
    title, heat = "Where it was recomputed", heat_uri(summary.folder)
    if heat is None:
        return _section(title, "The run left no map of it.")
    still = still_uri(summary.folder)
    width, height = still[1] if still else (summary.fact("source", "width") or 16, summary.fact("source", "height") or 9)
    frame = tag("img", class_="still", src=still[0], alt="A frame of the video") if still else Markup("")
    overlay = tag("img", class_="heat", src=heat[0], alt="Heat")
    slider = tag("input", type="range", min=0, max=100, value=80, aria_label="Strength of the heat")
    scale = tag("span", f"{share(heat[1])} ", tag("i", style=f"background:{GRADIENT}"), f" {share(heat[2])}", class_="scale")
    return _section(
        title,
        "Mean share of the network recomputed around each part of the picture.",
        tag(
            "figure",
            tag("div", frame, overlay, class_="picture", style=f"aspect-ratio:{int(width)}/{int(height)}"),
            tag("figcaption", scale, tag("label", "heat ", slider)),
        ),
    )


def stages(summary: RunSummary) -> Markup:
    """Where a frame's time goes."""
    total = sum(summary.stage_ms.values())
    if total <= 0:
        return Markup("")
    bars, rows = [], []
    for k, (stage, ms) in enumerate(summary.stage_ms.items()):
        name, tone = _STAGE_NAMES.get(stage, stage), f"background:var(--s{k % 8})"
        bars.append(tag("i", style=f"{tone};flex:{ms / total:.5f} 0 0", title=f"{name} {ms:.2f} ms"))
        label = tag("td", tag("i", class_="swatch", style=tone), name, class_="text")
        rows.append(tag("tr", label, tag("td", f"{ms:.2f} ms"), tag("td", share(ms / total))))
    return _section(
        "Time per frame",
        f"Mean per stage, {total:.1f} ms together; stages may overlap.",
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
    return _section("Moments", "", tag("div", *both, class_="moments"))


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
    ends = tag("div", tag("span", clock(float(bins.times[0]))), tag("span", clock(float(summary.series.pts[-1]))), class_="ends")
    content = tag("div", image, class_="ground"), tag("div", class_="tip"), ends
    scale = tag("div", "0 ", tag("i", style=f"background:{GRADIENT}"), " 100 % (by the square root)", class_="scale")
    hint = f"The {len(chosen)} layers that multiply, the first at the top; time from left to right. Colour: share recomputed."
    return _section("Which layers, when", hint, tag("div", *content, class_="strip", style=f"--tall:{tall}px"), scale), data


def layers(summary: RunSummary) -> Markup:
    """The table of layers."""
    shown = [layer for layer in summary.layers if layer.macs]
    if not shown:
        return Markup("")
    left = sum(layer.executed for layer in shown) or 1
    heads = (
        tag("th", tag("button", name, type="button"), class_="text" if i in (1, 2) else None)
        for i, name in enumerate(_LAYER_COLUMNS)
    )
    rows = (_layer_row(number, layer, layer.executed / left) for number, layer in enumerate(shown, 1))
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), class_="sortable")
    hint = "A click on a heading sorts by it. Layers without multiplications are left out."
    return _section("Layers", hint, tag("div", table, class_="scroll"))


def _layer_row(number: int, layer: LayerSummary, part: float) -> Markup:
    bar = tag("span", tag("i", style=f"width:{100 * layer.update_rate:.2f}%"), class_="bar")
    return tag(
        "tr",
        tag("td", f"{number}", data_key=number),
        tag("td", layer.name, class_="name", data_key=layer.name, title=layer.name),
        tag("td", layer.kind, class_="text", data_key=layer.kind),
        tag("td", giga(layer.macs), data_key=layer.macs),
        tag("td", share(layer.update_rate), bar, data_key=f"{layer.update_rate:.6f}"),
        tag("td", giga(layer.executed), data_key=f"{layer.executed:.0f}"),
        tag("td", share(part), data_key=f"{part:.6f}"),
    )


def checks(summary: RunSummary) -> Markup:
    """What the budget and the audits came to."""
    words = check_words(summary.checks)
    if not words:
        return Markup("")
    return _section("Budget and audits", "", tag("dl", *(join(tag("dt", key), tag("dd", text)) for key, text in words)))


def facts(summary: RunSummary) -> Markup:
    """What makes the run repeatable."""
    fact, fps, versions = summary.fact, summary.fact("source", "fps"), summary.fact("versions")
    speed = f", {fps:.3g} frames/s" if isinstance(fps, int | float) else ""
    entries = {
        "Source": f"{fact('source', 'path') or summary.name}, {fact('source', 'width')}x{fact('source', 'height')}{speed}",
        "Model": f"{fact('model', 'name')} ({fact('model', 'head')} head)",
        "sha256": fact("model", "sha256"),
        "Preset": fact("config", "preset"),
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
