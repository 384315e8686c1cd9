"""Cameras, lamps and the shading of surfaces. Colours are linear RGB ``(3, N)``; pictures become sRGB at the very end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .fields import Array, Field, Vec, length, normalise, vec


@dataclass(frozen=True)
class Camera:
    """A pinhole at ``eye`` that looks at ``target``; ``focal`` and the picture's size are in pixels."""

    eye: tuple[float, float, float]
    target: tuple[float, float, float]
    focal: float
    width: int
    height: int

    def axes(self) -> tuple[Array, Array, Array]:
        forward = normalise(vec(self.target) - vec(self.eye))
        right = normalise(np.cross(np.array([[0.0, 1.0, 0.0]]), forward.T).T.astype(np.float32))
        up = np.cross(forward.T, right.T).T.astype(np.float32)
        return right, up, forward

    def scaled(self, factor: float) -> Camera:
        return Camera(self.eye, self.target, self.focal * factor, round(self.width * factor), round(self.height * factor))

    def rays(self, x: Array, y: Array) -> Array:
        """Unit directions ``(3, N)`` through pixel centres."""
        right, up, forward = self.axes()
        u = (x + np.float32(0.5 - self.width / 2)) / np.float32(self.focal)
        v = (np.float32(self.height / 2 - 0.5) - y) / np.float32(self.focal)
        return normalise(right * u + up * v + forward)

    def project(self, points: Array) -> tuple[Array, Array, Array]:
        """Pixel coordinates and depth along the axis of points ``(3, N)``."""
        right, up, forward = self.axes()
        q = points - vec(self.eye)
        z = np.maximum((q * forward).sum(0), 1e-3)
        return self.width / 2 + (q * right).sum(0) / z * self.focal, self.height / 2 - (q * up).sum(0) / z * self.focal, z


@dataclass(frozen=True)
class Lamp:
    """A lamp of some size: ``power`` is the irradiance at one metre, ``radius`` softens its shadows."""

    position: tuple[float, float, float]
    power: tuple[float, float, float]
    radius: float = 0.25
    wrap: float = 0.0


@dataclass(frozen=True)
class Lighting:
    """The lamps and the light that comes from everywhere: from ``sky`` above to ``ground`` below."""

    lamps: tuple[Lamp, ...]
    sky: tuple[float, float, float]
    ground: tuple[float, float, float]

    def ambient(self, normal: Array) -> Array:
        up = normal[1] * 0.5 + 0.5
        return vec(self.ground) + (vec(self.sky) - vec(self.ground)) * up


def sphere_shadow(p: Array, lamp: Lamp, balls: Sequence[tuple[Vec, float]]) -> Array:
    """How much of a lamp reaches points past opaque balls, 0..1: by how much of its disc theirs cover, as seen there."""
    to_lamp = vec(lamp.position) - p
    distance = length(to_lamp)
    towards = to_lamp / distance
    lit = np.ones(p.shape[1], np.float32)
    spread = np.float32(lamp.radius) / distance
    for centre, radius in balls:
        q = vec(centre) - p
        along = (q * towards).sum(0)
        aside = np.sqrt(np.maximum((q * q).sum(0) - along * along, 0))
        front = along > 0.02
        along = np.maximum(along, 0.02)
        size = np.float32(radius) / along
        cover = np.clip((size + spread - aside / along) / np.maximum(2 * np.minimum(spread, size), 1e-4), 0, 1)
        cover = cover * cover * (3 - 2 * cover) * np.minimum(1, (size / spread) ** 2)
        lit *= 1 - np.where(front & (along < distance), cover, 0)
    return lit


def soft_shadow(field: Field, p: Array, normal: Array, towards: Array, reach: float, softness: float, steps: int = 9) -> Array:
    """How much light from a direction passes a field, 0..1, by how closely the ray misses it."""
    lit = np.ones(p.shape[1], np.float32)
    start = p + normal * np.float32(0.012 * reach)
    t = np.full(p.shape[1], 0.03 * reach, np.float32)
    for _ in range(steps):
        d = field(start + towards * t)
        lit = np.minimum(lit, np.clip(softness * d / t + 0.15, 0, 1))
        t += np.clip(d, 0.02 * reach, 0.18 * reach)
    return lit * lit * (3 - 2 * lit)


def occlusion(field: Field, p: Array, normal: Array, distances: tuple[float, float]) -> Array:
    """Share of the surrounding light that reaches a point, 0..1."""
    open_ = np.ones(p.shape[1], np.float32)
    for step, weight in zip(distances, (0.5, 0.5), strict=True):
        open_ -= np.float32(weight) * np.clip(1 - field(p + normal * np.float32(step)) / np.float32(step), 0, 1)
    return np.clip(open_, 0.08, 1)


def shade(
    lighting: Lighting,
    p: Array,
    normal: Array,
    view: Array,
    colour: Array,
    gloss: Array,
    shadows: Sequence[Array],
    open_: Array,
    skin: float = 0.0,
) -> Array:
    """Lambert shading with a Blinn highlight.

    Args:
        shadows: For each lamp, the share of its light that arrives.
        open_: Ambient occlusion.
        skin: How far light wraps around the terminator in red, as it does in skin.
    """
    result = colour * lighting.ambient(normal) * open_
    wrap = vec((skin, skin * 0.35, skin * 0.2))
    for lamp, shadow in zip(lighting.lamps, shadows, strict=True):
        to_lamp = vec(lamp.position) - p
        distance = length(to_lamp)
        towards = to_lamp / distance
        facing = (normal * towards).sum(0)
        diffuse = np.clip((facing + wrap + lamp.wrap) / (1 + wrap + lamp.wrap), 0, None)
        half = normalise(towards - view)
        shine = np.clip((normal * half).sum(0), 0, 1) ** 28 * gloss * (facing > 0)
        arriving = vec(lamp.power) * (shadow / np.maximum(distance, 0.3) ** 2)
        result = result + (colour * diffuse + shine) * arriving
    return result


def develop(linear: NDArray[np.float32], exposure: float = 1.0) -> NDArray[np.float32]:
    """Linear light to display values 0..255, with a film-like shoulder."""
    x = np.maximum(linear * np.float32(exposure), 0)
    x = x * (1 + x * np.float32(0.16)) / (1 + x * np.float32(0.72))  # ~linear below 0.2, rolls off towards white
    display: NDArray[np.float32] = np.clip(np.power(np.clip(x, 0, 1), 1 / 2.2) * 255, 0, 255).astype(np.float32)
    return display
