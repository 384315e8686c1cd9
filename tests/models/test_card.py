"""Cards: what they may say, where they are found, and how frames become inputs."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

from skipvid.errors import ModelError
from skipvid.models.card import Card, ImageSize, Preprocess, Source, parse_card, read_card, read_labels
from skipvid.models.heads import head_names
from skipvid.models.library import card_by_digest, card_by_name, package_cards, registry, registry_card
from skipvid.models.loading import input_size


def test_every_card_of_the_package_is_sound() -> None:
    cards = package_cards()
    assert {"centerface", "yolox-nano", "yolox-tiny", "yolox-s", "picodet-s", "nanodet-m", "yunet", "ultraface"} <= set(
        registry()
    )
    assert {"ultralight-simplepose", "hrnet-w32-pose"} <= set(registry())
    for card in cards.values():
        assert card.title, card.name
        assert card.licence, card.name
        assert card.head, card.name
    assert next(iter(registry())) == "centerface"


def test_published_digests_are_whole_and_distinct() -> None:
    digests = [c.source.sha256 for c in registry().values() if c.source and c.source.sha256]
    assert all(len(d) == 64 and set(d) <= set("0123456789abcdef") for d in digests)
    assert len(set(digests)) == len(digests)


def test_pixel_map_divides_by_255_as_float32_arrays_do() -> None:
    table = Preprocess(order="rgb", std=(255.0, 255.0, 255.0)).pixel_map()
    assert table.order == (2, 1, 0)
    np.testing.assert_array_equal(table.table[0], np.arange(256, dtype=np.float32) / np.float32(255))


def test_pixel_map_of_mean_and_std_per_network_channel() -> None:
    table = Preprocess("bgr", 1.0, (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)).pixel_map()
    levels = np.arange(256, dtype=np.float32)
    assert table.order == (0, 1, 2)
    np.testing.assert_array_equal(table.table[2], (levels - np.float32(123.675)) / np.float32(58.395))


def test_pixel_map_is_exactly_the_grey_level_without_mean_and_std() -> None:
    np.testing.assert_array_equal(Preprocess().pixel_map().table[1], np.arange(256, dtype=np.float32))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ((640, 360), (384, 640)),
        ((768, 432), (384, 640)),
        ((1920, 1080), (384, 640)),
        ((1080, 1920), (640, 384)),
        ((176, 144), (160, 192)),
        ((1, 1), (32, 32)),
        ((10000, 10), (32, 640)),
    ],
)
def test_input_size_follows_the_video(frame: tuple[int, int], expected: tuple[int, int]) -> None:
    assert registry_card("centerface").imgsz.choose(frame, (32, 32)) == expected


def test_input_size_is_the_files_where_it_declares_one() -> None:
    assert ImageSize().choose((1920, 1080), (416, 416)) == (416, 416)
    assert ImageSize().choose((1280, 720), None) == (384, 640)
    assert ImageSize(size=(256, 192)).choose(None, None) == (256, 192)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"hed": "yolox"}, "'hed'"),
        ({"preprocess": {"order": "gbr"}}, "order is 'gbr'"),
        ({"preprocess": {"std": [0.0, 1.0, 1.0]}}, "std"),
        ({"preprocess": {"colour": "rgb"}}, "'colour'"),
        ({"preprocess": 3}, "wrong kind"),
        ({"imgsz": {"rule": "any"}}, "imgsz.rule is 'any'"),
        ({"labels": "coco81"}, "'coco81'"),
        ({"care": 2.0}, "care is 2.0"),
        ({"care": [1.0, 2.0]}, "care is (1.0, 2.0)"),
        ({"care": [1.0, 2.0, True]}, "care is (1.0, 2.0, True)"),
        ({"care": [0.0, 1.0, 2.0]}, "care is (0.0, 1.0, 2.0)"),
        ({"care": [1.0, 3.0, 2.0]}, "care is (1.0, 3.0, 2.0)"),
        ({"skeleton": "dog"}, "'dog'"),
        ({"source": {"file": "x.onnx"}}, "source"),
        ({"source": {"file": "x.onnx", "url": "http://example.org/x.onnx"}}, "source.url"),
        ({"source": {"file": "../x.onnx", "url": "https://example.org/x.onnx"}}, "source.file"),
    ],
)
def test_a_wrong_card_names_what_is_wrong(table: dict[str, object], words: str) -> None:
    with pytest.raises(ModelError, match=re.escape(words)) as caught:
        parse_card(table, "x")
    assert caught.value.remedy


def test_a_card_that_is_not_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text("head = ")
    with pytest.raises(ModelError, match=r"model\.toml cannot be read"):
        read_card(path)


def test_a_card_in_toml_says_all_it_can(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'head = "darknet"\nlabels = ["a", "b"]\nconf = 0.3\n[preprocess]\norder = "rgb"\nstd = [255.0, 255.0, 255.0]\n'
        '[options]\nanchors = [[1, 2], [3, 4]]\n[scales]\nconv1 = 2.5\n[imgsz]\nrule = "video"\nsize = [96, 128]\n'
    )
    card = read_card(path)
    assert (card.name, card.head, card.labels, card.conf) == ("mine", "darknet", ("a", "b"), 0.3)
    assert card.imgsz.size == (96, 128)
    assert card.options["anchors"] == [[1, 2], [3, 4]]
    assert card.scales["conv1"] == 2.5


def test_labels_come_from_a_file_or_a_known_set(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_text("cat\n\n dog \n", "utf-8")
    assert read_labels(str(path)) == ("cat", "dog")
    assert read_labels("coco80")[0] == "person"
    assert len(read_labels("coco80")) == 80
    path.write_text("")
    with pytest.raises(ModelError, match="is empty"):
        read_labels(str(path))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="cannot be read"):
        read_labels(str(path))


def test_an_unknown_name_is_answered_with_the_closest_ones() -> None:
    with pytest.raises(ModelError, match="'centreface'") as caught:
        registry_card("centreface")
    assert "centerface" in caught.value.remedy


def test_files_are_known_by_digest_before_name() -> None:
    digest = registry_card("yunet").source
    assert digest is not None
    by_digest = card_by_digest(digest.sha256)
    assert by_digest is not None
    assert by_digest.name == "yunet"
    by_name = card_by_name(Path("EfficientPose_I_lite.onnx"))
    assert by_name is not None
    assert by_name.name == "efficientpose-lite"
    assert card_by_name(Path("mine.onnx")) is None
    assert card_by_digest("0" * 64) is None


def test_with_keeps_what_is_none() -> None:
    card = Card("x", head="yolo", source=Source("x.onnx", url="https://example.org/x.onnx"))
    assert card.with_(head=None, labels=("a",)).head == "yolo"


def test_the_card_in_the_documentation_is_one() -> None:
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")
    block = text[text.index('    head = "yolo"') : text.index("`--imgsz`, `--head`")]
    card = parse_card(tomllib.loads("\n".join(line.removeprefix("    ") for line in block.splitlines())), "documented")
    assert card.labels == ("helmet", "vest")
    assert card.imgsz.size == (640, 640)
    assert card.preprocess == Preprocess("rgb", std=(255.0, 255.0, 255.0), fit="letterbox-centre")


def test_the_documentation_names_every_head() -> None:
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")
    assert all(f"| `{name}` |" in text for name in head_names())


def test_a_file_of_class_names_that_is_not_there_is_told_as_a_file() -> None:
    with pytest.raises(ModelError, match=r"no file of class names 'mine\.txt'"):
        read_labels("mine.txt")


def test_a_size_that_is_asked_for_becomes_one_that_the_network_takes() -> None:
    card = Card("mine", imgsz=ImageSize(rule="video", multiple=32))
    assert input_size(card, (33, 2000), None, None) == (64, 2016)
    assert input_size(Card("mine"), (33, 2000), None, None) == (33, 2000), "nothing is known of this network"


@pytest.mark.parametrize(("side", "expected"), [(320, (192, 320)), (640, (384, 640)), (1280, (736, 1280))])
def test_a_longest_side_that_is_asked_for_is_had_of_smaller_videos_too(side: int, expected: tuple[int, int]) -> None:
    assert input_size(registry_card("centerface"), side, (640, 360), None) == expected
    assert input_size(registry_card("centerface"), side, (360, 640), None) == expected[::-1]
