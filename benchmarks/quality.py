"""Agreement and arithmetic of the presets on real footage, as a table.

    python benchmarks/quality.py --models centerface yolox_nano_416.onnx --chosen a.mp4 b.mp4 --reported c.mp4 d.mp4 -o
    docs/quality.md

Videos under ``--chosen`` are those the presets' numbers were chosen on, those under ``--reported`` all others; the table keeps
them apart. Results are kept in a JSON file beside the page (``--cache``) by model, video and policy, so that an interrupted run
goes on where it stopped and a changed preset is measured anew.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from skipvid.gates.presets import PRESETS
from skipvid.models.gating import Gating, gating
from skipvid.models.loading import load
from skipvid.tune.evaluate import evaluate
from skipvid.video.source import open_source

BEGIN, END = "<!-- table: {} -->", "<!-- end of table -->"
GOAL = (0.97, 0.9)  # AP50 and AP75 that the default preset is chosen for; what stays below is marked
LEAST = 0.3  # dense detections per frame from which agreement is told


def main() -> None:
    options = _options()
    cache = _Cache(options.cache)
    sections = []
    for title, videos in (
        ("Footage that the numbers were not chosen on", options.reported),
        ("Footage they were chosen on", options.chosen),
    ):
        rows = [row for model in options.models for video in videos for row in _rows(model, video, options, cache)]
        if rows:
            sections.append(f"### {title}\n\n{_table(rows, options.presets)}")
    note = f"The first {options.frames} frames of each video in one run, {platform.machine()}; `python benchmarks/quality.py`."
    text = "\n\n".join([*sections, note])
    if options.out is None:
        print(text)
        return
    begin = BEGIN.format(options.table)
    page = options.out.read_text("utf-8") if options.out.exists() else f"{begin}\n{END}\n"
    before, rest = page.split(begin, 1)
    options.out.write_text(f"{before}{begin}\n\n{text}\n\n{END}{rest.split(END, 1)[1]}", "utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--models", nargs="+", required=True, help="registry names or .onnx files")
    parser.add_argument("--chosen", nargs="*", default=[], help="videos that the presets were chosen on")
    parser.add_argument("--reported", nargs="*", default=[], help="other videos")
    parser.add_argument("--presets", nargs="+", default=["high", "balanced", "fast"], choices=list(PRESETS))
    parser.add_argument("--frames", type=int, default=300, help="frames of each video")
    parser.add_argument("--without-care", action="store_true", help="thresholds as they are in all of the picture")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", type=Path, default=Path("build/quality.json"))
    parser.add_argument("--table", default="boxes", help="which of the page's tables is replaced: boxes or poses")
    parser.add_argument("-o", "--out", type=Path, help="page whose table is replaced; without it the table is printed")
    return parser.parse_args()


class _Cache:
    """Results on disk, by everything they depend on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}

    def get(self, key: str) -> Any:
        return self._data.get(key)

    def put(self, key: str, value: Any) -> None:
        self._data[key] = value
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(self._data, indent=1))


def _rows(model: str, video: str, options: argparse.Namespace, cache: _Cache) -> Iterator[dict[str, Any]]:
    """One row per model and video: what each preset came to, in one run over the first frames."""
    with open_source(video) as source:
        network = load(model, frame_size=(source.width, source.height))
    chosen = {name: gating(network, name) for name in options.presets}
    if options.without_care:
        chosen = {name: replace(gates, care=None) for name, gates in chosen.items()}
    keys = {name: _key(network.plan.sha256, Path(video).name, options.frames, *_facts(gates)) for name, gates in chosen.items()}
    for name, key in keys.items():
        if cache.get(key) is not None:
            continue
        with open_source(video) as source:
            found = evaluate(
                network, source, chosen[name], engine=options.engine, threads=options.threads, max_frames=options.frames
            )
        result = {"agreement": found.agreement.to_dict(), "macs": found.macs}
        cache.put(key, {**result, "model": network.name, "video": Path(video).name, "preset": name})
        print(f"{network.name} {Path(video).name} {name}: {_cell(cache.get(key))}", flush=True)
    yield {"model": network.name, "video": Path(video).stem, **{name: cache.get(key) for name, key in keys.items()}}


def _facts(gates: Gating) -> tuple[object, ...]:
    """What of the gates results depend on."""
    return (gates.policy.to_dict(), None if gates.care is None else asdict(gates.care))


def _key(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:24]


def _main(result: dict[str, Any]) -> dict[str, Any]:
    agreed = result["agreement"]
    main: dict[str, Any] = agreed["poses"] or agreed["boxes"]
    return main


def _cell(result: dict[str, Any]) -> str:
    agreed = result["agreement"]
    if agreed["objects_per_frame"] < LEAST:
        return f"{result['macs']:.0%} · {agreed['false_detections']:.2f} false/frame"
    missed = (
        "*" if result["preset"] == "balanced" and (_main(result)["ap50"] < GOAL[0] or _main(result)["ap75"] < GOAL[1]) else ""
    )
    return f"{result['macs']:.0%} · {_main(result)['ap50']:.3f} / {_main(result)['ap75']:.3f}{missed}"


def _table(rows: list[dict[str, Any]], presets: list[str]) -> str:
    head = ["model", "video", "dense det/frame", *presets, f"longest miss ({presets[0] if len(presets) == 1 else 'balanced'})"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        told = row.get("balanced") or row[presets[0]]
        agreed = told["agreement"]
        cells = [row["model"], row["video"], f"{agreed['objects_per_frame']:.2f}", *(_cell(row[p]) for p in presets)]
        lines.append("| " + " | ".join([*cells, str(agreed["longest_miss"])]) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
