"""Convolutions at several densities, in GFLOP/s really done, beside torch's dense library in the same run.

    python benchmarks/kernels.py [--threads 2] [--rounds 30]

Every shape is a plan of one convolution. Between two frames a random set of input pixels changes, chosen so that about the given
share of outputs is active; the time is that of the operator alone, work lists, comparison and commit included. The share of
torch's rate that is left at 10 % says whether skipping pays for scattered pixels, the worst case there is.
"""

from __future__ import annotations

import argparse
from time import perf_counter

import numpy as np
import torch
import torch.nn.functional as F

from skipvid.bench.measure import machine_line
from skipvid.engine.native import NativeExecutor
from skipvid.plan import Act, Activation, Conv, GatePoint, Plan, TensorSpec

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


def frames(plan: Plan, density: float) -> list[np.ndarray]:
    """Two inputs that differ in random pixels, such that about ``density`` of the outputs see a difference."""
    random = np.random.default_rng(1)
    spec, kernel = plan.input, plan.ops[0].kernel[0]  # type: ignore[attr-defined]
    stride = plan.ops[0].stride[0]  # type: ignore[attr-defined]
    windows = max(kernel / stride, 1.0) ** 2  # outputs that one input pixel reaches
    share = 1.0 if density == 1.0 else 1 - (1 - density) ** (1 / windows)
    base = random.standard_normal((1, spec.channels, spec.height, spec.width), np.float32)
    other = base.copy()
    other[:, :, random.random((spec.height, spec.width)) < share] += 1.0
    return [base, other]


def gflops(plan: Plan, density: float, threads: int, rounds: int) -> float:
    """Rate of the native engine over the pixels that were active."""
    executor = NativeExecutor(plan, threads=threads)
    executor.profiling = True
    pair = frames(plan, density)
    rates = []
    for turn in range(rounds + 4):
        executor.step(pair[turn % 2])
        macs = plan.executed_macs(plan.ops[0], int(executor.active_counts()[0]))
        if turn >= 4:
            rates.append(2e-6 * macs / executor.op_ms()[0])
    return float(np.median(rates))


def torch_gflops(plan: Plan, threads: int, rounds: int) -> float:
    """Rate of torch's dense convolution, bias and activation, channels last."""
    op = plan.ops[0]
    assert isinstance(op, Conv)
    torch.set_num_threads(threads)
    x = torch.from_numpy(frames(plan, 1.0)[0]).contiguous(memory_format=torch.channels_last)
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
    options = parser.parse_args()
    print(machine_line(options.threads))
    print()
    print("| layer | " + " | ".join(f"{d:.0%} active" for d in DENSITIES) + " | torch, dense | 10 % / torch |")
    print("|---|" + "---|" * (len(DENSITIES) + 2))
    for name, *shape in SHAPES:
        plan = plan_of(*shape)
        rates = [gflops(plan, d, options.threads, options.rounds) for d in DENSITIES]
        dense = torch_gflops(plan, options.threads, options.rounds)
        cells = " | ".join(f"{rate:.0f}" for rate in (*rates, dense))
        print(f"| {name} | {cells} | {rates[2] / dense:.2f} |")


if __name__ == "__main__":
    main()
