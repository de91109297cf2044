"""Words of a page image, read by RapidOCR (its models are in its wheel: no download)."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from erniekit_finetuning.documents.model import Page, Word
from erniekit_finetuning.errors import Problem, UnusableInput


def read_image(image: Image.Image) -> Page:
    """Read one page image (about 4 CPU-seconds an A4 page); an empty page has no words."""
    rgb = np.asarray(image.convert("RGB"))
    result = _engine()(rgb[:, :, ::-1])  # RapidOCR takes BGR
    words: list[Word] = []
    if result.txts is not None:
        for text, quad, score in zip(result.txts, result.boxes, result.scores, strict=True):
            words += _words(text, quad, float(score), image.width, image.height)
    return Page(float(image.width), float(image.height), tuple(words))


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
    return RapidOCR(params={"Global.log_level": "error"})


def _words(text: str, quad: Any, score: float, width: int, height: int) -> list[Word]:
    """Split an OCR line at its spaces; each word gets its share of the line's box by characters."""
    left, top = float(quad[:, 0].min()) / width, float(quad[:, 1].min()) / height
    right, bottom = float(quad[:, 0].max()) / width, float(quad[:, 1].max()) / height
    step = (right - left) / max(len(text), 1)
    words: list[Word] = []
    start = 0
    for part in text.split():
        start = text.index(part, start)
        end = start + len(part)
        words.append(Word(part, (left + start * step, top, left + end * step, bottom), score))
        start = end
    return words
