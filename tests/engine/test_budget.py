"""Streams under a budget, on the real engines; costs are multiply-accumulates, the same everywhere, but for one slow test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.cases import grey_pixels, small_networks
from skipvid.engine import EngineName, native_reason
from skipvid.engine.stream import BUDGET, FIRST, Stream
from skipvid.errors import UsageError
from skipvid.gates.budget import FINER, TOLERANCE, Budget
from skipvid.gates.care import Care
from skipvid.gates.norms import InputNorm
from skipvid.gates.policies import Truncation
from skipvid.gates.safety import SCENE_CUT, Safety
from skipvid.models.loading import load
from skipvid.models.model import Model
from skipvid.video.source import open_source
from tests.conftest import real_networks

PLAN = small_networks()["residual_block"]
HEIGHT, WIDTH = PLAN.input.height, PLAN.input.width
THRESHOLD = 6.0
POLICY = Truncation(0.05, input_threshold=THRESHOLD, input_noise=0.0, relative=False)
ENGINES: list[EngineName] = ["reference"] if native_reason() else ["reference", "native"]
Image = NDArray[np.uint8]


def texture(height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return np.ascontiguousarray(coarse.repeat(4, 0).repeat(4, 1))


def quiet_then_busy(quiet: int = 5, busy: int = 60, after: int = 12) -> list[Image]:
    still = texture()
    moving = [np.ascontiguousarray(np.roll(still, step, axis=1)) for step in range(1, busy + 1)]
    return [still] * quiet + moving + [moving[-1]] * after


def macs(ms: float, macs: int) -> float:
    return macs / PLAN.dense_macs


def make(share: float, engine: EngineName = "reference", **options: object) -> Stream:
    budget = Budget(share, max_age=20, tile=6, cost=macs)
    options = {"pixels": grey_pixels(), "safety": None, "budget": budget, **options}
    return Stream(PLAN, POLICY, engine=engine, **options)  # type: ignore[arg-type]


def grey(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The input map in grey levels again, ``(H, W, 3)`` BGR."""
    levels: NDArray[np.float32] = (values[..., ::-1] + 1) * 127.5
    return levels


@pytest.mark.parametrize("engine", ENGINES)
def test_p95_of_macs_within_1_15_of_the_budget_and_no_pixel_older_than_20_frames(engine: EngineName) -> None:
    stream, waited, longest, costs, withheld = make(0.5, engine), np.zeros((HEIGHT, WIDTH), int), 0, [], []
    for image in quiet_then_busy():
        stream.step_image(image)
        committed = grey(stream.executor.tensor(PLAN.input.name))
        differs = np.abs(image - committed).max(axis=2) > THRESHOLD + 0.01
        waited = np.where(differs, waited + 1, 0)
        longest = max(longest, int(waited.max()))
        costs.append(stream.last.share)
        assert stream.last.budget is not None
        withheld.append(stream.last.budget.withheld)
    free = Stream(PLAN, POLICY, engine=engine, pixels=grey_pixels(), safety=None)
    unlimited = []
    for image in quiet_then_busy():
        free.step_image(image)
        unlimited.append(free.last.share)
    assert np.mean(unlimited[5:65]) > 0.7
    assert np.percentile(costs[5:65], 95) <= TOLERANCE * 0.5
    assert 1 < longest <= 20
    assert max(withheld) > 0.3
    assert withheld[-1] == 0
    assert costs[-1] == 0


def test_a_budget_that_fits_changes_no_bit() -> None:
    plain, ample = make(1.0, budget=None), make(2.0)
    for image in quiet_then_busy(3, 8, 2):
        plain.step_image(image)
        ample.step_image(image)
        for name, array in plain.outputs().items():
            np.testing.assert_array_equal(ample.outputs()[name], array)


def test_a_drained_stream_has_looked_at_every_pixel() -> None:
    stream = make(0.3)
    frames = quiet_then_busy(2, 20, 20)
    for image in frames:
        stream.step_image(image)
    assert np.abs(grey(stream.executor.tensor(PLAN.input.name)) - frames[-1]).max() <= THRESHOLD + 0.01


def test_a_cut_is_computed_in_full_whatever_the_budget() -> None:
    stream, reasons = make(0.3, safety=Safety()), []
    for image in [texture()] * 4 + [texture(seed=1)] * 2:
        stream.step_image(image)
        reasons.append((stream.last.refresh, stream.last.share))
        assert stream.last.budget is not None
        assert stream.last.budget.withheld == 0
    assert reasons == [(FIRST, 1), (None, 0), (None, 0), (None, 0), (SCENE_CUT, 1), (None, 0)]


def test_a_budget_may_be_replaced_between_frames() -> None:
    stream = make(2.0)
    for image in quiet_then_busy(1, 6, 0):
        stream.step_image(image)
    assert stream.last.share > 0.7
    stream.budget = Budget(0.3, max_age=20, tile=6, cost=macs)
    for image in quiet_then_busy(0, 12, 0)[7:]:
        stream.step_image(image)
    assert stream.last.share < 0.5
    stream.budget = None
    stream.step_image(texture())
    assert stream.last.budget is None
    assert stream.last.refresh is None
    stream.budget = Budget(0.3, cost=macs)
    for image in (texture(seed=1), texture(seed=1)):
        stream.step_image(image)
        assert stream.last.refresh == (BUDGET if stream.last.macs else None)


def test_a_reset_stream_begins_anew() -> None:
    stream = make(0.3)
    for image in quiet_then_busy(1, 6, 0):
        stream.step_image(image)
    stream.reset()
    stream.step_image(texture(seed=3))
    assert stream.last.refresh == FIRST
    np.testing.assert_allclose(grey(stream.executor.tensor(PLAN.input.name)), texture(seed=3), atol=0.01)
    stream.step_image(texture(seed=3))
    assert stream.last.macs == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_what_lasts_makes_thresholds_coarser_and_quiet_brings_them_back_with_a_full_pass(engine: EngineName) -> None:
    stream = make(0.2, engine)
    busy, quiet = quiet_then_busy(1, 80, 0), [texture(seed=1)] * 90
    factors, refreshes = [], []
    for image in (*busy, *quiet):
        stream.step_image(image)
        assert stream.last.budget is not None
        factors.append(stream.last.budget.coarseness)
        refreshes.append(stream.last.refresh)
        assert stream.asked == POLICY.settings(PLAN)
        assert stream.settings == stream.asked.coarser(factors[-1])
        if len(factors) > 1 and factors[-1] < factors[-2]:  # lower thresholds look at what the higher ones turned down
            assert refreshes[-1] == FINER
            assert stream.last.macs == PLAN.dense_macs
    assert 1 < max(factors[: len(busy)]) <= 4
    assert factors[-1] == 1
    assert refreshes.count(FINER) <= len(quiet) // 40
    stream.step_image(quiet[-1])
    assert stream.last.macs == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_where_gates_remember_thresholds_fall_without_a_full_pass_and_nothing_that_they_turned_down_is_lost(
    engine: EngineName,
) -> None:
    policy = InputNorm(0.02, input_threshold=THRESHOLD, input_noise=0.0, relative=False)
    budget = Budget(0.2, max_age=20, tile=6, cost=macs)
    stream = Stream(PLAN, policy, engine=engine, pixels=grey_pixels(), safety=None, budget=budget)
    plain = Stream(PLAN, policy, engine=engine, pixels=grey_pixels(), safety=None)
    busy = quiet_then_busy(1, 80, 0)
    # Brighter by what coarse thresholds turn down and fine ones do not, all of it while they are coarse.
    quiet = [np.clip(busy[-1].astype(int) + 8, 0, 255).astype(np.uint8)] * 150
    factors, refreshes = [], []
    for image in (*busy, *quiet):
        plain.step_image(image)
        stream.step_image(image)
        assert stream.last.budget is not None
        factors.append(stream.last.budget.coarseness)
        refreshes.append(stream.last.refresh)
        assert stream.settings == stream.asked
    assert 3.5 < max(factors[: len(busy)]) <= 4
    assert factors[-1] == 1
    assert set(refreshes[1:]) == {None}
    assert np.diff(factors).min() < 0
    assert stream.last.macs == 0
    for name, expected in plain.outputs().items():
        # Not the same bits: it depends on when a change came. Left at the coarse thresholds it would be 0.12 off.
        np.testing.assert_allclose(stream.outputs()[name], expected, atol=0.05)


def test_what_care_would_see_at_the_input_but_nobody_asked_for_does_not_wait() -> None:
    """Tiles are chosen by the threshold asked for, while the executor holds half of it around what is unsure."""
    policy = InputNorm(0.1, input_threshold=THRESHOLD, input_noise=0.0, relative=False)
    careful = Care(unsure=0.5, certain=2.0, elsewhere=3.0)
    budget = Budget(0.05, max_age=20, tile=6, cost=macs)
    s = Stream(PLAN, policy, engine="reference", pixels=grey_pixels(), safety=None, budget=budget, care=careful)
    still = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
    for image in (still, still, still + np.uint8(0.75 * THRESHOLD)):
        s.step_image(image)
        s.saw(np.zeros((0, 4)), np.zeros(0))
    assert s.settings.input.threshold == THRESHOLD / 2
    assert s.last.budget is not None
    assert s.last.budget.withheld == 0
    s.step_image(still + np.uint8(2.5 * THRESHOLD))
    assert s.last.budget.withheld > 0


def test_thresholds_of_zero_stay_and_are_not_made_finer_in_vain() -> None:
    budget = Budget(0.2, max_age=20, tile=6, cost=macs)
    stream = Stream(PLAN, Truncation(0.0, input_threshold=THRESHOLD, input_noise=0.0), pixels=grey_pixels(), budget=budget)
    for image in (*quiet_then_busy(1, 60, 0), *[texture(seed=1)] * 90):
        stream.step_image(image)
        assert stream.last.budget is not None
        assert stream.last.budget.coarseness == 1
        assert stream.last.refresh != FINER


def test_without_the_budget_thresholds_are_those_asked_for_again_after_a_full_pass() -> None:
    stream = make(0.2)
    for image in quiet_then_busy(1, 60, 0):
        stream.step_image(image)
    assert stream.settings != stream.asked
    stream.budget = None
    stream.step_image(texture(seed=1))
    assert stream.last.refresh == BUDGET
    assert stream.settings == stream.asked


def test_a_budget_that_forbids_it_leaves_thresholds_alone() -> None:
    stream = make(0.2)
    stream.budget = Budget(0.2, max_age=20, tile=6, coarsest=1.0, cost=macs)
    for image in quiet_then_busy(1, 60, 0):
        stream.step_image(image)
        assert stream.last.budget is not None
        assert stream.last.budget.coarseness == 1


def test_tensors_are_refused() -> None:
    with pytest.raises(UsageError) as caught:
        make(1.0).step(np.zeros((1, 3, HEIGHT, WIDTH), np.float32))
    assert str(caught.value) == (
        "A budget chooses among the pixels of images; this stream was given a tensor. "
        "Use step_image, or make the stream without a budget."
    )


def real_clip(shared_data: Path, video: str, count: int) -> tuple[Model, list[Image]]:
    """YOLOX-nano and what it takes of the beginning of a video, after its first frame twenty times."""
    with open_source(shared_data / "videos" / video) as source:
        size = (source.width, source.height)
        frames = [frame.image for frame, _ in zip(source, range(count), strict=False)]
    model = load(str(shared_data / "weights" / "yolox_nano_416.onnx"), frame_size=size)
    fit = model.fit(size)
    images = [np.array(fit.apply(frame)) for frame in frames]
    return model, [images[0]] * 20 + images


def costs_of(stream: Stream, images: list[Image]) -> tuple[list[float], list[float], int]:
    """Time in ms and share of the arithmetic of frames that change and that a budget is about, and the longest wait."""
    times, shares, oldest = [], [], 0
    for image in images:
        stream.step_image(image)
        assert stream.last.budget is not None
        oldest = max(oldest, stream.last.budget.oldest)
        if stream.last.refresh in (None, FINER) and not stream.last.calibrating and stream.last.macs:
            times.append(sum(stream.last.ms.values()))
            shares.append(stream.last.share)
    return times, shares, oldest


@real_networks
@pytest.mark.skipif(native_reason() is not None, reason="the native engine is not there")
@pytest.mark.parametrize(("preset", "share"), [("balanced", 0.5), ("balanced", 0.3), ("fast", 0.3)])
def test_a_real_network_keeps_p95_of_its_macs_within_1_15_of_the_budget_on_street_footage_that_begins_after_a_still(
    shared_data: Path, preset: str, share: float
) -> None:
    model, images = real_clip(shared_data, "traffic_bridge_640x360.mp4", 120)
    dense = model.plan.dense_macs
    stream = model.stream(preset, threads=1, budget=Budget(share, cost=lambda ms, macs: macs / dense))
    _, shares, oldest = costs_of(stream, images)
    assert np.percentile(shares, 95) <= TOLERANCE * share
    assert np.mean(shares) >= 0.4 * share
    assert len(shares) > 90
    assert oldest <= 30


@pytest.mark.slow
@pytest.mark.parametrize(("preset", "share"), [("balanced", 0.5), ("balanced", 0.35), ("fast", 0.35)])
def test_a_real_network_keeps_p95_of_its_time_within_1_15_of_the_budget(shared_data: Path, preset: str, share: float) -> None:
    """By the clock, to which another program only ever adds: the best of three runs counts, each with its own full passes."""
    model, images = real_clip(shared_data, "one-by-one-person-detection.mp4", 120)
    found = []
    for _ in range(3):
        full = model.stream("exact", threads=1)
        for image in images[20:32]:
            full.refresh()
            full.step_image(image)
            found.append(sum(full.last.ms.values()))
        budget = share * float(np.median(found[-12:]))
        times, _, oldest = costs_of(model.stream(preset, threads=1, budget=Budget(budget)), images)
        assert oldest <= 30
        if np.percentile(times, 95) <= TOLERANCE * budget:
            return
    pytest.fail(f"95 % of the frames took up to {np.percentile(times, 95):.1f} ms, the budget is {budget:.1f} ms")
