"""A document as words with boxes."""

from __future__ import annotations

from typing import Any, NamedTuple

Box = tuple[float, float, float, float]


def union(a: Box, b: Box) -> Box:
    """The smallest box around both, whatever their common origin."""
    return (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))


class Word(NamedTuple):
    """One printed word; box is (left, top, right, bottom) in shares of the page, origin top left.

    `score` is the reader's confidence in 0..1; a text layer is exact and scores 1.
    """

    text: str
    box: Box
    score: float = 1.0


class Page(NamedTuple):
    """One page; width and height in points for a PDF, in pixels for an image."""

    width: float
    height: float
    words: tuple[Word, ...]


class Document(NamedTuple):
    """Pages in order. `source` says how the words were had: "text layer" or "ocr"."""

    pages: tuple[Page, ...]
    source: str = "text layer"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: boxes rounded to 5 digits (a tenth of a pixel on a large page)."""
        return {
            "source": self.source,
            "pages": [
                {
                    "width": page.width,
                    "height": page.height,
                    "words": [
                        {
                            "text": w.text,
                            "box": [round(v, 5) for v in w.box],
                            "score": round(w.score, 4),
                        }
                        for w in page.words
                    ],
                }
                for page in self.pages
            ],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Document:
        """Inverse of `to_json`; raises KeyError or TypeError on another shape."""
        pages = tuple(
            Page(
                page["width"],
                page["height"],
                tuple(Word(w["text"], _box(w["box"]), w["score"]) for w in page["words"]),
            )
            for page in data["pages"]
        )
        return cls(pages, data["source"])


def _box(values: list[float]) -> Box:
    left, top, right, bottom = values
    return (left, top, right, bottom)
