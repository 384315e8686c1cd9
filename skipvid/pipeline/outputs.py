"""The last stage of a run: draw, encode, show and write rows."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from skipvid.draw.heatmap import HeatSum
from skipvid.pipeline.config import OutputChoice
from skipvid.pipeline.painter import Painter
from skipvid.pipeline.priority import give_way
from skipvid.pipeline.stages import Computed
from skipvid.pipeline.videos import Videos
from skipvid.pipeline.window import Window
from skipvid.plan import FloatArray
from skipvid.stats import files, rows
from skipvid.stats.budget import budget_row
from skipvid.video.cv import cv2
from skipvid.video.source import Source

__all__ = ["Outputs", "Rows"]

ByteArray = NDArray[np.uint8]


class Rows:
    """The row files of a run folder.

    Args:
        folder: Where they go.
        ops: Names of the plan's operators.
        labels: Class names by index.
    """

    def __init__(self, folder: Path, ops: Sequence[str], labels: Sequence[str]) -> None:
        with ExitStack() as opening:  # those opened are closed again when a later one cannot be
            self._predictions = opening.enter_context(rows.PredictionLines(folder / files.PREDICTIONS, labels))
            self._stats = opening.enter_context(rows.JsonLines(folder / files.STATS))
            self._rates = opening.enter_context(rows.RateFile(folder / files.OPS, ops))
            self._stack = opening.pop_all()

    def write(self, item: Computed, ms: dict[str, float]) -> None:
        """Append a frame's row to each file."""
        index, pts = item.frame.index, item.frame.pts
        self._predictions.write(index, pts, item.found)
        cost = item.cost
        row = rows.StatsRow(
            frame=index,
            pts=pts,
            macs=cost.macs,
            dense_macs=cost.dense_macs,
            update_rate=cost.share,
            ms=ms,
            refresh=cost.refresh,
            calibrating=cost.calibrating,
            detections=len(item.found),
            changed=item.changed,
            looked=cost.looked,
            budget=None if cost.budget is None else budget_row(cost.budget),
            audit=item.audit,
        )
        self._stats.write(row.row())
        self._rates.write(cost.update_rate)

    def close(self) -> None:
        self._stack.close()


@dataclass(frozen=True, eq=False)
class _Still:
    detections: int
    image: ByteArray


class Outputs:
    """Everything that leaves a run, frame by frame.

    Videos get their final names by `finish`; without it, as when a run fails, they stay under their ``.part`` names.

    Args:
        folder: Where files go; None: nowhere.
        choice: What is written and shown.
        painter: Draws.
        source: For the videos' size, timing, colours and sound.
        ops: Names of the plan's operators.
        labels: Class names by index.
        window: Where frames are shown, or None.
        threads: Of everything.
        yields: Pictures can wait a little, and the network cannot: where both want a processor, it goes first.
    """

    def __init__(
        self,
        folder: Path | None,
        choice: OutputChoice,
        painter: Painter,
        source: Source,
        ops: Sequence[str],
        labels: Sequence[str],
        window: Window | None,
        threads: int,
        *,
        yields: bool,
    ) -> None:
        self._folder, self._choice, self._painter, self._window = folder, choice, painter, window
        self._size = (source.height, source.width)
        self._rows: Rows | None = None
        self._videos: Videos | None = None
        self._heat = HeatSum()
        self._still: _Still | None = None
        self.closed_by_viewer = False
        # It is a thread that gives way, and for good: it cannot be the caller's. Those that it starts do the same.
        yields = yields and choice.pictures and threads != 1
        self._writing = ThreadPoolExecutor(1, "write", initializer=give_way) if yields else None
        # With two videos, each frame of the heatmap is drawn and encoded beside the other's.
        beside = folder is not None and choice.annotated and choice.heatmap and threads != 1
        self._beside = ThreadPoolExecutor(1, "heatmap") if beside else None
        if folder is not None:
            self._rows = Rows(folder, ops, labels)
            try:
                self._videos = Videos(folder, choice, source, threads)
                if choice.heatmap_frames:
                    (folder / files.HEATMAP_FRAMES).mkdir(exist_ok=True)
            except BaseException:
                self._rows.close()
                raise

    def write(self, item: Computed) -> dict[str, float]:
        """Write and show a frame.

        Returns:
            Time per stage in ms. That of ``rows`` is known too late to stand in the frame's own row.

        Raises:
            OutputError: A file cannot be written.
        """
        shown, ms = self._write(item) if self._writing is None else self._writing.submit(self._write, item).result()
        if self._window is not None:
            self.closed_by_viewer = not self._window.show(shown)
        return ms

    def _write(self, item: Computed) -> tuple[ByteArray, dict[str, float]]:
        """Write a frame; its picture and the time per stage."""
        began = perf_counter()
        base = self._painter.base(item)
        heatmap = None if self._beside is None else self._beside.submit(self._heatmap, base, item)
        shown = self._painter.annotated(base, item) if self._wants_annotated else base
        painted = perf_counter()
        self._keep(base, item)
        kept = perf_counter()
        if self._videos is not None and self._videos.annotated is not None:
            self._videos.annotated.write(shown, item.frame.pts)
        encoded = perf_counter()
        drawing, encoding = self._heatmap(base, item) if heatmap is None else heatmap.result()
        heat = item.ms.get("heat", 0.0) + 1000 * (kept - painted + drawing)
        ms = {**item.ms, "draw": 1000 * (painted - began), "heat": heat, "encode": 1000 * (encoded - kept + encoding)}
        done = perf_counter()
        if self._rows is not None:
            self._rows.write(item, ms)
        return shown, {**ms, "rows": 1000 * (perf_counter() - done)}

    @property
    def _wants_annotated(self) -> bool:
        return self._window is not None or (self._videos is not None and self._videos.annotated is not None)

    @property
    def _wants_heatmap(self) -> bool:
        return self._folder is not None and (self._choice.heatmap or self._choice.heatmap_frames)

    def _heatmap(self, base: ByteArray, item: Computed) -> tuple[float, float]:
        """Draw and write the heatmap of a frame, where it is wanted; seconds that each took."""
        if not self._wants_heatmap:
            return 0.0, 0.0
        began = perf_counter()
        image = self._painter.heatmap(base, item)
        drawn = perf_counter()
        if self._videos is not None and self._videos.heatmap is not None:
            self._videos.heatmap.write(image, item.frame.pts)
        if self._choice.heatmap_frames and self._folder is not None:
            path = self._folder / files.HEATMAP_FRAMES / f"{item.frame.index:06d}.png"
            files.write_atomically(path, cv2.imencode(".png", image)[1].tobytes())
        return drawn - began, perf_counter() - drawn

    def _keep(self, base: ByteArray, item: Computed) -> None:
        """Add up the heat, and keep the frame with the most detections to show it on."""
        # Another size of frame has another grid: the heat shown is that of the size the run began with.
        if self._folder is None or item.heat is None or item.frame.image.shape[:2] != self._size:
            return
        self._heat.add(item.heat)
        if self._still is None or len(item.found) > self._still.detections:
            self._still = _Still(len(item.found), base)

    def finish(self) -> None:
        """Write what a run leaves at its end and put the videos under their final names.

        Raises:
            OutputError: A file cannot be written.
        """
        if self._folder is None:
            return
        if self._videos is not None:
            self._videos.finish()
        if self._still is not None:
            _save(self._folder / files.HEAT, self._heat.mean)
            files.write_atomically(self._folder / files.STILL, cv2.imencode(".jpg", self._still.image)[1].tobytes())

    def close(self) -> None:
        """Let go of everything; videos that were not finished stay under their part names."""
        for worker in (self._writing, self._beside):
            if worker is not None:
                worker.shutdown()
        if self._videos is not None:
            self._videos.abort()
        if self._rows is not None:
            self._rows.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _save(path: Path, values: FloatArray) -> None:
    data = io.BytesIO()
    np.save(data, values)
    files.write_atomically(path, data.getvalue())
