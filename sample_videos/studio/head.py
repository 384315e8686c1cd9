"""A human head as a distance field: skull, jaw, nose, lips, eyes with lids, ears and hair.

Head coordinates, in metres: the origin lies between the ears, x to the side, y up, z forward through the nose.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from .fields import Array, ellipsoid, fractal_noise, hash01, limb, mix, smooth_max, smooth_min, smoothstep, sphere, vec

EYE = np.array([0.0315, 0.009, 0.0735], np.float32)
EYE_RADIUS = 0.0135


@dataclass(frozen=True)
class Expression:
    """What a face does at one moment; 0 is rest.

    Attributes:
        open: How far the mouth is open, 0..1.
        wide: -1 for pursed lips, 1 for a smile.
        blink: 0 for open eyes, 1 for closed ones.
        brow: How far the brows are raised, 0..1.
        gaze: Where the eyes look, in metres across the eyeball.
    """

    open: float = 0.0
    wide: float = 0.0
    blink: float = 0.0
    brow: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Face:
    """What makes a face somebody's. Colours are linear RGB reflectances."""

    skin: tuple[float, float, float] = (0.58, 0.34, 0.24)
    hair: tuple[float, float, float] = (0.05, 0.03, 0.02)
    iris: tuple[float, float, float] = (0.10, 0.06, 0.03)
    lips: tuple[float, float, float] = (0.38, 0.11, 0.10)
    style: str = "short"  # short, long, bun
    beard: float = 0.0
    jaw: float = 1.0
    glasses: bool = False
    seed: int = 1


@dataclass
class Head:
    """A face with an expression."""

    face: Face
    expression: Expression = field(default_factory=Expression)

    def with_expression(self, expression: Expression) -> Head:
        return replace(self, expression=expression)

    def __call__(self, p: Array) -> Array:
        d = np.minimum(self.flesh(p), self.hair(p))
        m = self._mirror(p)
        d = np.minimum(d, sphere(m, EYE, EYE_RADIUS))
        if self.face.glasses:
            d = np.minimum(d, self.frames(m))
        return d

    @staticmethod
    def _mirror(p: Array) -> Array:
        return np.stack([np.abs(p[0]), p[1], p[2]])

    def flesh(self, p: Array) -> Array:
        """Skin: everything but hair, eyes and glasses."""
        m = self._mirror(p)
        e, jaw = self.expression, self.face.jaw
        drop = 0.013 * e.open
        d = ellipsoid(p, (0, 0.038, -0.012), (0.075, 0.083, 0.094))
        d = smooth_min(d, ellipsoid(p, (0, -0.022, 0.026), (0.061 * jaw, 0.084, 0.066)), 0.03)
        d = smooth_min(d, ellipsoid(m, (0.025 * jaw, -0.076 - drop, 0.042), (0.027, 0.023, 0.035)), 0.03)
        d = smooth_min(d, ellipsoid(p, (0, -0.093 - drop, 0.070), (0.019, 0.016, 0.018)), 0.03)
        d = smooth_min(d, sphere(m, (0.036, -0.026, 0.062), 0.024), 0.028)
        d = smooth_min(d, limb(m, (0.0, 0.028, 0.0845), (0.044, 0.03, 0.066), 0.010, 0.008), 0.014)
        d = smooth_max(d, -sphere(m, (0.0325, 0.009, 0.1045), 0.0195), 0.014)
        nose = limb(p, (0, 0.022, 0.0885), (0, -0.024, 0.109), 0.0062, 0.0105)
        nose = smooth_min(nose, sphere(m, (0.0115, -0.0285, 0.0985), 0.0078), 0.008)
        d = smooth_min(d, nose, 0.011)
        # The lids: a shell around the eyeball, above and below the slit that the eye leaves open.
        d = smooth_min(d, np.maximum(sphere(m, EYE, EYE_RADIUS + 0.0016), self._slit(m)), 0.004)
        lips = self._lips(m, drop)
        d = smooth_min(d, lips, 0.007)
        if e.open > 0.02:
            d = smooth_max(d, -ellipsoid(p, (0, -0.0635 - drop / 2, 0.094), self._mouth()), 0.004)
        ear = smooth_max(
            ellipsoid(m, (0.077, 0.002, -0.006), (0.011, 0.032, 0.019)), -sphere(m, (0.092, 0.004, 0.0), 0.011), 0.006
        )
        d = smooth_min(d, ear, 0.01)
        return smooth_min(d, limb(p, (0, -0.075, -0.016), (0, -0.2, -0.038), 0.05, 0.056), 0.026)

    def _mouth(self) -> tuple[float, float, float]:
        e = self.expression
        return (0.017 + 0.005 * e.wide - 0.004 * e.open, 0.0012 + 0.011 * e.open, 0.022)

    def _lips(self, m: Array, drop: float) -> Array:
        half = 0.0225 + 0.005 * self.expression.wide
        rise = 0.003 * max(self.expression.wide, 0)
        corner = (half, -0.0635 - drop / 2 + rise, 0.0795)
        upper = limb(m, (0.004, -0.0588, 0.0915), corner, 0.0052, 0.0026)
        lower = limb(m, (0.0, -0.0690 - drop, 0.0898), corner, 0.0064, 0.0026)
        return np.minimum(upper, lower)

    def _slit(self, m: Array) -> Array:
        """How deep a point lies inside the opening between the lids, on the mirrored half; negative outside."""
        e = self.expression
        half = 0.0075 * (1 - e.blink) + 0.0001
        x = (m[0] - EYE[0]) / np.float32(0.0145)
        upper = half * (1.05 + 0.25 * e.brow) * (1 - x * x) - (m[1] - EYE[1])
        lower = half * 0.75 * (1 - x * x) + (m[1] - EYE[1])
        return np.minimum(np.minimum(upper, lower), m[2] - EYE[2]).astype(np.float32)

    def frames(self, m: Array) -> Array:
        x, y = np.abs(m[0] - 0.034) - 0.0, m[1] - np.float32(0.004)
        ring = np.abs(np.sqrt((x / 1.18) ** 2 + y * y) - np.float32(0.0215))
        front = np.sqrt(ring**2 + (m[2] - np.float32(0.096) + 0.18 * np.maximum(m[0] - 0.03, 0)) ** 2) - np.float32(0.0019)
        arm = limb(m, (0.058, 0.01, 0.09), (0.079, 0.012, -0.01), 0.0018, 0.0018)
        bridge = limb(m, (0.0, 0.011, 0.1035), (0.012, 0.008, 0.097), 0.0018, 0.0018)
        return np.minimum(np.minimum(front, arm), bridge)

    def hair(self, p: Array) -> Array:
        m = self._mirror(p)
        strands = 0.0022 * np.sin(95 * m[0] + 8 * np.sin(21 * p[1] + self.face.seed)) * np.cos(33 * p[2] + 40 * m[0])
        d = ellipsoid(p, (0, 0.043, -0.016), (0.0835, 0.09, 0.1025)) + strands
        d = smooth_min(d, ellipsoid(p, (0.022, 0.098, 0.046), (0.052, 0.028, 0.046)) + strands, 0.03)
        d = smooth_min(d, ellipsoid(p, (0, -0.03, -0.065), (0.062, 0.07, 0.045)) + strands, 0.03)
        # The hairline: a plane from the forehead down to behind the ears, and a curve at the temples.
        line = (p[2] - 0.068) * 0.62 - (p[1] - 0.074) * 0.78 + 1.9 * np.maximum(m[0] - 0.045, 0) * 0.35
        sideburn = np.where(
            p[1] > (-9 if self.face.style == "long" else -0.012), p[2] - np.float32(0.022), p[2] + np.float32(0.02)
        )
        d = smooth_max(d, np.minimum(line, sideburn).astype(np.float32), 0.008)
        if self.face.style == "long":
            fall = limb(m, (0.064, 0.06, -0.02), (0.082, -0.13, -0.012), 0.026, 0.03) + strands
            fall = smooth_min(fall, limb(p, (0, 0.03, -0.07), (0, -0.17, -0.08), 0.06, 0.07) + strands, 0.07)
            d = smooth_min(d, fall, 0.05)
        if self.face.style == "bun":
            d = smooth_min(d, sphere(p, (0, 0.118, -0.078), 0.036) + strands, 0.012)
        return d

    def paint(self, p: Array) -> tuple[Array, Array]:
        """Reflectance ``(3, N)`` and gloss ``(N,)`` of points on the surface."""
        m, face, e = self._mirror(p), self.face, self.expression
        colour = self._skin(p, m)
        gloss = np.full(p.shape[1], 0.10, np.float32)
        hair = self.hair(p) < self.flesh(p)
        shade = 0.65 + 0.7 * fractal_noise(m[0] * 160, p[1] * 26 + p[2] * 30, 2, face.seed)
        colour = np.where(hair, vec(face.hair) * shade, colour)
        gloss = np.where(hair, 0.22, gloss)
        eye = (sphere(m, EYE, EYE_RADIUS) < 0.0006) & (self._slit(m) > 0)
        colour = np.where(eye, self._eye(p), colour)
        gloss = np.where(eye, 0.6, gloss)
        if e.open > 0.02:
            drop = 0.013 * e.open
            inside = ellipsoid(p, (0, -0.0635 - drop / 2, 0.094), self._mouth()) < 0.0012
            deep = inside & (p[2] < 0.089)
            teeth = deep & (p[1] > -0.0625 - 0.10 * drop) & (p[2] > 0.074)
            colour = np.where(deep, vec((0.05, 0.012, 0.010)), colour)
            colour = np.where(teeth, vec((0.55, 0.50, 0.44)), colour)
        if face.glasses:
            rim = self.frames(m) < 0.0008
            colour = np.where(rim, vec((0.015, 0.015, 0.018)), colour)
            gloss = np.where(rim, 0.5, gloss)
        return colour.astype(np.float32), gloss.astype(np.float32)

    def _skin(self, p: Array, m: Array) -> Array:
        face = self.face
        skin = np.broadcast_to(vec(face.skin), p.shape).copy()
        blush = np.exp(-(((m[0] - 0.04) / 0.02) ** 2 + ((p[1] + 0.03) / 0.02) ** 2)) + 0.7 * np.exp(
            -((p[0] / 0.013) ** 2 + ((p[1] + 0.026) / 0.012) ** 2)
        )
        skin = mix(skin, vec(face.skin) * vec((1.05, 0.80, 0.78)), np.clip(blush, 0, 1) * (p[2] > 0.03) * 0.8)
        socket = np.exp(-(((m[0] - 0.029) / 0.015) ** 2 + ((p[1] - 0.012) / 0.0095) ** 2)) * (p[2] > 0.03)
        skin = mix(skin, vec(face.skin) * vec((0.55, 0.46, 0.46)), (socket * 0.75).astype(np.float32))
        skin *= 0.95 + 0.1 * fractal_noise(p[0] * 240, p[1] * 240, 2, face.seed)
        skin = self._paint_lips(p, m, skin)
        lid = (
            np.exp(-(((sphere(m, EYE, EYE_RADIUS + 0.0018)) / 0.0015) ** 2))
            * np.exp(-((self._slit(m) / 0.0022) ** 2))
            * (p[1] > EYE[1] - 0.003)
        )
        skin = mix(skin, vec((0.03, 0.02, 0.015)), np.clip(lid, 0, 1) * 0.9)
        return self._brows_and_beard(p, m, skin)

    def _paint_lips(self, p: Array, m: Array, skin: Array) -> Array:
        e = self.expression
        x = np.clip(m[0] / np.float32(0.0235 + 0.005 * e.wide - 0.003 * e.open), 0, 1)
        arch = (1 - x * x) * (1 - 0.22 * np.exp(-((m[0] / 0.004) ** 2)))
        parting = -0.0637 - 0.0065 * e.open + 0.003 * max(e.wide, 0) * x * x
        above = p[1] - parting - (0.0078 + 0.0065 * e.open) * arch
        below = parting - p[1] - (0.0098 + 0.0080 * e.open) * np.sqrt(1 - x * x)
        lips = smoothstep(0.0012, -0.0012, np.maximum(above, below)) * (p[2] > 0.06) * (x < 1)
        skin = mix(skin, vec(self.face.lips), lips)
        line = np.exp(-(((p[1] - parting) / 0.0011) ** 2)) * (x < 0.97) * (p[2] > 0.06)
        return mix(skin, vec((0.10, 0.03, 0.025)), np.clip(line, 0, 1).astype(np.float32) * 0.85)

    def _brows_and_beard(self, p: Array, m: Array, skin: Array) -> Array:
        face = self.face
        arch = 0.0285 + 0.004 * self.expression.brow - 3.2 * (m[0] - 0.034) ** 2
        taper = smoothstep(0.008, 0.016, m[0]) * smoothstep(0.056, 0.046, m[0])
        brow = smoothstep(0.0056, 0.0030, np.abs(p[1] - arch)) * taper * (p[2] > 0.04)
        fibre = 0.75 + 0.25 * hash01(np.floor(p[0] * 900), np.floor(p[1] * 500), seed=face.seed)
        skin = mix(skin, vec(face.hair) * 0.8, brow * fibre)
        if face.beard > 0:
            area = (
                smoothstep(-0.035, -0.055, p[1] - 0.35 * np.maximum(m[0] - 0.03, 0))
                * (p[2] > -0.01)
                * smoothstep(-0.135, -0.115, p[1])
            )
            bare = smoothstep(0.003, 0.007, self._lips(m, 0.013 * self.expression.open))
            grain = 0.7 + 0.3 * hash01(np.floor(p[0] * 700), np.floor(p[1] * 700), seed=face.seed + 1)
            skin = mix(skin, vec(face.hair) * 1.1, area * bare * grain * np.float32(face.beard))
        return skin

    def _eye(self, p: Array) -> Array:
        side = np.sign(p[0])
        gx, gy = self.expression.gaze
        r = np.hypot(p[0] - side * EYE[0] - gx, p[1] - EYE[1] - gy)
        white = np.broadcast_to(vec((0.50, 0.46, 0.44)), p.shape)
        colour = mix(white, vec(self.face.iris), smoothstep(0.0074, 0.0066, r))
        colour = mix(colour, vec((0.008, 0.008, 0.008)), smoothstep(0.0040, 0.0032, r))
        glint = np.hypot(p[0] - side * EYE[0] - gx - 0.0025, p[1] - EYE[1] - gy - 0.003)
        return mix(colour, vec((1.6, 1.6, 1.6)), smoothstep(0.0016, 0.0010, glint))
