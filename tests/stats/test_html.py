"""The page: self-contained, complete, and safe against names that are markup."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from skipvid.stats import files
from skipvid.stats.html import render_page
from skipvid.stats.summary import read_summary
from stats.making import OPS, write_run

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Page(HTMLParser):
    """Elements with their attributes, text by element, and whether every element is closed."""

    VOID = frozenset({"img", "meta", "input", "br", "path", "line", "rect"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        assert [tag for tag in self._open if tag not in self.VOID] == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.text.setdefault(self._open[-1], []).append(data)

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def page(tmp_path: Path) -> Page:
    return Page(render_page(read_summary(write_run(tmp_path))))


def test_nothing_is_loaded_from_elsewhere(page: Page) -> None:
    assert not {"link", "iframe", "object", "embed", "base", "a"} & {tag for tag, _ in page.elements}
    for tag, attributes in page.elements:
        for key in ("src", "href", "srcset", "action", "data", "poster"):
            if key in attributes:
                assert attributes[key].startswith("data:image/"), (tag, key)
        assert not any(key.startswith("on") for key in attributes)
    style = "".join(page.text["style"])
    assert "url(" not in style
    assert "@import" not in style
    script = "".join(page.text["script"])
    assert not any(word in script for word in ("fetch(", "XMLHttpRequest", "import(", "http:", "https:", "eval("))
    policy = next(m["content"] for m in page.named("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


def test_the_page_holds_its_parts(page: Page) -> None:
    titles = page.text["h2"]
    assert titles == [
        "Over time",
        "Busiest and quietest moments",
        "Where it was recomputed",
        "Time per frame",
        "Which layers, when",
        "Layers",
        "The run",
    ]
    assert page.text["b"][:3] == ["84.1 %", "84.1 %", "45.7 %"]
    assert len(page.named("img")) == 3
    assert page.text["title"][0] == "street - skipvid"
    assert "scene-cut" in page.text["title"]  # the mark in the chart names the reason
    assert [text for text in page.text["td"] if text in OPS][-3:] == ["body/conv", "stem", "head"]  # the costliest first
    viewport = next(m["content"] for m in page.named("meta") if m.get("name") == "viewport")
    assert "width=device-width" in viewport


def test_the_data_of_the_script_is_json_with_a_value_per_column(page: Page) -> None:
    data = json.loads(page.text["script"][0])
    assert len(data["times"]) == len(data["mean"]) == len(data["refresh"]) == 100
    assert data["refresh"][30] == "scene-cut"
    assert data["strip"]["names"] == ["stem", "body/conv", "head"]


def test_names_never_become_markup(tmp_path: Path) -> None:
    source = {"name": EVIL, "path": EVIL, "width": 64, "height": 36, "fps": 10.0}
    ops = {"names": [EVIL, "b", "c", "d"], "kinds": [EVIL, "Conv", "Conv", "Unary"], "macs": [1, 1, 1, 0]}
    model = {"name": EVIL, "head": EVIL, "input": [EVIL, EVIL], "sha256": EVIL}
    facts = {
        "source": source,
        "ops": ops,
        "model": model,
        "notices": [EVIL],
        "machine": EVIL,
        "versions": {EVIL: EVIL},
        "engine": EVIL,
    }
    write_run(tmp_path, refresh={0: EVIL}, **facts, config={"preset": EVIL, "gate": {"thresholds": EVIL}})
    html = render_page(read_summary(tmp_path))
    page = Page(html)
    assert len(page.named("script")) == 2
    assert len(page.named("img")) == 3
    assert "onerror" not in {key for _, attributes in page.elements for key in attributes}
    assert page.text["h1"] == [EVIL]
    assert EVIL in page.text["td"]
    assert json.loads(page.text["script"][0])["refresh"][0] == EVIL


def test_a_stage_named_like_markup_is_text(tmp_path: Path) -> None:
    write_run(tmp_path)
    rewritten = (tmp_path / files.STATS).read_text().replace('"decode"', '"<b>decode"')
    (tmp_path / files.STATS).write_text(rewritten)
    assert "<b>decode" not in render_page(read_summary(tmp_path))


@pytest.mark.parametrize("frames", [1, 2, 1000])
def test_runs_of_any_length_make_a_page(tmp_path: Path, frames: int) -> None:
    page = Page(render_page(read_summary(write_run(tmp_path, frames))))
    assert len(json.loads(page.text["script"][0])["times"]) == min(frames, 360)


def test_a_run_without_pictures_or_rates_makes_a_page(tmp_path: Path) -> None:
    write_run(tmp_path, pictures=False)
    (tmp_path / files.OPS).unlink()
    (tmp_path / files.HEAT).write_bytes(b"no array")
    page = Page(render_page(read_summary(tmp_path)))
    assert page.named("img") == []
