"""Promises about loading OpenCV: a missing system library is named together with the package that has it."""

from __future__ import annotations

import builtins
import importlib
import sys

import pytest

from skipvid.errors import SkipvidError
from skipvid.video.cv import missing_library_error


@pytest.mark.parametrize(
    ("reason", "packages"),
    [
        ("libGL.so.1: cannot open shared object file: No such file or directory", "libgl1 libglib2.0-0"),
        ("libgthread-2.0.so.0: cannot open shared object file: No such file or directory", "libglib2.0-0 libgl1"),
        ("libSM.so.6: cannot open shared object file: No such file or directory", "libsm6 libgl1 libglib2.0-0"),
    ],
)
def test_missing_library_names_the_packages(reason, packages):
    error = missing_library_error(ImportError(reason))
    assert error.message == f"OpenCV cannot be loaded: {reason}."
    assert error.remedy == f"Run: apt-get install -y {packages}"


def test_missing_package_names_the_package():
    assert missing_library_error(ImportError("No module named 'cv2'")).remedy == "Run: pip install opencv-python"


def test_import_that_fails_raises_the_explained_error(monkeypatch):
    real = builtins.__import__

    def without_gl(name, *args, **kwargs):
        if name == "cv2":
            reason = "libGL.so.1: cannot open shared object file: No such file or directory"
            raise ImportError(reason)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "skipvid.video.cv")
    monkeypatch.setattr(builtins, "__import__", without_gl)
    with pytest.raises(SkipvidError, match="apt-get install -y libgl1"):
        importlib.import_module("skipvid.video.cv")
