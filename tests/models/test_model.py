"""Models: from a file or a module to detections, and what is said when that cannot be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import skipvid
from skipvid.errors import DecodeError, ModelError, SkipvidError, UsageError
from skipvid.gates.care import Care
from skipvid.models.store import Store

OUTPUTS = {"heat": 1, "size": 2, "offset": 2}


def write_network(path: Path, size: tuple[int | str, int | str] = (32, 32), weight: float = 0.01, names: str = "") -> Path:
    """A centre-heatmap network of one strided convolution per output, its input size declared as given."""
    rng = np.random.default_rng(0)
    nodes, weights = [], []
    for name, channels in OUTPUTS.items():
        values = rng.normal(size=(channels, 3, 4, 4)) * (weight if name == "heat" else weight / 100)
        weights.append(numpy_helper.from_array(values.astype(np.float32), f"{name}_w"))
        nodes.append(helper.make_node("Conv", ["image", f"{name}_w"], [name], name=f"conv_{name}", strides=[4, 4]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, *size])
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in OUTPUTS]
    model = helper.make_model(
        helper.make_graph(nodes, "g", [image], outputs, weights), opset_imports=[helper.make_opsetid("", 13)]
    )
    model.ir_version = 8
    if names:
        helper.set_model_props(model, {"names": names})
    onnx.save(model, path)
    return path


def test_frames_in_detections_out_in_frame_pixels(tmp_path: Path) -> None:
    model = skipvid.load(write_network(tmp_path / "net.onnx"), imgsz=(64, 96))
    stream = model.stream("exact", engine="reference")
    frame = np.random.default_rng(1).integers(0, 255, (128, 192, 3), np.uint8)
    found = model.detect(stream, frame, conf=0.01)
    assert found
    for d in found:
        assert 0 <= d.box[0] < d.box[2] <= 192
        assert 0 <= d.box[1] < d.box[3] <= 128
        assert model.labels[d.label] == "face"
    assert [d.score for d in found] == sorted((d.score for d in found), reverse=True)
    assert stream.last.macs == stream.last.dense_macs
    again = model.detect(stream, frame, conf=0.01)
    assert stream.last.macs == 0
    assert [d.box for d in again] == [d.box for d in found]
    assert len(model.detect(stream, frame, conf=0.01, max_det=1)) == 1
    assert model.detect(stream, frame, conf=0.01, classes=[1]) == []


def test_step_returns_every_output_under_its_own_name(tmp_path: Path) -> None:
    import onnxruntime

    path = write_network(tmp_path / "net.onnx", (64, 96))
    stream = skipvid.load(path).stream("exact", engine="reference")
    x = np.random.default_rng(2).normal(size=(1, 3, 64, 96)).astype(np.float32)
    out = stream.step(x)
    expected = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"image": x})
    assert list(out) == list(OUTPUTS)
    for mine, theirs in zip(out.values(), expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4 * np.abs(theirs).max())  # the promise against ONNX Runtime


def test_the_input_size_is_declared_or_asked_for_or_chosen_for_the_video(tmp_path: Path) -> None:
    fixed = write_network(tmp_path / "fixed.onnx", (64, 96))
    free = write_network(tmp_path / "free.onnx", ("h", "w"))
    assert skipvid.load(fixed).input_size == (96, 64)
    assert skipvid.load(fixed, imgsz=128).input_size == (128, 128)
    assert skipvid.load(free, imgsz=(64, 128)).input_size == (128, 64)
    model = skipvid.load(free, frame_size=(320, 200))
    assert model.input_size == (320, 224)
    assert model.for_frame((320, 200)) is model
    assert model.for_frame((200, 320)).input_size == (224, 320)
    assert skipvid.load(fixed).for_frame((200, 320)).input_size == (96, 64)
    with pytest.raises(UsageError, match="input size"):
        skipvid.load(fixed, imgsz=(0, 64))


def test_a_card_beside_the_file_is_used(tmp_path: Path) -> None:
    path = write_network(tmp_path / "net.onnx")
    (tmp_path / "model.toml").write_text('labels = ["balloon"]\nconf = 0.125\n[preprocess]\nfit = "stretch"\n')
    model = skipvid.load(path)
    assert (model.labels, model.conf, model.preprocess.fit) == (("balloon",), 0.125, "stretch")
    (tmp_path / "net.toml").write_text('labels = ["kite"]\n')
    assert skipvid.load(path).labels == ("kite",)
    assert skipvid.load(path, labels=["dog"]).labels == ("dog",)
    assert skipvid.load(path, card="centerface").conf == 0.5


def test_class_names_in_the_files_metadata_are_used(tmp_path: Path) -> None:
    assert skipvid.load(write_network(tmp_path / "net.onnx", names="{0: 'apple'}")).labels == ("apple",)
    assert skipvid.load(write_network(tmp_path / "odd.onnx", names="__import__('os')")).labels == ("face",)
    named = skipvid.load(write_network(tmp_path / "yolov3-tiny.onnx", names="{0: 'pear'}"))  # a name of darknet's
    assert (named.labels, named.head.name) == (("pear",), "centernet")


def test_labels_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="2 class names are given for 'net', but the network tells 1 classes apart"):
        skipvid.load(write_network(tmp_path / "net.onnx"), labels=["a", "b"])


def test_classes_by_name_or_index(tmp_path: Path) -> None:
    model = skipvid.load(write_network(tmp_path / "net.onnx"))
    assert model.class_indices(["Face", "0"]) == (0, 0)
    assert model.class_indices([]) is None
    with pytest.raises(UsageError, match="no class 'faec'") as caught:
        model.class_indices(["faec"])
    assert "face" in caught.value.remedy
    with pytest.raises(UsageError, match="no class '7'"):
        model.class_indices([7])


def test_a_stream_of_another_model_is_refused(tmp_path: Path) -> None:
    path = write_network(tmp_path / "net.onnx")
    with pytest.raises(ModelError, match="another network"):
        skipvid.load(path).detect(skipvid.load(path).stream(engine="reference"), np.zeros((32, 32, 3), np.uint8))


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (33, 31), (1, 400)])
def test_frames_of_any_size_are_taken(tmp_path: Path, shape: tuple[int, int]) -> None:
    model = skipvid.load(write_network(tmp_path / "net.onnx"))
    model.detect(model.stream("exact", engine="reference"), np.zeros((*shape, 3), np.uint8))


def test_a_person_box_is_grown_to_what_top_down_networks_expect() -> None:
    from skipvid.models.model import _grown

    x, y, wide, high = _grown((100, 100, 60, 160), (192, 256))
    assert (wide, high) == (150, 200)
    assert (x + wide / 2, y + high / 2) == (130, 180)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "is empty"), (b"not a network", "no ONNX model"), (b"\x08\x08", "no ONNX model")],
)
def test_files_that_are_no_networks(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words) as caught:
        skipvid.load(path)
    assert caught.value.remedy
    assert "net.onnx" in caught.value.message


def test_a_truncated_file_and_weights_that_are_not_numbers(tmp_path: Path) -> None:
    path = write_network(tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelError):
        skipvid.load(path)
    with pytest.raises(ModelError, match="NaN"):
        skipvid.load(write_network(tmp_path / "nan.onnx", weight=float("nan")))


def test_names_and_paths_that_lead_nowhere(tmp_path: Path) -> None:
    store = Store(tmp_path, offline=True)
    with pytest.raises(ModelError, match=r"no model file .*missing\.onnx"):
        skipvid.load(tmp_path / "missing.onnx")
    with pytest.raises(ModelError, match="is a folder"):
        skipvid.load(tmp_path)
    with pytest.raises(ModelError, match="'yolox-nan'") as caught:
        skipvid.load("yolox-nan", store=store)
    assert "yolox-nano" in caught.value.remedy
    with pytest.raises(ModelError, match="offline mode"):
        skipvid.load("yolox-nano", store=store)
    with pytest.raises(ModelError, match="no model card"):
        skipvid.load(write_network(tmp_path / "net.onnx"), card="nothing.toml")


def test_an_unknown_head_prints_outputs_and_a_card(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["image", "w"], ["features"], name="conv")
    weight = numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "w")
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 32, 48])
    out = helper.make_tensor_value_info("features", TensorProto.FLOAT, None)
    model = helper.make_model(
        helper.make_graph([node], "g", [image], [out], [weight]), opset_imports=[helper.make_opsetid("", 13)]
    )
    model.ir_version = 8
    onnx.save(model, tmp_path / "net.onnx")
    with pytest.raises(DecodeError, match="features: 1 x 3 x 32 x 48") as caught:
        skipvid.load(tmp_path / "net.onnx")
    assert 'head = "' in caught.value.remedy


def test_a_torch_module_becomes_a_model() -> None:
    import torch

    from skipvid.models.hrnet import PoseHrNet

    torch.manual_seed(0)
    module = PoseHrNet(width=8, modules=(1, 1, 1), blocks=1, stem=8).eval()
    model = skipvid.convert(module, torch.zeros(1, 3, 64, 64))
    x = torch.randn(1, 3, 64, 64)
    stream = model.stream("exact", engine="reference")
    (heat,) = stream.step(x.numpy()).values()
    with torch.no_grad():
        expected = module(x).numpy()
    np.testing.assert_allclose(heat, expected, atol=1e-4 * np.abs(expected).max())  # another order of additions
    assert (model.head.name, model.head.keypoints) == ("keypoints", 17)
    x[..., 40:44, 40:44] += 1
    stream.step(x.numpy())
    assert 0 < stream.last.macs < stream.last.dense_macs


@pytest.mark.parametrize("masks", [0, 32])
def test_what_a_module_gives_its_loss_is_left_away(masks: int) -> None:
    import torch
    from torch import Tensor, nn

    class Detector(nn.Module):
        """As Ultralytics': what was found, mask prototypes where there are any, and what it was made of."""

        names: ClassVar = {0: "helmet", 1: "vest"}

        def __init__(self) -> None:
            super().__init__()
            self.levels = nn.ModuleList(
                [nn.Conv2d(3, 6 + masks, 8, 8), nn.Conv2d(3, 6 + masks, 16, 16), nn.Conv2d(3, 6 + masks, 32, 32)]
            )
            self.prototypes = nn.Conv2d(3, masks, 4, 4) if masks else None

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            maps = [level(x) for level in self.levels]
            found = torch.cat([y.flatten(2) for y in maps], 2)
            return found, *([self.prototypes(x)] if self.prototypes else []), found[:, :4], *maps

    torch.manual_seed(0)
    model = skipvid.convert(Detector().eval(), torch.zeros(1, 3, 64, 64))
    assert (model.head.name, model.head.classes, model.labels) == ("yolo", 2, ("helmet", "vest"))
    assert len(model.plan.outputs) == (2 if masks else 1)


@pytest.mark.slow
def test_hrnet_w32_becomes_a_model() -> None:
    import torch

    from skipvid.models.hrnet import PoseHrNet

    module = PoseHrNet().eval()
    assert round(sum(p.numel() for p in module.parameters()) / 1e6, 1) == 28.5  # as published
    model = skipvid.convert(module, torch.zeros(1, 3, 256, 192))
    assert round(model.plan.dense_macs / 1e9, 1) == 7.6
    x = torch.randn(1, 3, 256, 192)
    (heat,) = model.stream("exact", engine="reference").step(x.numpy()).values()
    with torch.no_grad():
        expected = module(x).numpy()
    np.testing.assert_allclose(heat, expected, atol=1e-4 * np.abs(expected).max())


def test_importing_the_package_loads_nothing_heavy() -> None:
    heavy = "('torch', 'onnx', 'onnxruntime', 'cv2', 'av', 'rich', 'typer')"
    code = f"import skipvid, sys; dir(skipvid); sys.exit(', '.join(m for m in {heavy} if m in sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"loaded: {done.stderr}"


def test_every_public_name_is_there() -> None:
    for name in skipvid.__all__:
        assert getattr(skipvid, name)
    assert issubclass(skipvid.SkipvidError, SkipvidError)
    with pytest.raises(AttributeError):
        skipvid.nothing  # noqa: B018


def test_a_stream_with_care_learns_of_candidates_below_the_confidence_and_the_user_does_not(tmp_path: Path) -> None:
    model = skipvid.load(write_network(tmp_path / "net.onnx"), imgsz=(64, 96))
    frames = np.random.default_rng(1).integers(0, 255, (3, 128, 192, 3), np.uint8)
    plain = model.stream("exact", engine="reference", safety=None)
    every = sorted(d.score for d in model.detect(plain, frames[0], conf=0.01))
    care = Care(conf=0.0)
    careful = model.stream("exact", engine="reference", safety=None, care=care)
    told = []
    careful.saw = lambda boxes, scores: told.append((boxes, scores))  # type: ignore[method-assign]
    assert [d.score for d in model.detect(careful, frames[0], conf=every[-2])] == [every[-1]]
    assert [d.score for d in model.detect(careful, frames[0], conf=0.01, max_det=1)] == [every[-1]]
    for frame in frames[1:]:
        assert model.detect(careful, frame, conf=1e6) == model.detect(plain, frame, conf=1e6) == []
    boxes, scores = told[0]
    assert len(boxes) == len(scores) >= len(every)
    assert len(told[1][0]) >= len(every)
    assert set(every) <= set(scores.tolist())
    shown = max(model.detect(plain, frames[0], conf=0.01), key=lambda d: d.score)
    in_input = boxes[scores.argmax()]  # the frame is twice the network's input
    assert np.allclose(np.array(shown.box) / 2, in_input, atol=0.01)
