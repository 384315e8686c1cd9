"""A video call: somebody at a desk talks, nods and blinks, with a room behind that is a little out of focus."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .actor import Actor
from .body import Body, Outfit, sitting
from .fields import Array, vec
from .film import SUPERSAMPLING, Lens, Shot
from .head import Expression, Face, Head
from .light import Camera, Lamp, Lighting
from .room import Box, Still, plaster, render, wood
from .shop import goods
from .walk import blink_at, flutter

FRAMES = 250
_FACE = Face(skin=(0.60, 0.36, 0.27), hair=(0.055, 0.03, 0.018), iris=(0.05, 0.10, 0.07), jaw=0.97, glasses=True, seed=9)
_OUTFIT = Outfit(top=(0.09, 0.11, 0.15), second=(0.42, 0.55, 0.66), pattern="jacket", legs=(0.05, 0.05, 0.06))
# Seconds of speech: from, to. Between them the speaker listens, nods, and is almost still.
_SPEECH = ((0.4, 3.3), (5.2, 7.4), (8.3, 9.7))


def speech(seconds: float) -> float:
    """How far the mouth is open: syllables at about four a second within phrases, 0..1."""
    voiced = sum(np.clip((seconds - a) / 0.15, 0, 1) * np.clip((b - seconds) / 0.2, 0, 1) for a, b in _SPEECH)
    syllable = 0.5 + 0.5 * np.sin(2 * np.pi * 4.1 * seconds + 1.7 * np.sin(2 * np.pi * 0.9 * seconds))
    return float(voiced * syllable * (0.55 + 0.4 * flutter(seconds, (0.7, 1.3), 2)))


def cast(index: int, fps: int = 25) -> list[Actor]:
    """The speaker in a frame."""
    t = index / fps
    mouth = max(speech(t), 0.0)
    talking = float(sum(np.clip((t - a) / 0.5, 0, 1) * np.clip((b - t) / 0.5, 0, 1) for a, b in _SPEECH))
    nod = 0.10 * np.sin(2 * np.pi * 1.6 * (t - 3.8)) * np.exp(-(((t - 4.2) / 0.35) ** 2))
    look = (
        0.08 + 0.13 * talking * flutter(t, (0.23, 0.41), 3),
        0.02 + nod + 0.05 * talking * flutter(t, (0.5, 0.83), 4),
        0.04 * flutter(t, (0.13, 0.29), 5),
    )
    wide = 0.35 * (1 - talking) + 0.2 * talking * flutter(t, (0.8, 1.9), 6)
    face = Expression(open=mouth, wide=wide, blink=blink_at(t, 3, 2.7), brow=max(0.0, 0.9 * talking * flutter(t, (0.4, 0.7), 8)))
    lift = float(np.clip((t - 5.5) / 0.5, 0, 1) * np.clip((7.4 - t) / 0.6, 0, 1))
    ease = lift * lift * (3 - 2 * lift)
    hands = (0.0, ease * (0.85 + 0.12 * flutter(t, (1.1, 1.9), 9)))
    pose = sitting(0.012 * talking * flutter(t, (0.2, 0.37), 10), hands)
    return [
        Actor(Body(pose, _OUTFIT, _FACE.skin, seed=9, seated=True), Head(_FACE, face), (0.03, 0.47, 0.95), np.pi - 0.06, look)
    ]


def _walls(p: Array, n: Array) -> Array:
    wall = plaster(seed=15)(p, n)
    colour = np.where(n[2] < -0.5, vec((0.33, 0.40, 0.42)), vec((0.60, 0.57, 0.52))) * wall
    return np.where(n[1] > 0.5, vec((0.28, 0.2, 0.14)) * wood()(p, n), colour).astype(np.float32)


def _landscape() -> NDArray[np.float32]:
    """A framed picture: hills under an evening sky."""
    h, w = 180, 260
    ys, xs = np.mgrid[0 : 1 : h * 1j, 0 : 1 : w * 1j].astype(np.float32)
    image = np.stack([0.75 - 0.25 * ys, 0.52 - 0.1 * ys, 0.38 + 0.2 * ys], -1)
    for k, (level, colour) in enumerate(((0.5, (0.30, 0.28, 0.33)), (0.62, (0.16, 0.22, 0.22)), (0.78, (0.07, 0.13, 0.10)))):
        ridge = level + 0.05 * np.sin(xs * (5 + 3 * k) + k * 2) + 0.03 * np.sin(xs * (13 + 4 * k) + k)
        image = np.where((ys > ridge)[..., None], np.float32(colour), image)
    cv2.circle(image, (190, 50), 16, (0.95, 0.75, 0.5), -1, cv2.LINE_AA)
    border = (ys < 0.06) | (ys > 0.94) | (xs < 0.045) | (xs > 0.955)
    framed: NDArray[np.float32] = np.where(border[..., None], np.float32([0.75, 0.73, 0.68]), image).astype(np.float32)
    return framed


def _boxes() -> list[Box]:
    room = Box((-2.4, 0.0, -1.5), (2.4, 2.6, 3.6), (1, 1, 1), _walls)
    oak = wood(0.9, 0, 31)
    boxes = [room]
    for level in range(6):
        y = 0.25 + 0.37 * level
        boxes.append(Box((-1.75, y - 0.025, 3.25), (-0.55, y, 3.6), (0.36, 0.23, 0.13), oak))
        if level == 5:
            continue
        ends = ((-1.70, -1.22), (-1.15, -0.80)) if level % 2 else ((-1.70, -1.40), (-1.28, -0.62))
        for k, (a, b) in enumerate(ends):
            tall = 0.21 + 0.045 * ((level * 2 + k) % 3)
            boxes.append(Box((a, y, 3.32), (b, y + tall, 3.58), (1, 1, 1), goods(0.032 + 0.006 * k, 0, 40 + level * 2 + k)))
    boxes += [
        Box((-1.78, 0.0, 3.25), (-1.75, 2.15, 3.6), (0.36, 0.23, 0.13), oak),
        Box((-0.55, 0.0, 3.25), (-0.52, 2.15, 3.6), (0.36, 0.23, 0.13), oak),
        Box((0.42, 1.22, 3.55), (1.22, 1.80, 3.6), picture=_landscape(), colour=(0.04, 0.03, 0.025)),
        Box((0.25, 0.0, 3.1), (1.7, 0.72, 3.58), (0.55, 0.53, 0.50), wood(0.7, 0, 33)),
        Box((0.22, 0.72, 3.05), (1.73, 0.76, 3.6), (0.36, 0.23, 0.13), oak),
        Box((1.30, 0.76, 3.25), (1.44, 0.80, 3.39), (0.05, 0.05, 0.055)),
        Box((1.36, 0.80, 3.31), (1.38, 1.10, 3.33), (0.05, 0.05, 0.055)),
        Box((1.24, 1.10, 3.18), (1.50, 1.34, 3.46), (0.9, 0.72, 0.48), glow=(1.5, 1.35, 1.1), casts=False),
        Box((0.36, 0.76, 3.2), (0.62, 0.95, 3.4), (0.35, 0.12, 0.07)),
    ]
    return boxes


def _defocused(still: Still) -> Still:
    """The scene behind as a lens focused on the speaker shows it."""
    sigma = 0.0042 * still.camera.width
    blur = [cv2.GaussianBlur(part, (0, 0), sigma) for part in (still.colour, *still.direct)]
    return Still(still.camera, still.lighting, blur[0], still.depth, still.points, tuple(blur[1:]))


def shot(scale: float = 1.0) -> Shot:
    """The clip at ``640 * scale`` pixels width."""
    camera = Camera((0.0, 1.27, 0.0), (0.0, 1.20, 1.0), 560, 640, 480).scaled(scale * SUPERSAMPLING)
    lighting = Lighting(
        (
            Lamp((-1.6, 2.0, -0.3), (3.9, 4.2, 4.6), 0.7),
            Lamp((1.37, 1.3, 3.0), (0.55, 0.42, 0.26), 0.15),
            Lamp((1.3, 1.6, -0.4), (0.9, 0.75, 0.6), 0.5),
        ),
        (0.24, 0.25, 0.27),
        (0.13, 0.11, 0.09),
    )
    return Shot(
        "meeting", _defocused(render(_boxes(), camera, lighting)), Lens(exposure=1.3, noise=1.7, vignette=0.25), cast, FRAMES
    )
