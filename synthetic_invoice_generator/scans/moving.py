"""Words and places of a page, moved to where they stand in its image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from erniekit_finetuning.documents.model import Document, Page, Word
from erniekit_finetuning.invoice.model import Invoice, Place, Printed
from erniekit_finetuning.invoice.walk import mapped
from synthetic_invoice_generator.scans.geometry import Map, moved_box


def moved_document(document: Document, maps: Sequence[Map]) -> Document:
    """The words of each page where they stand in its image."""
    pages = [
        Page(
            page.width,
            page.height,
            tuple(Word(w.text, moved_box(w.box, page_map), w.score) for w in page.words),
        )
        for page, page_map in zip(document.pages, maps, strict=True)
    ]
    return Document(tuple(pages), document.source)


def moved_places(invoice: Invoice, maps: Sequence[Map]) -> Invoice:
    """The places of every printed value where they stand in the images."""

    def change(_: str, value: Printed[Any]) -> Printed[Any]:
        places = tuple(
            Place(page=place.page, box=moved_box(place.box, maps[place.page - 1]))
            for place in value.places
        )
        return value.model_copy(update={"places": places})

    return mapped(invoice, change)
