"""Keeping one video within a budget: what of a picture is looked at now, and what must wait.

When more changed than fits, the executor is shown a picture in which some tiles are still those of an earlier frame. Tiles that
wait are compared with every new frame, so nothing is lost: what fits later is taken then, with the values of that frame, and in
quiet moments all of it. A tile that has waited for the stated number of frames is taken whatever it costs, and some of those
that have waited for half of it before that, so that they do not come all at once.

What waits adds up: recomputed piece by piece, it costs the network's deep layers once per piece. So one frame in 40 at most
takes all that waits, which the promise for 95 % of the frames leaves room for.

Where all of it does not fit for longer than a moment, thresholds inside the network are raised, see `skipvid.gates.coarseness`.

What is taken is one region about the place that matters most, rather than the largest differences wherever they are: changes
close to each other reach the same parts of the network, and an object is seen whole, as of one frame.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skipvid.gates.budget import Budget, Rationed
from skipvid.gates.coarseness import CHEAPER, Coarseness
from skipvid.gates.cost import CostModel
from skipvid.gates.settings import GateSettings, Rect
from skipvid.gates.tiles import BoolTiles, ByteImage, Compare, Tiles, apart
from skipvid.plan import FloatArray

__all__ = ["Ration"]

_AIM = 1.1  # 95 % of the frames are meant to stay within this multiple of the budget
_LEAST_AIM = 0.6  # of the budget, however much the times scatter: a machine with other work must not stop the video
_STRETCH = 0.75  # power of the aim, as a share of the budget: more than thresholds aim at, a frame may take before it has to wait
_LEAST = 0.25  # of the budget is for what changed, whatever a frame costs without that
_CATCH_UP = 40  # frames between two that take all that waits: of 95 % that must keep within the budget, they cost 2.5
_BEHIND = 10  # frames that something has waited before that is worth it
_FORCED, _FORCED_SHARE = 10, 0.05  # so many frames beyond the budget, and such a share of all, are told


class Ration:
    """The state of one video under a budget.

    Call `show` or `show_all` with every frame before it is executed, and `spent` with its cost afterwards.

    Args:
        budget: What a frame may cost. May be replaced between frames by one with the same tiles and the same ``coarsest``.
        height: Of the pictures.
        width: Of the pictures.
        ignore: Rectangles in which changes do not count.
        compare: Compares two pictures tile by tile, see `skipvid.gates.tiles.apart`.
        remembers: Whether gates inside the network can be asked again, see `skipvid.gates.coarseness`.
    """

    def __init__(
        self,
        budget: Budget,
        height: int,
        width: int,
        ignore: Sequence[Rect] = (),
        compare: Compare = apart,
        *,
        remembers: bool = False,
    ) -> None:
        self.budget = budget
        self._remembers = remembers
        self._coarseness = Coarseness(budget.coarsest, remembers=remembers)
        self._tiles = Tiles(height, width, budget.tile, ignore, compare)
        self._models: dict[int, CostModel] = {}
        self._threads = 0
        self._shown = np.zeros((height, width, 3), np.uint8)
        # Of each tile the picture it was last taken from. A tile that does not differ by more than the threshold is shown anew in
        # every frame all the same, but slow changes in it add up against this one.
        self._reference = np.zeros_like(self._shown)
        self._ages = np.zeros(self._tiles.shape, np.int32)
        self._taken = np.ones(self._tiles.shape, bool)
        self._load: float | None = None
        self._unpaid = False
        self._forced = self._frames = self._caught_up = 0

    @property
    def _model(self) -> CostModel:
        """What is known of costs with the present number of threads."""
        if self._threads not in self._models:
            self._models[self._threads] = CostModel(self._tiles.shape)
        return self._models[self._threads]

    @property
    def _aim(self) -> float:
        """What a frame should be predicted to cost."""
        return self.budget.ms * min(max(_AIM / self._model.scatter, _LEAST_AIM), 1.0)

    @property
    def affords_all(self) -> bool:
        """Whether a full pass fits the budget."""
        return self._model.dense <= self.budget.ms

    @property
    def coarseness(self) -> float:
        """What the thresholds inside the network are to be multiplied by, from the frame last shown on."""
        return self._coarseness.factor

    @property
    def wants_finer(self) -> bool:
        """Whether to compute the next frame in full for the sake of finer thresholds."""
        return self._coarseness.wants_finer and self._frames - self._caught_up >= _CATCH_UP

    @property
    def notice(self) -> str | None:
        """What the user should know of a budget that cannot be held, or None."""
        if self._forced < max(_FORCED, _FORCED_SHARE * self._frames):
            return None
        return (
            f"the budget does not suffice to look at every change within {self.budget.max_age} frames, as promised: "
            "some frames take longer; a coarser preset, such as fast, computes less of each"
        )

    def show_all(self, image: ByteImage, *, learn: bool = True) -> Rationed:
        """Take note that a frame is executed in full.

        Args:
            image: ``(H, W, 3)`` uint8, the frame.
            learn: Whether its cost is that of a full pass.
        """
        if self._coarseness.wants_finer:
            self._coarseness.refine()
            self._caught_up = self._frames
        np.copyto(self._reference, image)
        np.copyto(self._shown, image)
        self._ages[...] = 0
        self._load = None
        self._unpaid = learn
        return Rationed(self.budget.ms, 0.0, 0, False, self.coarseness)

    def show(self, image: ByteImage, rules: GateSettings) -> tuple[ByteImage, Rationed]:
        """The picture to execute: the frame, with earlier content in the tiles that wait.

        Args:
            image: ``(H, W, 3)`` uint8, the frame.
            rules: The commit rules: what that of the network's input would not commit does not wait, and where there are
                thresholds behind it they may change.

        Returns:
            The picture, valid until the next call, and what was done.
        """
        largest, total = self._tiles.apart(image, self._reference)
        changed = largest > math.floor(rules.input.threshold)
        strength = np.where(changed, self._model.weighted(total), np.float32(0))
        taken, forced = self._choose(changed, strength, rules)
        waits = changed & ~taken
        if waits.any():
            self._tiles.paste(self._shown, image, ~waits)
        else:
            np.copyto(self._shown, image)
        self._tiles.paste(self._reference, image, taken)
        self._ages = np.where(waits, self._ages + 1, 0)
        self._taken, self._load = taken, math.sqrt(float(strength[taken].sum()))
        self._unpaid = True
        self._frames += 1
        self._forced += forced
        rationed = Rationed(self.budget.ms, float(waits.mean()), int(self._ages.max()), forced, self.coarseness)
        return self._shown, rationed

    def spent(self, ms: float, macs: int) -> None:
        """The cost of the frame last shown: time in ms and multiply-accumulates. Later calls for the same frame are ignored."""
        if not self._unpaid:
            return
        self._unpaid = False
        cost = ms if self.budget.cost is None else self.budget.cost(ms, macs)
        if self._load is None:
            self._model.observe_dense(cost)
        else:
            self._model.observe(cost, self._load, self._taken)

    def use_threads(self, threads: int) -> None:
        """Another number of threads has prices of its own."""
        self._threads = threads

    def reset(self) -> None:
        """Forget the video; what was learned of costs holds for the next one too."""
        self._ages[...] = 0
        self._unpaid = False
        self._forced = self._frames = self._caught_up = 0
        self._coarseness.reset()

    def _choose(self, changed: BoolTiles, strength: FloatArray, rules: GateSettings) -> tuple[BoolTiles, bool]:
        """The tiles to take, and whether those that cannot wait are more than fits."""
        everything = float(strength.sum())
        affordable = self._affordable(math.sqrt(everything), rules) ** 2
        if self.affords_all or everything <= affordable:
            return changed, False
        if self._frames - self._caught_up >= _CATCH_UP and int(self._ages.max()) >= _BEHIND:
            self._caught_up = self._frames
            return changed, False
        taken = self._due(changed)
        left = affordable - float(strength[taken].sum())
        if left > 0:
            order = self._order(changed & ~taken, strength, left / everything)
            fitting = int(np.searchsorted(strength.ravel()[order].cumsum(), left, side="right"))
            taken.flat[order[: max(fitting, 1)]] = True
        return taken, left < 0

    def _affordable(self, load: float, rules: GateSettings) -> float:
        """The largest load that fits, of one that is there to be taken; thresholds change where too much waits, or too little."""
        aim = limit = self._aim
        least = _LEAST * self.budget.ms
        if rules.skips_inside:
            need = load / max(self._model.affords(aim, load, least), 1e-12)
            need = min(need, 1.0) if self.affords_all else need
            change = self._coarseness.look(need, int(self._ages.max()))
            if change != 1.0:
                self._model.expect(change**CHEAPER)
            if self._remembers:
                # Thresholds keep the mean near the aim. To cut each frame off there would leave something waiting all the time.
                limit = self.budget.ms * (aim / self.budget.ms) ** _STRETCH
        return self._model.affords(limit, load, least)

    def _order(self, changed: BoolTiles, strength: FloatArray, share: float) -> NDArray[np.intp]:
        """Changed tiles by their distance from the place that matters most: strong differences that wait long.

        Args:
            changed: Tiles to choose from.
            strength: How much each differs.
            share: Of all strength, what fits; from it the size of the region is guessed.
        """
        urgency = np.where(changed, strength * np.square(self._ages + 1.0, dtype=np.float32), np.float32(0))
        side = max(round(math.sqrt(share * self._tiles.count)), 1)
        row, column = divmod(int(self._tiles.window_sums(urgency, side).argmax()), self._tiles.columns)
        rows, columns = np.nonzero(changed)
        distance = np.maximum(np.abs(rows - row), np.abs(columns - column))
        order: NDArray[np.intp] = (rows * self._tiles.columns + columns)[np.argsort(distance, kind="stable")]
        return order

    def _due(self, changed: BoolTiles) -> BoolTiles:
        """Those of the tiles that have waited for half of the longest time that cannot wait longer, or would be too many later.

        The oldest are taken, as many as any of the next frames, with what is late by then, asks of each frame before it.
        """
        due = np.zeros(self._tiles.shape, bool)
        places = np.flatnonzero(changed & (2 * self._ages >= self.budget.max_age))
        if places.size:
            slack = np.maximum(self.budget.max_age - self._ages.ravel()[places], 0)
            until = np.bincount(slack).cumsum()
            count = int(np.ceil((until / np.arange(1, until.size + 1)).max()))
            due.flat[places[np.argsort(slack, kind="stable")[:count]]] = True
        return due
