"""Tiers of images: clean as drawn, scanned on a flatbed, photographed by phone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import cv2
import numpy as np
from pydantic import Field

from synthetic_invoice_generator.scans import effects
from synthetic_invoice_generator.scans.effects import Chance
from synthetic_invoice_generator.scans.geometry import (
    Map,
    Pixels,
    seen_from,
    turned,
    unmoved,
    warped,
)

Strength = Annotated[float, Field(ge=0, le=1)]


class Tier(StrEnum):
    """How an image was taken."""

    CLEAN = "clean"
    SCAN = "scan"
    PHOTO = "photo"


class Effect(StrEnum):
    """One thing that happens to a page on its way into an image."""

    PAPER = "paper"
    BLEED_THROUGH = "bleed_through"
    FOLD = "fold"
    LIGHTING = "lighting"
    SKEW = "skew"
    PERSPECTIVE = "perspective"
    BLUR = "blur"
    NOISE = "noise"
    FAX = "fax"
    JPEG = "jpeg"


_ON_PIXELS: Mapping[Effect, Callable[[Pixels, float, Chance], Pixels]] = {
    Effect.PAPER: effects.paper,
    Effect.BLEED_THROUGH: effects.bleed_through,
    Effect.FOLD: effects.fold,
    Effect.LIGHTING: effects.lighting,
    Effect.BLUR: effects.blur,
    Effect.NOISE: effects.noise,
    Effect.FAX: effects.fax,
}
_BEFORE_THE_LENS = (Effect.PAPER, Effect.BLEED_THROUGH, Effect.FOLD, Effect.LIGHTING)
_BEHIND_IT = (Effect.BLUR, Effect.NOISE, Effect.FAX)
# Effect -> share of the images that have it, and the most of its strength.
_TIERS: Mapping[Tier, Mapping[Effect, tuple[float, float]]] = {
    Tier.CLEAN: {},
    Tier.SCAN: {
        Effect.PAPER: (0.7, 0.6),
        Effect.BLEED_THROUGH: (0.2, 0.6),
        Effect.FOLD: (0.2, 0.6),
        Effect.LIGHTING: (0.2, 0.2),
        Effect.SKEW: (0.8, 0.5),
        Effect.BLUR: (0.5, 0.4),
        Effect.NOISE: (0.7, 0.4),
        Effect.FAX: (0.12, 0.6),
        Effect.JPEG: (1.0, 0.6),
    },
    Tier.PHOTO: {
        Effect.PAPER: (1.0, 0.6),
        Effect.FOLD: (0.4, 1.0),
        Effect.LIGHTING: (1.0, 1.0),
        Effect.SKEW: (0.8, 1.0),
        Effect.PERSPECTIVE: (1.0, 1.0),
        Effect.BLUR: (0.7, 0.7),
        Effect.NOISE: (0.8, 0.5),
        Effect.JPEG: (1.0, 1.0),
    },
}
_MOST_DEGREES, _MOST_CORNER = 4.0, 0.07
_BEST, _WORST = 95, 35  # JPEG qualities


@dataclass(frozen=True)
class Scan:
    """An image of a page: encoded file, and how the page lies in it."""

    jpeg: bytes
    page_map: Map
    strengths: Mapping[Effect, float]


def scanned(
    pixels: Pixels, tier: Tier, rng: Chance, most: Mapping[Effect, float] | None = None
) -> Scan:
    """One image of an RGB page in a tier; `most` lowers (0 to 1) the strengths of effects."""
    strengths = {
        effect: round(float(rng.uniform(0, limit)) * (most or {}).get(effect, 1.0), 3)
        for effect, (share, limit) in _TIERS[tier].items()
        if rng.random() < share
    }
    return applied(pixels, strengths, rng)


def applied(pixels: Pixels, strengths: Mapping[Effect, float], rng: Chance) -> Scan:
    """The page with exactly these effects, in the order in which they happen."""
    for effect in _BEFORE_THE_LENS:
        if strengths.get(effect):
            pixels = _ON_PIXELS[effect](pixels, strengths[effect], rng)
    page_map = _lie(pixels, strengths, rng)
    if page_map is not None:
        low, high = (225, 256) if Effect.PERSPECTIVE not in strengths else (40, 200)
        shade = int(rng.integers(low, high))
        pixels = warped(pixels, page_map, (shade, shade, shade))
    for effect in _BEHIND_IT:
        if strengths.get(effect):
            pixels = _ON_PIXELS[effect](pixels, strengths[effect], rng)
    quality = round(_BEST - (_BEST - _WORST) * strengths.get(Effect.JPEG, 0.0))
    return Scan(_jpeg(pixels, quality), unmoved() if page_map is None else page_map, strengths)


def _lie(pixels: Pixels, strengths: Mapping[Effect, float], rng: Chance) -> Map | None:
    """How the page lies; None when it fills the image."""
    skew, bend = strengths.get(Effect.SKEW), strengths.get(Effect.PERSPECTIVE)
    lies: Map | None = None
    if bend:
        # Corners only move inwards: nothing of the page is cut off.
        inward = rng.uniform(0.01, 0.02 + _MOST_CORNER * bend, (4, 2))
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)
        lies = seen_from(corners + inward * np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]))
    if skew:
        ratio = pixels.shape[0] / pixels.shape[1]
        turn = turned(float(rng.uniform(-1, 1)) * _MOST_DEGREES * skew, ratio)
        lies = turn if lies is None else turn @ lies
    return lies


def _jpeg(pixels: Pixels, quality: int) -> bytes:
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    done, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"an image of {pixels.shape} could not be encoded")
    return encoded.tobytes()
