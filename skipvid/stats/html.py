"""A run as one self-contained page: nothing is loaded from elsewhere, and it opens from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any

from skipvid.stats import sections
from skipvid.stats.markup import Markup, join, tag
from skipvid.stats.summary import RunSummary
from skipvid.stats.timeline import bin_series
from skipvid.stats.tuning import pareto_section

__all__ = ["render_page"]

# The browser itself holds the page to it: nothing from elsewhere is ever loaded.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
_FOOTER = "MACs are multiply-accumulates. The update rate of a frame is the share of the network's MACs that it executed."


def render_page(summary: RunSummary) -> str:
    """The page as HTML."""
    bins = bin_series(summary)
    strip, strip_data = sections.strip(summary, bins)
    main = tag(
        "main",
        sections.header(summary),
        sections.headline(summary),
        sections.chips(summary),
        sections.notes(summary),
        sections.checks(summary),
        sections.timeline(summary, bins),
        sections.moments(summary),
        tag("div", sections.picture(summary), sections.stages(summary), class_="columns"),
        strip,
        sections.layers(summary),
        pareto_section(summary.fact("gate", "tuning")),
        sections.facts(summary),
        tag("footer", _FOOTER),
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{summary.name} - skipvid"),
        tag("style", _asset("report.css")),
    )
    data = tag("script", _json({**bins.to_dict(), "strip": strip_data}), type="application/json", id="data")
    page = tag("html", head, tag("body", main, data, tag("script", _asset("report.js"))), lang="en")
    return join(Markup("<!doctype html>"), page) + "\n"


def _asset(name: str) -> Markup:
    return Markup(resources.files("skipvid.stats").joinpath("assets", name).read_text(encoding="utf-8"))


def _json(data: Mapping[str, Any]) -> Markup:
    """JSON that cannot end the script element it stands in."""
    return Markup(json.dumps(data, separators=(",", ":")).replace("<", "\\u003c"))
