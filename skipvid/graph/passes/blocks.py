"""Convolutions over blocks of pixels, as convolutions over the pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skipvid.graph.draft import Draft
from skipvid.plan import Conv, SpaceToDepth

__all__ = ["unfold_blocks"]


def unfold_blocks(draft: Draft) -> None:
    """Lets a convolution read a map itself in place of its blocks laid into channels, as the Focus of YOLOv5 and YOLOX has them.

    A window of k x k blocks of b x b pixels is one of bk x bk pixels, and a step of one block one of b pixels: the arithmetic is
    the same, and the map in between is saved.
    """
    for op in draft:
        if not isinstance(op, Conv) or op.groups != 1 or op.dilation != (1, 1):
            continue
        blocks = draft.producer(op.inputs[0])
        if not isinstance(blocks, SpaceToDepth) or draft.sole_reader(blocks.output) is not op:
            continue
        side, channels = blocks.block, draft.tensors[blocks.inputs[0]].channels
        if len({tuple(row) for row in blocks.source.tolist()}) != side * side * channels:
            continue  # some channels are left out, or come twice: the window would hold more than it does
        (height, width), (top, left, bottom, right) = op.kernel, op.pads
        weight = np.zeros((op.weight.shape[0], channels, height * side, width * side), np.float32)
        for j, (dy, dx, channel) in enumerate(blocks.source.tolist()):
            weight[:, channel, dy::side, dx::side] = op.weight[:, j]
        wider = replace(
            op,
            inputs=blocks.inputs,
            weight=weight,
            stride=(op.stride[0] * side, op.stride[1] * side),
            pads=(top * side, left * side, bottom * side, right * side),
        )
        draft.replace(op, wider)
        draft.remove(blocks)
