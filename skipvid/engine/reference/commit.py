"""Commits: which recomputed pixels are accepted into a map."""

from __future__ import annotations

import torch
from torch import Tensor

from skipvid.engine.reference import masks
from skipvid.gates.settings import LayerGate, Norm

__all__ = ["EXACT_GATE", "bits_differ", "commit", "exceeds"]

EXACT_GATE = LayerGate()


def commit(old: Tensor, new: Tensor, active: Tensor, gate: LayerGate, structure: int = 1) -> tuple[Tensor, Tensor]:
    """Accept recomputed pixels.

    Args:
        old: ``(H, W, C)`` float32, the map as its consumers have seen it.
        new: ``(H, W, C)`` float32, the recomputed map.
        active: ``(H, W)`` bool, the pixels that were recomputed.
        gate: The rule.
        structure: Side of the blocks that a rule with a threshold decides for as a whole.

    Returns:
        The new state of the map, and ``(H, W)`` bool: the pixels committed. ``old`` is not written; results may alias arguments.
    """
    channels = old.shape[-1]
    index = active.reshape(-1).nonzero()[:, 0]
    candidates = new.reshape(-1, channels).index_select(0, index)
    current = old.reshape(-1, channels).index_select(0, index)
    accepted = bits_differ(candidates, current) if gate.threshold == 0 else exceeds(candidates - current, gate)
    if structure > 1 and gate.threshold > 0:
        decided = torch.zeros_like(active)
        decided.view(-1)[index[accepted]] = True
        accepted = masks.blocks(decided, structure).reshape(-1)[index] & bits_differ(candidates, current)
    if bool(accepted.all()) and index.numel() == active.numel():
        return new, active
    changed = torch.zeros_like(active)
    if not bool(accepted.any()):
        return old, changed
    where = index[accepted]
    changed.view(-1)[where] = True
    state = old.clone()
    state.view(-1, channels)[where] = candidates[accepted]
    return state, changed


def bits_differ(a: Tensor, b: Tensor) -> Tensor:
    """``(...)`` bool: whether any channel of two ``(..., C)`` float32 arrays differs in any bit."""
    differing = a.contiguous().view(torch.int32) ^ b.contiguous().view(torch.int32)
    # Two reductions of integers take a quarter of the time of any() over the last axis.
    return (differing.amax(-1) != 0) | (differing.amin(-1) != 0)


def exceeds(difference: Tensor, gate: LayerGate) -> Tensor:
    """``(...)`` bool: whether the norm of a ``(..., C)`` difference is above the threshold, or not a number."""
    match gate.norm:
        case Norm.MAX:
            norm = difference.abs().amax(-1)
        case Norm.L2:
            norm = torch.linalg.vector_norm(difference, dim=-1)
        case Norm.RMS:
            norm = torch.linalg.vector_norm(difference, dim=-1) / float(difference.shape[-1]) ** 0.5
    return ~(norm <= gate.threshold)
