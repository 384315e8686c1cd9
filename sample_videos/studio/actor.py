"""People in a scene: where they stand, how they are drawn into a picture, what shadow they throw, where their face is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .body import Body
from .fields import Array, gradient, normalise, sphere, trace, vec
from .head import Head
from .light import Camera, Lighting, occlusion, shade, soft_shadow, sphere_shadow

_BLOCK = 8  # pixels of a coarse ray
_HEAD = np.float32(1.07)  # heads are drawn a little large, as lenses close to people do
_CHUNK = 24576  # rays at a time: what fits a processor's cache
_LOW, _HIGH = np.float32([-0.6, -0.03, -0.8]), np.float32([0.6, 1.9, 0.8])


def _turn(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> Array:
    """Rotation that turns +z by ``yaw`` towards +x, then nods and tilts."""
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return (about_y @ about_x @ about_z).astype(np.float32)


@dataclass(frozen=True)
class Actor:
    """A person at one moment.

    Attributes:
        place: World position of the body's origin.
        heading: Yaw in radians; 0 looks away from a camera that looks along +z.
        look: Yaw, pitch and roll of the head against the body.
        size: 1 is 1.78 m.
        who: Number of the person in the clip.
    """

    body: Body
    head: Head
    place: tuple[float, float, float]
    heading: float
    look: tuple[float, float, float] = (0.0, 0.0, 0.0)
    size: float = 1.0
    who: int = 0

    def to_body(self, world: Array) -> Array:
        return _turn(self.heading).T @ (world - vec(self.place)) / np.float32(self.size)

    def to_world(self, local: Array) -> Array:
        return _turn(self.heading) @ local * np.float32(self.size) + vec(self.place)

    def to_head(self, local: Array) -> Array:
        return _turn(*self.look).T @ (local - vec(self.body.pose.head)) / _HEAD

    def from_head(self, p: Array) -> Array:
        return _turn(*self.look) @ p * _HEAD + vec(self.body.pose.head)

    def __call__(self, p: Array) -> Array:
        """Distance in body coordinates; the head is looked at only near it."""
        body = self.body(p)
        away = sphere(p, self.body.pose.head, 0.31)
        inside = np.flatnonzero(away < 0.02)
        d = np.minimum(body, np.maximum(away, 0.02))
        if inside.size:
            d[inside] = np.minimum(body[inside], self.head(self.to_head(p[:, inside])) * _HEAD)
        return d

    def paint(self, p: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
        """Colour, gloss, and whether a point is on the head."""
        colour, gloss = self.body.paint(p)
        q = self.to_head(p)
        on_head = self.head(q) * _HEAD < self.body(p)
        if on_head.any():
            c, g = self.head.paint(q[:, on_head])
            colour[:, on_head], gloss[on_head] = c, g
        return colour, gloss, on_head

    def balls(self) -> list[tuple[Array, float]]:
        """The body as a few balls, for the shadows it throws."""
        q = self.body.pose
        local: list[tuple[Array, float]] = [(q.head, 0.105), (q.chest, 0.16), ((q.chest + q.pelvis) / 2, 0.15), (q.pelvis, 0.15)]
        for i in (0, 1):
            local += [((q.hips[i] + q.knees[i]) / 2, 0.08), (q.knees[i], 0.065), ((q.knees[i] + q.ankles[i]) / 2, 0.055)]
            local += [(q.ankles[i], 0.05), (q.toes[i], 0.045), (q.elbows[i], 0.05), (q.hands[i], 0.045)]
        return [(self.to_world(vec(c)), r * self.size) for c, r in local]

    def face_box(self, camera: Camera) -> tuple[float, float, float, float]:
        """``(x1, y1, x2, y2)`` in pixels around the face, from the hairline to the chin."""
        points = np.array(
            [(x, y, z) for x in (-0.068, 0.068) for y, z in ((0.072, 0.06), (-0.03, 0.05))]
            + [(0, -0.112, 0.06), (0, -0.03, 0.11)],
            np.float32,
        ).T
        x, y, _ = camera.project(self.to_world(self.from_head(points)))
        return float(x.min()), float(y.min()), float(x.max()), float(y.max())

    def face_turn(self, camera: Camera) -> float:
        """Angle between where the face points and the camera, in degrees."""
        centre = self.to_world(self.from_head(vec((0, 0, 0.0))))
        ahead = normalise(self.to_world(self.from_head(vec((0, 0, 0.1)))) - centre)
        return float(np.degrees(np.arccos(np.clip((ahead * normalise(vec(camera.eye) - centre)).sum(), -1, 1))))

    def head_centre(self) -> Array:
        return self.to_world(self.from_head(vec((0, 0, 0.05))))

    def figure_box(self, camera: Camera) -> tuple[float, float, float, float]:
        """``(x1, y1, x2, y2)`` in pixels around the whole person, from the joints."""
        q = self.body.pose
        joints = np.concatenate([q.head[None], q.shoulders, q.elbows, q.hands, q.hips, q.knees, q.ankles, q.toes]).T
        points = np.concatenate([joints, self.from_head(vec((0, 0.125, 0)))], axis=1).astype(np.float32)
        x, y, z = camera.project(self.to_world(points))
        pad = 0.05 * camera.focal / z
        return float((x - pad).min()), float(y.min()), float((x + pad).max()), float((y + pad * 0.6).max())

    def draw(
        self,
        camera: Camera,
        lighting: Lighting,
        canvas: NDArray[np.float32],
        depth: NDArray[np.float32],
        others: Sequence[tuple[Array, float]],
    ) -> None:
        """Paint the person into ``canvas`` ``(h, w, 3)`` and ``depth`` ``(h, w)``; ``others`` are balls that shade them."""
        x0, y0, x1, y1 = self._window(camera)
        if x0 >= x1 or y0 >= y1:
            return
        ys, xs = (g.ravel() for g in np.mgrid[y0:y1, x0:x1])
        origin = self.to_body(vec(camera.eye))
        rays = camera.rays(xs.astype(np.float32), ys.astype(np.float32))
        direction = _turn(self.heading).T @ rays
        near, far = self._span(origin, direction)
        near = self._coarse(camera, origin, (x0, y0, x1, y1), near)
        far = np.minimum(far, depth[ys, xs] / np.float32(self.size))
        todo = np.flatnonzero(near < far)
        for part in np.array_split(todo, max(1, -(-todo.size // _CHUNK))):
            t, hit = trace(self, origin, direction[:, part], near[part], far[part], 1 / camera.focal, 40)
            index, t = part[hit], t[hit]
            if index.size:
                depth[ys[index], xs[index]] = t * np.float32(self.size)
                canvas[ys[index], xs[index]] = self._shade(origin + direction[:, index] * t, rays[:, index], lighting, others).T

    def _shade(self, p: Array, view: Array, lighting: Lighting, others: Sequence[tuple[Array, float]]) -> Array:
        rotation = _turn(self.heading)
        local = gradient(self, p, 0.0012)
        normal, world = rotation @ local, self.to_world(p)
        colour, gloss, on_head = self.paint(p)
        shadows = []
        for lamp in lighting.lamps:
            lit = sphere_shadow(world, lamp, others)
            if lamp is lighting.lamps[0]:  # the others are too soft for a person to shade himself visibly
                towards = rotation.T @ normalise(vec(lamp.position) - world)
                lit *= soft_shadow(self, p, local, towards, 0.28, 5.0, 7)
            shadows.append(lit)
        open_ = occlusion(self, p, local, (0.02, 0.07))
        result = shade(lighting, world, normal, view, colour, gloss, shadows, open_)
        if on_head.any():
            parts = [s[on_head] for s in shadows]
            result[:, on_head] = shade(
                lighting,
                world[:, on_head],
                normal[:, on_head],
                view[:, on_head],
                colour[:, on_head],
                gloss[on_head],
                parts,
                open_[on_head],
                0.28,
            )
        return result

    def _window(self, camera: Camera) -> tuple[int, int, int, int]:
        corners = np.array(
            [(x, y, z) for x in (_LOW[0], _HIGH[0]) for y in (_LOW[1], _HIGH[1]) for z in (_LOW[2], _HIGH[2])], np.float32
        ).T
        x, y, _ = camera.project(self.to_world(corners))
        left, top = (max(int(np.floor(v.min() / _BLOCK) * _BLOCK), 0) for v in (x, y))
        return left, top, min(int(x.max()) + 1, camera.width), min(int(y.max()) + 1, camera.height)

    @staticmethod
    def _span(origin: Array, direction: Array) -> tuple[Array, Array]:
        inverse = 1 / np.where(np.abs(direction) < 1e-6, np.float32(1e-6), direction)
        a, b = (_LOW[:, None] - origin) * inverse, (_HIGH[:, None] - origin) * inverse
        return np.maximum(np.minimum(a, b).max(0), 0.05), np.maximum(a, b).min(0)

    def _coarse(self, camera: Camera, origin: Array, window: tuple[int, int, int, int], near: Array) -> Array:
        """Start fine rays where a cone over their block of pixels first comes close, or beyond everything where it never does."""
        x0, y0, x1, y1 = window
        ys, xs = np.mgrid[y0:y1:_BLOCK, x0:x1:_BLOCK].astype(np.float32)
        half = np.float32((_BLOCK - 1) / 2)
        direction = _turn(self.heading).T @ camera.rays(xs.ravel() + half, ys.ravel() + half)
        start, far = self._span(origin, direction)
        wide = np.float32(0.75 * _BLOCK / camera.focal)
        start, far = np.maximum(start - 0.15, 0.05), far + 0.15
        t = np.minimum(start, far)
        live = np.arange(t.size)
        for _ in range(40):
            d = self(origin + direction[:, live] * t[live]) - wide * t[live]
            go = d > 0.004
            live, d = live[go], d[go]
            t[live] += 0.85 * d
            live = live[t[live] < far[live]]
            if live.size == 0:
                break
        t[t >= far] = 1e6
        grid = t.reshape(xs.shape).repeat(_BLOCK, 0).repeat(_BLOCK, 1)[: y1 - y0, : x1 - x0]
        return np.maximum(near, grid.ravel())
