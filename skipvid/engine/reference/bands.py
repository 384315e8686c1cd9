"""Splitting an operator's output into bands of rows that several threads compute.

The libraries behind torch choose their order of summation by the number of threads they may use. Here every band is computed by
one thread, and the bands depend on the operator alone, so that the number of threads does not reach the bits.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor

__all__ = ["Spread", "bands", "serially", "spread"]

Spread: TypeAlias = Callable[[Callable[[int], Tensor], int], list[Tensor]]
"""Calls a function with 0 to n - 1 and returns the results in order."""


def bands(rows: int, macs: int) -> list[tuple[int, int]]:
    """The first row and the end of each band: one band for little work, at most four.

    Args:
        rows: Rows of the output.
        macs: Multiply-accumulates of all of it.
    """
    count = min(rows, 1 if macs < 4_000_000 else 2 if macs < 100_000_000 else 4)
    edges = [rows * i // count for i in range(count + 1)]
    return list(pairwise(edges))


def serially(band: Callable[[int], Tensor], count: int) -> list[Tensor]:
    """Compute the bands one after the other."""
    return [band(i) for i in range(count)]


def spread(threads: int) -> Spread:
    """How to compute bands on so many threads."""
    return serially if threads <= 1 else _concurrently(threads)


def _concurrently(threads: int) -> Spread:
    def run(band: Callable[[int], Tensor], count: int) -> list[Tensor]:
        if count == 1:
            return [band(0)]
        inference = torch.is_inference_mode_enabled()

        def task(i: int) -> Tensor:
            with torch.inference_mode(inference):
                return band(i)

        return list(_pool(threads).map(task, range(count)))

    return run


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    # One per process and size, however many streams there are. Each worker is limited to itself.
    return ThreadPoolExecutor(threads, "skipvid-reference", initializer=torch.set_num_threads, initargs=(1,))
