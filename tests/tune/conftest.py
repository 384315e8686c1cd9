"""A small model and a small clip, as the pipeline's tests use them."""

from __future__ import annotations

from pathlib import Path

import pytest
from pipeline.making import moving, write_clip, write_model


@pytest.fixture(scope="session")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="session")
def clip_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 frames with a square that walks from left to right."""
    return write_clip(tmp_path_factory.mktemp("clip") / "walk.mp4", moving(48))
