"""What is loaded when, and that imports point down."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import skipvid

_PACKAGE = Path(skipvid.__file__).parent
_HEAVY = ("torch", "onnx", "onnxruntime", "cv2", "av")

# Floors from the ground up; a module imports from its own floor or from below. A name stands for a room or a single module.
_FLOORS = (
    ("errors", "plan"),
    ("gates", "video", "graph"),
    ("engine",),
    ("models", "stats"),
    ("draw", "tune", "train"),
    ("pipeline", "bench"),
    ("cli", "__main__"),
)
# Values that rooms on lower floors share with those above; they depend on numpy alone.
_SHARED = {"engine.executor": 1, "models.detection": 1, "models.names": 1}


def _loaded_after(statement: str) -> set[str]:
    script = f"import sys\n{statement}\nprint(*sorted(m for m in {_HEAVY!r} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.splitlines()[-1].split()) if done.stdout.strip() else set()


@pytest.mark.parametrize(
    "statement",
    [
        "import skipvid",
        "from skipvid.cli.main import main; main(['--help'])",
        "from skipvid.cli.main import main; main(['run', '--help'])",
        "from skipvid.cli.main import main; main(['--version'])",
    ],
)
def test_nothing_heavy_is_loaded_by(statement: str) -> None:
    assert _loaded_after(statement) == set()


def _modules() -> list[Path]:
    return sorted(path for path in _PACKAGE.rglob("*.py") if path != _PACKAGE / "__init__.py")


def _floor(module: str) -> int | None:
    parts = module.split(".")
    if ".".join(parts[:2]) in _SHARED:
        return _SHARED[".".join(parts[:2])]
    return next((level for level, rooms in enumerate(_FLOORS) if parts[0] in rooms), None)


def _type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _imports(tree: ast.AST) -> set[str]:
    """Modules of this package that a module imports, also inside functions; not those for type checkers alone."""
    found: set[str] = set()
    for child in ast.iter_child_nodes(tree):
        if _type_checking(child):
            continue
        if isinstance(child, ast.ImportFrom) and child.module and child.module.startswith("skipvid"):
            names = [f"{child.module}.{alias.name}" for alias in child.names]
            found.update(name.removeprefix("skipvid.") for name in names)
        elif isinstance(child, ast.Import):
            found.update(a.name.removeprefix("skipvid.") for a in child.names if a.name.startswith("skipvid."))
        found |= _imports(child)
    return found


def test_imports_point_down() -> None:
    wrong = []
    for path in _modules():
        module = ".".join(path.relative_to(_PACKAGE).with_suffix("").parts)
        level = _floor(module)
        assert level is not None, f"{module} belongs to no floor"
        for target in _imports(ast.parse(path.read_text(encoding="utf-8"))):
            below = _floor(target)
            if below is not None and below > level:
                wrong.append(f"{module} imports {target}")
    assert not wrong


@pytest.mark.parametrize("room", ["engine", "gates", "plan", "errors.py"])
def test_the_engine_knows_neither_opencv_nor_the_command_line(room: str) -> None:
    paths = (_PACKAGE / room).rglob("*.py") if (_PACKAGE / room).is_dir() else [_PACKAGE / room]
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            assert not [n for n in names if n.split(".")[0] in {"cv2", "typer", "rich"} or n == "skipvid.video.cv"], path
