"""Benchmarks of several models on a video each, written as tables.

    python benchmarks/results.py MODEL=VIDEO [MODEL=VIDEO ...] -o benchmarks/RESULTS.md

Every model is measured by ``skipvid bench`` in a process of its own, all runtimes taking turns. What stands in the file before
the mark is kept; the tables behind it are written anew.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

MARK = "<!-- tables: benchmarks/results.py -->"


def measure(model: str, video: str, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, "-m", "skipvid", "bench", model, video, "--json", "--threads", str(options.threads)]
    command += ["--frames", str(options.frames), "--rounds", str(options.rounds)]
    if model in options.imgsz:
        command += ["--imgsz", options.imgsz[model]]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def full_passes(results: list[dict[str, Any]]) -> list[str]:
    """Dense passes and made-up scenes, in ms and against the best dense runtime."""
    rows = [list(r["dense"]) + list(r["scenes"]) for r in results]
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| full pass, ms | " + " | ".join(r["model"] for r in results) + " |", "|---|" + "---|" * len(results)]
    for name in names:
        cells = []
        for r in results:
            best = min(ms for peer, ms in r["dense"].items() if peer != "skipvid")
            ms = {**r["dense"], **r["scenes"]}.get(name)
            cells.append("-" if ms is None else f"{ms:.2f} ({ms / best:.3f})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def on_video(results: list[dict[str, Any]]) -> list[str]:
    columns = ("on the video", "setting", "MACs saved", "skip, ms", "best dense, ms", "gain", "efficiency")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for r in results:
        for row in r["video"]:
            skip, dense = row["skip_ms"], row["peer_ms"]
            cells = (f"{r['model']}, {r['footage']}", row["name"], f"{1 / row['macs']:.1f}x", f"{skip:.2f}", f"{dense:.2f}")
            lines.append(f"| {' | '.join(cells)} | {dense / skip:.2f}x | {dense / skip * row['macs']:.2f} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pairs", nargs="+", metavar="MODEL=VIDEO")
    parser.add_argument("-o", "--out", type=Path, default=Path(__file__).with_name("RESULTS.md"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--frames", type=int, default=160)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--imgsz", action="append", default=[], metavar="MODEL=SIZE")
    options = parser.parse_args()
    options.imgsz = dict(pair.split("=", 1) for pair in options.imgsz)
    results = [measure(*pair.split("=", 1), options) for pair in options.pairs]
    text = options.out.read_text(encoding="utf-8") if options.out.exists() else "# Results\n\n"
    head = text.split(MARK)[0]
    tables = ["", results[0]["machine"], "", *full_passes(results), "", *on_video(results), ""]
    options.out.write_text(head + MARK + "\n" + "\n".join(tables), encoding="utf-8")


if __name__ == "__main__":
    main()
