"""Promise 2: for every real model at hand, all outputs agree with ONNX Runtime to 1e-4 of their largest value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from skipvid.graph import describe, load_plan
from skipvid.plan import Island, Unary
from tests.conftest import shared_data_folder
from tests.graph.harness import assert_close, check_structure, load, oracle, run


def weights() -> list[str]:
    folder = shared_data_folder()
    return [p.name for p in sorted((folder / "weights").glob("*.onnx"))] if folder else ["none"]


def as_onnx_runtime_wants_it(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without an attribute of batch normalisation that was abolished."""
    for node in model.graph.node:
        if node.op_type == "BatchNormalization":
            kept = [a for a in node.attribute if a.name != "spatial"]
            del node.attribute[:]
            node.attribute.extend(kept)
    return model


@pytest.mark.parametrize("name", weights())
def test_real_model_agrees_with_onnx_runtime_1e4(name: str, shared_data: Path) -> None:
    path = shared_data / "weights" / name
    plan = load_plan(path)
    check_structure(plan)
    high = 255.0 if name.startswith(("yolox", "yunet")) else 1.0
    shape = (1, 3, plan.input.height, plan.input.width)
    x = np.random.default_rng(1).uniform(0, high, shape).astype(np.float32)
    assert_close(run(plan, x), oracle(as_onnx_runtime_wants_it(load(path)), x))
    assert not [op for op in plan.ops if isinstance(op, Island)], "all of these nets are incremental throughout"
    assert sum(isinstance(op, Unary) for op in plan.ops) <= 4, "activations are fused"


def test_another_size_than_declared(shared_data: Path) -> None:
    plan = load_plan(shared_data / "weights" / "yolo_fastest_xl_coco_320.onnx", (192, 256))
    assert (plan.input.height, plan.input.width) == (192, 256)
    check_structure(plan)
    report = describe(plan)
    assert report.macs == report.incremental_macs == plan.dense_macs > 0
    assert report.stream_bytes > 4 * 3 * 192 * 256
    assert len(report.rows) == len(plan.ops)
