"""`skipvid bench`: what skipping buys on one model and one video, against the dense runtimes installed here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from skipvid.bench.measure import Turn, interleave, machine_line, peak_memory_mb, rest
from skipvid.bench.peers import Peer
from skipvid.bench.scenes import every_pixel, half_noise, moving_block, still
from skipvid.engine import EngineName
from skipvid.engine.executor import ByteArray, PixelMap
from skipvid.engine.stream import Stream
from skipvid.gates.policies import Truncation
from skipvid.models.detection import Detections
from skipvid.models.gating import Gating
from skipvid.pipeline.stages import same_picture
from skipvid.plan import FloatArray, Plan
from skipvid.tune.sampling import Footage
from skipvid.tune.tunable import finer, tunable

__all__ = ["BenchReport", "BenchTask", "SkipTime", "run_benchmark"]

_BLOCK_FRAMES = 20  # frames of skipping between two turns of the dense runtimes
_CALIBRATING = 20  # frames shown before any is timed
_NEAR = 0.07  # powers of two by which what is saved may miss what was asked for


@dataclass(frozen=True, eq=False)
class BenchTask:
    """What to measure.

    Attributes:
        plan: The network.
        peers: Dense runtimes, see `skipvid.bench.peers`.
        frames: Consecutive frames of the video, letterboxed: ``(H, W, 3)`` uint8 BGR.
        pixels: How they become the network's input.
        gates: The gates of the main measurement.
        threads: Threads of every runtime.
        savings: Further measurements with the policy's thresholds scaled until MACs fall by these factors.
        rounds: Measured passes per dense runtime and scene.
        engine: The engine.
        look: Called after every frame of the video at the gates as given, outside of its time, for the stream to learn what was
            found.
    """

    plan: Plan
    peers: Sequence[Peer]
    frames: Sequence[ByteArray]
    pixels: PixelMap
    gates: Gating
    threads: int
    savings: tuple[float, ...] = (4.0, 10.0)
    rounds: int = 15
    engine: EngineName = "auto"
    look: Callable[[Stream], object] | None = None

    @classmethod
    def of(cls, footage: Footage, gates: Gating, peers: Sequence[Peer], threads: int, **options: Any) -> BenchTask:
        """The task of a video's first clip; ``options`` are further attributes."""
        model, fit = footage.model, footage.fit

        def look(stream: Stream) -> Detections:
            return model.look(stream, stream.views(), fit)

        pixels = model.preprocess.pixel_map()
        return cls(model.plan, peers, footage.clips[0].images, pixels, gates, threads, look=look, **options)


@dataclass(frozen=True)
class SkipTime:
    """Skipping on the video at one setting.

    Attributes:
        name: The setting.
        macs: Executed share of the dense multiply-accumulates, mean over frames.
        skip_ms: Network time per frame, mean over the frames that were not refreshed.
        peer_ms: The best dense runtime, median, measured in turns with the above.
    """

    name: str
    macs: float
    skip_ms: float
    peer_ms: float

    @property
    def gain(self) -> float:
        """How many times quicker than the best dense runtime."""
        return self.peer_ms / self.skip_ms

    @property
    def efficiency(self) -> float:
        """The gain in time over the gain in arithmetic; 1 when time falls exactly with it."""
        return self.gain * self.macs


@dataclass(frozen=True)
class BenchReport:
    """The result; times in ms.

    Attributes:
        machine: What it was measured on.
        dense: A full pass of each runtime and of the engine (``skipvid``), medians taken in turns.
        scenes: Passes of the engine over made-up scenes, medians taken in turns with the above.
        video: Skipping on the video.
        stages: Time per frame by stage of the stream, medians over the video at the policy as given.
        memory_mb: Peak resident memory of the process.
    """

    machine: str
    dense: Mapping[str, float]
    scenes: Mapping[str, float]
    video: tuple[SkipTime, ...]
    stages: Mapping[str, float]
    memory_mb: float

    @property
    def best_peer(self) -> str:
        peers = {name: ms for name, ms in self.dense.items() if name != ENGINE}
        return min(peers, key=lambda name: peers[name])


ENGINE = "skipvid"


def run_benchmark(task: BenchTask, progress: Callable[[str], None] = lambda _what: None) -> BenchReport:
    """Measure. Takes about a minute on a small network.

    Args:
        task: What to measure.
        progress: Told what comes next.
    """
    progress("dense passes and made-up scenes")
    times = interleave(_passes(task), task.rounds)
    dense = {name: times[name] for name in (*(p.name for p in task.peers), ENGINE)}
    scenes = {name: ms for name, ms in times.items() if name not in dense}
    best = min(task.peers, key=lambda peer: dense[peer.name])
    progress("the video at the policy as given")
    main, stages = _on_video(task, "as given", task.gates, best)
    video = [main]
    for factor in task.savings:
        progress(f"the video at {factor:g}x fewer MACs")
        video.append(_on_video(task, f"{factor:g}x", _gates_saving(task, factor), best)[0])
    return BenchReport(machine_line(task.threads), dense, scenes, tuple(video), stages, peak_memory_mb())


def _passes(task: BenchTask) -> dict[str, Turn]:
    """One turn per dense runtime, per full pass of the engine and per scene."""
    frame = task.frames[0]
    x = _network_input(frame, task.pixels)
    exact = Gating(Truncation(threshold=0.0, input_noise=0.0))
    tolerant = Gating(Truncation(threshold=0.0, input_noise=0.0, input_threshold=2.0))
    turns = {peer.name: Turn(_bind(peer.run, x)) for peer in task.peers}
    turns[ENGINE] = Turn(_refreshing(_stream(task, exact), frame))
    turns["repeated frame"] = Turn(_stepping(_stream(task, exact), still(frame)))
    turns["repeated frame, one after the other"] = Turn(_stepping(_stream(task, exact), still(frame)), times=20)
    turns["repeated frame, recognised as in a run"] = Turn(_recognising(_stream(task, exact), frame))
    turns["one 16x16 block changed, exactly"] = Turn(_stepping(_stream(task, exact), moving_block(frame)))
    turns["one 16x16 block changed, policy as given"] = _changing_block(task, times=1)
    turns["the same, one after the other"] = _changing_block(task, times=20)
    turns["noise below threshold on half the pixels"] = Turn(_stepping(_stream(task, tolerant), half_noise(frame)))
    turns["such noise, one frame after the other"] = Turn(_stepping(_stream(task, tolerant), half_noise(frame)), times=20)
    turns["every pixel changed"] = Turn(_stepping(_stream(task, exact), every_pixel(frame)))
    return turns


def _changing_block(task: BenchTask, times: int) -> Turn:
    stream = _calibrated(task, task.gates)
    return Turn(_stepping(stream, moving_block(task.frames[0])), times, after=lambda: _look(task, stream))


def _stream(task: BenchTask, gates: Gating) -> Stream:
    # No safety: a benchmark measures the rule it names, not the rescue from it.
    options: dict[str, Any] = {"engine": task.engine, "threads": task.threads, "pixels": task.pixels, "safety": None}
    return Stream(task.plan, gates.policy, scales=gates.scales, care=gates.care, **options)


def _bind(run: Callable[[FloatArray], object], x: FloatArray) -> Callable[[], object]:
    return lambda: run(x)


def _refreshing(stream: Stream, frame: ByteArray) -> Callable[[], object]:
    def call() -> object:
        stream.refresh("benchmark")
        stream.step_image(frame)
        return stream.views()

    return call


def _stepping(stream: Stream, frames: Iterator[ByteArray]) -> Callable[[], object]:
    def call() -> object:
        stream.step_image(next(frames))
        return stream.views()

    return call


def _recognising(stream: Stream, frame: ByteArray) -> Callable[[], object]:
    """A run compares frames before anything else, and tells the stream where they are equal."""
    before = frame.copy()

    def call() -> object:
        stream.step_image(frame, repeated=same_picture(frame, before))
        return stream.views()

    return call


def _network_input(frame: ByteArray, pixels: PixelMap) -> FloatArray:
    planes = [pixels.table[c][frame[..., source]] for c, source in enumerate(pixels.order)]
    return np.ascontiguousarray(np.stack(planes)[None])


def _on_video(task: BenchTask, name: str, gates: Gating, best: Peer) -> tuple[SkipTime, dict[str, float]]:
    x = _network_input(task.frames[0], task.pixels)
    stream = _calibrated(task, gates)
    skip: list[float] = []
    share: list[float] = []
    dense: list[float] = []
    stages: dict[str, list[float]] = {}
    for index, frame in enumerate(task.frames):
        if index % _BLOCK_FRAMES == 0:
            dense += [_timed(lambda: best.run(x)) for _ in range(3)][1:]
            rest()
            stream.step_image(frame)  # warms the caches that the dense runtime has emptied; not measured
            stream.views()
            _look(task, stream)
            continue
        start = perf_counter()
        stream.step_image(frame)
        stream.views()
        elapsed = 1e3 * (perf_counter() - start)
        _look(task, stream)
        if stream.last.refresh is None and not stream.last.calibrating:
            skip.append(elapsed)
            share.append(stream.last.share)
            for stage, ms in stream.last.ms.items():
                stages.setdefault(stage, []).append(ms)
    medians = {stage: float(np.median(values)) for stage, values in stages.items()}
    return SkipTime(name, float(np.mean(share)), float(np.mean(skip)), float(np.median(dense))), medians


def _calibrated(task: BenchTask, gates: Gating) -> Stream:
    """A stream that has seen the first frames, so that its scales are known and its weights are warm."""
    stream = _stream(task, gates)
    for frame in task.frames[:_CALIBRATING]:
        stream.step_image(frame)
        _look(task, stream)
    return stream


def _look(task: BenchTask, stream: Stream) -> None:
    if stream.care is not None and task.look is not None:
        task.look(stream)


def _gates_saving(task: BenchTask, factor: float) -> Gating:
    """The policy with all thresholds scaled by one number such that ``factor`` times fewer MACs are executed; without care."""
    policy = tunable(task.gates.policy)
    given = replace(task.gates, policy=policy, care=None)
    scales = dict(_calibrated(task, given).scales)
    low, high, exponent = -8.0, 8.0, 0.0
    found, best = given, math.inf
    for _ in range(7):
        tried = replace(given, policy=finer(policy, 2.0**exponent), scales=scales)
        off = math.log2(factor * _share(task, tried))  # above 0: too little is saved
        if abs(off) < best:
            found, best = tried, abs(off)
        if best < _NEAR:
            break
        low, high = (exponent, high) if off > 0 else (low, exponent)
        # MACs fall a little slower than thresholds rise; where that leaves the bracket, halve it.
        exponent += 1.3 * off
        if not low < exponent < high:
            exponent = (low + high) / 2
    return found


def _share(task: BenchTask, gates: Gating) -> float:
    """Executed share of the MACs over the frames that are timed, behind those that calibrate."""
    stream = _calibrated(task, gates)
    shares = []
    for frame in task.frames:
        stream.step_image(frame)
        if stream.last.refresh is None:
            shares.append(stream.last.share)
    return float(np.mean(shares))


def _timed(call: Callable[[], object]) -> float:
    start = perf_counter()
    call()
    return 1e3 * (perf_counter() - start)
