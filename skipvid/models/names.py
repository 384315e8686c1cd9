"""Class names and skeletons that several networks share."""

from __future__ import annotations

from skipvid.errors import ModelError

__all__ = ["LABELS", "SKELETONS", "Skeleton", "labels_of", "skeleton_of"]

Skeleton = tuple[tuple[int, int], ...]
"""Pairs of keypoint indices to join by a line."""

_COCO = (
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,bench,"
    "bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis,"
    "snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,fork,"
    "knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,potted plant,bed,"
    "dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,refrigerator,book,clock,"
    "vase,scissors,teddy bear,hair drier,toothbrush"
)
_VOC = (
    "aeroplane,bicycle,bird,boat,bottle,bus,car,cat,chair,cow,diningtable,dog,horse,motorbike,person,pottedplant,sheep,sofa,train,"
    "tvmonitor"
)

LABELS: dict[str, tuple[str, ...]] = {
    "coco80": tuple(_COCO.split(",")),
    "voc20": tuple(_VOC.split(",")),
    "face": ("face",),
    "person": ("person",),
}

# COCO: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles; left before right.
_COCO17: Skeleton = (
    (0, 1), (0, 2), (1, 3), (2, 4), (5, 6), (5, 7), (7, 9), (6, 8), (8, 10),
    (5, 11), (6, 12), (11, 12), (11, 13), (13, 15), (12, 14), (14, 16),
)  # fmt: skip
# MPII's own order: right ankle, knee, hip, left hip, knee, ankle, pelvis, thorax, upper neck, head top, right wrist, elbow,
# shoulder, left shoulder, elbow, wrist.
_MPII16: Skeleton = (
    (0, 1), (1, 2), (2, 6), (6, 3), (3, 4), (4, 5), (6, 7), (7, 8), (8, 9), (10, 11), (11, 12), (12, 7), (7, 13),
    (13, 14), (14, 15),
)  # fmt: skip
# EfficientPose's order of the same points: head top, upper neck, right shoulder, elbow, wrist, thorax, left shoulder, elbow,
# wrist, pelvis, right hip, knee, ankle, left hip, knee, ankle.
_MPII16_HEAD_FIRST: Skeleton = (
    (0, 1), (1, 5), (5, 2), (2, 3), (3, 4), (5, 6), (6, 7), (7, 8), (5, 9), (9, 10), (10, 11), (11, 12), (9, 13),
    (13, 14), (14, 15),
)  # fmt: skip

SKELETONS: dict[str, Skeleton] = {
    "none": (),
    "coco17": _COCO17,
    "mpii16": _MPII16,
    "mpii16-head-first": _MPII16_HEAD_FIRST,
    "face5": (),
}


def labels_of(name: str) -> tuple[str, ...]:
    """The class names of a known set.

    Raises:
        ModelError: There is no such set.
    """
    if name not in LABELS:
        message = f"There is no set of class names {name!r}."
        raise ModelError(message, f"Use one of {', '.join(sorted(LABELS))}, or a list of names.")
    return LABELS[name]


def skeleton_of(name: str) -> Skeleton:
    """The lines of a known skeleton.

    Raises:
        ModelError: There is no such skeleton.
    """
    if name not in SKELETONS:
        message = f"There is no skeleton {name!r}."
        raise ModelError(message, f"Use one of {', '.join(sorted(SKELETONS))}.")
    return SKELETONS[name]
