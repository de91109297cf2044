"""Share of the numbers on generated pages that OCR reads right at their place.

    python benchmarks/ocr_of_pages.py [pages] [tier]

A number counts as read when the words that OCR finds where it stands hold its digits and marks as
printed ("1.234,50" of "1.234,50 EUR"). Progress on stderr, one JSON object on stdout: the share
over all pages, and by locale and layout, worst first.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections import Counter
from decimal import Decimal

import numpy as np
from PIL import Image

from erniekit_finetuning.documents.locate import located
from erniekit_finetuning.documents.model import Box, Page
from erniekit_finetuning.documents.ocr import read_image
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.invoice.walk import leaves
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import page_pixels, render_pdf
from synthetic_invoice_generator.scans.moving import moved_places
from synthetic_invoice_generator.scans.tiers import Tier, scanned
from synthetic_invoice_generator.settings import Shares

SEED = 404
CONFIG = GeneratorConfig(shares=Shares(conditions=0))
_NUMBER = re.compile(r"\d(?:.*\d)?", re.DOTALL)


def words_at(page: Page, box: Box) -> str:
    """What OCR read where `box` lies, a little around it included."""
    left, top, right, bottom = box
    near = [
        word.text
        for word in page.words
        if word.box[0] < right + 0.01
        and word.box[2] > left - 0.01
        and word.box[1] < bottom
        and word.box[3] > top
    ]
    return "".join("".join(near).split()).replace("’", "'")


def main() -> None:
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    tier = Tier(sys.argv[2]) if len(sys.argv) > 2 else Tier.CLEAN
    asked: Counter[tuple[str, str]] = Counter()
    right: Counter[tuple[str, str]] = Counter()
    pages = index = 0
    while pages < wanted:
        made = draft(CONFIG, SEED, index)
        pdf = render_pdf(made.invoice, made.style)
        invoice = located(made.invoice, read_pdf(pdf))
        rng = np.random.default_rng([SEED, index])
        seen = []
        if tier is Tier.CLEAN:
            seen = [read_image(Image.fromarray(pixels)) for pixels in page_pixels(pdf)]
        else:
            scans = [scanned(pixels, tier, rng) for pixels in page_pixels(pdf)]
            seen = [read_image(Image.open(io.BytesIO(scan.jpeg))) for scan in scans]
            invoice = moved_places(invoice, [scan.page_map for scan in scans])
        for path, value in leaves(invoice):
            if not isinstance(value.value, Decimal):
                continue
            number = _NUMBER.search(value.printed)
            assert number is not None
            core = "".join(number[0].split()).replace("’", "'")  # one mark, two shapes
            found = any(core in words_at(seen[place.page - 1], place.box) for place in value.places)
            for key in (("all", "all"), ("locale", made.locale), ("layout", made.style.family)):
                asked[key] += 1
                right[key] += found
            if not found:
                print(f"{index} {made.style.family} {path} {value.printed!r}", file=sys.stderr)
        pages, index = pages + len(seen), index + 1
        print(f"{pages} of {wanted} pages", file=sys.stderr)
    result: dict[str, object] = {"tier": tier, "pages": pages, "numbers": asked["all", "all"]}
    for kind in ("all", "locale", "layout"):
        shares = {name: round(right[k, name] / asked[k, name], 4) for k, name in asked if k == kind}
        result[kind] = dict(sorted(shares.items(), key=lambda item: item[1]))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
