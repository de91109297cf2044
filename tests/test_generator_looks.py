"""How it is drawn: every value at its place, nothing over another, every letter there."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from itertools import combinations

import pypdf
import pytest
import stdnum.bic
import stdnum.br.cnpj
import stdnum.ch.vat
import stdnum.cn.uscc
import stdnum.ean
import stdnum.eu.vat
import stdnum.gb.vat
import stdnum.iban
import stdnum.in_.gstin
import stdnum.jp.cn
import zxingcpp
from pypdf.generic import ContentStream

from erniekit_finetuning.documents.locate import located
from erniekit_finetuning.documents.model import Box
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.model import Printed
from erniekit_finetuning.invoice.walk import leaves
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.stream import pdf_documents
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.locale import (
    Paper,
    load_locale,
    locale_codes,
)
from synthetic_invoice_generator.looks import fonts
from synthetic_invoice_generator.looks.foot_view import qr_text
from synthetic_invoice_generator.looks.rendering import page_pixels, render_pdf
from synthetic_invoice_generator.looks.style import FAMILIES, Family
from synthetic_invoice_generator.settings import Shares

BUNDLED = frozenset(face.name for face in fonts.FACES if face.package is None)
need_cjk = pytest.mark.skipif(
    not {"Noto Sans CJK JP", "Noto Sans CJK SC"} <= fonts.installed(),
    reason="the typefaces of fonts-noto-cjk are not installed (make fonts)",
)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_printed_value_has_its_place_and_no_word_covers_another(family: Family) -> None:
    config = GeneratorConfig(
        layouts={family: 1}, wordings="house" if family == "ledger" else "common"
    )
    values = 0
    for invoice, document in pdf_documents(config, seed=21, start=0, count=14):
        for path, printed in leaves(located(invoice, document)):
            values += 1
            assert printed.places, (path, printed.printed)
        for page in document.pages:
            boxes = [word.box for word in page.words]
            assert all(0.004 < side < 0.996 for box in boxes for side in box), family
            assert not any(covers(one, other) for one, other in combinations(boxes, 2))
    assert values > 200


def covers(one: Box, other: Box) -> bool:
    """Whether two words overlap by more than the blank parts of their boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    lower = min(one[3] - one[1], other[3] - other[1])
    return wide > 0.002 and high > 0.35 * lower


def test_text_with_markup_is_drawn_as_it_is() -> None:
    made = draft(GeneratorConfig(layouts={"classic": 1}), 3, 0)
    odd = '#panic("x") *b* $y$ <l> \\ "q" @r'
    line = made.invoice.lines[0].model_copy(update={"description": Printed(printed=odd, value=odd)})
    invoice = made.invoice.model_copy(update={"lines": (line,)})
    words = [word.text for word in read_pdf(render_pdf(invoice, made.style)).pages[0].words]
    assert "".join(odd.split()) in "".join(words)


def test_without_its_package_a_face_gives_way_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "installed", lambda: BUNDLED)
    assert {fonts.at_hand(face).name for face in fonts.faces(["serif", "sans", "mono"])} <= BUNDLED
    assert "fonts-liberation2" in fonts.missing_packages()
    made = [draft(GeneratorConfig(), 2, index) for index in range(30)]
    assert {one.style.face.name for one in made} == {
        "Libertinus Serif",
        "New Computer Modern",
        "DejaVu Sans Mono",
    }
    assert read_pdf(render_pdf(made[0].invoice, made[0].style)).pages[0].words


def test_a_locale_that_no_face_can_draw_is_left_out_or_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fonts, "installed", lambda: BUNDLED)
    assert fonts.drawable({"ja-JP": 1, "de-DE": 2}) == {"de-DE": 2}
    with pytest.raises(UnusableInput, match=r"ja-JP.*apt-get install .*fonts-noto-cjk"):
        draft(GeneratorConfig(locales={"ja-JP": 1}), 1, 0)


def test_no_face_claims_a_variant_that_another_file_claims_too() -> None:
    named = {face.name for face in fonts.FACES}
    variants = [
        (info.family, info.style, info.weight, info.stretch)
        for info in fonts.book(0).fonts()
        if info.family in named
    ]
    assert len(variants) == len(set(variants))


def missing_glyphs(pdf: bytes) -> int:
    """Letters drawn as glyph 0, the box for what a face does not have."""
    reader, missing = pypdf.PdfReader(io.BytesIO(pdf)), 0
    for page in reader.pages:
        for operands, operator in ContentStream(page.get_contents(), reader).operations:
            if operator not in (b"Tj", b"TJ"):
                continue
            shown = operands[0] if operator == b"TJ" else operands
            codes = [part.original_bytes for part in shown if not isinstance(part, (int, float))]
            missing += sum(
                code[at : at + 2] == b"\0\0" for code in codes for at in range(0, len(code), 2)
            )
    return missing


@pytest.mark.parametrize(
    "code",
    [
        code if load_locale(code).script == "latin" else pytest.param(code, marks=need_cjk)
        for code in locale_codes()
    ],
)
def test_every_letter_of_a_locale_is_drawn_in_its_own_face(code: str) -> None:
    config = GeneratorConfig(locales={code: 1}, shares=Shares(conditions=0))
    for index in range(12):
        made = draft(config, 9, index)
        assert not missing_glyphs(render_pdf(made.invoice, made.style)), index


def test_a_missing_glyph_is_seen() -> None:
    made = draft(GeneratorConfig(locales={"en-US": 1}, layouts={"classic": 1}), 3, 0)
    line = made.invoice.lines[0].model_copy(update={"description": Printed(printed="x\u0378y")})
    invoice = made.invoice.model_copy(update={"lines": (line,)})
    assert missing_glyphs(render_pdf(invoice, made.style)) == 1


def test_a_qr_code_says_what_the_page_says() -> None:
    config = GeneratorConfig(locales={"de-DE": 3, "en-IN": 1}, layouts={"classic": 1, "stub": 1})
    seen: Counter[str] = Counter()
    for index in range(160):
        made = draft(config, 13, index)
        text, invoice = qr_text(made.invoice, made.style), made.invoice
        if text is None:
            continue
        pages = page_pixels(render_pdf(invoice, made.style))
        read = {code.text for page in pages for code in zxingcpp.read_barcodes(page)}
        assert read == {text}, index
        amount = invoice.totals.payable or invoice.totals.tax_inclusive
        if text.startswith("BCD"):
            rows = text.split("\n")
            assert amount is not None
            assert rows[7] == f"EUR{amount.value}"
            assert rows[6] == invoice.accounts[0].iban.value  # type: ignore[union-attr]
            assert stdnum.iban.is_valid(rows[6])
        elif text.startswith("upi"):
            assert amount is not None
            assert f"&am={amount.value}&cu=INR" in text
        seen[text[:3]] += 1
    assert set(seen) == {"BCD", "upi", "htt"}


def test_a_till_roll_is_drawn_for_receipts_alone() -> None:
    config = GeneratorConfig(layouts={"roll": 20, "classic": 1})
    made = [draft(config, 4, index) for index in range(60)]
    assert {one.document for one in made if one.style.family == "roll"} == {"receipt"}
    assert {draft(GeneratorConfig(layouts={"roll": 1}), 4, at).document for at in range(9)} == {
        "receipt"
    }
    with pytest.raises(ValueError, match="draw receipts only"):
        GeneratorConfig(layouts={"roll": 1}, documents={"invoice": 1})


@pytest.mark.parametrize("paper", ["a5", "us-legal"])
def test_other_papers_hold_every_value_too(paper: Paper) -> None:
    config = GeneratorConfig(paper=paper, shares=Shares(conditions=0))
    for invoice, document in pdf_documents(config, seed=22, start=0, count=25):
        missing = [path for path, value in leaves(located(invoice, document)) if not value.places]
        assert not missing, missing


def test_numbers_of_registers_stand_in_the_truth_and_nowhere_else() -> None:
    config = GeneratorConfig(locales={"de-DE": 1})
    with_number = without = 0
    for invoice, document in pdf_documents(config, seed=23, start=0, count=40):
        text = "".join(word.text for page in document.pages for word in page.words)
        printed = invoice.seller.legal_id
        with_number += printed is not None
        without += printed is None
        assert ("HRB" in text or "HRA" in text) == (printed is not None)
    assert with_number > 3
    assert without > 3


def test_documents_have_one_to_six_pages() -> None:
    # Everything that makes a document long, in each document.
    shares = Shares(conditions=1, long_description=1)
    found: Counter[int] = Counter()
    for _, document in pdf_documents(GeneratorConfig(shares=shares), seed=24, start=0, count=150):
        found[len(document.pages)] += 1
    assert max(found) <= 6
    assert len(found) >= 4


def test_a_narrow_page_leaves_columns_of_noise_out_rather_than_break_a_value() -> None:
    """Regression: nine columns beside a side bar broke descriptions in two."""
    config = GeneratorConfig(
        layouts={"sidebar": 1}, locales={"it-IT": 1}, shares=Shares(conditions=0)
    )
    for index in range(25):
        made = draft(config, 1, index)
        extras = replace(
            made.style.extras,
            codes=("KHZ-22-G4",),
            hs_codes=("8471.30 00 10",),
            origins=("DE",),
            positions=True,
        )
        pdf = render_pdf(made.invoice, replace(made.style, extras=extras))
        values = leaves(located(made.invoice, read_pdf(pdf)))
        assert not [path for path, value in values if not value.places], index


@pytest.mark.parametrize("family", FAMILIES)
def test_a_long_title_breaks_no_name(family: Family) -> None:
    """Regression: beside the title of a Brazilian service invoice the seller had no room."""
    config = GeneratorConfig(
        layouts={family: 1}, locales={"pt-BR": 1}, shares=Shares(conditions=0), max_lines=3
    )
    for index in range(6):
        made = draft(config, 2028, index)
        title = "NOTA FISCAL DE SERVIÇOS ELETRÔNICA"
        style = replace(made.style, labels={**made.style.labels, made.style.title: title})
        values = leaves(located(made.invoice, read_pdf(render_pdf(made.invoice, style))))
        assert not [path for path, value in values if not value.places], index
