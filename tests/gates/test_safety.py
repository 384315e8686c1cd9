"""Cuts, exposure steps and moving cameras are found; what moves before a fixed camera is not taken for them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from skipvid.gates.safety import EXPOSURE, MOVING, SCENE_CUT, Safety, Watch


def _world(seed: int, low: int = 20, high: int = 230) -> np.ndarray:
    random = np.random.default_rng(seed)
    coarse = np.kron(random.integers(low, high, (30, 60, 3)), np.ones((16, 16, 1)))
    return (coarse + random.normal(0, 6, coarse.shape)).clip(0, 255).astype(np.uint8)


def _run(watch: Watch, frames: list[np.ndarray], share: float | None = None) -> list[str | None]:
    return [watch.decide(frame, share=share) for frame in frames]


def test_a_cut_is_found_once_also_between_dark_scenes() -> None:
    first, second = _world(1, 8, 40)[:416, :416], _world(2, 8, 40)[:416, :416]
    verdicts = _run(Safety().watch(), [first] * 5 + [second] * 20)
    assert verdicts == [None] * 5 + [SCENE_CUT] + [None] * 19


def test_a_bus_before_the_camera_is_not_a_cut_in_every_frame() -> None:
    street, bus = _world(3)[:416, :416], _world(4)[:416, :900]
    frames = []
    for i in range(40):
        frame, x = street.copy(), i * 60 - 900
        left, right = max(x, 0), min(x + 900, 416)
        if left < right:
            frame[60:, left:right] = bus[60:, left - x : right - x]
        frames.append(frame)
    assert _run(Safety().watch(), frames).count(SCENE_CUT) <= 1


def test_a_step_of_exposure_is_refreshed_once() -> None:
    scene = _world(5)[:416, :416]
    brighter = (scene.astype(int) + 9).clip(0, 255).astype(np.uint8)
    assert Counter(_run(Safety().watch(), [scene] * 8 + [brighter] * 60)) == {None: 67, EXPOSURE: 1}


def test_a_moving_camera_runs_dense_and_rearms_when_it_rests() -> None:
    world = _world(6)
    pan = [world[:416, 3 * i : 3 * i + 416] for i in range(60)]
    watch = Safety().watch()
    verdicts = _run(watch, pan, share=0.9)
    assert verdicts[40:] == [MOVING] * 20
    assert SCENE_CUT not in verdicts
    rest = _run(watch, [pan[-1]] * 40, share=1.0)
    assert not watch.moving
    assert rest[-20:] == [None] * 20


def test_a_moving_picture_that_costs_little_is_left_to_the_gates() -> None:
    world = _world(6)
    verdicts = _run(Safety().watch(), [world[:416, 3 * i : 3 * i + 416] for i in range(60)], share=0.2)
    assert MOVING not in verdicts


@pytest.mark.parametrize("shape", [(1, 1, 3), (7, 416, 3), (32, 32, 1)])
def test_any_size_goes_through(shape: tuple[int, int, int]) -> None:
    random, watch = np.random.default_rng(7), Safety().watch()
    for _ in range(30):
        watch.decide(random.integers(0, 255, shape).astype(np.uint8))


def test_two_videos_do_not_see_each_other_and_reset_forgets() -> None:
    safety = Safety()
    one, other = safety.watch(), safety.watch()
    _run(one, [_world(1)[:416, :416]] * 3)
    assert other.decide(_world(2)[:416, :416]) is None
    one.reset()
    assert one.decide(_world(2)[:416, :416]) is None


@pytest.mark.parametrize(
    ("name", "frames", "cuts", "moving"),
    [
        ("cctv_night_street_multicam_720p.mp4", 60, [8], (0, 0)),
        ("talkinghead_stage_640x360.mp4", 40, [20], (0, 40)),
        ("cctv_shopdoor_640x360.mp4", 120, [], (0, 0)),
        ("asl_thanks.mkv", 51, [], (0, 0)),
        ("moving_follow_walker_640x360.mp4", 100, [], (60, 100)),
    ],
)
def test_on_real_footage(shared_data: Path, name: str, frames: int, cuts: list[int], moving: tuple[int, int]) -> None:
    cv2 = pytest.importorskip("cv2")
    capture, watch, verdicts = cv2.VideoCapture(str(shared_data / "videos" / name)), Safety().watch(), []
    for _ in range(frames):
        frame = capture.read()[1]
        verdicts.append(watch.decide(cv2.resize(frame, (416, 416 * frame.shape[0] // frame.shape[1]))))
    assert [i for i, v in enumerate(verdicts) if v == SCENE_CUT] == cuts
    assert moving[0] <= verdicts.count(MOVING) <= moving[1]
