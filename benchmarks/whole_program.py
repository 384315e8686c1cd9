"""The whole program against its parts: what a run costs beside decoding, letterbox and network.

    python benchmarks/whole_program.py --model centerface.onnx VIDEO...

For each video, in turns: bare decoding, the letterbox alone, the network alone (decisions, execution and outputs over frames that
are already letterboxed), and whole runs: predictions only, and with all videos. Times are medians in ms per frame; the stages of
the full run follow. A first line is about footage without change: one frame of the first video, repeated.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter

import numpy as np

from skipvid.bench.measure import machine_line
from skipvid.pipeline.config import ModelChoice, OutputChoice, RunConfig
from skipvid.pipeline.observer import RunResult
from skipvid.pipeline.process import run
from skipvid.pipeline.setup import Models, assemble
from skipvid.video.clock import Timing
from skipvid.video.sink import VideoSink
from skipvid.video.source import Frame, open_source


class Parts:
    """The parts of a run over one video, each measured by itself in ms per frame.

    Args:
        config: Of the run: predictions only.
        frames: Frames to measure.
    """

    def __init__(self, config: RunConfig, frames: int) -> None:
        self._config = replace(config, max_frames=frames)
        self._models = Models()
        with open_source(config.source, threads=config.threads) as source:
            self._frames: list[Frame] = [frame for frame, _ in zip(source, range(frames), strict=False)]
            setup = assemble(self._config, source, self._models)
        self.count = len(self._frames)
        height, width = self._frames[0].image.shape[:2]
        self._box = setup.fit((width, height))
        self._inputs = [self._box.apply(frame.image) for frame in self._frames]
        self.result: RunResult | None = None

    def decode(self) -> None:
        """Decode and throw away."""
        with open_source(self._config.source, threads=self._config.threads) as source:
            for _ in zip(range(self.count), source, strict=False):
                pass

    def letterbox(self) -> None:
        """Fit frames that are already decoded."""
        for frame in self._frames:
            self._box.apply(frame.image)

    def network(self) -> None:
        """Run the stream over frames that are already fitted."""
        with open_source(self._config.source) as source:
            stream = assemble(self._config, source, self._models).stream
        for image in self._inputs:
            stream.step_image(image)
            if stream.changed:
                stream.views()

    def predictions(self) -> None:
        """A run that writes rows only."""
        run(self._config, models=self._models)

    def everything(self) -> None:
        """A run that also writes both videos."""
        self.result = run(replace(self._config, output=OutputChoice(audio=False)), models=self._models)


def medians(calls: Sequence[Callable[[], None]], rounds: int, count: int) -> dict[str, float]:
    """Median ms per frame of each call, taken in turns."""
    times: dict[str, list[float]] = {call.__name__: [] for call in calls}
    for _ in range(rounds):
        for call in calls:
            start = perf_counter()
            call()
            times[call.__name__].append(1e3 * (perf_counter() - start) / count)
    return {name: float(np.median(values)) for name, values in times.items()}


def still(video: Path, folder: Path, frames: int) -> Path:
    """One frame of a video, repeated, as a video."""
    path = folder / "still.mp4"
    with open_source(video) as source:
        image = next(iter(source)).image
    with VideoSink(path, image.shape[1], image.shape[0], Timing(Fraction(1, 1000), 1 / 25)) as sink:
        for index in range(frames):
            sink.write(image, index / 25)
    return path


def measured(config: RunConfig, frames: int, rounds: int) -> str:
    """A line of the table, and the stages of the full run."""
    parts = Parts(config, frames)
    calls = (parts.decode, parts.letterbox, parts.network, parts.predictions, parts.everything)
    ms = medians(calls, rounds, parts.count)
    alone = ms["decode"] + ms["letterbox"] + ms["network"]
    cells = [Path(config.source).name, str(parts.count), *(f"{value:.2f}" for value in ms.values())]
    cells += [f"{ms['predictions'] / alone:.2f}", f"{ms['predictions'] / ms['decode']:.2f}"]
    line = f"| {' | '.join(cells)} |"
    if parts.result is None:
        return line
    stages = ", ".join(f"{stage} {total / parts.count:.2f}" for stage, total in parts.result.ms.items())
    return f"{line}\n  stages of the full run, ms per frame: {stages}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print(machine_line(args.threads))
    print("| video | frames | decode | letterbox | network | predictions only | everything | predictions / parts | / decode |")
    print("|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        quiet = OutputChoice(annotated=False, heatmap=False)
        for video in (still(args.videos[0], folder, args.frames), *args.videos):
            model = ModelChoice(args.model)
            config = RunConfig(
                str(video), folder / "run", model, output=quiet, threads=args.threads, overwrite=True, max_frames=args.frames
            )
            print(measured(config, args.frames, args.rounds), flush=True)


if __name__ == "__main__":
    main()
