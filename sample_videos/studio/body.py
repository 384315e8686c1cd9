"""A clothed, jointed body as a distance field, posed by a walk or by sitting at a desk.

Body coordinates, in metres: the origin is on the floor below the pelvis, x to the side, y up, z forward.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .fields import Array, ellipsoid, fractal_noise, limb, mix, smooth_max, smooth_min, smoothstep, vec

THIGH, SHIN, ANKLE = 0.435, 0.435, 0.085
UPPER_ARM, FOREARM = 0.295, 0.26


@dataclass(frozen=True)
class Outfit:
    """Clothes. Colours are linear RGB reflectances; ``pattern`` is plain, stripes, check or jacket."""

    top: tuple[float, float, float] = (0.10, 0.16, 0.30)
    second: tuple[float, float, float] = (0.6, 0.6, 0.58)
    legs: tuple[float, float, float] = (0.05, 0.065, 0.10)
    shoes: tuple[float, float, float] = (0.03, 0.025, 0.02)
    pattern: str = "plain"
    skirt: bool = False


@dataclass(frozen=True)
class Pose:
    """Joints in body coordinates: for each limb ``(2, 3)``, the side of positive x first."""

    pelvis: Array
    chest: Array
    shoulders: Array
    elbows: Array
    hands: Array
    hips: Array
    knees: Array
    ankles: Array
    toes: Array
    head: Array


def _bend(root: Array, tip: Array, first: float, second: float, forward: Array) -> Array:
    """Where the middle joint of a two-bone chain goes: bent towards ``forward``. Bones are stretched a little if they must."""
    span = tip - root
    reach = float(np.linalg.norm(span))
    along = (first**2 - second**2 + reach**2) / (2 * reach)
    aside = np.sqrt(max(first**2 - along**2, 1e-6))
    axis = span / reach
    out = forward - axis * float(forward @ axis)
    joint: Array = (root + axis * along + out / np.linalg.norm(out) * aside).astype(np.float32)
    return joint


def walking(phase: float, vigour: float, stride: float = 1.2) -> Pose:
    """A moment of a walk.

    Args:
        phase: Steps taken, in strides (two steps each).
        vigour: 1 for a full walk, 0 for standing still.
        stride: Metres per stride, so that the feet stay where they are put.
    """
    sway = 0.018 * vigour * np.cos(2 * np.pi * phase)
    rise = 0.012 * vigour * np.cos(4 * np.pi * (phase - 0.18))
    pelvis = np.array([sway, 0.94 - 0.028 * vigour + rise, 0], np.float32)
    turn = 0.10 * vigour * np.sin(2 * np.pi * phase)
    hips, knees, ankles, toes, shoulders, elbows, hands = ([] for _ in range(7))
    chest = pelvis + np.array([-0.4 * sway, 0.36, 0.04 * vigour], np.float32)
    for side in (1, -1):
        u = (phase + (0 if side == 1 else 0.5)) % 1.0
        if u < 0.6:
            z, lift, pitch = (
                stride * (0.3 - u),
                0.07 * max(0.0, (u - 0.42) / 0.18) ** 2,
                0.3 * max(0.0, 1 - u / 0.1) - 0.75 * max(0.0, (u - 0.42) / 0.18),
            )
        else:
            v = (u - 0.6) / 0.4
            ease = v * v * (3 - 2 * v)
            z, lift, pitch = (
                stride * (0.6 * ease - 0.3),
                0.07 * (1 - v) ** 2 + 0.085 * np.sin(np.pi * v),
                -0.75 * (1 - v) + 0.3 * v,
            )
        z, lift, pitch = z * vigour, lift * vigour, pitch * vigour
        hip = pelvis + np.array([side * 0.09, -0.02, -side * turn * 0.09], np.float32)
        ankle = np.array([side * 0.085, ANKLE + lift, z], np.float32)
        hips.append(hip)
        ankles.append(ankle)
        knees.append(_bend(hip, ankle, THIGH, SHIN, np.array([side * 0.08, 0, 1], np.float32)))
        toes.append(ankle + np.array([side * 0.03, -0.055 + 0.13 * np.sin(pitch), 0.155 * np.cos(pitch)], np.float32))
        shoulder = chest + np.array([side * 0.178, 0.098, side * turn * 0.19], np.float32)
        swing = -0.42 * vigour * np.sin(2 * np.pi * (phase + (0 if side == 1 else 0.5) + 0.2))
        elbow = shoulder + UPPER_ARM * np.array([side * 0.14, -np.cos(swing), np.sin(swing)], np.float32)
        bend = swing + 0.22 + 0.25 * vigour * (0.5 + 0.5 * np.sin(swing * 3))
        hand = elbow + FOREARM * np.array([side * 0.02, -np.cos(bend), np.sin(bend)], np.float32)
        shoulders.append(shoulder)
        elbows.append(elbow)
        hands.append(hand)
    head = chest + np.array([0, 0.355, 0.045], np.float32)
    return Pose(pelvis, chest, *(np.array(j, np.float32) for j in (shoulders, elbows, hands, hips, knees, ankles, toes)), head)  # type: ignore[arg-type]


def sitting(lean: float, gesture: tuple[float, float]) -> Pose:
    """Somebody at a desk, hands on it; ``gesture`` lifts each hand, 0..1. The origin is the seat, not the floor."""
    pelvis = np.array([0, 0.0, 0], np.float32)
    chest = np.array([0, 0.36, 0.03 + lean], np.float32)
    shoulders, elbows, hands, hips, knees = ([] for _ in range(5))
    for side, lifted in zip((1, -1), gesture, strict=True):
        shoulder = chest + np.array([side * 0.182, 0.098, 0.0], np.float32)
        hand = np.array([side * (0.16 + 0.06 * lifted), 0.17 + 0.36 * lifted, 0.36 - 0.06 * lifted], np.float32)
        shoulders.append(shoulder)
        hands.append(hand)
        elbows.append(_bend(shoulder, hand, UPPER_ARM, FOREARM, np.array([side * 0.6, -1, -0.3], np.float32)))
        hips.append(np.array([side * 0.09, 0, 0], np.float32))
        knees.append(np.array([side * 0.12, 0.02, 0.42], np.float32))
    ankles = np.array(knees, np.float32) - np.array([0, 0.4, 0], np.float32)
    head = chest + np.array([0, 0.355, 0.045 + 0.4 * lean], np.float32)
    joints = (np.array(j, np.float32) for j in (shoulders, elbows, hands, hips, knees, ankles, ankles))
    return Pose(pelvis, chest, *joints, head)


@dataclass(frozen=True)
class Body:
    """A pose in clothes; the head is a field of its own."""

    pose: Pose
    outfit: Outfit
    skin: tuple[float, float, float]
    build: float = 1.0
    seed: int = 0
    seated: bool = False

    def __call__(self, p: Array) -> Array:
        if self.seated:  # at a desk: what is below it is never seen
            return np.minimum(self.top(p), self.hands(p))
        return np.minimum(np.minimum(self.top(p), self.bottom(p)), np.minimum(self.shoes(p), self.hands(p)))

    def top(self, p: Array) -> Array:
        """Shirt or jacket, with sleeves."""
        q, b = self.pose, self.build
        d = ellipsoid(p, q.chest + np.float32([0, -0.01, 0]), (0.172 * b, 0.205, 0.118 * b))
        d = smooth_min(
            d, ellipsoid(p, q.pelvis * 0.55 + q.chest * 0.45 + np.float32([0, -0.03, 0.005]), (0.148 * b, 0.19, 0.108 * b)), 0.07
        )
        d = smooth_min(d, ellipsoid(p, q.pelvis + np.float32([0, 0.055, 0]), (0.165 * b, 0.125, 0.118 * b)), 0.06)
        d = smooth_min(
            d,
            limb(p, q.shoulders[0] + np.float32([-0.025, 0, 0]), q.shoulders[1] + np.float32([0.025, 0, 0]), 0.058, 0.058),
            0.05,
        )
        d = smooth_min(
            d, limb(p, q.chest + np.float32([0, 0.12, -0.01]), q.head + np.float32([0, -0.17, -0.045]), 0.085, 0.058), 0.09
        )
        hem = q.pelvis[1] - np.float32(0.03)
        d = smooth_max(d, hem - p[1], 0.02)
        folds = 0.0026 * np.sin(44 * p[1] + 5 * np.sin(17 * p[0] + self.seed) + 9 * p[2])
        for i in (0, 1):
            wrist = q.elbows[i] * 0.12 + q.hands[i] * 0.88
            sleeve = limb(p, q.shoulders[i], q.elbows[i], 0.064 * b, 0.05)
            sleeve = smooth_min(sleeve, limb(p, q.elbows[i], wrist, 0.05, 0.036), 0.02)
            d = smooth_min(d, sleeve, 0.035)
        return d + folds

    def bottom(self, p: Array) -> Array:
        """Trousers or a skirt with legs."""
        q, b = self.pose, self.build
        d = ellipsoid(p, q.pelvis + np.float32([0, -0.02, -0.008]), (0.16 * b, 0.12, 0.118 * b))
        cuff = 0.047 if not self.outfit.skirt else 0.036
        for i in (0, 1):
            leg = limb(p, q.hips[i], q.knees[i], 0.085 * b, 0.06)
            leg = smooth_min(leg, limb(p, q.knees[i], q.ankles[i] + np.float32([0, -0.015, -0.005]), 0.058, cuff), 0.025)
            d = smooth_min(d, leg, 0.03)
        if self.outfit.skirt:
            middle = (q.knees[0] + q.knees[1]) / 2
            d = smooth_min(d, limb(p, q.pelvis, middle + np.float32([0, 0.02, 0]), 0.14, 0.165), 0.04)
        return d + 0.003 * np.sin(38 * p[1] + 6 * np.sin(13 * p[0]))

    def shoes(self, p: Array) -> Array:
        q = self.pose
        d = np.full(p.shape[1], 9, np.float32)
        for i in (0, 1):
            heel = q.ankles[i] + np.float32([0, -0.045, -0.035])
            d = np.minimum(d, smooth_min(limb(p, heel, q.toes[i], 0.041, 0.036), limb(p, q.ankles[i], heel, 0.04, 0.04), 0.02))
        return d

    def hands(self, p: Array) -> Array:
        q = self.pose
        d = np.full(p.shape[1], 9, np.float32)
        for i in (0, 1):
            axis = (q.hands[i] - q.elbows[i]) / np.float32(FOREARM)
            d = np.minimum(d, limb(p, q.hands[i] - axis * 0.03, q.hands[i] + axis * 0.075, 0.031, 0.027))
            inward = np.float32([-1 if i == 0 else 1, 0, 0.6]) * np.float32(0.03)
            d = smooth_min(d, limb(p, q.hands[i], q.hands[i] + axis * 0.045 + inward, 0.014, 0.011), 0.012)
        return d

    def paint(self, p: Array) -> tuple[Array, Array]:
        """Reflectance ``(3, N)`` and gloss ``(N,)`` of points on the surface."""
        nowhere = np.full(p.shape[1], 9, np.float32)
        lower = (nowhere, nowhere) if self.seated else (self.bottom(p), self.shoes(p))
        parts = np.stack([self.top(p), *lower, self.hands(p)])
        which = parts.argmin(0)
        weave = 0.85 + 0.3 * fractal_noise((p[0] + p[2]) * 90, p[1] * 90, 3, self.seed)
        legs = vec(self.outfit.legs) * weave
        if self.outfit.skirt:
            bare = smoothstep(0.02, -0.01, p[1] - float(self.pose.knees[:, 1].mean()))
            legs = mix(legs, np.broadcast_to(vec(self.skin), p.shape), bare)
        colours = (
            self._cloth(p) * weave,
            legs,
            np.broadcast_to(vec(self.outfit.shoes), p.shape),
            np.broadcast_to(vec(self.skin), p.shape),
        )
        colour = np.select([np.broadcast_to(which == i, p.shape) for i in range(4)], colours)
        gloss = np.array([0.03, 0.03, 0.25, 0.1], np.float32)[which]
        return colour.astype(np.float32), gloss

    def _cloth(self, p: Array) -> Array:
        o, q = self.outfit, self.pose
        base = np.broadcast_to(vec(o.top), p.shape)
        y, x = p[1] - q.chest[1], p[0] - q.chest[0]
        sleeve = np.abs(x) > 0.2
        match o.pattern:
            case "stripes":
                return mix(base, vec(o.second), smoothstep(-0.15, 0.15, np.sin(y * 105)))
            case "check":
                across = smoothstep(0.3, 0.6, np.sin(y * 70)) + smoothstep(0.3, 0.6, np.sin((x + 0.5 * p[2]) * 70))
                return mix(base, vec(o.second), np.clip(across * 0.5, 0, 1))
            case "jacket":
                gap = 0.018 + 0.33 * np.maximum(y - 0.0, 0) + 0.02 * np.maximum(-y - 0.2, 0)
                front = (p[2] > q.chest[2]) & ~sleeve
                shirt = smoothstep(0.004, -0.004, np.abs(x) - gap) * front
                lapel = np.exp(-(((np.abs(x) - gap - 0.006) / 0.006) ** 2)) * front
                return mix(mix(base, vec(o.second), shirt), vec(o.top) * 0.4, np.clip(lapel, 0, 1))
            case _:
                return base
