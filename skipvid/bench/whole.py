"""The whole program against its parts: what a run costs beside decoding, letterbox and network."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from skipvid.bench.measure import installed
from skipvid.errors import SkipvidError
from skipvid.pipeline.config import OutputChoice, RunConfig
from skipvid.pipeline.observer import RunResult
from skipvid.pipeline.process import run
from skipvid.pipeline.setup import Models, assemble
from skipvid.video.clock import Timing
from skipvid.video.cv import cv2
from skipvid.video.sink import VideoSink
from skipvid.video.source import Frame, open_source

__all__ = ["ProcessCost", "WholeTimes", "measure_process", "measure_still", "measure_whole"]

# A process counts as its own what the one that started it held at that moment, so it is started by a small one.
_REAP = """
import subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
seconds = time.perf_counter() - start
try:
    import resource
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
except ImportError:
    memory = 0
print(seconds, memory)
sys.exit(done.returncode)
"""

_PREDICTIONS = OutputChoice(annotated=False, heatmap=False)
_EVERYTHING = OutputChoice(audio=False)


@dataclass(frozen=True)
class WholeTimes:
    """Runs over one video and their parts; medians over rounds in which all take turns, in ms per frame.

    Attributes:
        frames: How many were measured, from the video's beginning.
        decode: Decoding alone, in a bare loop of OpenCV as it is without settings.
        letterbox: Fitting decoded frames alone.
        network: The stream alone, on fitted frames: decisions, execution and outputs.
        predictions: A run that writes rows only, from the first frame to the last file closed.
        everything: A run that also writes both videos.
        stages: Of that run, by stage. Stages that overlap add up to more than the run took.
    """

    frames: int
    decode: float
    letterbox: float
    network: float
    predictions: float
    everything: float
    stages: Mapping[str, float]

    @property
    def parts(self) -> float:
        """Decoding, letterbox and network, one after the other."""
        return self.decode + self.letterbox + self.network

    @property
    def over_parts(self) -> float:
        """How many times longer than its parts a run takes that writes rows only; below 1 where stages overlap."""
        return self.predictions / self.parts

    @property
    def over_decode(self) -> float:
        """How many times longer than decoding a run takes that writes rows only."""
        return self.predictions / self.decode

    def gain(self, peer_ms: float) -> float:
        """How many times longer the run with all files would take if its network took so long, all else being equal."""
        return (self.everything - self.network + peer_ms) / self.everything


@dataclass(frozen=True)
class ProcessCost:
    """A run with all files as a process of its own.

    Attributes:
        seconds: From its start to its end.
        memory_mb: Largest resident size, in MiB; 0 where the system does not tell.
    """

    seconds: float
    memory_mb: float


class _Parts:
    """The parts of a run over one video, each of which takes a turn and tells how many seconds it took."""

    def __init__(self, config: RunConfig, folder: Path, frames: int) -> None:
        self._config = replace(config, folder=folder, max_frames=frames, overwrite=True, output=_PREDICTIONS)
        self._models = Models()
        with open_source(config.source, threads=config.threads) as source:
            self._frames: list[Frame] = [frame for frame, _ in zip(source, range(frames), strict=False)]
            setup = assemble(self._config, source, self._models)
        self.count = len(self._frames)
        height, width = self._frames[0].image.shape[:2]
        self._box = setup.fit((width, height))
        self._inputs = [self._box.apply(frame.image) for frame in self._frames]
        self._stream = setup.stream
        self.result: RunResult | None = None

    def decode(self) -> float:
        start = perf_counter()
        capture = cv2.VideoCapture(self._config.source)
        for _ in range(self.count):
            capture.read()
        capture.release()
        return perf_counter() - start

    def letterbox(self) -> float:
        start = perf_counter()
        for frame in self._frames:
            self._box.apply(frame.image)
        return perf_counter() - start

    def network(self) -> float:
        self._stream.step_image(self._inputs[0])  # wakes what the parts before have put to sleep
        self._stream.reset()
        start = perf_counter()
        for image in self._inputs:
            self._stream.step_image(image)
            if self._stream.changed:
                self._stream.views()
        return perf_counter() - start

    def predictions(self) -> float:
        return run(self._config, models=self._models).seconds

    def everything(self) -> float:
        self.result = run(replace(self._config, output=_EVERYTHING), models=self._models)
        return self.result.seconds


def measure_whole(config: RunConfig, frames: int, rounds: int = 3) -> WholeTimes:
    """Measure runs over a video and their parts.

    Args:
        config: Model, gates and threads of the run; its output and folder are not used.
        frames: Frames to measure at most.
        rounds: Turns of each.

    Raises:
        SkipvidError: As of a run.
    """
    with TemporaryDirectory() as name:
        parts = _Parts(config, Path(name) / "run", frames)
        times = _in_turns((parts.decode, parts.letterbox, parts.network, parts.predictions, parts.everything), rounds)
        decode, letterbox, network, predictions, everything = (1e3 * seconds / parts.count for seconds in times)
        assert parts.result is not None
        stages = {stage: total / parts.count for stage, total in parts.result.ms.items()}
    return WholeTimes(parts.count, decode, letterbox, network, predictions, everything, stages)


def measure_still(config: RunConfig, frames: int, rounds: int = 3) -> WholeTimes:
    """The same on footage without change: the video's first frame, repeated."""
    with TemporaryDirectory() as name:
        path = Path(name) / "still.mp4"
        with open_source(config.source) as source:
            image = next(iter(source)).image
        with VideoSink(path, image.shape[1], image.shape[0], Timing(Fraction(1, 1000), 1 / 25)) as sink:
            sink.write(image, 0.0)
            for index in range(1, frames):
                sink.repeat(index / 25)
        return measure_whole(replace(config, source=str(path)), frames, rounds)


def _in_turns(calls: Sequence[Callable[[], float]], rounds: int) -> list[float]:
    times = [[call() for call in calls] for _ in range(rounds)]
    return [float(value) for value in np.median(times, axis=0)]


def measure_process(config: RunConfig, frames: int) -> ProcessCost:
    """Run with all files as a user does, in a process of its own, after a first one that leaves things compiled and cached.

    Raises:
        SkipvidError: The process failed; the message holds its own.
    """
    model = config.model
    with TemporaryDirectory() as name:
        command = [sys.executable, "-m", "skipvid", "run", config.source, "-o", str(Path(name) / "run"), "--quiet", "--no-audio"]
        command += ["--model", model.name, "--threads", str(config.threads)]
        command += ["--engine", config.engine, "--preset", config.preset or ""]
        if model.imgsz is not None:
            command += ["--imgsz", str(model.imgsz) if isinstance(model.imgsz, int) else "{}x{}".format(*model.imgsz)]
        if model.head is not None:
            command += ["--head", model.head]
        if model.offline:
            command += ["--offline"]
        subprocess.run([*command, "--max-frames", "1", "--overwrite"], env=installed(), capture_output=True, check=False)
        command += ["--max-frames", str(frames), "--overwrite"]
        done = subprocess.run(
            [sys.executable, "-c", _REAP, *command], env=installed(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            message = f"The run that was to be measured failed: {done.stderr.strip()}"
            raise SkipvidError(message, "Do the same with `skipvid run` to see more.")
    seconds, memory = done.stdout.split()
    return ProcessCost(float(seconds), float(memory) / (1 << 20 if platform.system() == "Darwin" else 1 << 10))
