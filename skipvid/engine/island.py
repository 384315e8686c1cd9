"""Parts of a network that ONNX Runtime computes: dense islands and the decode tail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from skipvid.errors import GraphError
from skipvid.plan import FloatArray

__all__ = ["OnnxPart"]


class OnnxPart:
    """A serialised ONNX model with named inputs and outputs, opened at its first run.

    Args:
        model: The serialised model.
        inputs: Names of its inputs, in the order in which arrays are given.
        outputs: Names of the outputs wanted, in the order in which they are returned.
        threads: Threads that one run may use.
        optimise: Whether ONNX Runtime may rewrite the model before it runs it.
    """

    def __init__(
        self, model: bytes, inputs: Sequence[str], outputs: Sequence[str], threads: int = 1, *, optimise: bool = True
    ) -> None:
        self._model = model
        self._inputs = tuple(inputs)
        self._outputs = list(outputs)
        self._threads = threads
        self._optimise = optimise
        self._session: Any = None
        self._shapes: dict[str, tuple[int, ...]] = {}

    def __call__(self, arrays: Sequence[FloatArray]) -> list[FloatArray]:
        """Run the part.

        Args:
            arrays: One float32 array per input, ``(1, C, H, W)``; reshaped where the model declares another shape of that size.

        Returns:
            One array per output.

        Raises:
            GraphError: If ONNX Runtime refuses the model.
        """
        if self._session is None:
            self._open()
        feeds = {name: self._shaped(name, array) for name, array in zip(self._inputs, arrays, strict=True)}
        results: list[FloatArray] = self._session.run(self._outputs, feeds)
        return results

    def _open(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        # A part runs for microseconds between other work: threads that spin for more would starve it.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        if not self._optimise:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        try:
            self._session = onnxruntime.InferenceSession(self._model, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            message = f"ONNX Runtime cannot run the part that produces {', '.join(self._outputs)}: {error}."
            raise GraphError(message, "Install a newer onnxruntime, or export the model again with a common opset.") from error
        declared = {i.name: i.shape for i in self._session.get_inputs()}
        fixed = {name: shape for name, shape in declared.items() if all(isinstance(n, int) and n > 0 for n in shape)}
        self._shapes = {name: tuple(shape) for name, shape in fixed.items()}

    def _shaped(self, name: str, array: FloatArray) -> FloatArray:
        shape = self._shapes.get(name, array.shape)
        fits = shape != array.shape and int(np.prod(shape)) == array.size
        return array.reshape(shape) if fits else array
