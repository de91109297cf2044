"""Draw a page of each layout family into docs/pages/, for people to look at.

    python docs/make_pages.py

Locales take turns, so that every one is shown; of each family's documents the first with four to
nine lines and something beside the print (stamp, signature, QR code) is taken.
"""

from __future__ import annotations

from itertools import count, cycle
from pathlib import Path

from erniekit_finetuning.files import write_bytes
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import Draft, draft
from synthetic_invoice_generator.locale import locale_codes
from synthetic_invoice_generator.looks.png import png_bytes
from synthetic_invoice_generator.looks.rendering import page_pixels, render_pdf
from synthetic_invoice_generator.looks.style import FAMILIES
from synthetic_invoice_generator.settings import Shares

FOLDER = Path(__file__).parent / "pages"
DPI, SEED = 80, 2026


def shown(config: GeneratorConfig) -> Draft:
    """The first document of these settings that has something to show."""
    for index in count():
        made = draft(config, SEED, index)
        marks = made.style.marks
        if 4 <= len(made.invoice.lines) <= 9 and (marks.stamp or marks.signature or marks.code):
            return made
    raise AssertionError


def main() -> None:
    """Write docs/pages/FAMILY.png."""
    for family, code in zip(FAMILIES, cycle(locale_codes()), strict=False):
        config = GeneratorConfig(
            layouts={family: 1}, locales={code: 1}, shares=Shares(conditions=0)
        )
        made = shown(config)
        page = next(page_pixels(render_pdf(made.invoice, made.style), DPI))
        write_bytes(FOLDER / f"{family}.png", png_bytes(page, DPI))
        print(FOLDER / f"{family}.png", code)


if __name__ == "__main__":
    main()
