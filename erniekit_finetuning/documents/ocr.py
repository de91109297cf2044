"""Words of a page image, read by RapidOCR (its models are in its wheel: no download)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from erniekit_finetuning.documents.model import Box, Page, Word, union
from erniekit_finetuning.documents.tilt import COLUMN_GAP
from erniekit_finetuning.errors import Problem, UnusableInput

_TALL = 1.38  # height of RapidOCR's boxes by that of a text layer's: median of 5,152 words


class Part(NamedTuple):
    """A piece of an OCR line without spaces, and the corners around it: [4, 2] in pixels."""

    text: str
    corners: NDArray[np.float64]


def read_image(image: Image.Image) -> Page:
    """Read one page image (about 4 CPU-seconds an A4 page); an empty page has no words."""
    rgb = np.asarray(image.convert("RGB"))
    result = _engine()(rgb[:, :, ::-1])  # RapidOCR takes BGR
    words: list[Word] = []
    for line in _lines(result):
        words += (
            Word(text, _shares(box, image), line.score) for text, box in line_words(*line[:2])
        )
    return Page(float(image.width), float(image.height), tuple(words))


def line_words(whole: Part, parts: Sequence[Part]) -> list[tuple[str, Box]]:
    """The words of an OCR line: parted at its spaces, and where its `parts` stand a column apart.

    Where the parts are not the line's letters, each word gets its share of the line by characters.
    Boxes are in pixels.
    """
    starts = {0}
    words = whole.text.split()
    for word in words:
        starts.add(max(starts) + len(word))
    if "".join(part.text for part in parts) != "".join(words):
        parts = _by_characters(whole)
    found: list[tuple[str, Box]] = []
    at = 0
    for part in parts:
        box = _around(part.corners)
        if at in starts or box[0] - found[-1][1][2] > COLUMN_GAP * (box[3] - box[1]):
            found.append((part.text, box))
        else:
            text, before = found[-1]
            found[-1] = (text + part.text, union(before, box))
        at += len(part.text)
    return found


class _Line(NamedTuple):
    whole: Part
    parts: Sequence[Part]
    score: float


def _lines(result: Any) -> Iterator[_Line]:
    if result.txts is None:
        return
    parts = result.word_results
    if len(parts) != len(result.txts):
        parts = [()] * len(result.txts)
    for text, quad, score, some in zip(
        result.txts, result.boxes, result.scores, parts, strict=True
    ):
        whole = Part(text, np.array(quad, np.float64))
        yield _Line(whole, [Part(one, np.array(box)) for one, _, box in some], float(score))


@cache
def _engine() -> Any:
    try:
        from rapidocr import RapidOCR
    except ImportError as error:
        raise UnusableInput(
            Problem(
                "reading an image needs OCR, which is not installed",
                cure='pip install "ernie-invoice[ocr]"',
            )
        ) from error
    return RapidOCR(params={"Global.log_level": "error", "Global.return_word_box": True})


def _by_characters(line: Part) -> list[Part]:
    """A line's words, each with its share of the line's width."""
    top_left, top_right, bottom_right, bottom_left = line.corners
    top, bottom = top_right - top_left, bottom_right - bottom_left
    found = []
    for word in re.finditer(r"\S+", line.text):
        first, last = word.start() / len(line.text), word.end() / len(line.text)
        corners = [top_left + first * top, top_left + last * top]
        corners += [bottom_left + last * bottom, bottom_left + first * bottom]
        found.append(Part(word[0], np.array(corners)))
    return found


def _around(corners: NDArray[np.float64]) -> Box:
    """The upright box around corners, as tall as a text layer's: gaps are measured by height."""
    (left, top), (right, bottom) = corners.min(axis=0), corners.max(axis=0)
    spare = (bottom - top) * (1 - 1 / _TALL) / 2
    return (float(left), float(top + spare), float(right), float(bottom - spare))


def _shares(box: Box, image: Image.Image) -> Box:
    left, top, right, bottom = box
    return (left / image.width, top / image.height, right / image.width, bottom / image.height)
