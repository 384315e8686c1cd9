"""Decode arithmetic of every head on outputs made by hand, and the robustness that all heads share."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from skipvid.errors import DecodeError
from skipvid.models.card import Card
from skipvid.models.detection import Detections
from skipvid.models.heads import Head, head_names, recognise
from skipvid.models.heads.base import suppress

Outputs = dict[str, np.ndarray]
BOX = (40.0, 24.0, 72.0, 56.0)  # x1, y1, x2, y2 of the one object in every example; its centre is (56, 40)


def logit(p: float) -> float:
    return math.log(p / (1 - p))


def cell(height: int, width: int, stride: int) -> int:
    """Row-major index of the cell that holds the centre of the object."""
    assert height % stride == 0
    return (40 // stride) * (width // stride) + 56 // stride


def yolox() -> tuple[Outputs, Card]:
    out = np.zeros((1, 8 * 12 + 4 * 6 + 2 * 3, 5 + 3), np.float32)
    row = cell(64, 96, 8)
    out[0, row] = [0.0, 0.0, math.log(4), math.log(4), 0.9, 0, 0.8, 0.1]  # centre (7, 5) cells, 32 pixels = 4 cells
    return {"output": out}, Card("yolox")


def yolov5() -> tuple[Outputs, Card]:
    out = np.zeros((1, 3 * (96 + 24 + 6), 5 + 3), np.float32)
    out[0, 17] = [56, 40, 32, 32, 0.9, 0.0, 0.8, 0.1]
    return {"output0": out}, Card("v5")


def yolov8() -> tuple[Outputs, Card]:
    out = np.zeros((1, 4 + 3, 96 + 24 + 6), np.float32)
    out[0, :, 9] = [56, 40, 32, 32, 0.0, 0.72, 0.1]
    return {"output0": out}, Card("v8")


def yolov8_segmentation() -> tuple[Outputs, Card]:
    out = np.full((1, 4 + 3 + 32, 96 + 24 + 6), 5.0, np.float32)
    out[0, 4:7] = 0
    out[0, :7, 9] = [56, 40, 32, 32, 0.0, 0.72, 0.1]
    return {"output0": out, "output1": np.zeros((1, 32, 16, 24), np.float32)}, Card("v8-seg")


def end_to_end() -> tuple[Outputs, Card]:
    out = np.zeros((1, 300, 6), np.float32)
    out[0, 0] = [*BOX, 0.72, 1]
    return {"output0": out}, Card("v10", labels=("a", "b", "c"))


def end_to_end_relative() -> tuple[Outputs, Card]:
    out = np.zeros((1, 300, 6), np.float32)
    out[0, :2] = [[56 / 96, 40 / 64, 32 / 96, 32 / 64, 0.72, 1], [0.5, 0.5, 1.0, 1.0, 0.01, 0]]
    return {"output0": out}, Card("rt-detr", labels=("a", "b", "c"))


def end_to_end_batched() -> tuple[Outputs, Card]:
    return {"output": np.array([[0, *BOX, 1, 0.72]], np.float32)}, Card("v7", labels=("a", "b", "c"))


def centerface() -> tuple[Outputs, Card]:
    heat, size, offset, marks = (np.zeros((1, c, 16, 24), np.float32) for c in (1, 2, 2, 10))
    heat[0, 0, 9, 13] = 0.72
    size[0, :, 9, 13] = math.log(8)  # 32 pixels = 8 cells
    offset[0, :, 9, 13] = 0.5  # (13 + 0.5 + 0.5) * 4 = 56, (9 + 0.5 + 0.5) * 4 = 40
    marks[0, :, 9, 13] = np.tile([0.25, 0.75], 5)  # y, x in units of the box
    return {"537": heat, "538": size, "539": offset, "540": marks}, Card("centerface")


def ctdet() -> tuple[Outputs, Card]:
    heat, size, offset = (np.zeros((1, c, 16, 24), np.float32) for c in (3, 2, 2))
    heat[0, 1, 10, 14], heat[0, 1, 10, 15] = 0.72, 0.6  # only the peak counts
    size[0, :, 10, 14] = 8
    return {"hm": heat, "wh": size, "reg": offset}, Card("ctdet")


def ultraface(decoded: bool) -> tuple[Outputs, Card]:
    # Levels of 8x12, 4x6, 2x3 and 1x2 cells with 3, 2, 2 and 3 priors; the first prior of a stride-16 cell is 32 pixels wide.
    count = 96 * 3 + 24 * 2 + 6 * 2 + 2 * 3
    scores, boxes = np.zeros((1, count, 2), np.float32), np.full((1, count, 4), -1.0, np.float32)
    row = 96 * 3 + cell(64, 96, 16) * 2
    scores[0, row, 1] = 0.72
    if decoded:
        boxes[0] = [0, 0, 0.1, 0.1]
        boxes[0, row] = np.array(BOX) / (96, 64, 96, 64)
    else:
        boxes[0, row] = 0.0  # the prior itself: centre ((3 + 0.5) * 16, (2 + 0.5) * 16) = (56, 40), 32 pixels
    return {"scores": scores, "boxes": boxes}, Card("ultraface")


def yunet() -> tuple[Outputs, Card]:
    out: Outputs = {}
    for kind, width in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        for stride, count in ((8, 96), (16, 24), (32, 6)):
            out[f"{kind}_{stride}"] = np.zeros((1, count, width), np.float32)
    row = cell(64, 96, 8)
    out["cls_8"][0, row], out["obj_8"][0, row] = 0.9, 0.576  # sqrt(0.9 * 0.576) = 0.72
    out["bbox_8"][0, row] = [0, 0, math.log(4), math.log(4)]
    out["kps_8"][0, row] = np.tile([1.0, -1.0], 5)
    return out, Card("yunet")


def retinaface() -> tuple[Outputs, Card]:
    count = 2 * (96 + 24 + 6)
    conf, loc, marks = (np.zeros((1, count, k), np.float32) for k in (2, 4, 10))
    row = 2 * cell(64, 96, 8) + 1  # the prior of 32 pixels around (60, 44)
    conf[0, row] = [0.28, 0.72]
    loc[0, row] = [-4 / 32 / 0.1, -4 / 32 / 0.1, 0, 0]
    marks[0, row] = np.tile([4 / 32 / 0.1, -12 / 32 / 0.1], 5)  # (64, 32)
    return {"loc": loc, "conf": conf, "landms": marks}, Card("retinaface")


def scrfd() -> tuple[Outputs, Card]:
    out: Outputs = {}
    for kind, width in (("score", 1), ("bbox", 4), ("kps", 10)):
        for stride, cells in ((8, 96), (16, 24), (32, 6)):
            out[f"{kind}_{stride}"] = np.zeros((2 * cells, width), np.float32)
    row = 2 * cell(64, 96, 8)
    out["score_8"][row] = 0.72
    out["bbox_8"][row] = [2, 2, 2, 2]
    out["kps_8"][row] = np.tile([1.0, -1.0], 5)
    return out, Card("scrfd")


def cell_boxes(upright: bool) -> tuple[Outputs, Card]:
    boxes, scores = np.zeros((1, 126, 4), np.float32), np.zeros((1, 126, 3), np.float32)
    boxes[0, 9], scores[0, 9] = BOX, [0, 0.72, 0.1]
    return {"boxes": boxes, "scores": scores if upright else scores.transpose(0, 2, 1)}, Card("ppyoloe")


def chosen_boxes(joined: bool) -> tuple[Outputs, Card]:
    boxes, scores, labels = np.zeros((1, 50, 4), np.float32), np.zeros((1, 50), np.float32), np.zeros((1, 50), np.int64)
    boxes[0, 3], scores[0, 3], labels[0, 3] = BOX, 0.72, 1
    card = Card("chosen", labels=("a", "b", "c"))
    if joined:
        return {"dets": np.concatenate([boxes, scores[..., None]], axis=2), "labels": labels}, card
    return {"labels": labels, "boxes": boxes, "scores": scores}, card


def paddle() -> tuple[Outputs, Card]:
    table = np.array([[1, 0.72, *BOX], [0, 0.01, 0, 0, 9, 9]], np.float32)
    return {"boxes": table, "count": np.array([2], np.int32)}, Card("paddle", labels=("a", "b", "c"))


def gfl(single: bool) -> tuple[Outputs, Card]:
    shift = 0.0 if single else 3.5  # NanoDet-Plus counts from the cell's corner
    table = []
    for stride, count in ((8, 96), (16, 24), (32, 6), (64, 2)):
        cls, sides = np.zeros((count, 3), np.float32), np.zeros((count, 4, 8), np.float32)
        if stride == 8:
            row = cell(64, 96, 8)
            cls[row, 1] = 0.72
            for side, distance in enumerate((16 + shift, 16 + shift, 16 - shift, 16 - shift)):
                low, share = divmod(distance / 8, 1)
                sides[row, side] = -30
                sides[row, side, int(low)] = math.log(max(1 - share, 1e-9))
                sides[row, side, int(low) + 1] = math.log(max(share, 1e-9))
        table.append((cls, sides.reshape(count, 32)))
    if single:
        return {"output": np.concatenate([np.concatenate(t, axis=1) for t in table])[None]}, Card("nanodet-plus", head="gfl")
    return {
        **{f"cls{i}": c[None] for i, (c, _) in enumerate(table)},
        **{f"box{i}": b[None] for i, (_, b) in enumerate(table)},
    }, Card("x")


def fastestdet() -> tuple[Outputs, Card]:
    out = np.zeros((1, 5 + 3, 4, 6), np.float32)
    out[0, :, 2, 3] = [0.72, math.atanh(0.5), math.atanh(0.5), logit(32 / 96), logit(32 / 64), 0, 0.72, 0]
    return {"out": out}, Card("fastestdet", head="fastestdet")


def fastest_v2(table: bool) -> tuple[Outputs, Card]:
    cells = np.zeros((24 + 6, 15 + 3), np.float32)
    entry = cells[cell(64, 96, 16)]  # column 3, row 2: the centre, (3.5, 2.5) cells, is where 2 v - 0.5 is 0.5
    entry[4:8], entry[13], entry[15:] = [0.5, 0.5, 0.5, 1.0], 0.9, [0, 0.8, 0.1]  # the second anchor, 32 wide and 8 high
    card = Card("v2", options={"anchors": [[4, 4], [32, 8], [30, 30], [40, 40], [50, 50], [60, 60]]})
    maps = {"coarse": cells[24:].reshape(1, 2, 3, 18), "fine": cells[:24].reshape(1, 4, 6, 18)}
    return ({"out": cells} if table else maps), card


def text() -> tuple[Outputs, Card]:
    likely = np.zeros((1, 1, 64, 96), np.float32)
    likely[0, 0, 32:49, 48:65] = 0.72  # 16 pixels from middle to middle, which "unclip" makes 32
    likely[0, 0, 5, 5:9] = 1.0  # a speck
    return {"map": likely}, Card("db", head="text", options={"unclip": 2.0})


def darknet() -> tuple[Outputs, Card]:
    fine, coarse = np.full((24, 4, 6), -20.0, np.float32), np.full((24, 2, 3), -20.0, np.float32)
    entry = [0.0, 0.0, math.log(2), math.log(4), logit(0.9), -20, logit(0.8), -20]
    fine[8:16, 2, 3] = entry  # the second anchor, (16, 8), at (3.5, 2.5) cells of 16 pixels
    card = Card("v3", options={"anchors": [[4, 4], [16, 8], [30, 30], [40, 40], [50, 50], [60, 60]], "scale_xy": [1.05, 1.1]})
    return {"coarse": coarse, "fine": fine}, card


EXAMPLES: dict[str, Callable[[], tuple[Outputs, Card]]] = {
    "yolox": yolox,
    "yolov5": yolov5,
    "yolov8": yolov8,
    "yolov8-segmentation": yolov8_segmentation,
    "end-to-end": end_to_end,
    "end-to-end relative": end_to_end_relative,
    "end-to-end batched": end_to_end_batched,
    "centerface": centerface,
    "ctdet": ctdet,
    "ultraface raw": lambda: ultraface(False),
    "ultraface decoded": lambda: ultraface(True),
    "yunet": yunet,
    "retinaface": retinaface,
    "scrfd": scrfd,
    "ppyoloe": lambda: cell_boxes(False),
    "damo-yolo": lambda: cell_boxes(True),
    "rtmdet": lambda: chosen_boxes(True),
    "rt-detr": lambda: chosen_boxes(False),
    "paddle": paddle,
    "gfl": lambda: gfl(False),
    "nanodet-plus": lambda: gfl(True),
    "fastestdet": fastestdet,
    "darknet": darknet,
    "text": text,
    "yolo-fastest-v2": lambda: fastest_v2(True),
    "yolo-fastest-v2 maps": lambda: fastest_v2(False),
}
ONE_CLASS = ("centerface", "ultraface raw", "ultraface decoded", "yunet", "retinaface", "scrfd", "text")


def head_of(outputs: Outputs, card: Card, size: tuple[int, int] = (64, 96)) -> Head:
    return recognise(card, {n: a.shape for n, a in outputs.items()}, size)


@pytest.mark.parametrize("name", EXAMPLES)
def test_one_object_is_found_where_it_was_put(name: str) -> None:
    outputs, card = EXAMPLES[name]()
    head = head_of(outputs, card)
    found = head.decode(outputs, conf=0.3, iou=0.5)
    assert len(found) == 1
    np.testing.assert_allclose(found.boxes[0], BOX, atol=1e-3)  # float32 exponentials of sizes up to 32
    assert found.scores[0] == pytest.approx(0.72, abs=1e-5)
    assert found.labels[0] == (0 if name in ONE_CLASS else 1)
    assert head.classes == (1 if name in ONE_CLASS else 3)
    assert found.boxes.dtype == found.scores.dtype == np.float32
    assert head.name in head_names()
    assert 0 < head.defaults.conf < 1


@pytest.mark.parametrize("name", EXAMPLES)
def test_confidence_and_classes_are_respected(name: str) -> None:
    outputs, card = EXAMPLES[name]()
    head = head_of(outputs, card)
    label = 0 if name in ONE_CLASS else 1
    assert len(head.decode(outputs, conf=0.75, iou=0.5)) == 0
    assert len(head.decode(outputs, conf=0.3, iou=0.5, classes=[label])) == 1
    assert len(head.decode(outputs, conf=0.3, iou=0.5, classes=[2])) == 0
    assert len(head.decode(outputs, conf=0.3, iou=0.5, classes=[500])) == 0
    assert len(head.decode(outputs, conf=0.0, iou=0.5, max_det=1)) <= 1


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("name", EXAMPLES)
def test_numbers_that_are_not_finite_give_no_object_and_no_error(name: str, value: float) -> None:
    outputs, card = EXAMPLES[name]()
    head = head_of(outputs, card)
    real = {n: a for n, a in outputs.items() if a.dtype == np.float32}
    found = head.decode(outputs | {n: np.full_like(a, value) for n, a in real.items()}, conf=0.3, iou=0.5)
    assert np.isfinite(found.boxes).all()
    assert np.isfinite(found.scores).all()
    rng = np.random.default_rng(0)
    spoiled = {n: np.where(rng.random(a.shape) < 0.3, np.float32(value), a) for n, a in real.items()}
    found = head.decode(outputs | spoiled, conf=0.3, iou=0.5)
    assert np.isfinite(found.boxes).all()


def test_landmarks_of_centerface_and_yunet() -> None:
    outputs, card = centerface()
    points = head_of(outputs, card).decode(outputs, conf=0.3, iou=0.5).keypoints
    assert points is not None
    np.testing.assert_allclose(points[0], [[40 + 0.75 * 32, 24 + 0.25 * 32, 0.72]] * 5, atol=1e-3)
    outputs, card = yunet()
    points = head_of(outputs, card).decode(outputs, conf=0.3, iou=0.5).keypoints
    assert points is not None
    np.testing.assert_allclose(points[0], [[64, 32, 0.72]] * 5, atol=1e-3)


@pytest.mark.parametrize("name", ["scrfd", "retinaface"])
def test_landmarks_of_scrfd_and_retinaface(name: str) -> None:
    outputs, card = EXAMPLES[name]()
    head = head_of(outputs, card)
    points = head.decode(outputs, conf=0.3, iou=0.5).keypoints
    assert head.keypoints == 5
    assert points is not None
    np.testing.assert_allclose(points[0], [[64, 32, 0.72]] * 5, atol=1e-3)


@pytest.mark.parametrize("kps", [True, False])
def test_scrfd_without_landmarks_and_with_an_open_batch(kps: bool) -> None:
    outputs, card = scrfd()
    outputs = {n: a[None] for n, a in outputs.items() if kps or "kps" not in n}
    head = head_of(outputs, card)
    found = head.decode(outputs, conf=0.3, iou=0.5)
    assert head.keypoints == (5 if kps else 0)
    np.testing.assert_allclose(found.boxes, [BOX], atol=1e-3)


def test_yolo_fastest_v2_with_other_anchors() -> None:
    outputs, card = fastest_v2(True)
    with pytest.raises(DecodeError, match="2 anchors for two maps"):
        head_of(outputs, card.with_(options={"anchors": [[4, 4], [8, 8]]}))


def test_movenet_of_one_person() -> None:
    out = np.zeros((1, 1, 17, 3), np.float32)
    out[0, 0] = np.stack([np.linspace(0.25, 0.75, 17), np.full(17, 0.5), np.full(17, 0.8)], axis=1)
    head = head_of({"out": out}, Card("movenet"), (64, 96))
    found = head.decode({"out": out}, conf=0.3, iou=0.5)
    assert (head.name, head.keypoints, head.defaults.labels) == ("movenet", 17, ("person",))
    assert found.keypoints is not None
    np.testing.assert_allclose(found.keypoints[0, [0, 16]], [[48, 16, 0.8], [48, 48, 0.8]], atol=1e-5)
    np.testing.assert_allclose(found.boxes[0], [47, 12.8, 49, 51.2], atol=1e-5)
    assert len(head.decode({"out": out}, conf=0.9, iou=0.5)) == 0
    for value in (np.nan, np.inf):
        assert len(head.decode({"out": np.full_like(out, value)}, conf=0.3, iou=0.5)) == 0


def test_movenet_of_many_people() -> None:
    out = np.zeros((1, 6, 56), np.float32)
    out[0, 2] = [*[0.5, 0.25, 0.9] * 17, 0.375, 40 / 96, 0.875, 0.75, 0.6]
    out[0, 4] = [*[0.25, 0.5, 0.9] * 17, 0.1, 0.1, 0.2, 0.2, 0.7]
    out[0, 5, -1] = np.nan
    head = head_of({"out": out}, Card("movenet"), (64, 96))
    found = head.decode({"out": out}, conf=0.3, iou=0.5)
    assert found.scores.tolist() == pytest.approx([0.7, 0.6])
    np.testing.assert_allclose(found.boxes[1], [40, 24, 72, 56], atol=1e-4)
    assert found.keypoints is not None
    np.testing.assert_allclose(found.keypoints[1], [[24, 32, 0.9]] * 17, atol=1e-5)
    assert len(head.decode({"out": out}, conf=0.65, iou=0.5)) == 1


def test_simcc_reads_the_highest_bins() -> None:
    across, down = np.zeros((1, 17, 2 * 48), np.float32), np.zeros((1, 17, 2 * 64), np.float32)
    for k in range(17):
        across[0, k, 41], down[0, k, 20 + k] = 0.8, 0.7
    outputs = {"simcc_x": across, "simcc_y": down}
    head = head_of(outputs, Card("rtmpose"), (64, 48))
    found = head.decode(outputs, conf=0.3, iou=0.5)
    assert (head.name, head.keypoints, head.defaults.labels) == ("simcc", 17, ("person",))
    assert found.keypoints is not None
    np.testing.assert_allclose(found.keypoints[0, 4], [20.5, 12, 0.7], atol=1e-6)
    assert len(head.decode(outputs, conf=0.9, iou=0.5)) == 0
    spoiled = {n: np.full_like(a, np.nan) for n, a in outputs.items()}
    assert len(head.decode(spoiled, conf=0.3, iou=0.5)) == 0


def test_yolo_pose_layout() -> None:
    out = np.zeros((1, 56, 126), np.float32)
    out[0, :5, 3] = [56, 40, 32, 32, 0.72]
    out[0, 5:, 3] = np.tile([50, 30, 0.9], 17)
    head = head_of({"output0": out}, Card("v8-pose"))
    found = head.decode({"output0": out}, conf=0.3, iou=0.5)
    assert (head.keypoints, head.classes, head.defaults.labels) == (17, 1, ("person",))
    assert found.keypoints is not None
    np.testing.assert_allclose(found.keypoints[0], [[50, 30, 0.9]] * 17, atol=1e-6)


@pytest.mark.parametrize("strides", [(4, 8, 16, 32), (16, 32)])
def test_yolo_with_finer_or_fewer_levels(strides: tuple[int, ...]) -> None:
    out = np.zeros((1, 4 + 3, sum((64 // s) * (96 // s) for s in strides)), np.float32)
    out[0, :, 9] = [56, 40, 32, 32, 0.0, 0.72, 0.1]
    head = head_of({"output0": out}, Card("v8-p2"))
    found = head.decode({"output0": out}, conf=0.3, iou=0.5)
    np.testing.assert_allclose(found.boxes, [BOX], atol=1e-3)
    assert found.labels.tolist() == [1]


def test_yolo_with_turned_boxes_tells_the_upright_box_around_them() -> None:
    out = np.zeros((1, 4 + 3 + 1, 126), np.float32)
    out[0, :, 9] = [56, 40, 20 * math.sqrt(2), 12 * math.sqrt(2), 0.0, 0.72, 0.1, math.pi / 4]
    head = head_of({"output0": out}, Card("v8-obb", labels=("a", "b", "c")))
    found = head.decode({"output0": out}, conf=0.3, iou=0.5)
    np.testing.assert_allclose(found.boxes, [BOX], atol=1e-3)
    assert (found.labels.tolist(), found.scores.tolist(), head.classes) == ([1], [pytest.approx(0.72)], 3)


def test_yolov5_face_has_landmarks_between_objectness_and_class() -> None:
    out = np.zeros((1, 3 * 126, 16), np.float32)
    out[0, 17] = [56, 40, 32, 32, 0.9, *[50, 30] * 5, 0.8]
    head = head_of({"output": out}, Card("v5-face"))
    found = head.decode({"output": out}, conf=0.3, iou=0.5)
    assert (head.classes, head.keypoints, head.defaults.labels) == (1, 5, ("face",))
    np.testing.assert_allclose(found.boxes, [BOX], atol=1e-3)
    assert found.keypoints is not None
    np.testing.assert_allclose(found.keypoints[0], [[50, 30, 0.72]] * 5, atol=1e-6)
    named = head_of({"output": out}, Card("v5", labels=tuple("abcdefghijk")))
    assert (named.classes, named.keypoints) == (11, 0)


def test_yolov7_pose_layout() -> None:
    out = np.zeros((1, 3 * 126, 57), np.float32)
    out[0, 17] = [56, 40, 32, 32, 0.9, 0.8, *[50, 30, 0.9] * 17]
    head = head_of({"output": out}, Card("v7-pose"))
    found = head.decode({"output": out}, conf=0.3, iou=0.5)
    assert (head.classes, head.keypoints) == (1, 17)
    assert found.keypoints is not None
    np.testing.assert_allclose(found.keypoints[0], [[50, 30, 0.9]] * 17, atol=1e-6)


def test_yolox_with_its_own_box_arithmetic_is_told_apart() -> None:
    outputs, card = yolox()
    row = cell(64, 96, 8)
    outputs["output"][0, row, :4] = [56, 40, 32, 32]
    found = head_of(outputs, card).decode(outputs, conf=0.3, iou=0.5)
    np.testing.assert_allclose(found.boxes[0], BOX, atol=1e-3)


def test_small_heatmaps_move_a_quarter_cell_to_the_higher_neighbour() -> None:
    heat = np.zeros((1, 17, 64, 48), np.float32)
    for k in range(17):
        heat[0, k, 10 + k, 20], heat[0, k, 10 + k, 21], heat[0, k, 9 + k, 20] = 0.8, 0.4, 0.3
    head = head_of({"heat": heat}, Card("pose"), (256, 192))
    found = head.decode({"heat": heat}, conf=0.2, iou=0.5)
    assert found.keypoints is not None
    np.testing.assert_allclose(found.keypoints[0, 0], [(20 + 0.25) * 4, (10 - 0.25) * 4, 0.8])
    assert found.scores[0] == pytest.approx(0.8)
    x1, y1, x2, y2 = found.boxes[0]
    assert x1 < 81 < x2
    assert y1 < 39 < 103 < y2


def test_full_size_heatmaps_are_smoothed_and_read_at_pixel_centres() -> None:
    heat = np.zeros((1, 16, 48, 64), np.float32)
    heat[0, :, 30:33, 20:23] = 1.0
    heat[0, :, 5, 5] = 1.5  # a lone spike is lower than the blob once smoothed
    head = head_of({"heat": heat}, Card("pose"), (48, 64))
    # As an engine keeps it, channels last, and as a network returns it.
    for lying in (np.ascontiguousarray(heat.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2), heat):
        found = head.decode({"heat": lying}, conf=0.15, iou=0.5)
        assert found.keypoints is not None
        np.testing.assert_allclose(found.keypoints[0, :, :2], [[21.5, 31.5]] * 16)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_no_keypoints_seen_is_no_person(value: float) -> None:
    heat = np.full((1, 17, 64, 48), value, np.float32)
    assert len(head_of({"heat": heat}, Card("pose"), (256, 192)).decode({"heat": heat}, conf=0.2, iou=0.5)) == 0


def test_an_unknown_layout_is_answered_with_its_shapes_and_a_card_to_start_from() -> None:
    with pytest.raises(DecodeError) as caught:
        recognise(Card("mine"), {"feat": (1, 512), "logits": (1, 10, 7, 7, 2)}, (224, 224))
    assert "feat: 1 x 512" in caught.value.message
    assert "logits: 1 x 10 x 7 x 7 x 2" in caught.value.message
    for words in ("model.toml", "head = ", "[preprocess]", "labels = "):
        assert words in caught.value.remedy


def test_a_classifier_is_told_as_such() -> None:
    with pytest.raises(DecodeError, match=r"logits: 1 x 1000\nThat tells of the picture as a whole") as caught:
        recognise(Card("resnet"), {"logits": (1, 1000)}, (224, 224))
    assert caught.value.remedy.endswith("Use a detector or pose network.")


def test_a_head_named_in_vain_is_an_error() -> None:
    with pytest.raises(DecodeError, match="'yolox' does not understand"):
        recognise(Card("mine", head="yolox"), {"feat": (1, 512)}, (224, 224))
    with pytest.raises(DecodeError, match="no head 'yolo9'"):
        recognise(Card("mine", head="yolo9"), {"feat": (1, 512)}, (224, 224))


def test_darknet_maps_without_anchors_ask_for_them() -> None:
    with pytest.raises(DecodeError, match="anchors are not in the file") as caught:
        recognise(Card("v3"), {"a": (255, 10, 10), "b": (255, 20, 20)}, (320, 320))
    assert "anchors = [" in caught.value.remedy
    with pytest.raises(DecodeError, match="3 anchors"):
        recognise(
            Card("v3", options={"anchors": [[1, 2]] * 3, "masks": [[0, 1, 2]]}),
            {"a": (255, 10, 10), "b": (255, 20, 20)},
            (320, 320),
        )


def test_suppression_is_greedy_by_class_and_stable() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10], [0, 0, 10, 10], [20, 0, 30, 10]], np.float32)
    scores = np.array([0.9, 0.8, 0.8, 0.9, 0.1], np.float32)
    labels = np.array([0, 0, 1, 0, 0])
    assert suppress(boxes, scores, labels, 0.5, 300).tolist() == [0, 2, 4]
    assert suppress(boxes, scores, labels, 1.0, 300).tolist() == [0, 3, 1, 2, 4]
    assert suppress(boxes, scores, labels, 0.5, 2).tolist() == [0, 2]
    assert suppress(boxes[:0], scores[:0], labels[:0], 0.5, 2).tolist() == []


def test_suppression_keeps_boxes_that_overlap_exactly_at_the_limit() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 5]], np.float32)  # overlap exactly one half
    scores, labels = np.array([0.9, 0.8], np.float32), np.zeros(2, int)
    assert len(suppress(boxes, scores, labels, 0.5, 300)) == 2
    assert len(suppress(boxes, scores, labels, 0.49, 300)) == 1


def test_no_detections_have_the_right_shapes() -> None:
    none = Detections.none(5)
    assert (len(none), none.boxes.shape) == (0, (0, 4))
    assert none.keypoints is not None
    assert none.keypoints.shape == (0, 5, 3)


def test_a_single_map_is_taken_for_text_only_where_that_is_said() -> None:
    outputs, card = text()
    with pytest.raises(DecodeError, match="No head understands"):
        head_of(outputs, Card("matting"))
    assert head_of(outputs, card).name == "text"


def test_a_turned_line_of_text_is_told_as_the_upright_box_around_it() -> None:
    likely = np.zeros((64, 96), np.float32)
    for k in range(40):
        likely[10 + k : 16 + k, 20 + k : 26 + k] = 0.8
    outputs = {"map": likely[None, None]}
    found = head_of(outputs, Card("db", head="text")).decode(outputs, conf=0.3, iou=1.0)
    assert len(found) == 1
    x1, y1, x2, y2 = found.boxes[0]
    assert 8 < x1 < 16 < 69 < x2 < 77
    assert -2 < y1 < 6 < 59 < y2 < 67
