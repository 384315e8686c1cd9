"""The front door: ONNX models, and torch modules through ONNX, become plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skipvid.graph.build import build_plan, declared_size, load_plan
    from skipvid.graph.loader import LoadedModel, load_file
    from skipvid.graph.report import PlanReport, PlanRow, describe
    from skipvid.graph.torch_export import export_torch

__all__ = [
    "LoadedModel",
    "PlanReport",
    "PlanRow",
    "build_plan",
    "declared_size",
    "describe",
    "export_torch",
    "load_file",
    "load_plan",
]

_HOME = {
    "LoadedModel": "loader",
    "PlanReport": "report",
    "PlanRow": "report",
    "build_plan": "build",
    "declared_size": "build",
    "describe": "report",
    "export_torch": "torch_export",
    "load_file": "loader",
    "load_plan": "build",
}


def __getattr__(name: str) -> Any:
    """Loads onnx, and torch where it is asked for, with the first use."""
    if name not in _HOME:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
