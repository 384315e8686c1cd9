"""Signed distance fields, sphere tracing and procedural noise, on arrays of points ``(3, N)`` float32 in metres."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32]
Field: TypeAlias = Callable[[Array], Array]
Vec: TypeAlias = Sequence[float] | Array


def vec(v: Vec) -> Array:
    """A vector as a column that broadcasts over points."""
    return np.asarray(v, np.float32).reshape(3, 1)


def length(p: Array) -> Array:
    return np.sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2])


def normalise(p: Array) -> Array:
    return p / np.maximum(length(p), 1e-9)


def smoothstep(edge0: float, edge1: float, x: Array) -> Array:
    t = np.clip((x - edge0) / np.float32(edge1 - edge0), 0, 1)
    return t * t * (3 - 2 * t)


def mix(a: Array, b: Array, t: Array) -> Array:
    return a + (b - a) * t


def sphere(p: Array, centre: Vec, radius: float) -> Array:
    cx, cy, cz = (float(c) for c in centre)
    x, y, z = p[0] - cx, p[1] - cy, p[2] - cz
    return np.sqrt(x * x + y * y + z * z) - radius


def ellipsoid(p: Array, centre: Vec, radii: Vec) -> Array:
    """Distance to an ellipsoid, first order (exact on the surface)."""
    (cx, cy, cz), (rx, ry, rz) = (float(c) for c in centre), (1 / float(r) for r in radii)
    x, y, z = (p[0] - cx) * rx, (p[1] - cy) * ry, (p[2] - cz) * rz
    k0 = np.sqrt(x * x + y * y + z * z)
    x, y, z = x * rx, y * ry, z * rz
    return k0 * (k0 - 1) / np.sqrt(x * x + y * y + z * z + 1e-9)


def limb(p: Array, a: Vec, b: Vec, ra: float, rb: float) -> Array:
    """Distance to a capsule whose radius goes from ``ra`` at ``a`` to ``rb`` at ``b``."""
    ax, ay, az = (float(c) for c in a)
    dx, dy, dz = (float(e) - float(s) for s, e in zip(a, b, strict=True))
    scale = 1 / (dx * dx + dy * dy + dz * dz + 1e-9)
    x, y, z = p[0] - ax, p[1] - ay, p[2] - az
    h = np.clip(x * (dx * scale) + y * (dy * scale) + z * (dz * scale), 0, 1)
    x -= dx * h
    y -= dy * h
    z -= dz * h
    return np.sqrt(x * x + y * y + z * z) - (ra + (rb - ra) * h)


def smooth_min(a: Array, b: Array, k: float) -> Array:
    """Union with a fillet of size ``k``."""
    h = np.maximum(k - np.abs(a - b), 0)
    return np.minimum(a, b) - h * h * (0.25 / k)


def smooth_max(a: Array, b: Array, k: float) -> Array:
    return -smooth_min(-a, -b, k)


def trace(
    field: Field, origin: Array, direction: Array, near: Array, far: Array, pixel: float, steps: int = 48
) -> tuple[Array, NDArray[np.bool_]]:
    """March rays to the surface of a field.

    Args:
        field: Distance to the surface.
        origin: ``(3, 1)`` common origin.
        direction: ``(3, N)`` unit directions.
        near: ``(N,)`` where each ray starts.
        far: ``(N,)`` where it gives up.
        pixel: Size of a pixel at distance 1, which is the tolerance.

    Returns:
        ``(N,)`` distances along the rays, and which rays hit.
    """
    t = near.copy()
    hit = np.zeros(t.shape, bool)
    live = np.flatnonzero(near < far)
    for _ in range(steps):
        if live.size == 0:
            break
        d = field(origin + direction[:, live] * t[live])
        close = d < np.float32(0.4 * pixel) * t[live]
        hit[live[close]] = True
        t[live] += np.where(close, 0, 0.88 * d)
        live = live[~close & (t[live] < far[live])]
    return t, hit


def gradient(field: Field, p: Array, step: float) -> Array:
    """Unit normals of a field at points on its surface, from four taps of a tetrahedron."""
    total = np.zeros_like(p)
    for sign in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        k = vec(sign)
        total += k * field(p + k * np.float32(step))
    return normalise(total)


def hash01(*keys: Array, seed: int = 0) -> Array:
    """A number in 0..1 for each tuple of integers: the same on every machine."""
    h = np.full(np.broadcast(*keys).shape, 2166136261 ^ (seed * 2654435761 & 0xFFFFFFFF), np.uint32)
    for key in keys:
        h = (h ^ np.asarray(key).astype(np.int64).astype(np.uint32)) * np.uint32(16777619)
        h ^= h >> np.uint32(15)
    h *= np.uint32(2246822519)
    h ^= h >> np.uint32(13)
    result: Array = (h.astype(np.float64) / 4294967296.0).astype(np.float32)
    return result


def value_noise(u: Array, v: Array, seed: int = 0) -> Array:
    """Smooth noise in 0..1 with one feature per unit of ``u`` and ``v``."""
    iu, iv = np.floor(u), np.floor(v)
    fu, fv = u - iu, v - iv
    fu, fv = fu * fu * (3 - 2 * fu), fv * fv * (3 - 2 * fv)
    top = mix(hash01(iu, iv, seed=seed), hash01(iu + 1, iv, seed=seed), fu)
    bottom = mix(hash01(iu, iv + 1, seed=seed), hash01(iu + 1, iv + 1, seed=seed), fu)
    return mix(top, bottom, fv)


def fractal_noise(u: Array, v: Array, octaves: int = 4, seed: int = 0) -> Array:
    total = np.zeros(np.broadcast(u, v).shape, np.float32)
    for i in range(octaves):
        total += value_noise(u * 2**i, v * 2**i, seed + i) * np.float32(0.5 ** (i + 1))
    return total / np.float32(1 - 0.5**octaves)
