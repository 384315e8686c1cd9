"""The promises of the engine, checked on the user's own network and video.

1. At threshold 0 every output of every frame is bit-identical to a full pass of the same engine, and a small change costs little.
2. A full pass agrees with ONNX Runtime.
3. A repeated frame executes nothing.
4. Neither threads, nor an earlier video, nor another stream reaches the bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skipvid.engine import EngineName
from skipvid.engine.reference.reach import reach
from skipvid.engine.stream import Stream
from skipvid.plan import FloatArray, Plan
from skipvid.tune.kinds import Kind

__all__ = ["PATCH_SHARE", "TOLERANCE", "Check", "Peer", "Report", "verify"]

TOLERANCE = 1e-4
"""Of an output's largest value: sums in another order differ by about 1e-6, which networks amplify."""

PATCH_SHARE = 0.5
"""Of a full pass: what a moving patch must stay below, unless its receptive field alone is larger."""

_OWN = 10.0  # times what the peer differs from itself: its variants round most sums alike, another engine none
_PATCH = 16  # pixels
_PATCH_STEP = 4  # pixels per frame
_PATCH_FRAMES = 8
_KEPT = 4  # frames for the checks that need some of the video again

Outputs = Mapping[str, np.ndarray[Any, Any]]


class Peer(Protocol):
    """Another program that runs the same network, see `skipvid.tune.onnx_peer.OnnxPeer`."""

    def __call__(self, x: FloatArray) -> Outputs:
        """Every output by name."""

    def variants(self, x: FloatArray) -> Sequence[Outputs]:
        """The same by other means: how much of a difference is due to rounding."""

    def kinds(self) -> Mapping[str, Sequence[Kind]]:
        """The channel groups of every output."""


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        name: What is promised.
        passed: Whether it holds.
        measured: The worst that was found, in terms of ``bound``.
        bound: What ``measured`` must not exceed; None where nothing is promised of it.
        unit: What the two count.
        frames: Frames looked at.
        share: Mean share of a full pass's multiply-accumulates that the incremental stream executed; None where that is beside
            the point.
        note: A remark, such as why nothing is promised.
    """

    name: str
    passed: bool
    measured: float
    bound: float | None
    unit: str
    frames: int
    share: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Report:
    """All checks of one network on one video.

    Attributes:
        checks: In the order of the promises.
        engine: The engine that was checked.
        dense_macs: Multiply-accumulates of a full pass.
    """

    checks: tuple[Check, ...]
    engine: str
    dense_macs: int

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)


def verify(
    plan: Plan,
    frames: Iterable[FloatArray],
    peer: Peer | None = None,
    *,
    engine: EngineName = "auto",
    threads: int = 0,
    progress: Callable[[str], None] = lambda _what: None,
) -> Report:
    """Check the promises.

    Args:
        plan: The network.
        frames: Successive network inputs ``(1, C, H, W)`` float32, at least one.
        peer: ONNX Runtime on the model's file; None to leave that promise out.
        engine: The engine to check.
        threads: Its threads, 0 for its default.
        progress: Called with what is being checked.

    Raises:
        ValueError: If there is no frame.
    """

    def stream(count: int = threads) -> Stream:
        return Stream(plan, None, engine=engine, threads=count, safety=None)

    kept: list[FloatArray] = []
    video, repeat = _video_checks(stream, frames, kept, progress)
    progress("a patch moving over a frozen frame")
    checks = [video, _patch_check(plan, stream, kept[0])]
    if peer is not None:
        progress("full passes against ONNX Runtime")
        checks.append(_peer_check(stream(), kept, peer))
    checks.append(repeat)
    progress("threads, resets and several streams")
    checks += [_threads_check(stream, kept), _reset_check(stream, kept), _streams_check(stream, kept)]
    name = type(stream().executor).__name__.removesuffix("Executor").lower()
    return Report(tuple(checks), name, plan.dense_macs)


Make = Callable[..., Stream]


def _video_checks(
    make: Make, frames: Iterable[FloatArray], kept: list[FloatArray], progress: Callable[[str], None]
) -> tuple[Check, Check]:
    """Promises 1 and 3 on the video; the first frames are put into ``kept``."""
    delta, full = make(), make()
    differing = repeated = count = 0
    shares: list[float] = []
    for x in frames:
        progress(f"frame {count + 1}")
        full.refresh()
        want, got = full.step(x), delta.step(x)
        differing += _differing(got, want)
        shares.append(delta.last.share)
        again = delta.step(x)
        repeated = max(repeated, delta.last.macs)
        differing += _differing(again, want)
        if len(kept) < _KEPT:
            kept.append(x)
        count += 1
    if not count:
        message = "there are no frames to verify on"
        raise ValueError(message)
    later = float(np.mean(shares[1:])) if count > 1 else None
    exact = Check("1 exact on the video", differing == 0, differing, 0, "values that differ in any bit", count, later)
    return exact, Check("3 a repeated frame is free", repeated == 0, repeated, 0, "MACs executed", count)


def _patch_check(plan: Plan, make: Make, x: FloatArray) -> Check:
    """Promise 1 on a frozen frame with a moving patch, and that it costs no more than what it can reach."""
    delta, full = make(), make()
    delta.step(x)
    before, differing, beyond = x, 0, 0
    shares: list[float] = []
    reached: list[float] = []
    for moved in _patched(x):
        full.refresh()
        differing += _differing(delta.step(moved), full.step(moved))
        most = reach(plan, (before.view(np.int32) != moved.view(np.int32)).any(axis=(0, 1)))
        beyond += delta.last.macs > most
        shares.append(delta.last.share)
        reached.append(most / max(plan.dense_macs, 1))
        before = moved
    share, most_share = float(np.mean(shares)), float(np.mean(reached))
    free = most_share >= PATCH_SHARE
    passed = differing == 0 and not beyond and (free or share < PATCH_SHARE)
    note = f"its receptive field covers {most_share:.0%} of the MACs" + ("" if free else f", below {PATCH_SHARE:.0%} is asked")
    unit = "values that differ in any bit"
    return Check("1 exact under a moving patch, MACs within its reach", passed, differing, 0, unit, len(shares), share, note)


def _patched(x: FloatArray) -> Iterable[FloatArray]:
    """A frame with a small patch of it inverted, which moves down to the right from the middle of the upper left quarter."""
    height, width = x.shape[2:]
    high, wide = min(_PATCH, height), min(_PATCH, width)
    for i in range(_PATCH_FRAMES):
        top, left = (min(n // 4 + i * _PATCH_STEP, n - size) for n, size in ((height, high), (width, wide)))
        moved = x.copy()
        part = moved[..., top : top + high, left : left + wide]
        part[...] = x.max() + x.min() - part
        yield moved


def _peer_check(stream: Stream, kept: Sequence[FloatArray], peer: Peer) -> Check:
    """Promise 2. Where float32 does not carry that far, the measure is how far the peer is from itself."""
    groups = peer.kinds()
    worst, where = 0.0, ""
    excused: dict[str, tuple[float, float]] = {}
    for x in kept:
        stream.refresh()
        got, want = stream.step(x), peer(x)
        errors = _all_errors(got, want, groups)
        own: dict[str, float] = {}
        for variant in peer.variants(x) if max(errors.values()) > TOLERANCE else ():
            own = {label: max(own.get(label, 0.0), e) for label, e in _all_errors(variant, want, groups).items()}
        for label, error in errors.items():
            if TOLERANCE < error <= _OWN * own.get(label, 0.0):
                excused[label] = max(excused.get(label, (0.0, 0.0)), (error, own[label]))
            elif error > worst:
                worst, where = error, label
    remarks = [f"worst in {where}"] if where else []
    remarks += [f"{n}: {e:.1e}, rounding: ONNX Runtime differs from itself by {o:.1e}" for n, (e, o) in excused.items()]
    name = "2 full pass = ONNX Runtime"
    return Check(name, worst <= TOLERANCE, worst, TOLERANCE, "of the largest value", len(kept), None, "; ".join(remarks))


def _all_errors(got: Outputs, want: Outputs, groups: Mapping[str, Sequence[Kind]]) -> dict[str, float]:
    return dict(pair for name, b in want.items() for pair in _errors(name, got[name], b, groups.get(name, ())))


def _errors(
    name: str, got: np.ndarray[Any, Any], want: np.ndarray[Any, Any], groups: Sequence[Kind]
) -> Iterable[tuple[str, float]]:
    """``max |got - want| / max |want|`` per group of channels; infinity where shapes or the places of non-numbers differ."""
    if got.shape != want.shape:
        yield f"{name}: shape {got.shape} instead of {want.shape}", float("inf")
        return
    for kind in groups or (Kind(0, 0, want.shape[0] if want.ndim else 1),):
        index = np.arange(kind.first, kind.end)
        a, b = (np.take(v, index, kind.axis) if v.ndim else v for v in (got, want))
        label = f"{name}[{kind.first}:{kind.end}]" if groups else name
        yield label, _relative(a.astype(np.float64), b.astype(np.float64))


def _relative(a: np.ndarray[Any, Any], b: np.ndarray[Any, Any]) -> float:
    finite = np.isfinite(b)
    if not np.array_equal(np.isfinite(a), finite) or not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        return float("inf")
    error = float(np.abs(a - b, where=finite, out=np.zeros_like(a)).max(initial=0.0)) if finite.any() else 0.0
    scale = float(np.abs(b[finite]).max(initial=0.0))
    if error == 0:
        return 0.0
    return error / scale if scale else float("inf")


def _threads_check(make: Make, kept: Sequence[FloatArray]) -> Check:
    one, two = make(1), make(2)
    differing = sum(_differing(one.step(x), two.step(x)) for x in kept)
    return _bits("4 one thread = two threads", differing, len(kept))


def _reset_check(make: Make, kept: Sequence[FloatArray]) -> Check:
    fresh, used = make(), make()
    used.step(kept[-1])
    used.reset()
    differing = macs = 0
    for x in kept:
        differing += _differing(fresh.step(x), used.step(x))
        macs += fresh.last.macs != used.last.macs
    note = "MACs differ" if macs else ""
    check = _bits("4 a reset stream = a fresh one", differing + macs, len(kept))
    return Check(check.name, check.passed, check.measured, 0, check.unit, check.frames, None, note)


def _streams_check(make: Make, kept: Sequence[FloatArray]) -> Check:
    alone, mixed, other = make(), make(), make()
    differing = 0
    for x, y in zip(kept, reversed(kept), strict=True):
        want, got = alone.step(x), mixed.step(x)
        other.step(y)
        differing += _differing(got, want) + _differing(mixed.outputs(), want)
    return _bits("4 streams do not see each other", differing, len(kept))


def _bits(name: str, differing: int, frames: int) -> Check:
    return Check(name, differing == 0, differing, 0, "values that differ in any bit", frames)


def _differing(got: Outputs, want: Outputs) -> int:
    """How many values differ in any bit, over all outputs; a missing output or another shape counts in full."""
    count = 0
    for name, b in want.items():
        a = got.get(name)
        if a is None or a.shape != b.shape or a.dtype != b.dtype:
            count += b.size
        elif a is not b:
            raw = [np.ascontiguousarray(v).view(np.uint8).reshape(b.size, b.itemsize) for v in (a, b)]
            count += int((raw[0] != raw[1]).any(axis=1).sum())
    return count
