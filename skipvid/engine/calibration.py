"""The commit rules of a stream: a policy, and what of the video its numbers refer to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from types import MappingProxyType

import numpy as np

from skipvid.engine.executor import ByteArray
from skipvid.gates.care import Care
from skipvid.gates.policies import Policy
from skipvid.gates.scales import ScaleMeter
from skipvid.gates.settings import GateSettings, InputGate, Rect
from skipvid.plan import FloatArray, Plan

__all__ = ["Calibration"]


class Calibration:
    """Turns a policy into settings, and measures what it needs for that on the first frames.

    Args:
        plan: The network.
        policy: What decides the gates; None to execute exactly.
        known: Known scales of activations by gate name; what the policy needs beyond them is measured.
        ignore: Rectangles of the network input whose changes do not count.
        unit: One grey level in units of the network's input, ``(channels,)``; None where that is 1.
        care: Where gates are to be coarser in places, or None.

    Attributes:
        asked: The commit rules as the policy has them.
        settings: Those of the next frame, coarser where a budget demands it, and with what care needs.
    """

    def __init__(
        self,
        plan: Plan,
        policy: Policy | None,
        known: Mapping[str, float],
        ignore: tuple[Rect, ...],
        unit: FloatArray | None,
        care: Care | None = None,
    ) -> None:
        self._plan = plan
        self._policy = policy
        self._known = dict(known)
        self._ignore = ignore
        self._unit = unit
        self._care = care
        self.begin()

    def begin(self) -> None:
        """Forget what was measured."""
        self._settled = False
        self._factor, self._attending = 1.0, False
        self._meter = None if self._policy is None else ScaleMeter.for_policy(self._policy, self._plan, self._known)
        later = self.later
        self._use(self._resolve(self._known) if later is None else _exactly(later))

    def _use(self, asked: GateSettings) -> None:
        """From now on these rules, as the policy has them."""
        self.asked = asked
        coarser = asked.coarser(self._factor)
        self.settings = coarser if self._care is None else self._care.eased(coarser, attending=self._attending)

    def adjust(self, factor: float, *, attending: bool) -> bool:
        """Multiply all thresholds but the input's from now on; whether the settings are new.

        Args:
            factor: What by.
            attending: Whether relief is by what was found, see `Care.eased`.
        """
        if (factor, attending) == (self._factor, self._attending):
            return False
        self._factor, self._attending = factor, attending
        self._use(self.asked)
        return True

    @cached_property
    def _anticipated(self) -> GateSettings:
        return self._resolve(dict.fromkeys((gate.name for gate in self._plan.gates), 1.0))

    @property
    def later(self) -> GateSettings | None:
        """While there are no scales, settings with thresholds wherever there will be some."""
        return None if self._meter is None else self._anticipated

    @property
    def scales(self) -> Mapping[str, float]:
        """Scales known or measured so far, by gate name."""
        return MappingProxyType(self._known if self._meter is None else {**self._known, **self._meter.scales})

    @property
    def measuring(self) -> bool:
        """Whether frames must be executed exactly for now, to measure scales."""
        return self._meter is not None and not self._meter.ready

    def look(self, picture: FloatArray | ByteArray | None) -> bool:
        """Learn the noise of the video from the next frame, while that is not known; whether the settings are new.

        Args:
            picture: ``(H, W, C)``, uint8 in grey levels or float32 in units of the network's input.
        """
        size = (self._plan.input.height, self._plan.input.width)
        if self._meter is None or self._meter.done or picture is None or picture.shape[:2] != size:
            return False
        unit = None if picture.dtype == np.uint8 else self._unit
        self._meter.look(picture if unit is None else picture / np.maximum(unit, np.float32(1e-12)))
        return self._settle()

    def measure(self, tensor: Callable[[str], FloatArray]) -> bool:
        """Learn the scales of the maps from the frame just executed, while they are not known; whether the settings are new.

        Args:
            tensor: Gives a map ``(H, W, C)`` by name.
        """
        if self._meter is None or self._meter.ready:
            return False
        self._meter.measure(tensor)
        return self._settle()

    def gap(self) -> None:
        """The next frame does not follow the last one."""
        if self._meter is not None:
            self._meter.gap()

    def _settle(self) -> bool:
        if self._meter is None or not self._meter.ready:
            return False
        assert self._policy is not None
        before = self.asked
        if self._settled:  # the scales of maps stand; only the noise is told better with every frame
            self._use(replace(before, input=self._policy.input_gate(self._meter.scales, self._ignore)))
        else:
            self._use(self._resolve(self._meter.scales))
            self._settled = True
        return self.asked != before

    def _resolve(self, scales: Mapping[str, float]) -> GateSettings:
        if self._policy is None:
            return GateSettings(InputGate(ignore=self._ignore))
        return self._policy.settings(self._plan, scales, self._ignore)


def _exactly(later: GateSettings) -> GateSettings:
    """Settings that let everything pass, with gates at the convolutions that will have one.

    The same maps are kept as later: those whose scales are measured need not be worked out again, nor when the gates are set.
    """
    opens = MappingProxyType({name: replace(gate, threshold=0.0) for name, gate in later.opens.items()})
    return GateSettings(InputGate(ignore=later.input.ignore), opens=opens)
