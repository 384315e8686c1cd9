"""Execution of plans."""

from __future__ import annotations

import logging
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Literal, TypeAlias

from skipvid.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from skipvid.engine.executor import Executor, PixelMap
    from skipvid.gates.settings import GateSettings
    from skipvid.plan import Plan

__all__ = ["EngineName", "create_executor", "native_reason"]

EngineName: TypeAlias = Literal["auto", "native", "reference"]

_log = logging.getLogger(__name__)


def create_executor(
    plan: Plan,
    engine: EngineName = "auto",
    pixels: PixelMap | None = None,
    settings: GateSettings | None = None,
    threads: int = 0,
) -> Executor:
    """Make an executor: the state of one video on one plan.

    Args:
        plan: The network.
        engine: ``native`` for the compiled engine, ``reference`` for torch, ``auto`` for the compiled one where it can be used.
        pixels: How images become the network's input; None where only tensors will be given.
        settings: Commit rules; None for exact execution.
        threads: Threads to use; 0 for the engine's default.

    Raises:
        UsageError: If the engine is unknown, or the native one cannot be used.
    """
    from skipvid.gates.settings import EXACT

    rules = EXACT if settings is None else settings
    if engine not in ("auto", "native", "reference"):
        message = f"there is no engine {engine!r}."
        raise UsageError(message, "Choose auto, native or reference.")
    if engine != "reference":
        native, reason = _native()
        if native is not None:
            return native(plan, pixels, rules, threads)
        if engine == "native":
            message = f"the native engine cannot be used: {reason}."
            raise UsageError(message, "Install skipvid with a C++20 compiler present, or use the reference engine.")
    from skipvid.engine.reference import ReferenceExecutor

    return ReferenceExecutor(plan, pixels, rules, threads)


def native_reason() -> str | None:
    """Why the native engine cannot be used, or None where it can."""
    return _native()[1]


@cache
def _native() -> tuple[Callable[..., Executor] | None, str | None]:
    """The native executor's class, or why there is none; the reason is logged once per process."""
    try:
        from skipvid.engine.native import NativeExecutor
    except ImportError as error:
        built = find_spec("skipvid.engine._core") is not None
        reason = f"its compiled part did not load ({error})" if built else "skipvid was installed without its compiled part"
        _log.info("running on the reference engine: the native engine cannot be used, %s", reason)
        return None, reason
    return NativeExecutor, None
