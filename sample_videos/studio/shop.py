"""A corner shop with its door open: three customers come and go."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from .actor import Actor
from .body import Body, Outfit, walking
from .fields import Array, hash01, value_noise, vec
from .film import SUPERSAMPLING, Lens, Shot
from .head import Expression, Face, Head
from .light import Camera, Lamp, Lighting
from .room import Box, Texture, plaster, render, tiles, wood
from .walk import Walk, blink_at, flutter

FRAMES = 300
_TILES, _PLASTER = tiles(0.5, seed=3), plaster(seed=5)

CUSTOMERS = (
    Walk(
        [
            (0.9, 2.1, 9.5),
            (1.7, 2.05, 8.0),
            (3.4, 0.9, 5.8),
            (5.0, 0.15, 4.2),
            (6.5, -0.15, 2.7),
            (7.5, -0.6, 1.5),
            (8.3, -1.5, 0.8),
        ]
    ),
    Walk(
        [
            (4.4, 2.2, 9.5),
            (5.2, 2.1, 8.2),
            (7.2, 0.65, 5.9),
            (8.2, 0.25, 4.9),
            (9.8, 0.25, 4.8),
            (10.4, 0.35, 4.3),
            (12.6, 0.8, 2.0),
        ],
        facing=np.pi,
    ),
    Walk(
        [
            (-1.0, -1.6, 6.2),
            (2.4, -1.6, 6.2),
            (3.4, -1.4, 6.8),
            (5.4, 0.4, 7.5),
            (6.7, 1.95, 8.2),
            (7.6, 2.1, 9.4),
            (8.6, 1.1, 10.6),
        ],
        facing=np.pi * 0.93,
    ),
)
DOORS = (1.15, 4.65, 6.6)  # seconds: when the door's bell rings

_PEOPLE = (
    (
        Face(skin=(0.60, 0.36, 0.26), seed=1),
        Outfit(top=(0.05, 0.10, 0.22), second=(0.55, 0.55, 0.52), pattern="jacket", legs=(0.10, 0.09, 0.08)),
        1.0,
    ),
    (
        Face(
            skin=(0.66, 0.42, 0.32),
            hair=(0.16, 0.07, 0.03),
            iris=(0.06, 0.13, 0.16),
            lips=(0.50, 0.14, 0.14),
            style="long",
            jaw=0.94,
            seed=5,
        ),
        Outfit(top=(0.45, 0.06, 0.05), second=(0.6, 0.57, 0.52), pattern="stripes", legs=(0.04, 0.06, 0.13)),
        0.94,
    ),
    (
        Face(skin=(0.32, 0.16, 0.095), hair=(0.012, 0.01, 0.009), lips=(0.24, 0.09, 0.08), beard=0.8, jaw=1.05, seed=3),
        Outfit(top=(0.32, 0.30, 0.10), second=(0.06, 0.10, 0.05), pattern="check", legs=(0.03, 0.03, 0.035)),
        1.03,
    ),
)


def cast(index: int, fps: int = 25) -> list[Actor]:
    """Who is in the shop in a frame."""
    t = index / fps
    present = []
    for k, (walk, (face, outfit, size)) in enumerate(zip(CUSTOMERS, _PEOPLE, strict=True)):
        begin, end = walk.seconds
        if not begin <= t < end:
            continue
        x, z, heading, phase, vigour = walk.at(t)
        # People glance towards the entrance, where the camera hangs: the head turns part of the way the body does not.
        aside = (np.arctan2(-x, -0.75 - z) - heading + np.pi) % (2 * np.pi) - np.pi
        look = float(np.clip(0.8 * aside, -0.8, 0.8)) + 0.12 * flutter(t, (0.21, 0.34), k)
        mood = Expression(blink=blink_at(t, k), wide=0.25, open=0.05 if k != 1 else 0.0)
        body = Body(walking(phase, vigour), outfit, face.skin, build=0.93 if face.style == "long" else 1.0, seed=k)
        nod = 0.05 * flutter(t, (0.3, 0.5), 7 + k) - 0.12
        present.append(Actor(body, Head(face, mood), (x, 0.0, z), heading, (look, nod, 0.0), size, k))
    return present


def _walls(p: Array, n: Array) -> Array:
    """Floor, ceiling and walls of the room in one texture."""
    floor, wall = _TILES(p, n), _PLASTER(p, n)
    colour = np.where(n[1] > 0.5, vec((0.50, 0.46, 0.40)) * floor, vec((0.62, 0.60, 0.52)) * wall)
    skirting = (p[1] < 0.10) & (np.abs(n[1]) < 0.5)
    lower = (p[1] < 1.05) & (np.abs(n[1]) < 0.5) & (p[0] > 3.0)
    colour = np.where(lower, vec((0.16, 0.27, 0.25)) * wall, colour)
    colour = np.where(skirting, vec((0.12, 0.08, 0.05)), colour)
    return np.where(n[1] < -0.5, vec((0.75, 0.74, 0.70)), colour).astype(np.float32)


def goods(width: float, axis: int, seed: int) -> Texture:
    """A row of packets and bottles, each with its colour and a label."""

    def texture(p: Array, n: Array) -> Array:
        u = p[axis] / width
        cell = np.floor(u)
        within = u - cell
        shelf = np.floor(p[1] * 4)
        tone = np.stack([hash01(cell, shelf, seed=seed + i) for i in range(3)])
        # Shops stock more cream, red and green than violet: pull the colours towards a few printers' inks.
        ink = np.array(
            [
                (0.62, 0.10, 0.07),
                (0.66, 0.50, 0.16),
                (0.12, 0.30, 0.13),
                (0.62, 0.56, 0.46),
                (0.09, 0.17, 0.36),
                (0.42, 0.22, 0.10),
            ],
            np.float32,
        )
        colour = ink[(hash01(cell, shelf, seed=seed + 5) * len(ink)).astype(int)].T * (0.65 + 0.5 * tone[:1]) + 0.06 * tone
        height = p[1] * 4 - shelf
        label = (np.abs(within - 0.5) < 0.36) & (height > 0.25) & (height < 0.6)
        stripe = np.sin(height * 70 + 9 * hash01(cell, seed=seed + 4)) > 0.2
        colour = np.where(label, np.where(stripe, 0.72, 0.72 * colour[::-1]), colour)
        return (colour * np.where(np.abs(within - 0.5) > 0.46, 0.25, 1) * (0.75 + 0.5 * np.sin(np.pi * within))).astype(
            np.float32
        )

    return texture


def _poster(
    lines: list[str], paper: tuple[int, int, int], ink: tuple[int, int, int], size: tuple[int, int] = (220, 300)
) -> NDArray[np.float32]:
    """A poster, as linear RGB."""
    w, h = size
    image = np.full((h, w, 3), paper, np.uint8)
    cv2.rectangle(image, (8, 8), (w - 9, h - 9), ink, 3)
    cv2.circle(image, (w // 2, h // 3), w // 4, ink, -1, cv2.LINE_AA)
    cv2.circle(image, (w // 2 - 10, h // 3 - 8), w // 5, paper, -1, cv2.LINE_AA)
    for i, line in enumerate(lines):
        scale = 1.2
        (tw, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_DUPLEX, scale, 2)
        scale *= min(1.0, (w - 40) / tw)
        (tw, _), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_DUPLEX, scale, 2)
        cv2.putText(image, line, ((w - tw) // 2, int(h * 0.68) + i * 42), cv2.FONT_HERSHEY_DUPLEX, scale, ink, 2, cv2.LINE_AA)
    linear: NDArray[np.float32] = ((image / 255.0) ** 2.2).astype(np.float32)
    return linear


def _shelving(low: tuple[float, float, float], high: tuple[float, float, float], axis: int, seed: int) -> list[Box]:
    """Shelves along x (axis 0) or z (axis 2), with goods on five levels."""
    rng = np.random.default_rng(seed)
    boxes = []
    brown = (0.30, 0.19, 0.10)
    for level in range(5):
        y = 0.15 + 0.42 * level
        board = Box((low[0], y - 0.03, low[2]), (high[0], y, high[2]), brown, wood(0.8, axis, seed))
        boxes.append(board)
        at = low[axis] + 0.05
        while at < high[axis] - 0.3:
            run = float(rng.uniform(0.35, 0.75))
            tall, deep = float(rng.uniform(0.17, 0.33)), float(rng.uniform(0.02, 0.14))
            end = min(at + run, high[axis] - 0.05)
            start_corner, end_corner = [low[0], y, low[2]], [high[0], y + tall, high[2]]
            start_corner[axis], end_corner[axis] = at, end
            if axis == 0:
                start_corner[2] += deep
            else:
                end_corner[0] -= deep
            boxes.append(
                Box(
                    tuple(start_corner),
                    tuple(end_corner),
                    (1, 1, 1),
                    goods(float(rng.uniform(0.075, 0.13)), axis, int(rng.integers(1000))),
                    gloss=0.1,
                )
            )  # type: ignore[arg-type]
            at = end + float(rng.uniform(0.0, 0.08))
    for edge in (low[axis], (low[axis] + high[axis]) / 2, high[axis] - 0.03):
        a, b = [low[0], 0.0, low[2]], [high[0], 2.12, high[2]]
        a[axis], b[axis] = edge, edge + 0.03
        boxes.append(Box(tuple(a), tuple(b), brown, wood(0.8, 0, seed)))  # type: ignore[arg-type]
    return boxes


def _boxes() -> list[Box]:
    room = Box((-3.2, 0.0, -1.2), (3.2, 2.95, 8.9), (1, 1, 1), _walls)
    oak, dark = wood(1.0, 0, 7), wood(1.0, 2, 8)
    boxes = [room]
    boxes += _shelving((-3.1, 0.0, 8.45), (1.2, 2.1, 8.88), 0, 11)
    boxes += _shelving((-3.19, 0.0, 2.6), (-2.75, 2.1, 7.6), 2, 12)
    boxes += [
        Box((1.60, 0.0, 8.80), (1.72, 2.25, 8.9), (0.22, 0.13, 0.07), oak),
        Box((2.63, 0.0, 8.80), (2.75, 2.25, 8.9), (0.22, 0.13, 0.07), oak),
        Box((1.72, 2.12, 8.80), (2.63, 2.25, 8.9), (0.22, 0.13, 0.07), oak),
        Box((1.72, 0.0, 8.88), (2.63, 2.12, 8.9), picture=_street(), glow=(0.8, 0.8, 0.8), distant=True),
        Box((2.60, 0.02, 7.95), (2.64, 2.10, 8.80), (0.22, 0.13, 0.07), oak),
        Box((1.70, 0.0, 3.6), (2.6, 0.98, 6.0), (0.34, 0.21, 0.11), dark),
        Box((1.65, 0.98, 3.55), (2.65, 1.03, 6.05), (0.50, 0.48, 0.44), dark, gloss=0.2),
        Box((1.85, 1.03, 4.0), (2.3, 1.2, 4.45), (0.03, 0.03, 0.035), gloss=0.3),
        Box((1.90, 1.2, 4.15), (2.25, 1.5, 4.20), (0.02, 0.02, 0.025), gloss=0.4),
        Box((1.8, 1.03, 4.9), (2.1, 1.3, 5.15), (1, 1, 1), goods(0.06, 0, 21)),
        Box((1.95, 1.03, 5.4), (2.25, 1.22, 5.8), (1, 1, 1), goods(0.07, 2, 22)),
        Box((-1.55, 0.0, 3.3), (-0.75, 0.55, 4.5), (0.36, 0.22, 0.11), wood(0.9, 0, 9)),
        Box((-1.50, 0.55, 3.35), (-0.80, 0.68, 3.88), (1, 1, 1), goods(0.09, 0, 23)),
        Box((-1.50, 0.55, 3.95), (-0.80, 0.74, 4.45), (1, 1, 1), goods(0.08, 0, 24)),
        Box((-2.6, 2.3, 8.86), (-1.1, 2.75, 8.9), picture=_sign("GROCERY")),
        Box(
            (3.17, 1.25, 3.4), (3.2, 2.25, 4.2), picture=_poster(["FRESH", "BREAD"], (250, 236, 200), (150, 60, 30)), face=(0, -1)
        ),
        Box(
            (3.17, 1.25, 5.2), (3.2, 2.25, 6.0), picture=_poster(["OPEN", "7 - 22"], (30, 90, 110), (245, 240, 220)), face=(0, -1)
        ),
        Box((1.28, 1.5, 8.86), (1.56, 1.95, 8.9), picture=_poster(["PUSH"], (240, 240, 235), (180, 30, 30), (160, 220))),
    ]
    for x, z in ((-1.2, 2.6), (1.0, 2.6), (-1.2, 6.2), (1.0, 6.2)):
        boxes.append(Box((x - 0.6, 2.88, z - 0.15), (x + 0.6, 2.94, z + 0.15), (1, 1, 1), glow=(4.0, 3.7, 3.2), casts=False))
    return boxes


def _street() -> NDArray[np.float32]:
    """What is seen through the open door: a house across the street, a hedge, the pavement."""
    h, w = 240, 104
    ys, xs = np.mgrid[0 : 1 : h * 1j, 0 : 1 : w * 1j].astype(np.float32)
    image = np.stack([0.62 - 0.1 * ys, 0.72 - 0.08 * ys, 0.86 - 0.06 * ys], -1)
    brick = 0.85 + 0.3 * hash01(np.floor(xs * 26), np.floor(ys * 90), seed=51)
    image = np.where((ys > 0.08)[..., None], np.float32([0.46, 0.30, 0.23]) * brick[..., None], image)
    pane = (np.abs((xs * 2.2) % 1 - 0.5) < 0.24) & (np.abs((ys * 4.2) % 1 - 0.5) < 0.3) & (ys > 0.1)
    image = np.where(pane[..., None], np.float32([0.30, 0.36, 0.42]), image)
    leaf = 0.6 + 0.8 * value_noise(xs * 40, ys * 90, 52)
    hedge = ys > 0.55 + 0.015 * np.sin(xs * 19)
    image = np.where(hedge[..., None], np.float32([0.13, 0.22, 0.08]) * leaf[..., None], image)
    slab = np.where(np.abs((ys * 30 + 0.2 * xs) % 1 - 0.5) > 0.46, 0.8, 1.0)
    image = np.where((ys > 0.72)[..., None], np.float32([0.52, 0.51, 0.48]) * slab[..., None], image)
    blurred: NDArray[np.float32] = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 1.6)
    return blurred


def _sign(text: str) -> NDArray[np.float32]:
    image = np.full((90, 300, 3), (20, 70, 60), np.uint8)
    cv2.putText(image, text, (16, 62), cv2.FONT_HERSHEY_DUPLEX, 1.75, (240, 225, 170), 3, cv2.LINE_AA)
    linear: NDArray[np.float32] = ((image / 255.0) ** 2.2).astype(np.float32)
    return linear


def shot(scale: float = 1.0) -> Shot:
    """The clip at ``640 * scale`` pixels width."""
    camera = Camera((0.15, 1.95, -1.0), (0.1, 1.14, 4.6), 690, 640, 360).scaled(scale * SUPERSAMPLING)
    lighting = Lighting(
        (
            Lamp((0.3, 2.8, 2.4), (4.2, 3.85, 3.3), 0.45),
            Lamp((-0.2, 2.8, 6.0), (4.6, 4.2, 3.6), 0.45),
            Lamp((-1.3, 2.3, -0.6), (4.2, 4.4, 4.7), 0.5),
        ),
        (0.25, 0.26, 0.28),
        (0.15, 0.135, 0.11),
    )
    return Shot("shop", render(_boxes(), camera, lighting), Lens(exposure=1.4, noise=1.4), cast, FRAMES)
