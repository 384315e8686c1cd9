"""Engines to test: the reference one, and the native one once for each instruction set of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from skipvid.engine import native_reason
from skipvid.engine.executor import Executor
from skipvid.engine.reference import ReferenceExecutor
from skipvid.gates.settings import EXACT, GateSettings
from skipvid.plan import Plan

MakeExecutor = Callable[..., Executor]


@contextmanager
def _using(isa: str) -> Iterator[None]:
    """Plans are lowered for this instruction set meanwhile, also those that were lowered before."""
    from skipvid.engine import native

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKIPVID_ISA", isa)
        patch.setattr(native, "_plans", native._PlanCache())
        assert native.instruction_set() == isa
        yield


def _instruction_sets() -> list[str]:
    """Those that this machine and build have, or the one that ``SKIPVID_ISA`` names."""
    if native_reason() is not None:
        return []
    found = []
    for isa in [os.environ["SKIPVID_ISA"]] if "SKIPVID_ISA" in os.environ else ["avx512", "avx2", "neon", "generic"]:
        try:
            with _using(isa):
                found.append(isa)
        except RuntimeError:
            continue
    return found


_SETS = _instruction_sets()
_NONE = pytest.param(None, marks=pytest.mark.skip(reason="no native engine, or none with the instruction set asked for"))


@pytest.fixture(scope="module", params=_SETS or [_NONE])
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """An instruction set that native executors made meanwhile use."""
    with _using(request.param):
        yield request.param


@pytest.fixture(scope="module", params=["reference", *(_SETS or [_NONE])])
def make_executor(request: pytest.FixtureRequest) -> Iterator[MakeExecutor]:
    """Makes executors of one engine: ``make_executor(plan, settings)``."""
    if request.param == "reference":
        yield lambda plan, settings=EXACT: ReferenceExecutor(plan, settings=settings)
        return
    from skipvid.engine.native import NativeExecutor

    def make(plan: Plan, settings: GateSettings = EXACT) -> NativeExecutor:
        return NativeExecutor(plan, settings=settings, threads=2)

    with _using(request.param):
        yield make
