"""Shared fixtures.

Some tests use real footage and real weights from an optional folder: ``SKIPVID_SHARED_DATA``, or ``../shared/data`` beside the checkout.
They are skipped, with that reason, where the folder is absent.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data_folder() -> Path | None:
    """The optional folder with ``videos/`` and ``weights/``, or None."""
    folder = Path(os.environ.get("SKIPVID_SHARED_DATA", _DEFAULT))
    return folder if (folder / "weights").is_dir() else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real ``videos/`` and ``weights/``; the test is skipped where it is absent."""
    folder = shared_data_folder()
    if folder is None:
        pytest.skip("no real footage and weights: set SKIPVID_SHARED_DATA to a folder with videos/ and weights/")
    return folder
