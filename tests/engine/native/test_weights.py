"""Every real network at hand under the default preset: the bits do not depend on threads, nor on what runs as one operator."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from skipvid.models.loading import load
from skipvid.tune.sampling import successive
from tests.conftest import real_networks, shared_data_folder

pytestmark = real_networks


def weights() -> list[str]:
    folder = shared_data_folder()
    return [p.name for p in sorted((folder / "weights").glob("*.onnx"))] if folder else ["none"]


@pytest.mark.parametrize("name", weights())
def test_the_preset_gives_the_same_bits_on_any_number_of_threads(name: str, shared_data: Path) -> None:
    footage = successive(load(shared_data / "weights" / name), shared_data / "videos" / "one-by-one-person-detection.mp4", 4)
    one, two = (footage.model.stream(engine="native", threads=threads) for threads in (1, 2))
    for image in footage.clips[0].images:
        for stream in (one, two):
            stream.step_image(image)
        assert one.last.macs == two.last.macs
        ours, theirs = one.outputs(), two.outputs()
        for output, values in ours.items():
            assert np.array_equal(values, theirs[output], equal_nan=True), output
    assert 0 < one.last.macs < one.last.dense_macs
