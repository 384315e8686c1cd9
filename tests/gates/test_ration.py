"""A budget is held, nothing waits longer than stated, and quiet moments drain what waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from skipvid.errors import UsageError
from skipvid.gates.budget import TOLERANCE, Budget, Rationed
from skipvid.gates.ration import Ration
from skipvid.gates.settings import GateSettings, InputGate, Rect

HEIGHT, WIDTH, THRESHOLD = 90, 140, 4
RULES = GateSettings(InputGate(THRESHOLD))
Image = NDArray[np.uint8]


@cache
def scene() -> Image:
    return np.random.default_rng(0).integers(60, 190, (HEIGHT, WIDTH, 3), np.uint8)


def quiet_then_busy(quiet: int = 20, busy: int = 120, after: int = 30) -> list[Image]:
    """A still picture, then one that scrolls as under a moving camera, then a still one again."""
    frames = [scene()] * quiet
    frames += [np.roll(scene(), 3 * step, axis=1) for step in range(1, busy + 1)]
    return frames + [frames[-1]] * after


@dataclass
class Machine:
    """An executor that costs: commits what differs by more than the threshold, and remembers how long true pixels were withheld.

    The cost grows with the area committed, with chance: as with real networks, equal areas do not cost the same.
    """

    ration: Ration
    ignore: tuple[Rect, ...] = ()
    committed: Image = field(init=False)
    waited: NDArray[np.int64] = field(default_factory=lambda: np.zeros((HEIGHT, WIDTH), np.int64))
    longest: int = 0
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(1))
    costs: list[float] = field(default_factory=list)
    seen: list[Rationed] = field(default_factory=list)

    def first(self, image: Image, cost: float) -> None:
        self.ration.show_all(image)
        self.ration.spent(cost, 0)
        self.committed = image.copy()

    def step(self, image: Image) -> None:
        shown, rationed = self.ration.show(image, RULES)
        changed = self._differs(shown)
        self.committed[changed] = shown[changed]
        self.waited = np.where(self._differs(image), self.waited + 1, 0)
        self.longest = max(self.longest, int(self.waited.max()))
        cost = 1 + 99 * float(changed.mean()) ** 0.7 * self.random.uniform(0.85, 1.15)
        self.ration.spent(cost, 0)
        self.costs.append(cost)
        self.seen.append(rationed)

    def _differs(self, image: Image) -> NDArray[np.bool_]:
        difference = np.abs(image.astype(int) - self.committed).max(axis=2)
        for rect in self.ignore:
            difference[rect.y0 : rect.y1, rect.x0 : rect.x1] = 0
        return difference > THRESHOLD


def run(budget: Budget, frames: list[Image], ignore: tuple[Rect, ...] = ()) -> Machine:
    machine = Machine(Ration(budget, HEIGHT, WIDTH, ignore), ignore)
    machine.first(frames[0], 100.0)
    for frame in frames[1:]:
        machine.step(frame)
    return machine


@pytest.mark.parametrize("ms", [25.0, 40.0, 70.0])
def test_95_percent_of_frames_stay_within_1_15_of_the_budget_and_nothing_waits_longer_than_30_frames(ms: float) -> None:
    machine = run(Budget(ms), quiet_then_busy())
    busy = machine.costs[19:139]
    assert np.percentile(busy, 95) <= TOLERANCE * ms
    assert np.mean(busy) >= 0.5 * ms
    assert 1 < machine.longest <= max(entry.oldest for entry in machine.seen) <= 30
    assert machine.ration.notice is None


def test_quiet_moments_drain_what_waits() -> None:
    machine = run(Budget(30.0), quiet_then_busy())
    assert machine.seen[138].withheld > 0.2
    assert machine.seen[-1].withheld == machine.seen[-1].oldest == 0
    assert machine.waited.max() == 0
    assert machine.costs[-1] == pytest.approx(1)
    drained = next(i for i, entry in enumerate(machine.seen[138:]) if entry.withheld == 0)
    assert drained <= 15


def test_what_fits_is_shown_as_it_is() -> None:
    machine = run(Budget(101.0), quiet_then_busy(5, 10, 0))
    assert {entry.withheld for entry in machine.seen} == {0.0}
    shown, _ = machine.ration.show(scene(), RULES)
    np.testing.assert_array_equal(shown, scene())


def test_one_frame_in_forty_at_most_takes_all_that_waits() -> None:
    machine = run(Budget(25.0), quiet_then_busy())
    whole = [i for i in range(20, 139) if machine.seen[i].withheld == 0 and machine.costs[i] > 50]
    assert whole
    assert min(np.diff(whole), default=40) >= 40


@pytest.mark.parametrize("max_age", [1, 8])
def test_a_budget_that_is_too_small_gives_way_to_the_promised_age_and_says_so(max_age: int) -> None:
    machine = run(Budget(3.0, max_age=max_age), quiet_then_busy())
    assert machine.longest <= max_age
    assert any(entry.forced for entry in machine.seen)
    assert machine.ration.notice == (
        f"the budget does not suffice to look at every change within {max_age} frames, as promised: some frames take longer; "
        "a coarser preset, such as fast, computes less of each"
    )


def test_changes_in_ignored_rectangles_do_not_wait() -> None:
    frames = quiet_then_busy(2, 0, 0)
    ignored = Rect(0, 0, WIDTH, 40)
    changed = frames[0].copy()
    changed[:40] ^= 255
    machine = run(Budget(5.0), [*frames, changed, changed], (ignored,))
    assert [entry.withheld for entry in machine.seen] == [0, 0, 0]
    assert set(machine.costs) == {1.0}


def test_slow_changes_add_up() -> None:
    start = scene()
    frames = [start + np.uint8(step // 2) for step in range(40)]
    frames += [frames[-1]] * 10
    machine = run(Budget(30.0), frames)
    assert np.abs(machine.committed.astype(int) - frames[-1]).max() <= THRESHOLD
    assert machine.longest <= 30
    assert sum(cost > 5 for cost in machine.costs) >= 4


def test_threads_have_prices_of_their_own() -> None:
    ration = Ration(Budget(10.0), HEIGHT, WIDTH)
    ration.show_all(scene())
    ration.spent(50.0, 0)
    assert not ration.affords_all
    ration.use_threads(8)
    ration.show_all(scene())
    ration.spent(8.0, 0)
    assert ration.affords_all
    ration.use_threads(0)
    assert not ration.affords_all


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ms": 0}, "The budget is 0 ms; it is the time that the network may take per frame. Give a number above 0."),
        (
            {"ms": float("nan")},
            "The budget is nan ms; it is the time that the network may take per frame. Give a number above 0.",
        ),
        ({"ms": 5, "max_age": 0}, "The most that a change may wait is 0; it counts frames. Give a whole number, 1 or more."),
        (
            {"ms": 5, "coarsest": 0.5},
            "The coarsest that thresholds may become is 0.5; it is a factor on them. Give a number, 1 or more.",
        ),
        ({"ms": 5, "tile": 2}, "The side of the budget's tiles is 2; it counts pixels. Give a whole number from 4 to 256."),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Budget(**options)  # type: ignore[arg-type]
    assert str(caught.value) == message
