"""Still scenes made of boxes: rendered once, with colour, depth and position for every pixel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fields import Array, fractal_noise, hash01, length, vec
from .light import Camera, Lamp, Lighting, shade

Texture = Callable[[Array, Array], Array]
_CHUNK = 16384  # rays at a time: what fits a processor's cache


@dataclass(frozen=True)
class Box:
    """An axis-aligned box from ``low`` to ``high``, in metres.

    Attributes:
        colour: Linear RGB reflectance.
        texture: A factor ``(3, N)`` or ``(N,)`` for surface points ``(3, N)`` with normals ``(3, N)``, or None.
        picture: ``(h, w, 3)`` linear RGB on the side that faces ``face`` (an axis and a sign), instead of the colour.
        glow: Light that the box gives off.
        gloss: Strength of its highlights.
        casts: Whether it throws shadows.
        distant: Whether it stands for what is far behind it, as the view through a doorway does.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    colour: tuple[float, float, float] = (0.5, 0.5, 0.5)
    texture: Texture | None = None
    picture: NDArray[np.float32] | None = None
    face: tuple[int, int] = (2, -1)
    glow: tuple[float, float, float] = (0.0, 0.0, 0.0)
    gloss: float = 0.04
    casts: bool = True
    distant: bool = False


@dataclass(frozen=True, eq=False)
class Still:
    """What the camera sees of a scene.

    Attributes:
        camera: That sees it.
        lighting: Of the scene.
        colour: ``(h, w, 3)`` linear RGB.
        depth: ``(h, w)`` along the ray.
        points: ``(3, h * w)`` positions.
        direct: For each lamp, ``(h, w, 3)``: its part of the colour, which a shadow takes away.
    """

    camera: Camera
    lighting: Lighting
    colour: NDArray[np.float32]
    depth: NDArray[np.float32]
    points: Array
    direct: tuple[NDArray[np.float32], ...]


def _enter(box: Box, origin: Array, direction: Array) -> tuple[Array, Array]:
    """Distances at which rays enter and leave a box."""
    inverse = 1 / np.where(np.abs(direction) < 1e-7, np.float32(1e-7), direction)
    a, b = (vec(box.low) - origin) * inverse, (vec(box.high) - origin) * inverse
    return np.minimum(a, b).max(0), np.maximum(a, b).min(0)


def _first_hit(boxes: Sequence[Box], origin: Array, direction: Array) -> tuple[Array, NDArray[np.int32]]:
    """Nearest box from the outside; a ray that starts inside a box sees its inner walls (the room itself)."""
    best = np.full(direction.shape[1], 1e9, np.float32)
    which = np.full(direction.shape[1], -1, np.int32)
    for i, box in enumerate(boxes):
        enter, leave = _enter(box, origin, direction)
        t = np.where(enter > 1e-4, enter, leave)
        better = (enter <= leave) & (t > 1e-4) & (t < best)
        best[better], which[better] = t[better], i
    return best, which


def _normals(boxes: Sequence[Box], which: NDArray[np.int32], points: Array, direction: Array) -> Array:
    low = np.array([b.low for b in boxes], np.float32).T[:, which]
    high = np.array([b.high for b in boxes], np.float32).T[:, which]
    gap = np.minimum(np.abs(points - low), np.abs(points - high))
    axis = gap.argmin(0)
    normal = np.zeros_like(points)
    columns = np.arange(points.shape[1])
    normal[axis, columns] = -np.sign(direction[axis, columns])
    return normal


def _shadow(boxes: Sequence[Box], points: Array, lamp: Lamp, samples: Sequence[tuple[float, float]]) -> Array:
    """Share of a lamp that boxes let through, over a few fixed places on the lamp."""
    lit = np.zeros(points.shape[1], np.float32)
    for dx, dz in samples:
        to = vec(lamp.position) + vec((dx * lamp.radius, 0, dz * lamp.radius)) - points
        distance = length(to)
        direction = to / distance
        blocked = np.zeros(points.shape[1], bool)
        for box in boxes:
            if box.casts:
                enter, leave = _enter(box, points, direction)
                blocked |= (enter < leave) & (enter > 2e-3) & (enter < distance)
        lit += ~blocked
    return lit / np.float32(len(samples))


def _sample(picture: NDArray[np.float32], u: Array, v: Array) -> Array:
    """Bilinear lookup, ``u`` and ``v`` in 0..1 from the top left."""
    h, w, _ = picture.shape
    x, y = np.clip(u * w - 0.5, 0, w - 1.001), np.clip(v * h - 0.5, 0, h - 1.001)
    ix, iy = x.astype(np.int32), y.astype(np.int32)
    fx, fy = (x - ix)[:, None], (y - iy)[:, None]
    ix1, iy1 = np.minimum(ix + 1, w - 1), np.minimum(iy + 1, h - 1)
    top = picture[iy, ix] * (1 - fx) + picture[iy, ix1] * fx
    bottom = picture[iy1, ix] * (1 - fx) + picture[iy1, ix1] * fx
    return (top * (1 - fy) + bottom * fy).T.astype(np.float32)


def _surface(box: Box, points: Array, normal: Array) -> Array:
    colour = np.broadcast_to(vec(box.colour), points.shape).copy()
    if box.texture is not None:
        colour *= box.texture(points, normal)
    if box.picture is not None:
        axis, sign = box.face
        side = 0 if axis == 2 else 2
        on = normal[axis] * sign > 0.5
        u = (points[side] - box.low[side]) / (box.high[side] - box.low[side])
        if (axis, sign) == (0, -1):
            u = 1 - u
        v = 1 - (points[1] - box.low[1]) / (box.high[1] - box.low[1])
        colour[:, on] = _sample(box.picture, u[on], v[on])
    return colour


def render(boxes: Sequence[Box], camera: Camera, lighting: Lighting, samples: int = 8) -> Still:
    """Render a scene. The first box is the room and is seen from inside."""
    ys, xs = np.mgrid[0 : camera.height, 0 : camera.width].astype(np.float32)
    rays = camera.rays(xs.ravel(), ys.ravel())
    count = max(1, rays.shape[1] // _CHUNK)
    parts = [_render_rays(boxes, vec(camera.eye), part, lighting, samples) for part in np.array_split(rays, count, axis=1)]
    total, depth, points, *direct = (np.concatenate(column, axis=-1) for column in zip(*parts, strict=True))
    image = lambda flat: np.ascontiguousarray(flat.T.reshape(camera.height, camera.width, 3), np.float32)  # noqa: E731
    return Still(
        camera, lighting, image(total), depth.reshape(camera.height, camera.width), points, tuple(image(d) for d in direct)
    )


def _render_rays(boxes: Sequence[Box], origin: Array, direction: Array, lighting: Lighting, samples: int) -> tuple[Array, ...]:
    """Colour, depth, points, and the direct light of each lamp, for some rays."""
    depth, which = _first_hit(boxes, origin, direction)
    points = origin + direction * depth
    normal = _normals(boxes, which, points, direction)
    colour, glow = np.zeros_like(points), np.zeros_like(points)
    gloss = np.array([b.gloss for b in boxes], np.float32)[which]
    for i in np.unique(which):
        seen, box = np.flatnonzero(which == i), boxes[i]
        colour[:, seen] = _surface(box, points[:, seen], normal[:, seen])
        glow[:, seen] = colour[:, seen] * vec(box.glow)
    depth = np.where(np.array([b.distant for b in boxes])[which], np.float32(1e6), depth)
    lifted = points + normal * np.float32(1e-3)
    angle = np.arange(samples) * 2.399963
    spots = [
        (float(np.sqrt((i + 0.5) / samples) * np.cos(a)), float(np.sqrt((i + 0.5) / samples) * np.sin(a)))
        for i, a in enumerate(angle)
    ]
    open_ = _corner_darkening(boxes, lifted, normal)
    total = colour * lighting.ambient(normal) * open_ + glow
    direct = []
    for lamp in lighting.lamps:
        lit = _shadow(boxes[1:], lifted, lamp, spots)
        one = Lighting((lamp,), (0, 0, 0), (0, 0, 0))
        direct.append(shade(one, points, normal, direction, colour, gloss, (lit,), open_))
        total = total + direct[-1]
    return (total, depth, points, *direct)


def _corner_darkening(boxes: Sequence[Box], points: Array, normal: Array) -> Array:
    """Ambient occlusion from seven rays of half a metre."""
    open_ = np.ones(points.shape[1], np.float32)
    tangent = np.stack([normal[1], normal[2], normal[0]])
    other = np.stack([normal[2], normal[0], normal[1]])
    for k in range(7):
        a, tilt = k * 2.399963, 0.25 + 0.1 * k
        towards = normal * np.float32(np.cos(tilt)) + (
            tangent * np.float32(np.cos(a)) + other * np.float32(np.sin(a))
        ) * np.float32(np.sin(tilt))
        t, _ = _first_hit(boxes, points, towards)
        open_ -= np.float32(0.105) * np.clip(1 - t / 0.5, 0, 1)
    return open_


def wood(scale: float = 1.0, axis: int = 0, seed: int = 0) -> Texture:
    """Planks with grain along an axis."""

    def texture(p: Array, n: Array) -> Array:
        along, across = (p[0], p[2] + p[1]) if axis == 0 else (p[2], p[0] + p[1])
        plank = np.floor(across / (0.14 * scale))
        tone = 0.8 + 0.3 * hash01(plank, np.floor(along / (1.1 * scale) + plank * 0.37), seed=seed)
        grain = 0.85 + 0.3 * fractal_noise(along * 3 / scale + plank * 7, across * 60 / scale, 3, seed)
        edge = np.abs(across / (0.14 * scale) - plank - 0.5) > 0.485
        return (tone * grain * np.where(edge, 0.55, 1)).astype(np.float32)

    return texture


def tiles(size: float, joint: float = 0.012, contrast: float = 0.12, seed: int = 0) -> Texture:
    """Floor tiles, each of its own tone, with joints."""

    def texture(p: Array, n: Array) -> Array:
        u, v = p[0] / size, p[2] / size
        tone = 1 - contrast / 2 + contrast * hash01(np.floor(u), np.floor(v), seed=seed)
        stain = 0.9 + 0.2 * fractal_noise(p[0] * 2.2, p[2] * 2.2, 4, seed)
        gap = (np.abs(u - np.floor(u) - 0.5) > 0.5 - joint) | (np.abs(v - np.floor(v) - 0.5) > 0.5 - joint)
        return (tone * stain * np.where(gap, 0.5, 1)).astype(np.float32)

    return texture


def plaster(strength: float = 0.12, seed: int = 0) -> Texture:
    """A painted wall that is not quite even."""

    def texture(p: Array, n: Array) -> Array:
        u = np.where(np.abs(n[0]) > 0.5, p[2], p[0])
        return (1 - strength / 2 + strength * fractal_noise(u * 5, p[1] * 5, 5, seed)).astype(np.float32)

    return texture
