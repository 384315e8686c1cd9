"""Trying a policy: what it costs, and how well its detections agree with those of the dense network."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skipvid.engine import EngineName, native_reason
from skipvid.engine.stream import Stream
from skipvid.gates.care import Care
from skipvid.gates.norms import remembers
from skipvid.gates.policies import INPUT, Policy
from skipvid.gates.scales import ScaleMeter
from skipvid.gates.settings import Norm
from skipvid.models.detection import Detections
from skipvid.tune.agreement import Agreement, above, agreement
from skipvid.tune.drops import Judged, Watched, pairs, watched
from skipvid.tune.ground_truth import GroundTruth
from skipvid.tune.prices import Prices, measure_prices
from skipvid.tune.sampling import Clip, Footage
from skipvid.tune.tunable import Tunable

__all__ = ["Bench", "Trial"]

_BELOW = 0.25  # detections are decoded down to this share of the usual confidence: average precision wants the weak ones too
_LEAST_CONF = 0.01  # the same against ground truth, as detectors usually are judged


@dataclass(frozen=True)
class Trial:
    """What came of a policy.

    Attributes:
        policy: The policy.
        agreement: With the dense network, over all videos.
        drop: Loss of AP50 against the dense network's detections, or where there is ground truth the AP50 against it that the
            dense network has and the gated one has not; of the worst video, if it has something to find.
        drop75: The same of AP75.
        loss: Mean over videos of `Agreement.loss`.
        macs: Executed share of the arithmetic, frames that recomputed everything at the start of a clip left out.
        ms: Time per frame in the network by the prices of the operators, in ms.
    """

    policy: Tunable
    agreement: Agreement
    drop: float
    drop75: float
    loss: float
    macs: float
    ms: float

    @property
    def quality(self) -> float:
        """1 - drop: AP50 of the worst video; 1 is perfect."""
        return 1.0 - self.drop

    def to_dict(self) -> dict[str, Any]:
        """For threshold files and tables."""
        return {
            "agreement": self.agreement.to_dict(),
            "quality": self.quality,
            "quality75": 1.0 - self.drop75,
            "macs": self.macs,
            "ms": self.ms,
        }


@dataclass(frozen=True, eq=False)
class _Take:
    """A clip to be tried."""

    item: Footage
    clip: Clip
    dense: Sequence[Detections]


@dataclass(frozen=True, eq=False)
class _Video:
    """What of a video is tried, and what is known about it."""

    item: Footage
    takes: tuple[_Take, ...]
    scales: Mapping[str, float]
    truth: GroundTruth | None
    prices: Prices | None


class Bench:
    """Some footage, with what the dense network finds in it, the scales of its activations and the prices of its operators.

    Clips are tried side by side, each on one thread: with as many clips as processors that is faster than all of them on one clip
    after the other, and another program that takes a processor away costs no more than that processor. Where there are fewer
    clips, they share the threads.

    Args:
        footage: The frames, of one model at any sizes.
        engine: ``auto``, ``native`` or ``reference``.
        threads: Threads of the engine that prices hold for, and clips tried at once; 0 for one per processor.
        scales: Scales to use for every video; None: those of each video's own first frames, as a run would measure them.
        norm: The norm that scales are measured in.
        truths: Ground truth of each video, or None where the dense network is the reference.
        care: How coarse gates that remember are by what is found; None: the same everywhere.
    """

    def __init__(
        self,
        footage: Sequence[Footage],
        engine: EngineName = "auto",
        threads: int = 0,
        scales: Mapping[str, float] | None = None,
        norm: Norm = Norm.MAX,
        truths: Sequence[GroundTruth | None] = (),
        care: Care | None = None,
    ) -> None:
        self._engine, self._threads, self._norm = engine, threads, norm
        self.care = care
        # Torch keeps one setting for the number of threads of the whole process; its clips go one after the other.
        native = engine != "reference" and native_reason() is None
        self._side_by_side = (threads or len(_processors())) if native else 1
        known = [*truths, *[None] * (len(footage) - len(truths))]
        self._videos = [self._prepare(item, scales or {}, truth) for item, truth in zip(footage, known, strict=True)]

    @property
    def frames(self) -> int:
        """Frames of a trial."""
        return sum(len(take.clip.images) for video in self._videos for take in video.takes)

    @property
    def footage(self) -> Sequence[Footage]:
        return [video.item for video in self._videos]

    @property
    def dense_ms(self) -> float:
        """Time of a full pass in the network, in ms."""
        return float(np.mean([self._priced(video).dense for video in self._videos]))

    @property
    def scales(self) -> dict[str, float]:
        """Root mean square of the videos' scales, the noise of the input left out: it belongs to a video, not to the model."""
        found = [video.scales for video in self._videos]
        names = [name for name in found[0] if name != INPUT]
        return {name: float(np.sqrt(np.mean([scales[name] ** 2 for scales in found]))) for name in names}

    @property
    def video_scales(self) -> Sequence[Mapping[str, float]]:
        """Scales by video, ``input`` among them."""
        return [video.scales for video in self._videos]

    def use_scales(self, scales: Mapping[str, float]) -> None:
        """Take these scales for every video from now on."""
        self._videos = [replace(video, scales={**video.scales, **scales}) for video in self._videos]

    def caring(self, care: Care | None) -> Bench:
        """The same with other care; what is known is shared."""
        other = copy(self)
        other.care = care
        return other

    def part(self, clips: int, frames: int) -> Bench:
        """A smaller bench that shares what is known: the first frames of those clips of every video that show most."""
        for index, video in enumerate(self._videos):
            self._videos[index] = replace(video, prices=self._priced(video))
        smaller = copy(self)
        smaller._videos = [replace(video, takes=_busiest(video, clips, frames)) for video in self._videos]
        return smaller

    def _prepare(self, item: Footage, known: Mapping[str, float], truth: GroundTruth | None) -> _Video:
        meter = ScaleMeter(item.model.plan, self._norm, known)
        takes = []
        for clip in item.clips:
            stream = self._stream(item, None, None, self._threads)
            meter.gap()
            found, _ = _walk(item, clip, stream, truth is not None, meter)
            takes.append(_Take(item, clip, found))
        scales = meter.scales or dict.fromkeys((gate.name for gate in item.model.plan.gates), 0.0)
        return _Video(item, tuple(takes), scales, truth, None)

    def _priced(self, video: _Video) -> Prices:
        if video.prices is not None:
            return video.prices
        return measure_prices(self._stream(video.item, None, None, self._threads), video.item.clips[0].images)

    def _stream(self, item: Footage, policy: Policy | None, scales: Mapping[str, float] | None, threads: int) -> Stream:
        pixels, care = item.model.preprocess.pixel_map(), self.care if remembers(policy) else None
        return Stream(item.model.plan, policy, engine=self._engine, threads=threads, pixels=pixels, scales=scales, care=care)

    def run(self, policy: Tunable) -> Trial:
        """Try a policy."""
        return self.watch(policy)[0]

    def watch(self, policy: Tunable) -> tuple[Trial, Sequence[Watched]]:
        """Try a policy; what came of it, and what of each video."""
        for index, video in enumerate(self._videos):
            if video.prices is None:
                self._videos[index] = replace(video, prices=self._priced(video))
        walked = self._walked(policy)
        seen = [_seen(video, [found for found, _ in results]) for video, results in zip(self._videos, walked, strict=True)]
        return _judge(policy, self._videos, walked, seen), seen

    def _walked(self, policy: Tunable) -> list[list[tuple[list[Detections], NDArray[np.int64]]]]:
        """What is found in each clip of each video, and how many pixels of each operator it took."""

        takes = [(video, take) for video in self._videos for take in video.takes]
        threads = max(self._side_by_side // len(takes), 1) if self._side_by_side > 1 else self._threads

        def walk(work: tuple[_Video, _Take]) -> tuple[list[Detections], NDArray[np.int64]]:
            video, take = work
            stream = self._stream(take.item, policy, video.scales, threads)
            return _walk(take.item, take.clip, stream, video.truth is not None)

        with ThreadPoolExecutor(self._side_by_side) as pool:
            walked = iter(list(pool.map(walk, takes)))
        return [[next(walked) for _ in video.takes] for video in self._videos]


def _processors() -> Sequence[int]:
    try:
        return sorted(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return range(os.cpu_count() or 1)


def _busiest(video: _Video, clips: int, frames: int) -> tuple[_Take, ...]:
    cut = [_Take(t.item, replace(t.clip, images=t.clip.images[:frames]), t.dense[:frames]) for t in video.takes]
    objects = [sum(len(above(found, video.item.model.conf)) for found in take.dense) for take in cut]
    chosen = sorted(range(len(cut)), key=lambda k: -objects[k])[:clips]
    return tuple(cut[k] for k in sorted(chosen))


def _walk(
    item: Footage, clip: Clip, stream: Stream, truth: bool, meter: ScaleMeter | None = None
) -> tuple[list[Detections], NDArray[np.int64]]:
    """Detections by frame, and recomputed pixels by operator, of what is judged but the full pass that begins a clip."""
    found: list[Detections] = []
    last: Detections | None = None
    counts = np.zeros(len(item.model.plan.ops), np.int64)
    conf = min(item.model.conf * _BELOW, _LEAST_CONF if truth else 1.0)
    for k, image in enumerate([*clip.lead, *clip.images], start=-len(clip.lead)):
        if meter is not None:
            meter.look(image)
        stream.step_image(image)
        if k > 0 or (k == 0 and clip.lead):
            counts += stream.executor.active_counts()
        if meter is not None:
            meter.measure(stream.executor.tensor)
        if k < 0 and stream.care is None:
            continue
        # What cannot have changed is not decoded again: quiet footage is judged in a fraction of the time.
        if stream.changed or last is None:
            last = item.model.look(stream, stream.views(), item.fit, conf=conf)
        if k >= 0:
            found.append(last)
    return found, counts


def _seen(video: _Video, found: Sequence[Sequence[Detections]]) -> Watched:
    runs = [
        [
            Judged(d, g, None if video.truth is None else video.truth.at(take.clip.start + k))
            for k, (d, g) in enumerate(zip(take.dense, results, strict=True))
        ]
        for take, results in zip(video.takes, found, strict=True)
    ]
    return watched(runs, video.item.model.conf, video.truth is not None)


def _judge(
    policy: Tunable,
    videos: Sequence[_Video],
    walked: Sequence[Sequence[tuple[list[Detections], NDArray[np.int64]]]],
    seen: Sequence[Watched],
) -> Trial:
    macs, dense_macs, ms = 0.0, 0.0, []
    for video, results in zip(videos, walked, strict=True):
        plan = video.item.model.plan
        later = max(sum(len(take.clip.images) - (not take.clip.lead) for take in video.takes), 1)
        counts = np.sum([c for _, c in results], axis=0)
        macs += sum(plan.executed_macs(op, int(n)) for op, n in zip(plan.ops, counts, strict=True))
        dense_macs += plan.dense_macs * later
        assert video.prices is not None
        ms.append(video.prices.ms(counts / later))
    # A video that shows next to nothing is judged by its false detections, unless all are like that.
    telling = [one for one in seen if one.telling]
    ghosts = [one.agreed.false_detections for one in seen if telling and not one.telling]
    runs = [run for one in seen for run in pairs(one.runs)]
    return Trial(
        policy=policy,
        agreement=seen[0].agreed if len(seen) == 1 else agreement(runs, seen[0].conf),
        drop=max([one.drop for one in telling or seen] + ghosts),
        drop75=max(one.drop75 for one in telling or seen),
        loss=float(np.mean([one.agreed.loss for one in seen])),
        macs=macs / max(dense_macs, 1.0),
        ms=float(np.mean(ms)),
    )
