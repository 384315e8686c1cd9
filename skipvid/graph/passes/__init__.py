"""Rewriting passes over the operators of a plan, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from skipvid.graph.draft import Draft
from skipvid.graph.passes.activations import recognise_activations
from skipvid.graph.passes.blocks import unfold_blocks
from skipvid.graph.passes.copies import merge_copies
from skipvid.graph.passes.fuse import fold_affine, fuse_activations
from skipvid.graph.passes.pads import fold_pads
from skipvid.graph.passes.pools import chain_pools

__all__ = ["PASSES", "optimise"]

PASSES: tuple[Callable[[Draft], None], ...] = (
    recognise_activations,
    merge_copies,
    unfold_blocks,
    fold_pads,
    fold_affine,
    fuse_activations,
    chain_pools,
)


def optimise(draft: Draft) -> None:
    """Runs all passes and removes what they left without use."""
    draft.prune()
    for run in PASSES:
        run(draft)
        draft.prune()
