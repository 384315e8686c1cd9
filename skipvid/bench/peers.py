"""Dense runtimes to measure against: ONNX Runtime, OpenVINO and torch eager, all on the same cleaned graph and the same threads.

"Cleaned" means what a careful user of these runtimes would do: the input size is static and initialisers are constants, so that
every optimisation they have applies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skipvid.errors import ModelError
from skipvid.plan import FloatArray

if TYPE_CHECKING:
    import onnx

    from skipvid.plan import Plan

__all__ = ["Peer", "available_peers"]


@dataclass(frozen=True)
class Peer:
    """A dense runtime, ready to run.

    Attributes:
        name: Runtime and version.
        run: One dense pass over an input of ``(1, C, H, W)`` float32.
    """

    name: str
    run: Callable[[FloatArray], object]


def available_peers(model: onnx.ModelProto, plan: Plan, threads: int) -> tuple[list[Peer], list[str]]:
    """The runtimes installed here that can run the model.

    Args:
        model: The model with a static input size; its initialisers must not be listed as inputs.
        plan: The same network as a plan, for torch eager.
        threads: Threads each runtime may use.

    Returns:
        The peers, and one line per runtime that is missing or refuses the model.
    """
    peers: list[Peer] = []
    missing: list[str] = []
    for make in (_onnxruntime, _openvino, lambda _model, t: _torch_eager(plan, t)):
        try:
            peers.append(make(model, threads))
        except ImportError as error:
            missing.append(f"{error.name} is not installed: pip install 'skipvid[bench]'")
        except Exception as error:  # a runtime's own refusal is a finding, not a failure of the benchmark
            missing.append(str(error).splitlines()[0])
    if not peers:
        msg = f"no dense runtime could run the model: {'; '.join(missing)}."
        raise ModelError(msg, "Install one: pip install 'skipvid[bench]'.")
    return peers, missing


def _onnxruntime(model: onnx.ModelProto, threads: int) -> Peer:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return Peer(f"onnxruntime {ort.__version__}", lambda x: session.run(None, {name: x}))


def _openvino(model: onnx.ModelProto, threads: int) -> Peer:
    import openvino

    compiled = openvino.Core().compile_model(
        openvino.Core().read_model(model.SerializeToString()),
        "CPU",
        {
            "INFERENCE_NUM_THREADS": threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False,
        },
    )
    request = compiled.create_infer_request()
    version = openvino.__version__.split("-")[0]
    return Peer(f"openvino {version}", lambda x: request.infer({0: x}))


def _torch_eager(plan: Plan, threads: int) -> Peer:
    import torch

    from skipvid.engine.reference.dense import DenseNetwork

    network = DenseNetwork(plan)

    def run(x: FloatArray) -> Any:
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return network(torch.from_numpy(np.ascontiguousarray(x)))

    return Peer(f"torch {torch.__version__} eager", run)
