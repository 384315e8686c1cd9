"""Trying a policy: what it costs, and how well its detections agree with those of the dense network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from skipvid.engine import EngineName
from skipvid.engine.stream import Stream
from skipvid.gates.policies import INPUT, Policy
from skipvid.gates.scales import ScaleMeter
from skipvid.gates.settings import Norm
from skipvid.models.detection import Detections
from skipvid.tune.agreement import Agreement, agreement
from skipvid.tune.sampling import Clip, Footage

__all__ = ["Bench", "Trial"]

_BELOW = 0.25  # detections are decoded down to this share of the usual confidence: average precision wants the weak ones too


@dataclass(frozen=True)
class Trial:
    """What came of a policy.

    Attributes:
        policy: The policy.
        agreement: With the dense network.
        macs: Executed share of the arithmetic, frames that recomputed everything at the start of a clip left out.
        ms: Time per frame in the network, in ms; a figure for comparing trials of one bench, taken on a machine that may be busy.
        op_macs: Executed multiply-accumulates per frame, by operator.
    """

    policy: Policy
    agreement: Agreement
    macs: float
    ms: float
    op_macs: Mapping[str, float] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """For threshold files and tables."""
        return {"agreement": self.agreement.to_dict(), "macs": self.macs, "ms": self.ms}


class Bench:
    """Some footage, with what the dense network finds in it and the scales of its activations.

    Args:
        footage: The frames, of one model at any sizes.
        engine: ``auto``, ``native`` or ``reference``.
        threads: Threads of the engine.
        scales: Scales to use for every video; None: those of each video's own first frames, as a run would measure them.
        norm: The norm that scales are measured in.
    """

    def __init__(
        self,
        footage: Sequence[Footage],
        engine: EngineName = "auto",
        threads: int = 0,
        scales: Mapping[str, float] | None = None,
        norm: Norm = Norm.MAX,
    ) -> None:
        self._footage = footage
        self._engine, self._threads, self._norm = engine, threads, norm
        self._dense: list[list[list[Detections]]] = []
        self._scales: list[dict[str, float]] = []
        self.dense_ms = 0.0
        for item in footage:
            self._prepare(item, scales or {})
        self.dense_ms /= max(self.frames, 1)

    @property
    def frames(self) -> int:
        """Frames of a trial."""
        return sum(item.frames for item in self._footage)

    @property
    def footage(self) -> Sequence[Footage]:
        return self._footage

    @property
    def scales(self) -> dict[str, float]:
        """Root mean square of the videos' scales, the noise of the input left out: it belongs to a video, not to the model."""
        names = [name for name in self._scales[0] if name != INPUT]
        return {name: float(np.sqrt(np.mean([scales[name] ** 2 for scales in self._scales]))) for name in names}

    @property
    def video_scales(self) -> Sequence[Mapping[str, float]]:
        """Scales by video, ``input`` among them."""
        return self._scales

    def use_scales(self, scales: Mapping[str, float]) -> None:
        """Take these scales for every video from now on."""
        self._scales = [{**own, **scales} for own in self._scales]

    def _prepare(self, item: Footage, known: Mapping[str, float]) -> None:
        meter = ScaleMeter(item.model.plan, self._norm, known)
        found = []
        for clip in item.clips:
            stream = self._stream(item, None, None)
            meter.gap()
            dets, _, ms = self._walk(item, clip, stream, meter)
            found.append(dets)
            self.dense_ms += ms
        scales = meter.scales or dict.fromkeys((gate.name for gate in item.model.plan.gates), 0.0)
        self._scales.append(scales)
        self._dense.append(found)

    def _stream(self, item: Footage, policy: Policy | None, scales: Mapping[str, float] | None) -> Stream:
        pixels = item.model.preprocess.pixel_map()
        return Stream(item.model.plan, policy, engine=self._engine, threads=self._threads, pixels=pixels, scales=scales)

    def _walk(
        self, item: Footage, clip: Clip, stream: Stream, meter: ScaleMeter | None = None
    ) -> tuple[list[Detections], dict[str, float], float]:
        """Detections by frame, executed MACs by operator after the first frame, and ms in the network."""
        plan, ms = item.model.plan, 0.0
        found: list[Detections] = []
        counts = np.zeros(len(plan.ops))
        for k, image in enumerate(clip.images):
            if meter is not None:
                meter.look(image)
            start = perf_counter()
            stream.step_image(image)
            ms += (perf_counter() - start) * 1e3
            if k:
                counts += stream.executor.active_counts()
            if meter is not None:
                meter.measure(stream.executor.tensor)
            # What cannot have changed is not decoded again: quiet footage is judged in a fraction of the time.
            found.append(self._decode(item, stream) if stream.changed or not found else found[-1])
        return found, {op.name: float(plan.executed_macs(op, int(n))) for op, n in zip(plan.ops, counts, strict=True)}, ms

    @staticmethod
    def _decode(item: Footage, stream: Stream) -> Detections:
        return item.model.decode(stream.outputs(), item.fit, conf=item.model.conf * _BELOW)

    def run(self, policy: Policy) -> Trial:
        """Try a policy."""
        chunks, ms, later = [], 0.0, 0
        executed: dict[str, float] = {}
        dense_macs = 0.0
        for item, dense, scales in zip(self._footage, self._dense, self._scales, strict=True):
            for clip, reference in zip(item.clips, dense, strict=True):
                found, macs, time = self._walk(item, clip, self._stream(item, policy, scales))
                chunks.append(list(zip(reference, found, strict=True)))
                for name, value in macs.items():
                    executed[name] = executed.get(name, 0.0) + value
                ms += time
                later += len(clip.images) - 1
                dense_macs += item.model.plan.dense_macs * (len(clip.images) - 1)
        return Trial(
            policy=policy,
            agreement=agreement(chunks, self._footage[0].model.conf),
            macs=sum(executed.values()) / max(dense_macs, 1.0),
            ms=ms / max(self.frames, 1),
            op_macs={name: value / max(later, 1) for name, value in executed.items()},
        )
