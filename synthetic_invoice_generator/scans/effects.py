"""What scanners, cameras, paper and fax machines do to a page's pixels.

Every effect takes pixels of shape (height, width, 3), a strength from 0 (nothing) to 1 (as bad as
people still hand in), and a generator; it gives new pixels of the same shape.
"""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from synthetic_invoice_generator.scans.geometry import Pixels

Chance = np.random.Generator
_Field = npt.NDArray[np.float32]


def blur(pixels: Pixels, strength: float, rng: Chance) -> Pixels:
    """Out of focus, or at times moved in one direction."""
    if rng.random() < 0.7:
        made = cv2.GaussianBlur(pixels, (0, 0), 0.3 + 1.3 * strength)
    else:
        length = 1 + 2 * round(2.5 * strength)
        kernel = np.zeros((length, length), np.float32)
        if rng.random() < 0.5:
            kernel[length // 2, :] = 1 / length
        else:
            kernel[:, length // 2] = 1 / length
        made = cv2.filter2D(pixels, -1, kernel)
    return cast(Pixels, made)


def noise(pixels: Pixels, strength: float, rng: Chance) -> Pixels:
    """Grain of the sensor, and specks of dust."""
    height, width = pixels.shape[:2]
    # Pages differ in their grain, not in its pattern: one tile, repeated, is as good.
    tile = rng.normal(0, 2 + 16 * strength, (256, 256)).astype(np.int16)
    grain = np.tile(tile, (height // 256 + 1, width // 256 + 1))[:height, :width, None]
    made = np.clip(pixels + grain, 0, 255).astype(np.uint8)
    for _ in range(rng.poisson(40 * strength)):
        at = (int(rng.integers(width)), int(rng.integers(height)))
        shade = int(rng.integers(40, 160))
        cv2.circle(made, at, int(rng.integers(1, 3)), (shade, shade, shade), -1)
    return made


def lighting(pixels: Pixels, strength: float, rng: Chance) -> Pixels:
    """Light that falls off to one side, and at times the edge of a shadow."""
    height, width = pixels.shape[:2]
    across, down = _grid(height, width)
    angle = rng.uniform(0, 2 * np.pi)
    slope = across * np.cos(angle) + down * np.sin(angle)
    light = 1 - 0.45 * strength * (slope - slope.min()) / (slope.max() - slope.min())
    if rng.random() < 0.4:
        edge = across * np.sin(angle) - down * np.cos(angle) - rng.uniform(-0.3, 0.3)
        light -= 0.25 * strength / (1 + np.exp(-40 * edge))
    return _lit(pixels, light)


def fold(pixels: Pixels, strength: float, rng: Chance) -> Pixels:
    """One or two creases across the page: one side darker, a light or dark line."""
    height, width = pixels.shape[:2]
    _, down = _grid(height, width)
    light = np.ones((height, width), np.float32)
    for _ in range(int(rng.integers(1, 3))):
        from_crease = down - rng.uniform(-0.25, 0.25)
        light -= 0.16 * strength * np.exp(-np.abs(from_crease) * 30) * np.sign(from_crease)
        light -= 0.3 * strength * np.exp(-((from_crease * height / 1.5) ** 2))
    return _lit(pixels, light)


def bleed_through(pixels: Pixels, strength: float, rng: Chance) -> Pixels:
    """Print on the other side of thin paper: the page mirrored, faint and soft."""
    back = cv2.GaussianBlur(pixels[:, ::-1], (0, 0), 2.0)
    shift = int(rng.integers(-40, 41))
    faint = 255 - (255 - np.roll(back, shift, axis=0).astype(np.float32)) * (0.28 * strength)
    return np.minimum(pixels, faint.astype(np.uint8))


def paper(pixels: Pixels, strength: float, rng: Chance) -> Pixels:
    """Paper that is not white and ink that is not black."""
    tint = 255 - strength * rng.uniform([0, 0, 5], [25, 30, 60])
    ink = strength * rng.uniform(0, 70)
    table = np.arange(256, dtype=np.float32)[:, None]
    curve = ink + table / 255 * (tint - ink)
    return cast(Pixels, cv2.LUT(pixels, curve.astype(np.uint8).reshape(1, 256, 3)))


def fax(pixels: Pixels, strength: float, rng: Chance) -> Pixels:
    """Sent by fax: coarse black and white, with a streak of a dirty roller now and then."""
    height, width = pixels.shape[:2]
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    coarse = 1 - 0.35 * strength
    small = cv2.resize(grey, (round(width * coarse), round(height * coarse)), cv2.INTER_AREA)
    _, black = cv2.threshold(small, 150 + round(40 * strength), 255, cv2.THRESH_BINARY)
    large = cv2.resize(black, (width, height), interpolation=cv2.INTER_NEAREST)
    for _ in range(rng.poisson(1.5 * strength)):
        large[:, int(rng.integers(width))] = 0
    return cast(Pixels, cv2.cvtColor(large, cv2.COLOR_GRAY2RGB))


def _grid(height: int, width: int) -> tuple[_Field, _Field]:
    """Coordinates from -0.5 to 0.5, across and down, that spread to (height, width)."""
    across = np.linspace(-0.5, 0.5, width, dtype=np.float32)[None, :]
    down = np.linspace(-0.5, 0.5, height, dtype=np.float32)[:, None]
    return across, down


def _lit(pixels: Pixels, light: _Field) -> Pixels:
    share = np.clip(light, 0, 1) * 256
    return ((pixels * share.astype(np.uint16)[..., None]) >> 8).astype(np.uint8)
