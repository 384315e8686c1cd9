"""The frame loop of one video, and what surrounds it: the folder, the record, what a person is told."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from skipvid.errors import OutputError, SkipvidError, SourceError
from skipvid.pipeline.config import RunConfig
from skipvid.pipeline.export import export
from skipvid.pipeline.facts import processors
from skipvid.pipeline.folder import clear
from skipvid.pipeline.folder import prepare as prepare_folder
from skipvid.pipeline.observer import FrameReport, Observer, RunResult, Started, Status
from skipvid.pipeline.outputs import Outputs
from skipvid.pipeline.pace import Pace, budget_of
from skipvid.pipeline.painter import Painter
from skipvid.pipeline.passes import full_passes
from skipvid.pipeline.record import Record, public_name
from skipvid.pipeline.schedule import Mode, Schedule
from skipvid.pipeline.setup import Setup
from skipvid.pipeline.stages import Alike, Computed, Network, Prepared, prepare
from skipvid.pipeline.stop import Stop
from skipvid.pipeline.tally import Tally
from skipvid.pipeline.window import Window
from skipvid.stats.budget import budget_row
from skipvid.video.source import Source

if TYPE_CHECKING:
    from skipvid.pipeline.audit import Auditor

__all__ = ["Loop"]

_MEASURING = 0.02  # share of the time of a run for passes that are only made to be timed
_CUT_OFF = 0.9  # a file that ends before this share of the frames it claims was cut off, not just counted wrongly


@dataclass
class _Ending:
    status: Status = Status.COMPLETE
    signal: int | None = None


class Loop:
    """The frame loop of one video and what surrounds it."""

    def __init__(
        self,
        config: RunConfig,
        source: Source,
        setup: Setup,
        observer: Observer,
        stop: Stop,
        window: Window | None,
        pace: Pace | None,
    ) -> None:
        self._config, self._source, self._setup = config, source, setup
        self._observer, self._stop, self._window = observer, stop, window
        self._tally = Tally()
        self._notices: list[str] = []
        self._ending = _Ending()
        self._last = -1
        self._pace = pace
        self._auditor = self._audits()
        every = 0 if config.folder is None else config.output.heat_every
        self._network = Network(setup.stream, setup.look, heat_every=every, auditor=self._auditor)
        self._began = perf_counter()

    def _audits(self) -> Auditor | None:
        if self._config.audit is None:
            return None
        from skipvid.pipeline.audit import Auditor

        return Auditor(self._config.audit, self._setup.stream, self._setup.decode)

    def go(self) -> RunResult:
        """Process all frames and leave the folder in order, whatever happens."""
        folder = self._config.folder
        record = self._open_folder()
        try:
            self._observer.started(self._started())
            if self._setup.engine_note is not None:
                self._notice(self._setup.engine_note)
            self._frames()
            if folder is not None and self._config.output.exports:
                size = (self._source.width, self._source.height)
                export(folder, self._config.output.exports, labels=self._setup.labels, size=size)
            self._check_whole()
        except BaseException as error:
            self._fail(record, error)
            raise
        return self._finish(record)

    def _open_folder(self) -> Record | None:
        folder = self._config.folder
        if folder is None:
            return None
        prepare_folder(folder)
        if self._config.overwrite:
            clear(folder)
        record = Record(folder, self._config, self._source, self._setup)
        record.write(Status.RUNNING, self._tally)
        return record

    def _started(self) -> Started:
        source, setup = self._source, self._setup
        frames = None if source.live or source.frames is None else -(-source.frames // self._config.vid_stride)
        if frames is not None and self._config.max_frames is not None:
            frames = min(frames, self._config.max_frames)
        return Started(
            source.name,
            frames,
            source.width,
            source.height,
            setup.name,
            setup.input_size,
            setup.engine,
            setup.gate_name,
            setup.notes,
        )

    def _frames(self) -> None:
        config, setup = self._config, self._setup
        painter = Painter(setup.labels, setup.skeleton, cover=config.output.blur)
        names = [op.name for op in setup.plan.ops]
        with ExitStack() as stack:
            threads = config.threads or processors()
            yields = self._source.live or config.budget.limits
            where = (config.folder, config.output, painter, self._source)
            outputs = Outputs(*where, names, setup.labels, self._window, threads, yields=yields)
            stack.enter_context(outputs)
            computed = stack.enter_context(closing(iter(self._computed())))
            for item in computed:
                self._count(item, outputs.write(item))
                if outputs.closed_by_viewer or self._stop.requested:
                    break
            if outputs.closed_by_viewer or self._stop.requested:
                self._ending = _Ending(Status.INTERRUPTED, self._stop.signal)
            else:  # the network's thread has ended, and the encoders have not
                self._time_full_passes()
            outputs.finish()
        for note in self._source.notes:
            self._notice(note)

    def _computed(self) -> Schedule[Prepared | Alike, Computed]:
        """The stages before the last one, overlapped or not."""
        self._schedule = Schedule(
            prepare(self._source, self._setup.fit, self._config.max_frames),
            self._network.compute,
            self._setup.stream.use_threads,
            self._config.threads or processors(),
            live=self._source.live,
            light=not self._config.output.pictures,
            until=lambda: self._stop.requested,
        )
        return self._schedule

    def _count(self, item: Computed, ms: dict[str, float]) -> None:
        self._tally.add(
            detections=len(item.found),
            macs=item.cost.macs,
            dense_macs=item.cost.dense_macs,
            refresh=item.cost.refresh,
            changed=item.changed,
            ms=ms,
        )
        self._check(item, ms)
        self._last = item.frame.index
        for note in tuple(self._setup.stream.notices):
            self._notice(note)
        if item.resized:
            height, width = item.frame.image.shape[:2]
            self._notice(
                f"the frames' size changes to {width}x{height} at frame {item.frame.index}; "
                f"videos keep {self._source.width}x{self._source.height}"
            )
        self._observer.frame(FrameReport(self._tally.frames, item.cost.share, len(item.found)))

    def _check(self, item: Computed, ms: dict[str, float]) -> None:
        """Count what the budget and the audits say of a frame, and keep the pace."""
        cost = item.cost
        if cost.budget is not None:
            network = sum(cost.ms.values())
            self._tally.budget.add(budget_row(cost.budget), network, cost.refresh, cost.calibrating)
        if item.audit is not None:
            self._tally.audit.add(item.audit)
            self._tally.savings.add_audit(item.audit)
        if self._pace is not None:
            self._pace.add(ms, overlapped=self._schedule.mode is not Mode.SEQUENTIAL)
            self._setup.stream.budget = budget_of(self._config, self._pace)
            if self._pace.notice is not None:
                self._notice(self._pace.notice)

    def _notice(self, text: str) -> None:
        if text not in self._notices:
            self._notices.append(text)
            self._observer.notice(text)

    def _check_whole(self) -> None:
        """Raise where a file ended long before the frames it claims.

        Raises:
            SourceError: It did; everything that decodes was processed and written.
        """
        source, config = self._source, self._config
        stopped = self._ending.status is Status.INTERRUPTED or config.max_frames is not None
        if source.live or source.frames is None or stopped:
            return
        seen = self._last + config.vid_stride
        if seen < _CUT_OFF * source.frames:
            message = f"{public_name(config.source)} ends after {seen} of {source.frames} frames: it is cut off or damaged."
            raise SourceError(message, "What decodes was processed; fetch the file again for the rest.")

    def _seconds(self) -> float:
        return perf_counter() - self._began

    def _finish(self, record: Record | None) -> RunResult:
        seconds = self._seconds()
        if self._auditor is not None:
            self._tally.precision = self._auditor.precision()
        if record is not None:
            record.write(self._ending.status, self._tally, self._notices, seconds)
        result = self._tally.result(
            self._ending.status,
            self._config.folder,
            seconds,
            self._source.dropped,
            tuple(self._notices),
            self._ending.signal,
            live=self._source.live,
        )
        self._observer.finished(result)
        return result

    def _time_full_passes(self) -> None:
        """Where none but the first frame was computed in full: full passes to compare with.

        Beside encoders a network takes longer than alone, the smaller the more, and so do these as long as they have frames left.
        """
        first, image = self._tally.savings.first_ms, self._network.image
        if first is not None and image is not None and self._tally.frames > 1:
            within_ms = 1000 * _MEASURING * self._seconds()
            self._tally.savings.add_passes(full_passes(self._setup.stream, image, first, within_ms))

    def _fail(self, record: Record | None, error: BaseException) -> None:
        if record is None:
            return
        reason = str(error) if isinstance(error, SkipvidError) else f"{type(error).__name__}: {error}"
        try:
            record.write(Status.FAILED, self._tally, self._notices, self._seconds(), error=reason)
        except OutputError:
            return  # the disk is full: run.json stays as it was, the first error is the one to tell
