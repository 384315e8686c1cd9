"""Shared fixtures.

Some tests use real footage and real weights from an optional folder: ``SKIPVID_SHARED_DATA``, or ``../shared/data`` beside the
checkout. They are skipped, with that reason, where the folder is absent. ``SKIPVID_TEST_CORE`` names another build of the native
engine to test.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data_folder() -> Path | None:
    """The optional folder with ``videos/`` and ``weights/``, or None."""
    folder = Path(os.environ.get("SKIPVID_SHARED_DATA", _DEFAULT))
    return folder if (folder / "weights").is_dir() else None


def _load_engine(path: str) -> None:
    """Use this build of the native engine, such as one with sanitizers, in place of the installed one."""
    spec = importlib.util.spec_from_file_location("skipvid.engine._core", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)


real_networks = pytest.mark.skipif("SKIPVID_TEST_CORE" in os.environ, reason="a sanitized build takes minutes for real networks")
"""Of tests that run a real network for many frames."""

if "SKIPVID_TEST_CORE" in os.environ:
    _load_engine(os.environ["SKIPVID_TEST_CORE"])


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real ``videos/`` and ``weights/``; the test is skipped where it is absent."""
    folder = shared_data_folder()
    if folder is None:
        pytest.skip("no real footage and weights: set SKIPVID_SHARED_DATA to a folder with videos/ and weights/")
    return folder
