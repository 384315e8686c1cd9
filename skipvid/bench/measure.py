"""Timing side by side: candidates take turns within one run, and medians are compared.

Machines are shared and their clocks wander, so a time alone means little; a ratio of two medians that were measured in turns
means something.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter, process_time, sleep

import numpy as np

__all__ = ["Turn", "installed", "interleave", "machine_line", "peak_memory_mb", "rest"]

_REST_S = 0.01
_IDLE = 0.1  # share of a rest that the process may be busy and still count as resting
_LONGEST_S = 1.0


def rest() -> None:
    """Wait until the workers of the runtime that ran last have stopped spinning, and with it competing for the cores.

    ONNX Runtime's spin for 40 to 60 ms after a pass: what runs meanwhile shares its processors with them. The time of the process
    tells; a second is waited at most.
    """
    end = perf_counter() + _LONGEST_S
    while perf_counter() < end:
        busy = process_time()
        sleep(_REST_S)
        if process_time() - busy < _IDLE * _REST_S:
            return


@dataclass(frozen=True)
class Turn:
    """What is timed when a candidate has its turn.

    Attributes:
        call: Is timed.
        times: Calls in succession, of which one is told: all but the first find their caches and threads as they left them.
        after: Is called when the turn is over, and not timed.
    """

    call: Callable[[], object]
    times: int = 1
    after: Callable[[], object] = lambda: None


def interleave(candidates: Mapping[str, Turn], rounds: int, warmup: int = 3) -> dict[str, float]:
    """Median time of each candidate, all called in turns.

    Args:
        candidates: By name.
        rounds: Measured turns of each.
        warmup: Turns of each before measuring.

    Returns:
        Milliseconds of a call by name.
    """
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(warmup + rounds):
        for name, candidate in candidates.items():
            rest()
            start = perf_counter()
            for _ in range(candidate.times):
                candidate.call()
            elapsed = perf_counter() - start
            candidate.after()
            if turn >= warmup:
                times[name].append(1e3 * elapsed / candidate.times)
    return {name: float(np.median(values)) for name, values in times.items()}


def installed() -> dict[str, str]:
    """The environment for a process that is to be timed: Python keeps what it compiles there, as of any installed package.

    Some systems forbid that for all that is started, and a checkout would be compiled anew at each start.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def machine_line(threads: int) -> str:
    """One line that says what was measured on: processor, vector instructions, cores, threads used, system, Python."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    system = f"{platform.system()} {platform.machine()}"
    return f"{_processor()} · {cores} cores · {threads} threads · {system} · Python {platform.python_version()}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in fields.items()}
    flags = facts.get("flags", facts.get("Features", "")).split()
    vector = next((name for flag, name in _VECTORS if flag in flags), "no vector extension known")
    return f"{facts.get('model name', platform.machine())} ({vector})"


_VECTORS = (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("sse4_1", "SSE4.1"), ("asimd", "NEON"))


def peak_memory_mb() -> float:
    """Largest resident size of this process so far, in MiB; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if platform.system() == "Darwin" else 1 << 10)
