"""An install without a compiler succeeds, and what it leaves runs on the reference engine, saying so once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

_ROOT = Path(__file__).parents[1]
_USED_BY_PIP = ("sh", "env", "uname")

_REPORT = """
import sys
sys.path[:0] = sys.argv[1:]
import skipvid.engine as engine
assert engine.__file__.startswith(sys.argv[1]), engine.__file__
print(engine.native_reason())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="builds with a PATH without compilers, as Linux lays programs out")
@pytest.mark.skipif(not (_ROOT / "pyproject.toml").is_file(), reason="not run from a checkout")
def test_an_install_without_a_compiler_runs_on_the_reference_engine(tmp_path: Path) -> None:
    tools, target, source = (tmp_path / name for name in ("tools", "target", "source"))
    tools.mkdir()
    for name in _USED_BY_PIP:
        found = next((Path(folder) / name for folder in ("/bin", "/usr/bin") if (Path(folder) / name).exists()), None)
        if found is not None:
            (tools / name).symlink_to(found)
    source.mkdir()
    for name in ("pyproject.toml", "CMakeLists.txt", "README.md", "LICENSE"):
        shutil.copy(_ROOT / name, source)
    shutil.copytree(_ROOT / "skipvid", source / "skipvid", ignore=shutil.ignore_patterns("*.so", "*.pyd", "__pycache__"))
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"PATH": str(tools), "CC": "/bin/false", "CXX": "/bin/false"}
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--target", str(target), str(source)]
    if find_spec("scikit_build_core") is not None and find_spec("nanobind") is not None:
        command.insert(4, "--no-build-isolation")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if "No matching distribution" in done.stderr:
        pytest.skip("the build backend can be neither found nor fetched")
    assert done.returncode == 0, done.stdout + done.stderr
    report = subprocess.run(
        # Without site: an editable install of the checkout would come before every path.
        [sys.executable, "-S", "-c", _REPORT, str(target), str(Path(np.__file__).parents[1])],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert report.returncode == 0, report.stderr
    assert report.stdout.strip() == "skipvid was installed without its compiled part"
