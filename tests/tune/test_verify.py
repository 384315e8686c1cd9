"""verify: it passes where the promises hold, and fails - naming the promise - where they do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper

from skipvid.engine.reference import ReferenceExecutor, executor, kernels
from skipvid.graph import build_plan, load_plan
from skipvid.plan import FloatArray, Plan
from skipvid.tune.kinds import Kind, kinds
from skipvid.tune.onnx_peer import OnnxPeer
from skipvid.tune.verify import TOLERANCE, Check, verify


def network(pooled: bool = False) -> Any:
    """Two convolutions, a box and a confidence map joined and flattened; with ``pooled``, squeeze-excite between."""
    rng = np.random.default_rng(0)
    weights = {
        "w1": rng.standard_normal((8, 3, 3, 3)),
        "w2": rng.standard_normal((4, 8, 1, 1)) * 100,
        "w3": rng.standard_normal((2, 8, 3, 3)) * 0.1,
    }
    nodes = [helper.make_node("Conv", ["image", "w1"], ["c1"], pads=[1, 1, 1, 1], strides=[2, 2])]
    nodes.append(helper.make_node("Relu", ["c1"], ["a1"]))
    if pooled:
        nodes.append(helper.make_node("GlobalAveragePool", ["a1"], ["g"]))
        nodes.append(helper.make_node("Sigmoid", ["g"], ["gate"]))
        nodes.append(helper.make_node("Mul", ["a1", "gate"], ["b1"]))
    body = "b1" if pooled else "a1"
    nodes += [
        helper.make_node("Conv", [body, "w2"], ["box"]),
        helper.make_node("Conv", [body, "w3"], ["c3"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["c3"], ["conf"]),
        helper.make_node("Concat", ["box", "conf"], ["joined"], axis=1),
        helper.make_node("Reshape", ["joined", "shape"], ["flat"]),
        helper.make_node("Transpose", ["flat"], ["out"], perm=[0, 2, 1]),
    ]
    constants = [helper.make_tensor(n, TensorProto.FLOAT, v.shape, v.astype(np.float32).ravel()) for n, v in weights.items()]
    constants.append(helper.make_tensor("shape", TensorProto.INT64, [3], [1, 6, -1]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 48, 64])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "net", [image], [out], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


def video(plan: Plan, count: int = 4) -> Iterator[FloatArray]:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((1, 3, plan.input.height, plan.input.width)).astype(np.float32)
    for i in range(count):
        yield x
        x = x.copy()
        x[..., 2 * i : 2 * i + 5, 3:9] *= -1


def named(checks: Sequence[Check], start: str) -> Check:
    return next(c for c in checks if c.name.startswith(start))


@pytest.mark.parametrize("pooled", [False, True])
def test_every_promise_holds_on_a_sound_network(pooled: bool) -> None:
    model = network(pooled)
    plan = build_plan(model)
    said: list[str] = []
    report = verify(plan, video(plan), OnnxPeer(model, plan), engine="reference", progress=said.append)
    assert report.passed, [c for c in report.checks if not c.passed]
    assert [c.name[0] for c in report.checks] == ["1", "1", "2", "3", "4", "4", "4"]
    assert report.engine == "reference"
    patch = named(report.checks, "1 exact under")
    assert patch.share is not None
    assert (patch.share > 0.5) is pooled
    assert said


def test_without_a_peer_that_promise_is_left_out() -> None:
    plan = build_plan(network())
    assert not any(c.name.startswith("2") for c in verify(plan, video(plan), engine="reference").checks)


def test_no_frames_is_an_error() -> None:
    with pytest.raises(ValueError, match="no frames"):
        verify(build_plan(network()), [], engine="reference")


class Liar:
    """A peer whose confidences are off by more than the tolerance, and by little beside its boxes."""

    def __init__(self, peer: OnnxPeer, groups: bool) -> None:
        self._peer = peer
        self._groups = groups

    def __call__(self, x: FloatArray) -> Mapping[str, np.ndarray]:
        out = self._peer(x)["out"].copy()
        out[..., 4:] += 5 * TOLERANCE
        return {"out": out}

    def variants(self, x: FloatArray) -> Sequence[Mapping[str, np.ndarray]]:
        return [self(x)]

    def kinds(self) -> Mapping[str, Sequence[Kind]]:
        return self._peer.kinds() if self._groups else {}


def test_channels_of_different_kinds_are_judged_apart() -> None:
    model = network()
    plan = build_plan(model)
    for groups in (True, False):
        report = verify(plan, video(plan), Liar(OnnxPeer(model, plan), groups), engine="reference")
        assert report.passed is not groups
        check = named(report.checks, "2")
        assert (check.measured > TOLERANCE) is groups
        assert ("out[4:6]" in check.note) is groups


class Rough(Liar):
    """A peer that is as far from itself as from the engine."""

    def variants(self, x: FloatArray) -> Sequence[Mapping[str, np.ndarray]]:
        return [self(x), self._peer(x)]


def test_an_error_that_the_peer_makes_itself_is_told_and_not_held_against_the_engine() -> None:
    model = network()
    plan = build_plan(model)
    report = verify(plan, video(plan), Rough(OnnxPeer(model, plan), True), engine="reference")
    check = named(report.checks, "2")
    assert check.passed
    assert "out[4:6]" in check.note
    assert "differs from itself" in check.note


def test_a_lost_update_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that forgets the last column of every footprint is not exact."""
    original = kernels.kernel

    def forgetful(op: Any, tensors: Any, spread: Any) -> Any:
        k = original(op, tensors, spread)

        def footprint(*masks: torch.Tensor) -> torch.Tensor:
            mask = k.footprint(*masks).clone()
            mask[:, int(mask.any(0).nonzero().max())] = False
            return mask

        return kernels.Kernel(k.op, k.dense, footprint)

    monkeypatch.setattr(executor, "kernel", forgetful)
    plan = build_plan(network())
    report = verify(plan, video(plan), engine="reference")
    assert not report.passed
    assert named(report.checks, "1 exact on").measured > 0


def test_a_repeated_frame_that_costs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    original = ReferenceExecutor.step
    monkeypatch.setattr(ReferenceExecutor, "step", lambda self, x, *, refresh=False: original(self, x, refresh=True))
    plan = build_plan(network())
    report = verify(plan, video(plan), engine="reference")
    assert not named(report.checks, "3").passed
    patch = named(report.checks, "1 exact under")
    assert patch.measured == 0
    assert not patch.passed


def test_kinds_follow_the_concat_behind_reshapes_and_transposes() -> None:
    assert kinds(network()) == {"out": [Kind(2, 0, 4), Kind(2, 4, 6)]}


@pytest.mark.parametrize("name", ["yunet_n_640", "ultraface_rfb_320_nopost"])
def test_the_promises_hold_on_real_weights(shared_data: Path, name: str) -> None:
    path = shared_data / "weights" / f"{name}.onnx"
    size = (160, 224) if name.startswith("yunet") else None
    plan = load_plan(path, size)
    report = verify(plan, video(plan, 3), OnnxPeer.from_file(path, plan), engine="reference")
    assert report.passed, [c for c in report.checks if not c.passed]


def test_the_command_prints_a_table_and_tells_by_its_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2
    import onnx
    from typer.testing import CliRunner

    from skipvid.cli.verify import app

    model = tmp_path / "net.onnx"
    onnx.save(network(), model)
    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"MJPG"), 10, (64, 48))
    rng = np.random.default_rng(0)
    for _ in range(3):
        writer.write(rng.integers(0, 256, (48, 64, 3), np.uint8))
    writer.release()
    options = [str(model), str(clip), "--max-frames", "2", "--engine", "reference"]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    assert "every promise holds on the reference engine" in result.output
    original = ReferenceExecutor.step
    monkeypatch.setattr(ReferenceExecutor, "step", lambda self, x, *, refresh=False: original(self, x, refresh=True))
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 1
    assert "FAIL" in result.output
    assert "checks failed" in result.output
