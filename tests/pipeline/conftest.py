"""A small model and a small clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.making import moving, write_clip, write_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 frames with a square that walks from left to right."""
    return write_clip(tmp_path_factory.mktemp("clip") / "walk.mp4", moving(24))
