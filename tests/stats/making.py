"""Run folders made up for tests, written the way runs are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from skipvid.stats import files, rows

DENSE = 1000
OPS = ("stem", "body/conv", "head", "relu")


def write_run(
    folder: Path,
    frames: int = 100,
    *,
    status: str = "complete",
    refresh: dict[int, str] | None = None,
    busy: range = range(40, 60),
    pictures: bool = True,
    **facts: Any,
) -> Path:
    """A run at 10 frames/s: 5 % of the MACs when quiet, 50 % when busy, all where refreshed; network time goes with them."""
    folder.mkdir(parents=True, exist_ok=True)
    refresh = {0: "first", 30: "scene-cut"} if refresh is None else refresh
    with rows.JsonLines(folder / files.STATS) as stats, rows.RateFile(folder / files.OPS, OPS) as rates:
        for i in range(frames):
            rate = 1.0 if i in refresh else 0.5 if i in busy else 0.05
            ms = {"decode": 1.0, "letterbox": 0.5, "gate": 0.0, "network": 20.0 * rate, "tail": 0.0, "head": 0.5, "draw": 1.0}
            found = 2 if i in busy else 0
            row = rows.StatsRow(i, i / 10, round(DENSE * rate), DENSE, rate, ms, refresh.get(i), detections=found)
            stats.write(row.row())
            rates.write({"stem": rate / 2, "body/conv": rate, "head": rate / 4})
    run = {
        "format": 1,
        "status": status,
        "started": "2026-01-02T03:04:05+00:00",
        "config": {"preset": "balanced", "gate": {"thresholds": None}},
        "source": {"name": "street", "path": "street.mp4", "width": 64, "height": 36, "fps": 10.0},
        "model": {"name": "tiny", "head": "centernet", "input": [32, 64], "sha256": "ab" * 32},
        "ops": {"names": list(OPS), "kinds": ["Conv", "Conv", "Conv", "Unary"], "macs": [200, 600, 200, 0]},
        "totals": {"seconds": 2.0},
        "versions": {"python": "3.11"},
        "machine": "a machine",
        "engine": "reference",
        "notices": [],
    }
    files.write_run(folder, run | facts)
    if pictures:
        heat = np.linspace(0, 0.5, 8 * 16, dtype=np.float32).reshape(8, 16)
        np.save(folder / files.HEAT, heat)
        (folder / files.STILL).write_bytes(cv2.imencode(".jpg", np.full((36, 64, 3), 120, np.uint8))[1].tobytes())
    return folder
