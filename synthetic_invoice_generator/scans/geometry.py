"""How a page lies in an image: one perspective map, applied to pixels and boxes alike.

A map is a 3 x 3 matrix on points in shares of page and image (0 to 1, from the top left corner).
"""

from __future__ import annotations

import math
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from erniekit_finetuning.documents.model import Box

Pixels = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float64]
_UNIT = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32)


def unmoved() -> Map:
    """The map of a page that fills its image."""
    return np.eye(3)


def turned(degrees: float, ratio: float) -> Map:
    """A page turned clockwise about its centre; `ratio` is the image's height by its width."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, -sin * ratio, 0], [sin / ratio, cos, 0], [0, 0, 1]])
    return cast(Map, _shifted(0.5, 0.5) @ turn @ _shifted(-0.5, -0.5))


def seen_from(corners: npt.NDArray[np.float64]) -> Map:
    """The page with its corners moved: shape (4, 2), from the top left one clockwise, in shares."""
    return cast(Map, cv2.getPerspectiveTransform(_UNIT, corners.astype(np.float32)))


def warped(pixels: Pixels, page_map: Map, beside: tuple[int, int, int]) -> Pixels:
    """The image of a page that lies by `page_map`; what lies beside it has one colour."""
    height, width = pixels.shape[:2]
    scale = np.diag([width, height, 1.0])
    moved = cv2.warpPerspective(
        pixels,
        scale @ page_map @ np.linalg.inv(scale),
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=beside,
    )
    return cast(Pixels, moved)


def moved_box(box: Box, page_map: Map) -> Box:
    """The smallest upright box around a moved one, clipped to the image."""
    left, top, right, bottom = box
    corners = np.array([[left, right, right, left], [top, top, bottom, bottom], [1, 1, 1, 1]])
    x, y, w = page_map @ corners
    inside = np.clip(np.stack([x / w, y / w]), 0, 1)
    low, high = inside.min(axis=1), inside.max(axis=1)
    return tuple(round(float(side), 6) for side in (*low, *high))  # type: ignore[return-value]


def _shifted(x: float, y: float) -> Map:
    return np.array([[1.0, 0, x], [0, 1.0, y], [0, 0, 1.0]])
