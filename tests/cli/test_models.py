"""``skipvid models``: what it prints and what it exits with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from skipvid.cli.main import main
from skipvid.models.library import registry


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SKIPVID_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SKIPVID_OFFLINE", "1")
    return tmp_path / "cache"


def put(cache: Path, name: str, data: bytes) -> None:
    source = registry()[name].source
    assert source is not None
    path = cache / "models" / source.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def write_network(path: Path) -> Path:
    node = helper.make_node("Conv", ["image", "w"], ["features"], name="first_conv")
    weight = numpy_helper.from_array(np.ones((4, 3, 1, 1), np.float32), "w")
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 32, 48])
    out = helper.make_tensor_value_info("features", TensorProto.FLOAT, None)
    graph = helper.make_graph([node], "g", [image], [out], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, path)
    return path


def test_list_names_every_entry(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    printed = capsys.readouterr().out
    for name in registry():
        assert name in printed
    assert str(cache / "models") in printed


def test_show_explains_a_network_even_without_a_head(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_network(tmp_path / "net.onnx")
    assert main(["models", "show", str(path)]) == 0
    printed = capsys.readouterr().out
    for words in ("first_conv", "Conv 1x1", "incremental", "32 x 48 x 4", "input 48 x 32", "memory of a stream", "head: none"):
        assert words in printed
    assert main(["models", "show", str(path), "--imgsz", "64x96"]) == 0
    assert "input 96 x 64" in capsys.readouterr().out


def test_verify_finds_damage(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "verify"]) == 0
    assert "No network of the registry" in capsys.readouterr().out
    put(cache, "nanodet-plus-m", b"whatever came first")
    assert main(["models", "verify"]) == 0
    assert "nanodet-plus-m: ok" in capsys.readouterr().out
    put(cache, "yolox-s", b"not these bytes")
    assert main(["models", "verify"]) == 1
    assert "yolox-s: failed" in capsys.readouterr().out
    assert main(["models", "verify", "yolox-s"]) == 1
    assert "damaged or changed" in capsys.readouterr().err


def test_pull_offline_and_unknown_names_are_errors(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "pull", "centerface"]) == 1
    assert "offline mode" in capsys.readouterr().err
    assert main(["models", "pull", "centreface"]) == 1
    assert "Did you mean centerface" in capsys.readouterr().err
