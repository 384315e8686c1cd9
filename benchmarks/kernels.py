"""Convolutions at several densities, in GFLOP/s really done, beside torch's dense library in the same run.

    python benchmarks/kernels.py [--threads 2] [--rounds 30] [--video VIDEO]

Every shape is a plan of one convolution. Between two frames some input pixels change, chosen so that about the given share of
outputs is active; the time is that of the operator alone, work lists, comparison and commit included. Pixels are drawn at random,
the worst case there is, and with ``--video`` also where two frames of a video differ, brought to the size of the map: the two
between which about a tenth of the outputs is active. The share of torch's rate that is left says whether skipping pays.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from skipvid.bench.measure import machine_line
from skipvid.engine.native import NativeExecutor
from skipvid.plan import Act, Activation, Conv, GatePoint, Plan, TensorSpec
from skipvid.video.source import open_source

SHAPES = (  # name, input channels, output channels, kernel, stride, groups, height, width
    ("3x3 128->128", 128, 128, 3, 1, 1, 48, 80),
    ("3x3 256->256", 256, 256, 3, 1, 1, 24, 40),
    ("3x3 64->64", 64, 64, 3, 1, 1, 96, 160),
    ("3x3 32->32", 32, 32, 3, 1, 1, 96, 160),
    ("3x3 3->32 stride 2", 3, 32, 3, 2, 1, 384, 640),
    ("1x1 256->256", 256, 256, 1, 1, 1, 48, 80),
    ("1x1 32->16", 32, 16, 1, 1, 1, 192, 320),
    ("1x1 16->96", 16, 96, 1, 1, 1, 192, 320),
    ("depthwise 3x3 96", 96, 96, 3, 1, 96, 96, 160),
    ("depthwise 5x5 96", 96, 96, 5, 1, 96, 48, 80),
)
DENSITIES = (1.0, 0.25, 0.10, 0.02)
REAL = 0.10  # share of outputs that a video's motion makes active
LEVELS = 12  # by which grey pixels differ that count: above the noise of a camera
FRAMES = 100  # of the video, at most


def plan_of(channels: int, out: int, kernel: int, stride: int, groups: int, height: int, width: int) -> Plan:
    random = np.random.default_rng(0)
    pad = kernel // 2
    weight = random.standard_normal((out, channels // groups, kernel, kernel), np.float32) * 0.05
    conv = Conv(
        name="conv",
        inputs=("x",),
        output="y",
        weight=weight,
        bias=np.zeros(out, np.float32),
        stride=(stride, stride),
        pads=(pad, pad, pad, pad),
        groups=groups,
        activation=Activation(Act.RELU),
    )
    spec = TensorSpec("x", height, width, channels)
    target = TensorSpec("y", (height - 1) // stride + 1, (width - 1) // stride + 1, out)
    tensors = {"x": spec, "y": target}
    return Plan(spec, tensors, (conv,), {"y": "y"}, None, ("y",), (GatePoint("input", "x"),), "0" * 64)


def conv_of(plan: Plan) -> Conv:
    (op,) = plan.ops
    assert isinstance(op, Conv)
    return op


def scattered(plan: Plan, density: float) -> np.ndarray:
    """Random pixels of the input, ``(height, width)``, such that about ``density`` of the outputs see one of them."""
    spec, op = plan.input, conv_of(plan)
    windows = max(op.kernel[0] / op.stride[0], 1.0) ** 2  # outputs that one input pixel reaches
    share = 1.0 if density == 1.0 else 1 - (1 - density) ** (1 / windows)
    return np.asarray(np.random.default_rng(1).random((spec.height, spec.width)) < share)


def moved(plan: Plan, pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Pixels of the input, ``(height, width)``, in which two grey pictures of a video differ: the two that best give `REAL`."""
    spec, op = plan.input, conv_of(plan)
    small = [cv2.resize(picture, (spec.width, spec.height), interpolation=cv2.INTER_AREA) for picture in pictures]
    best, miss = np.zeros((spec.height, spec.width), bool), 1.0
    for gap in (1, 2, 4, 8, 16):
        for first, second in zip(small, small[gap:], strict=False):
            mask = cv2.absdiff(first, second) > LEVELS
            active = cv2.dilate(mask.astype(np.uint8), np.ones(op.kernel, np.uint8))[:: op.stride[0], :: op.stride[1]].mean()
            if abs(active - REAL) < miss:
                best, miss = mask, abs(active - REAL)
    return best


def frames(plan: Plan, mask: np.ndarray) -> list[np.ndarray]:
    """Two inputs that differ where ``mask`` says."""
    spec = plan.input
    base = np.random.default_rng(1).standard_normal((1, spec.channels, spec.height, spec.width), np.float32)
    other = base.copy()
    other[:, :, mask] += 1.0
    return [base, other]


def gflops(plan: Plan, mask: np.ndarray, threads: int, rounds: int) -> float:
    """Rate of the native engine over the pixels that were active."""
    executor = NativeExecutor(plan, threads=threads)
    executor.profiling = True
    pair = frames(plan, mask)
    rates = []
    for turn in range(rounds + 4):
        executor.step(pair[turn % 2])
        macs = plan.executed_macs(plan.ops[0], int(executor.active_counts()[0]))
        if turn >= 4:
            rates.append(2e-6 * macs / executor.op_ms()[0])
    return float(np.median(rates))


def grey(video: Path) -> list[np.ndarray]:
    """The first `FRAMES` pictures of a video, in grey."""
    with open_source(video) as source:
        return [cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY) for frame in islice(source, FRAMES)]


def torch_gflops(plan: Plan, threads: int, rounds: int) -> float:
    """Rate of torch's dense convolution, bias and activation, channels last."""
    op = conv_of(plan)
    torch.set_num_threads(threads)
    x = torch.from_numpy(frames(plan, scattered(plan, 1.0))[0]).contiguous(memory_format=torch.channels_last)
    weight = torch.from_numpy(op.weight).contiguous(memory_format=torch.channels_last)
    bias = torch.from_numpy(op.bias)
    times = []
    with torch.inference_mode():
        for turn in range(rounds + 4):
            start = perf_counter()
            F.conv2d(x, weight, bias, op.stride, op.pads[:2], 1, op.groups).relu_()
            if turn >= 4:
                times.append(perf_counter() - start)
    return 2e-9 * plan.dense_macs / float(np.median(times))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--video", type=Path, help="also measure where its frames differ")
    options = parser.parse_args()
    pictures = [] if options.video is None else grey(options.video)
    print(machine_line(options.threads))
    print()
    columns = [f"{d:.0%} active" for d in DENSITIES] + ["torch, dense", "10 % / torch"]
    columns += [f"{REAL:.0%} of a video", "/ torch"] if pictures else []
    print(f"| layer | {' | '.join(columns)} |")
    print("|---|" + "---|" * len(columns))
    for name, *shape in SHAPES:
        plan = plan_of(*shape)
        rates = [gflops(plan, scattered(plan, d), options.threads, options.rounds) for d in DENSITIES]
        dense = torch_gflops(plan, options.threads, options.rounds)
        cells = [f"{rate:.0f}" for rate in (*rates, dense)] + [f"{rates[2] / dense:.2f}"]
        if pictures:
            real = gflops(plan, moved(plan, pictures), options.threads, options.rounds)
            cells += [f"{real:.0f}", f"{real / dense:.2f}"]
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
