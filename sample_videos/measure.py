"""Measure how steadily detectors see the people in the sample clips.

    python sample_videos/measure.py centerface.onnx [yolox_nano.onnx]

Compares detections with the known face and figure boxes of ``<clip>.truth.csv``: a face counts as found where a detection of
confidence above 0.5 (a person: 0.3) overlaps it by IoU > 0.5.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
Floats = NDArray[np.float32]


def _session(path: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.log_severity_level = 4
    model = onnx.load(path)
    if model.graph.input[0].name == "input.1":  # CenterFace: fits any picture, but its file declares 10 x 3 x 32 x 32
        for value in (model.graph.input[0], *model.graph.output):
            for axis, dim in enumerate(value.type.tensor_type.shape.dim):
                if axis != 1:
                    dim.dim_param = f"{value.name}_{axis}"
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _iou(boxes: Floats, box: Floats) -> Floats:
    low, high = np.maximum(boxes[:, :2], box[:2]), np.minimum(boxes[:, 2:4], box[2:4])
    common = np.prod(np.clip(high - low, 0, None), axis=1)
    area = np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1) + np.prod(box[2:4] - box[:2])
    overlap: Floats = common / np.maximum(area - common, 1e-6)
    return overlap


def centerface(session: ort.InferenceSession, image: NDArray[np.uint8], confidence: float = 0.5) -> Floats:
    """Faces ``(N, 5)``: x1, y1, x2, y2, score, in pixels of the image; before suppression of overlaps."""
    h, w = ((s + 31) // 32 * 32 for s in image.shape[:2])
    x = cv2.resize(image, (w, h))[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)
    heat, scale, offset, _ = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(x)})
    ys, xs = np.nonzero(heat[0, 0] > confidence)
    half_h, half_w = (np.exp(scale[0, i, ys, xs]) * 2 for i in (0, 1))
    cy, cx = (ys + offset[0, 0, ys, xs] + 0.5) * 4, (xs + offset[0, 1, ys, xs] + 0.5) * 4
    sx, sy = image.shape[1] / w, image.shape[0] / h
    columns = ((cx - half_w) * sx, (cy - half_h) * sy, (cx + half_w) * sx, (cy + half_h) * sy, heat[0, 0, ys, xs])
    return np.stack(columns, 1).astype(np.float32)


def yolox_persons(session: ort.InferenceSession, image: NDArray[np.uint8], confidence: float = 0.3) -> Floats:
    """People ``(N, 5)`` found by a YOLOX trained on COCO."""
    size = session.get_inputs()[0].shape[2]
    ratio = min(size / image.shape[0], size / image.shape[1])
    small = cv2.resize(image, (round(image.shape[1] * ratio), round(image.shape[0] * ratio)))
    padded = np.full((size, size, 3), 114, np.uint8)
    padded[: small.shape[0], : small.shape[1]] = small
    out = session.run(None, {session.get_inputs()[0].name: padded.transpose(2, 0, 1)[None].astype(np.float32)})[0][0]
    grids = [np.stack(np.meshgrid(np.arange(size // s), np.arange(size // s)), -1).reshape(-1, 2) * s for s in (8, 16, 32)]
    strides = np.concatenate([np.full(len(g), s) for g, s in zip(grids, (8, 16, 32), strict=True)])[:, None]
    centre, extent = out[:, :2] * strides + np.concatenate(grids), np.exp(out[:, 2:4]) * strides
    score = out[:, 4] * out[:, 5]
    found = np.concatenate([(centre - extent / 2) / ratio, (centre + extent / 2) / ratio, score[:, None]], 1)
    return found[score > confidence].astype(np.float32)


def _truths(clip: Path) -> dict[int, list[dict[str, str]]]:
    rows: dict[int, list[dict[str, str]]] = {}
    with clip.with_suffix(".truth.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(int(row["frame"]), []).append(row)
    return rows


def measure(clip: Path, faces: ort.InferenceSession, persons: ort.InferenceSession | None) -> str:
    """One line: the share of visible faces, and of figures mostly in the picture, that are found."""
    truths, capture = _truths(clip), cv2.VideoCapture(str(clip))
    face_hits, person_hits, stray, index = [], [], 0, 0
    while True:
        ok, image = capture.read()
        if not ok:
            break
        found = centerface(faces, image)
        known = truths.get(index, [])
        for row in known:
            if row["face_visible"] == "1":
                box = np.array([float(row[f"face_{c}"]) for c in ("x1", "y1", "x2", "y2")], np.float32)
                face_hits.append(bool((_iou(found, box) > 0.5).any()))
        every = [np.array([float(row[f"face_{c}"]) for c in ("x1", "y1", "x2", "y2")], np.float32) for row in known]
        stray += sum(all(_iou(f[None], box)[0] < 0.1 for box in every) for f in found)
        if persons is not None:
            seen = yolox_persons(persons, image)
            h, w = image.shape[:2]
            for row in known:
                raw = np.array([float(row[f"figure_{c}"]) for c in ("x1", "y1", "x2", "y2")], np.float32)
                box = np.clip(raw, 0, [w, h, w, h]).astype(np.float32)
                if np.prod(box[2:] - box[:2]) > 0.6 * np.prod(raw[2:] - raw[:2]):
                    person_hits.append(bool((_iou(seen, box) > 0.5).any()))
        index += 1
    parts = [
        f"{clip.name}: {index} frames",
        f"faces {sum(face_hits)}/{len(face_hits)} = {np.mean(face_hits):.3f}",
        f"stray cells {stray}",
    ]
    if person_hits:
        parts.append(f"persons {sum(person_hits)}/{len(person_hits)} = {np.mean(person_hits):.3f}")
    return ", ".join(parts)


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    faces = _session(sys.argv[1])
    persons = _session(sys.argv[2]) if len(sys.argv) > 2 else None
    for clip in sorted(HERE.glob("*.mp4")):
        print(measure(clip, faces, persons))


if __name__ == "__main__":
    main()
