"""From actors in a still scene to the frames of a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .actor import Actor
from .fields import Array, vec
from .light import Camera, develop, sphere_shadow
from .room import Still

SUPERSAMPLING = 2
_SHADOW_STEP = 4  # shadows on the scene are computed on every fourth supersampled pixel


@dataclass(frozen=True)
class Lens:
    """What the camera adds to the light: exposure, softness in pixels, vignette, and noise in grey levels."""

    exposure: float = 1.0
    softness: float = 0.45
    vignette: float = 0.18
    noise: float = 1.5
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Truth:
    """Where a face is in a frame, in pixels, and the whole person."""

    frame: int
    person: int
    face: tuple[float, float, float, float]
    figure: tuple[float, float, float, float]
    face_visible: bool


@dataclass(frozen=True)
class Shot:
    """A scene, its lens, and who is where in frame ``i``."""

    name: str
    still: Still
    lens: Lens
    cast: Callable[[int], Sequence[Actor]]
    frames: int
    fps: int = 25

    @property
    def camera(self) -> Camera:
        """The camera in pixels of the finished picture."""
        return self.still.camera.scaled(1 / SUPERSAMPLING)


def frames(shot: Shot, indices: Sequence[int], seed: int) -> Iterator[tuple[NDArray[np.uint8], list[Truth]]]:
    """The finished pictures ``(h, w, 3)`` BGR uint8 of some frames, with what is in them."""
    for i in indices:
        linear, truths = _expose(shot, i)
        yield _grade(linear, shot.lens, np.random.default_rng((seed, i))), truths


def _expose(shot: Shot, index: int) -> tuple[NDArray[np.float32], list[Truth]]:
    still, cast = shot.still, list(shot.cast(index))
    canvas, depth = still.colour.copy(), still.depth.copy()
    balls = [actor.balls() for actor in cast]
    if cast:
        _throw_shadows(canvas, still, [ball for group in balls for ball in group])
    eye = vec(still.camera.eye)
    for k in np.argsort([-float(np.linalg.norm(vec(a.place) - eye)) for a in cast]):
        others = [ball for j, group in enumerate(balls) if j != k for ball in group]
        cast[int(k)].draw(still.camera, still.lighting, canvas, depth, others)
    truths = [_truth(actor, shot.camera, depth, index) for actor in cast]
    size = (still.camera.width // SUPERSAMPLING, still.camera.height // SUPERSAMPLING)
    return cv2.resize(canvas, size, interpolation=cv2.INTER_AREA), truths


def _throw_shadows(canvas: NDArray[np.float32], still: Still, balls: Sequence[tuple[Array, float]]) -> None:
    """Take from the scene the direct light that the balls stop, and some of the ambient light beside them."""
    h, w = still.depth.shape
    step = _SHADOW_STEP
    points = np.ascontiguousarray(still.points.reshape(3, h, w)[:, step // 2 :: step, step // 2 :: step].reshape(3, -1))
    small = (len(range(step // 2, h, step)), len(range(step // 2, w, step)))
    near = np.ones(points.shape[1], np.float32)
    for centre, radius in balls:
        q = points - centre
        near *= 1 - np.float32(0.55 * radius**2) / np.maximum((q * q).sum(0), np.float32(1.2 * radius**2))
    ambient = still.colour - sum(still.direct)
    shade_map = cv2.resize(near.reshape(small), (w, h), interpolation=cv2.INTER_LINEAR)
    canvas[:] = ambient * shade_map[..., None]
    for lamp, direct in zip(still.lighting.lamps, still.direct, strict=True):
        lit = sphere_shadow(points, lamp, balls).reshape(small)
        canvas += direct * cv2.resize(lit, (w, h), interpolation=cv2.INTER_LINEAR)[..., None]


def _truth(actor: Actor, camera: Camera, depth: NDArray[np.float32], index: int) -> Truth:
    face = actor.face_box(camera)
    x1, y1, x2, y2 = face
    inside = x1 >= 0 and y1 >= 0 and x2 <= camera.width and y2 <= camera.height
    visible = inside and actor.face_turn(camera) < 60 and y2 - y1 >= 14
    if visible:
        cx, cy = int((x1 + x2) / 2 * SUPERSAMPLING), int((y1 + y2) / 2 * SUPERSAMPLING)
        away = float(np.linalg.norm(actor.head_centre() - vec(camera.eye)))
        visible = abs(float(depth[cy, cx]) - away) < 0.25
    return Truth(index, actor.who, face, actor.figure_box(camera), visible)


def _grade(linear: NDArray[np.float32], lens: Lens, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Lens, film curve and sensor noise; ``linear`` is RGB."""
    h, w, _ = linear.shape
    soft = cv2.GaussianBlur(linear, (0, 0), lens.softness * w / 640)
    bloom = cv2.GaussianBlur(np.maximum(linear - 0.9, 0), (0, 0), 0.014 * w)
    ys, xs = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j].astype(np.float32)
    light = (soft + 0.35 * bloom) * np.asarray(lens.tint, np.float32) * (1 - lens.vignette * (xs * xs + ys * ys) / 2)[..., None]
    display = develop(light, lens.exposure)
    luma = rng.normal(0, lens.noise, (h, w, 1)).astype(np.float32)
    chroma = rng.normal(0, 0.45 * lens.noise, (h, w, 3)).astype(np.float32)
    noisy = display + (luma + chroma) * (1.25 - 0.5 * display / 255)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)[..., ::-1]
