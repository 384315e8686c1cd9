"""The operator families; one file each."""

from __future__ import annotations

from skipvid.graph.ops import binary, channels, conv, layout, linear, norm, pool, resample, unary
from skipvid.graph.registry import collect

__all__ = ["REGISTRY"]

REGISTRY = collect(
    conv.RULES,
    linear.RULES,
    norm.RULES,
    unary.RULES,
    binary.RULES,
    pool.RULES,
    channels.RULES,
    layout.RULES,
    resample.RULES,
)
