"""The Plan: an immutable network, as the engines execute it.

A plan is a list of operators over named feature maps. Every map belongs to a batch of one and is laid out as
``(height, width, channels)`` float32; a vector, such as the result of global pooling, is a map of 1x1. Operators stand in
execution order and write one map each (a dense island may write several). Nothing in a plan changes while a
video runs; the state of a video is a stream.

How an executor runs one frame, for every operator in order:

1. *footprint*: an output pixel is **active** iff a changed pixel of an input lies in its window (``refresh``: all);
2. the active pixels are recomputed from the input maps as they stand;
3. *commit*: a recomputed pixel is written, and marked as changed for the consumers, iff it differs from the old one - in any
   bit, or, where the map is a gate point with a threshold above zero, by more than that threshold.

This package depends on numpy alone.
"""

from skipvid.plan.joints import Joint
from skipvid.plan.maps import IDENTITY, Act, Activation, FloatArray, IntArray, Pads, TensorSpec
from skipvid.plan.network import GatePoint, Plan, Tail
from skipvid.plan.ops import (
    Binary,
    BinaryKind,
    Concat,
    Constant,
    Conv,
    ConvTranspose,
    DepthToSpace,
    GlobalPool,
    Island,
    Op,
    Pool,
    PoolKind,
    Resample,
    Softmax,
    SpaceToDepth,
    Unary,
)

__all__ = [
    "IDENTITY",
    "Act",
    "Activation",
    "Binary",
    "BinaryKind",
    "Concat",
    "Constant",
    "Conv",
    "ConvTranspose",
    "DepthToSpace",
    "FloatArray",
    "GatePoint",
    "GlobalPool",
    "IntArray",
    "Island",
    "Joint",
    "Op",
    "Pads",
    "Plan",
    "Pool",
    "PoolKind",
    "Resample",
    "Softmax",
    "SpaceToDepth",
    "Tail",
    "TensorSpec",
    "Unary",
]
