"""The chart of a run over time: update rate, network time and detections, one under the other on one time axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skipvid.stats.markup import Markup, tag
from skipvid.stats.timeline import Bins, time_ticks

__all__ = ["Level", "chart_svg"]

_LEFT, _RIGHT, _TOP, _TITLE, _GAP, _BOTTOM = 46, 12, 8, 20, 18, 42  # in the units of the drawing, about pixels
_ROUND = (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)


@dataclass(frozen=True)
class Level:
    """A network time to compare with, in ms: a line across the chart, in a style of the page (``class_``)."""

    ms: float
    class_: str


@dataclass(frozen=True)
class _Panel:
    """One of the charts.

    Attributes:
        title: Names the quantity and its unit.
        top: The value at its upper edge; what is above it is cut off there.
        y: Of its upper edge.
        height: Of its plot.
        unit: Behind the numbers of the axis.
    """

    title: str
    top: float
    y: int
    height: int
    unit: str = ""

    @property
    def base(self) -> int:
        return self.y + self.height

    def place(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values to heights in the drawing."""
        return self.base - self.height * np.minimum(values, self.top) / self.top


def chart_svg(bins: Bins, levels: Sequence[Level] = (), *, phone: bool = False) -> Markup:
    """The chart, for wide or for narrow screens.

    Args:
        bins: The run.
        levels: Network times to compare with.
        phone: Whether for a narrow screen, on which the same text takes more of the width.
    """
    width = 380 if phone else 1000
    inner = width - _LEFT - _RIGHT
    rates = _Panel("Update rate", 100 * _rate_top(bins), _TOP + _TITLE, 130 if phone else 150, " %")
    network = _Panel("Network, ms per frame", _network_top(bins, levels), rates.base + _GAP + _TITLE, 90)
    found = _Panel("Detections per frame", _round_up(float(bins.found.max()), whole=True), network.base + _GAP + _TITLE, 40)
    panels = [rates, network] + ([found] if bins.found.max() > 0 else [])
    base = panels[-1].base
    x = _LEFT + (np.arange(bins.mean.size) + 0.5) / bins.mean.size * inner
    bottom = base + _BOTTOM
    parts = [*_axes(panels, width), *_time_axis(bins, panels, width, 5 if phone else 10), *_bands(bins, inner, panels)]
    parts += _curve(x, rates, 100 * bins.mean, 100 * bins.peak, inner)
    parts += _curve(x, network, bins.network, bins.slowest, inner)
    for level in levels:
        y = f"{network.place(np.array([level.ms]))[0]:.1f}"
        parts.append(tag("line", class_=level.class_, x1=_LEFT, x2=width - _RIGHT, y1=y, y2=y))
    if found in panels:
        parts.append(_bars(found, bins.found, inner))
    parts += _flags(bins, x, panels)
    parts.append(tag("line", class_="cursor", y1=_TOP + _TITLE, y2=base))
    plot = {"x": _LEFT, "y": rates.y, "width": inner, "height": base - rates.y}
    parts.append(tag("rect", class_="plot", fill="transparent", **plot))
    mean, most = 100 * float(bins.mean.mean()), 100 * float(bins.peak.max())
    words = f"Over time: update rate {mean:.1f} % on average, {most:.1f} % at most"
    return tag("svg", *parts, viewBox=f"0 0 {width} {bottom}", role="img", aria_label=words)


def _rate_top(bins: Bins) -> float:
    """A round upper end for the axis of update rates: frames computed in full by order may stick out of it."""
    free = bins.peak[~bins.forced]
    return min(_round_up(max(float(np.quantile(free, 0.995)), 0.001) * 1.02), 1.0) if free.size else 1.0


def _network_top(bins: Bins, levels: Sequence[Level]) -> float:
    free = bins.slowest[~bins.forced]
    slow = float(np.quantile(free if free.size else bins.slowest, 0.995))
    return _round_up(max(slow, 0.01, *(level.ms for level in levels)) * 1.05)


def _round_up(value: float, *, whole: bool = False) -> float:
    """The next number that reads well on an axis."""
    if whole and value <= 1:
        return 1.0
    power = 10.0 ** np.floor(np.log10(value)) if value > 0 else 1.0
    return float(next(step for step in _ROUND if value <= step * power * (1 + 1e-9)) * power)


def _axes(panels: Sequence[_Panel], width: int) -> list[Markup]:
    parts = []
    for panel in panels:
        parts.append(tag("text", panel.title, class_="title", x=_LEFT + 8, y=panel.y - 7))
        for share in (0, 1) if panel.height < 60 else (0, 0.5, 1):
            y = panel.base - share * panel.height
            parts.append(tag("line", class_="gridline", x1=_LEFT, x2=width - _RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}"))
            parts.append(tag("text", f"{share * panel.top:.3g}{panel.unit}", x=_LEFT - 6, y=f"{y + 4:.1f}", text_anchor="end"))
    return parts


def _time_axis(bins: Bins, panels: Sequence[_Panel], width: int, most: int) -> list[Markup]:
    parts, inner, base = [], width - _LEFT - _RIGHT, panels[-1].base
    for place, label in time_ticks(bins, most):
        x = _LEFT + place * inner
        parts.append(tag("line", class_="tick", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=base, y2=base + 4))
        parts.append(tag("text", label, x=f"{x:.1f}", y=base + 18, text_anchor="middle"))
    parts.append(tag("text", "time in the video, min:s", x=width - _RIGHT, y=base + 36, text_anchor="end"))
    return parts


def _bands(bins: Bins, inner: int, panels: Sequence[_Panel]) -> list[Markup]:
    """Grey where frames were computed exactly by order, as while thresholds are calibrated; single refreshes have their flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], bins.forced.astype(np.int8), [0]])))
    step = inner / bins.forced.size
    runs = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]
    return [
        tag("rect", class_="band", x=f"{_LEFT + a * step:.1f}", width=f"{(b - a) * step:.1f}", y=panel.y, height=panel.height)
        for a, b in runs
        for panel in panels
    ]


def _curve(
    x: NDArray[np.float64], panel: _Panel, mean: NDArray[np.float64], peak: NDArray[np.float64], inner: int
) -> list[Markup]:
    """The mean of every column as an area, its highest frame as a thin line; of a single frame, a line across."""
    if x.size == 1:
        x, mean, peak = np.array([_LEFT, _LEFT + inner]), np.repeat(mean, 2), np.repeat(peak, 2)
    line, high = _path(x, panel.place(mean)), _path(x, panel.place(peak))
    area = f"{line}L{x[-1]:.1f} {panel.base}L{x[0]:.1f} {panel.base}Z"
    return [tag("path", class_="area", d=area), tag("path", class_="peak", d=high), tag("path", class_="mean", d=line)]


def _path(x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    return "M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in zip(x, y, strict=True))


def _bars(panel: _Panel, values: NDArray[np.float64], inner: int) -> Markup:
    """Bars side by side in one outline: drawn one by one they would show seams."""
    steps = "".join(f"V{y:.1f}h{inner / values.size:.3f}" for y in panel.place(values))
    return tag("path", class_="found", d=f"M{_LEFT} {panel.base}{steps}V{panel.base}Z")


def _flags(bins: Bins, x: NDArray[np.float64], panels: Sequence[_Panel]) -> list[Markup]:
    """A flag and lines, which leave the titles alone, where a frame was computed in full; a small flag where it was looked at."""
    parts = [tag("path", class_="look", d=f"M{a:.1f} {panels[0].y + 5}l-4 -5h8Z") for a in x[bins.looked]]
    for a, reason in zip(x, bins.refresh, strict=True):
        if reason:
            place = f"{a:.1f}"
            for panel in panels[:2]:
                line: dict[str, str | float | None] = {"x1": place, "x2": place, "y1": panel.y, "y2": panel.base}
                parts.append(tag("line", tag("title", reason), class_="refresh", **line))
            parts.append(tag("path", class_="flag", d=f"M{place} {panels[0].y + 7}l-4 -7h8Z"))
    return parts
