"""A network and videos small enough to run in a blink: bright squares are what the network finds."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from skipvid.video.clock import Timing
from skipvid.video.sink import VideoSink

WIDTH, HEIGHT = 96, 64
SIDE = 16  # of the square
BOX = 28  # of the box found: large enough that neighbouring peaks suppress each other

ByteArray = NDArray[np.uint8]


def write_model(path: Path, weight: float = 1.0) -> Path:
    """A fully convolutional "face" detector: two strided averages, then brightness as heat, and boxes of `BOX` pixels."""
    channels = 4
    first = np.full((channels, 3, 3, 3), weight / (27 * 255), np.float32)
    second = np.full((channels, channels, 3, 3), 1 / (9 * channels), np.float32)
    parts = {
        "heat": (np.full((1, channels, 1, 1), 40 / channels, np.float32), np.float32([-32])),
        "size": (np.zeros((2, channels, 1, 1), np.float32), np.log(np.float32([BOX / 4, BOX / 4]))),
        "offset": (np.zeros((2, channels, 1, 1), np.float32), np.zeros(2, np.float32)),
    }
    weights = {"w1": first, "b1": np.zeros(channels, np.float32), "w2": second, "b2": np.zeros(channels, np.float32)}
    strided = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("Conv", ["image", "w1", "b1"], ["c1"], "conv1", **strided),
        helper.make_node("Relu", ["c1"], ["r1"], "relu1"),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], "conv2", **strided),
        helper.make_node("Relu", ["c2"], ["r2"], "relu2"),
    ]
    for name, (kernel, bias) in parts.items():
        weights[f"{name}_w"], weights[f"{name}_b"] = kernel, bias
        out = "heat_raw" if name == "heat" else name
        nodes.append(helper.make_node("Conv", ["r2", f"{name}_w", f"{name}_b"], [out], f"{name}_conv"))
    nodes.append(helper.make_node("Sigmoid", ["heat_raw"], ["heat"], "heat_sigmoid"))
    size = [HEIGHT // 4, WIDTH // 4]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, len(b), *size]) for n, (_, b) in parts.items()]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, HEIGHT, WIDTH])],
        outputs,
        [numpy_helper.from_array(np.asarray(values, np.float32), name) for name, values in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9), path)
    return path


def scene(width: int = WIDTH, height: int = HEIGHT) -> ByteArray:
    """A textured background without anything bright."""
    noise = np.random.default_rng(7).integers(20, 110, (height // 8 + 1, width // 8 + 1, 3), np.uint8)
    return np.ascontiguousarray(np.kron(noise, np.ones((8, 8, 1), np.uint8))[:height, :width])


def with_square(image: ByteArray, x: int, y: int) -> ByteArray:
    """The image with a bright, textured square, as a face."""
    result = image.copy()
    result[y : y + SIDE, x : x + SIDE] = 255
    result[y + 4 : y + 6, x + 4 : x + 6] = 215
    return result


def moving(frames: int, width: int = WIDTH, height: int = HEIGHT) -> list[ByteArray]:
    """A square that walks from left to right."""
    back = scene(width, height)
    return [with_square(back, 4 + 2 * (i % 30), 20) for i in range(frames)]


def write_clip(path: Path, images: Sequence[ByteArray], fps: int = 25) -> Path:
    """Write frames as a video, nearly without loss."""
    height, width = images[0].shape[:2]
    with VideoSink(path, width, height, Timing(Fraction(1, 1000), 1 / fps), crf=1) as sink:
        for number, image in enumerate(images):
            sink.write(image, number / fps)
    return path


def read_clip(path: Path) -> list[ByteArray]:
    """All frames of a video."""
    from skipvid.video.source import open_source

    with open_source(path) as source:
        return [frame.image for frame in source]
