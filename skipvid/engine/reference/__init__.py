"""The reference executor: every operator computed densely by torch, then written where active.

It is the oracle that other engines are tested against, and what runs where the compiled engine is missing. Its rooms:

- `masks`: which output pixels a set of changed input pixels reaches;
- `activations`, `convolution`, `pooling`, `pointwise`, `spatial`: one pure function of dense maps per kind of operator;
- `kernels`: the table from operators to those functions;
- `commit`: which recomputed pixels are accepted;
- `inputs`: the gate of the network's input;
- `executor`: the state of one video.
"""

from __future__ import annotations

from skipvid.engine.reference.executor import ReferenceExecutor

__all__ = ["ReferenceExecutor"]
