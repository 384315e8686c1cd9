"""A frame that equals the one before is prepared, drawn and converted once; frames themselves are never drawn upon."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.making import HEIGHT, WIDTH, moving, scene, with_square
from skipvid.engine.stream import FrameStats
from skipvid.models.detection import Detections
from skipvid.pipeline.painter import Painter
from skipvid.pipeline.stages import Computed, prepare, recognised
from skipvid.video.letterbox import Letterbox
from skipvid.video.source import Frame

ByteArray = NDArray[np.uint8]

FACE = Detections(np.array([[4, 20, 40, 50]], np.float32), np.array([0.9], np.float32), np.array([0], np.int32))
NOTHING = Detections.none()


def frames(images: list[ByteArray]) -> list[Frame]:
    return [Frame(image, number, number / 25) for number, image in enumerate(images)]


@pytest.mark.parametrize("size", [(WIDTH, HEIGHT), (48, 32)])
def test_equal_frames_are_one_array_and_so_is_what_the_network_sees(size: tuple[int, int]) -> None:
    first, second, third = moving(3)
    images = [first, first.copy(), second, third, third.copy(), first.copy()]
    seen = list(recognised(prepare(iter(frames(images)), lambda src: Letterbox(src, size))))
    assert [item.frame.index for item in seen] == list(range(6))
    assert [item.frame.pts for item in seen] == [number / 25 for number in range(6)]
    repeated = [b.frame.image is a.frame.image and b.image is a.image for a, b in pairwise(seen)]
    assert repeated == [True, False, False, True, False]
    for item, image in zip(seen, images, strict=True):
        np.testing.assert_array_equal(item.frame.image, image)
        np.testing.assert_array_equal(item.image, Letterbox((WIDTH, HEIGHT), size).apply(image))


@pytest.mark.parametrize("shape", [(64, 96), (33, 47)])
@pytest.mark.parametrize("place", [(0, 0, 0), (31, 17, 1), (-1, -1, -1)])
def test_one_byte_tells_frames_apart(shape: tuple[int, int], place: tuple[int, int, int]) -> None:
    image = np.random.default_rng(1).integers(0, 255, (*shape, 3), np.uint8)
    other = image.copy()
    other[place] += 1
    a, b = recognised(prepare(iter(frames([image, other])), lambda src: Letterbox(src, src)))
    assert b.image is not a.image
    np.testing.assert_array_equal(b.image, other)


def computed(image: ByteArray, found: Detections = NOTHING, macs: int = 0) -> Computed:
    heat = np.full((8, 12), float(macs > 0), np.float32)
    return Computed(Frame(image, 0, 0.0), found, FrameStats(0, macs, 10, {}, {}), macs > 0, heat, False, {})


@pytest.mark.parametrize("cover", [False, True])
def test_frames_are_not_drawn_upon_and_what_shows_the_same_is_the_same_array(cover: bool) -> None:
    image = with_square(scene(), 10, 24)
    before = image.copy()
    painter = Painter(("face",), cover=cover)
    pictures = []
    for _ in range(3):
        item = computed(image, FACE)
        base = painter.base(item)
        pictures.append((painter.annotated(base, item), painter.heatmap(base, item)))
    assert all(later[k] is pictures[0][k] for later in pictures[1:] for k in (0, 1))
    assert not np.array_equal(pictures[0][0], image)
    np.testing.assert_array_equal(image, before)


def test_another_frame_other_detections_or_work_make_another_picture() -> None:
    image = with_square(scene(), 10, 24)
    other = Detections(FACE.boxes + 7, FACE.scores, FACE.labels)
    painter = Painter(("face",))
    items = [computed(image, FACE), computed(image.copy(), FACE), computed(image, other), computed(image, FACE, macs=5)]
    shown = [painter.annotated(painter.base(item), item) for item in items]
    assert len({id(picture) for picture in shown}) == 4
    assert not np.array_equal(shown[0], shown[2])
    heatmaps = [painter.heatmap(painter.base(item), item) for item in items]
    assert not np.array_equal(heatmaps[0], heatmaps[3])


def test_a_cover_held_after_the_last_detection_grows_in_a_frame_that_repeats() -> None:
    image = with_square(scene(), 10, 24)
    painter = Painter(cover=True)
    painter.base(computed(image, FACE))
    held = [painter.base(computed(image)) for _ in range(12)]
    assert not np.array_equal(held[0], held[8])
    np.testing.assert_array_equal(held[11], image)  # let go after ten frames
