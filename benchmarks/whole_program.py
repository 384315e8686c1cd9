"""The whole program against its parts: what a run costs beside decoding, letterbox and network.

    python benchmarks/whole_program.py --model centerface.onnx VIDEO...

For each video, in turns: bare decoding (a loop of OpenCV without settings), the letterbox alone, the network alone (decisions,
execution and outputs over frames that are already letterboxed), and whole runs: predictions only, and with all videos. Times are
medians in ms per frame; the stages of the full run follow. A first line is about footage without change: one frame of the first
video, repeated.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from skipvid.bench.measure import machine_line
from skipvid.bench.whole import WholeTimes, measure_still, measure_whole
from skipvid.pipeline.config import ModelChoice, RunConfig


def table_line(name: str, times: WholeTimes) -> str:
    """A line of the table."""
    ms = (times.decode, times.letterbox, times.network, times.predictions, times.everything)
    cells = [name, str(times.frames), *(f"{value:.2f}" for value in ms), f"{times.over_parts:.2f}", f"{times.over_decode:.2f}"]
    stages = ", ".join(f"{stage} {value:.2f}" for stage, value in times.stages.items())
    return f"| {' | '.join(cells)} | {stages} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--model", required=True)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print(machine_line(args.threads))
    columns = ("video", "frames", "decode", "letterbox", "network", "predictions only", "everything", "predictions / parts")
    print(f"| {' | '.join((*columns, '/ decode', 'stages of everything'))} |")
    print("|---" * (len(columns) + 2) + "|")
    configs = [RunConfig(str(video), None, ModelChoice(args.model), threads=args.threads) for video in args.videos]
    print(table_line(f"a frame of {args.videos[0].name}", measure_still(configs[0], args.frames, args.rounds)), flush=True)
    for config in configs:
        print(table_line(Path(config.source).name, measure_whole(config, args.frames, args.rounds)), flush=True)


if __name__ == "__main__":
    main()
