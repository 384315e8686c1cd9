"""Reading model files: sizes are bound, and whatever is wrong is said in one sentence with a remedy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from skipvid.errors import GraphError
from skipvid.graph import build_plan, declared_size, load_plan
from skipvid.plan import Conv
from tests.graph.harness import assert_close, check, oracle, run
from tests.graph.nets import Net


def small(**options: object) -> onnx.ModelProto:
    net = Net(**options)  # type: ignore[arg-type]
    return net.model(net.op("Relu", net.bn(net.conv("image", 3, 4, 3), 4)))


def saved(tmp_path: Path, model: onnx.ModelProto) -> Path:
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    return path


def test_digest_is_that_of_the_file(tmp_path: Path) -> None:
    import hashlib

    path = saved(tmp_path, small())
    assert load_plan(path).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=r"nowhere\.onnx does not exist\. Give the path of an \.onnx file\."):
        load_plan(tmp_path / "nowhere.onnx")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="is not a file"):
        load_plan(tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"no model at all", "is no ONNX model"),
        (b"\x00" * 100, "is no ONNX model"),
        (b"\x08\x08", "no operators"),
    ],
)
def test_files_that_are_no_model(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "bad.onnx"
    path.write_bytes(content)
    with pytest.raises(GraphError, match=says) as caught:
        load_plan(path)
    assert caught.value.remedy == "Download or export it again."


def test_truncated_file(tmp_path: Path) -> None:
    path = saved(tmp_path, small())
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(GraphError):
        load_plan(path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(value: float) -> None:
    model = small()
    weights = numpy_helper.to_array(model.graph.initializer[0]).copy()
    weights[0, 0, 0, 0] = value
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "stem.weight"))
    model.graph.node[0].input[1] = "stem.weight"
    with pytest.raises(GraphError, match=r"stem\.weight hold (NaN|infinity) in 1 of 108 places"):
        build_plan(model)


def external(tmp_path: Path, location: str = "weights.bin") -> Path:
    model = small()
    onnx.external_data_helper.convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    onnx.save(model, tmp_path / "model.onnx")
    broken = onnx.load(tmp_path / "model.onnx", load_external_data=False)
    for tensor in broken.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
    (tmp_path / "model.onnx").write_bytes(broken.SerializeToString())
    return tmp_path / "model.onnx"


def test_external_data_beside_the_model(tmp_path: Path) -> None:
    plan = load_plan(external(tmp_path))
    assert isinstance(plan.ops[0], Conv)


def test_external_data_is_confined_to_the_folder(tmp_path: Path) -> None:
    for location in ("../weights.bin", "/etc/passwd"):
        with pytest.raises(GraphError, match="outside the model's folder"):
            load_plan(external(tmp_path, location))


def test_external_data_missing_or_short(tmp_path: Path) -> None:
    path = external(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"1234")
    with pytest.raises(GraphError, match=r"weights\.bin ends before"):
        load_plan(path)
    (tmp_path / "weights.bin").unlink()
    with pytest.raises(GraphError, match=r"weights\.bin with the weights of \w+ is missing"):
        load_plan(path)


def test_half_precision_is_widened_with_a_note() -> None:
    net = Net(opset=13)
    x = net.op("Cast", net.op("Relu", net.op("Cast", net.conv("image", 3, 4, 3), to=TensorProto.FLOAT16)), to=TensorProto.FLOAT)
    model = net.model(x)
    halves = []
    for tensor in model.graph.initializer:
        halves.append(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    widened = [numpy_helper.from_array(numpy_helper.to_array(t).astype(np.float32), t.name) for t in halves]
    del model.graph.initializer[:]
    model.graph.initializer.extend(halves)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    plan = build_plan(model)
    assert "half-precision weights are widened to float32" in plan.notes
    full = Net(opset=13)
    full.nodes, full.constants = [net.nodes[0]], widened
    full.nodes.append(onnx.helper.make_node("Relu", [net.nodes[0].output[0]], [x]))
    image = np.random.default_rng(0).normal(size=(1, 3, 12, 16)).astype(np.float32)
    assert_close(run(plan, image), oracle(full.model(x), image))


def test_initializers_listed_as_inputs_are_no_inputs() -> None:
    model = small()
    for tensor in model.graph.initializer:
        model.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    assert len(build_plan(model).ops) == 1


def test_two_images() -> None:
    net = Net()
    net.inputs.append(onnx.helper.make_tensor_value_info("depth", TensorProto.FLOAT, [1, 3, 12, 16]))
    with pytest.raises(GraphError, match=r"2 inputs \(image, depth\)"):
        build_plan(net.model(net.op("Add", "image", "depth")))


def test_an_input_that_nothing_reads_is_ignored() -> None:
    net = Net()
    net.inputs.append(onnx.helper.make_tensor_value_info("scale_factor", TensorProto.FLOAT, [1, 2]))
    assert build_plan(net.model(net.op("Relu", "image"))).input.name == "image"


def test_an_input_that_is_no_image() -> None:
    net = Net(shape=(1, 12))
    with pytest.raises(GraphError, match=r"has the shape \[1, 12\]"):
        build_plan(net.model(net.op("Relu", "image")))


def test_an_input_of_another_type() -> None:
    net = Net()
    model = net.model(net.op("Cast", "image", to=TensorProto.FLOAT))
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.BOOL
    with pytest.raises(GraphError, match="of type BOOL; float is expected"):
        build_plan(model)


@pytest.mark.parametrize("opset", [6, 99])
def test_unsupported_opset(opset: int) -> None:
    with pytest.raises(GraphError, match=f"operator set {opset}"):
        build_plan(small(opset=opset))


def test_no_opset() -> None:
    model = small()
    del model.opset_import[:]
    with pytest.raises(GraphError, match="does not say which ONNX operator set"):
        build_plan(model)


def test_open_size_must_be_given(tmp_path: Path) -> None:
    model = small(shape=("batch", 3, "height", "width"))
    path = saved(tmp_path, model)
    assert declared_size(path) is None
    with pytest.raises(GraphError, match="--imgsz"):
        load_plan(path)
    assert load_plan(path, (20, 24)).tensors["image"].width == 24


def test_a_wrongly_declared_size_is_bound_and_stale_shapes_are_dropped(tmp_path: Path) -> None:
    model = small(shape=(10, 3, 32, 32))
    model.graph.value_info.append(
        onnx.helper.make_tensor_value_info(model.graph.node[0].output[0], TensorProto.FLOAT, [10, 4, 32, 32])
    )
    assert declared_size(saved(tmp_path, model)) == (32, 32)
    plan = check(model, (20, 24))
    assert plan.notes == ("input bound to 20x24; the file declares 32x32", "batch bound to 1; the file declares 10")


@pytest.mark.parametrize("size", [(0, 32), (32, -1)])
def test_impossible_size(size: tuple[int, int]) -> None:
    with pytest.raises(GraphError, match="is not possible"):
        build_plan(small(), size)


def test_one_pixel() -> None:
    check(small(), (1, 1))


def test_abolished_batch_norm_attribute() -> None:
    net = Net(opset=8)
    x = net.conv("image", 3, 4, 3)
    values = [net.const(v) for v in (np.ones(4), np.zeros(4), np.zeros(4), np.full(4, 4.0))]
    model = net.model(net.op("Relu", net.op("BatchNormalization", x, *values, spatial=0)))
    (conv,) = build_plan(model).ops
    assert isinstance(conv, Conv)
    weights = numpy_helper.to_array(model.graph.initializer[0])
    np.testing.assert_allclose(conv.weight, weights / np.sqrt(4 + 1e-5), rtol=1e-6)


@pytest.mark.parametrize("damage", ["reads", "output", "cycle"])
def test_graphs_that_do_not_hang_together(damage: str) -> None:
    model = small()
    changes: dict[str, Callable[[], None]] = {
        "reads": lambda: model.graph.node[0].input.__setitem__(0, "ghost"),
        "output": lambda: setattr(model.graph.output[0], "name", "ghost"),
        "cycle": lambda: model.graph.node[0].input.__setitem__(0, model.graph.node[2].output[0]),
    }
    changes[damage]()
    with pytest.raises(GraphError):
        build_plan(model)


def test_importing_the_front_door_is_light() -> None:
    import subprocess
    import sys

    code = "import sys, skipvid.graph; sys.exit(bool({'torch', 'onnx', 'onnxruntime', 'cv2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    code = "import sys, skipvid.graph; skipvid.graph.load_plan; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
