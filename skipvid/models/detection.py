"""What a head finds in a frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from skipvid.plan import FloatArray, IntArray

__all__ = ["Detection", "Detections"]


@dataclass(frozen=True, eq=False)
class Detection:
    """One object.

    Attributes:
        box: ``(x1, y1, x2, y2)`` in pixels of the frame.
        score: Confidence, 0 to 1.
        label: Index of the class.
        keypoints: ``(K, 3)`` x, y in pixels of the frame and confidence, or None.
    """

    box: tuple[float, float, float, float]
    score: float
    label: int
    keypoints: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Detections:
    """All objects of one frame, in columns, by falling score.

    Attributes:
        boxes: ``(N, 4)`` x1, y1, x2, y2 in pixels.
        scores: ``(N,)``.
        labels: ``(N,)`` int32.
        keypoints: ``(N, K, 3)`` x, y, confidence, or None where the model has none.
    """

    boxes: FloatArray
    scores: FloatArray
    labels: IntArray
    keypoints: FloatArray | None = None

    def __len__(self) -> int:
        return int(self.scores.shape[0])

    def __getitem__(self, index: int) -> Detection:
        x1, y1, x2, y2 = (float(v) for v in self.boxes[index])
        points = None if self.keypoints is None else self.keypoints[index]
        return Detection((x1, y1, x2, y2), float(self.scores[index]), int(self.labels[index]), points)

    def take(self, index: np.ndarray) -> Detections:
        """The detections that an index array or a boolean mask selects."""
        points = None if self.keypoints is None else self.keypoints[index]
        return Detections(self.boxes[index], self.scores[index], self.labels[index], points)

    @classmethod
    def none(cls, keypoints: int = 0) -> Detections:
        """No detections; with ``keypoints`` points each."""
        points = np.zeros((0, keypoints, 3), np.float32) if keypoints else None
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32), points)
