"""Promises of images: one is a frame, a folder of numbered ones is a video, and what is damaged costs no more than itself."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from skipvid.errors import SourceError
from skipvid.video.inputs import expand, numbered_images
from skipvid.video.source import SequenceSource, open_source


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    folder = tmp_path / "img1"
    folder.mkdir()
    for number in range(1, 12):
        save(folder / f"{number:06d}.png", number)
    return folder


def save(path: Path, grey: int, size: tuple[int, int] = (24, 32)) -> None:
    assert cv2.imwrite(str(path), np.full((*size, 3), grey * 10, np.uint8))


def greys(folder: Path, **options: int) -> list[int]:
    with open_source(folder, **options) as source:
        return [int(frame.image.mean()) // 10 for frame in source]


def test_a_folder_of_numbered_images_is_one_source(sequence: Path) -> None:
    assert expand([sequence]) == [str(sequence)]
    with open_source(sequence) as source:
        assert isinstance(source, SequenceSource)
        assert (source.name, source.width, source.height, source.frames, source.fps) == ("img1", 32, 24, 11, 25.0)
        frames = list(source)
    assert [int(frame.image.mean()) // 10 for frame in frames] == list(range(1, 12))
    assert [frame.index for frame in frames] == list(range(11))
    np.testing.assert_allclose([frame.pts for frame in frames], np.arange(11) / 25)
    assert source.notes == ["img1: images carry no times; 25 frames/s assumed."]


def test_numbers_without_zeros_in_front_are_counted_as_people_count(tmp_path: Path) -> None:
    for number in (10, 9, 2):
        save(tmp_path / f"frame{number}.jpg", number)
    assert greys(tmp_path) == [2, 9, 10]


def test_stride_skips_images(sequence: Path) -> None:
    assert greys(sequence, vid_stride=4) == [1, 5, 9]


@pytest.mark.parametrize("place", [".", ".."])
def test_a_seqinfo_tells_the_rate(sequence: Path, place: str) -> None:
    (sequence / place / "seqinfo.ini").write_text("[Sequence]\nname=MOT17-04\nframeRate=30\n")
    with open_source(sequence) as source:
        assert source.fps == 30
        assert source.timing.frame_duration == pytest.approx(1 / 30)
        assert [frame.pts for frame in source][-1] == pytest.approx(10 / 30)
    assert source.notes == []


@pytest.mark.parametrize("text", ["", "no sections", "[Sequence]\nframeRate=fast\n", "[Sequence]\nframeRate=0\n", "\xff\x00"])
def test_a_seqinfo_that_tells_nothing_is_as_none(sequence: Path, text: str) -> None:
    (sequence / "seqinfo.ini").write_bytes(text.encode("latin-1"))
    with open_source(sequence) as source:
        assert source.fps == 25


def test_a_damaged_image_is_left_out_and_another_size_scaled(sequence: Path) -> None:
    (sequence / "000001.png").write_bytes(b"no image")
    (sequence / "000004.png").write_bytes(b"")
    save(sequence / "000006.png", 6, (48, 64))
    with open_source(sequence) as source:
        frames = list(source)
    assert [frame.index for frame in frames] == [1, 2, 4, 5, 6, 7, 8, 9, 10]
    assert {frame.image.shape for frame in frames} == {(24, 32, 3)}
    assert source.notes[1:] == [
        "img1: images that cannot be decoded, left out: 2.",
        "img1: images scaled to 32x24, the size of the first: 1.",
    ]


def test_a_folder_of_nothing_but_damage_is_refused(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    with pytest.raises(SourceError, match=r"None of the 3 images in .* can be decoded"):
        open_source(tmp_path)


def test_a_folder_whose_name_is_not_utf8_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    for number in range(3):
        save(tmp_path / f"{number}.png", number)
        (tmp_path / f"{number}.png").rename(folder / f"{number}.png")
    assert len(numbered_images(folder)) == 3
    with pytest.raises(SourceError, match="is not in UTF-8"):
        open_source(folder)


@pytest.mark.parametrize(
    "names", [("a.png",), ("a1.png", "b2.png"), ("1.png", "2.jpg"), ("1.png", "2.png", "clip.mp4"), ("a.png", "b.png"), ()]
)
def test_other_folders_are_no_sequence(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    assert numbered_images(tmp_path) == []
    if names:
        assert expand([tmp_path]) == sorted(str(tmp_path / name) for name in names)
