"""Documents: a real PDF text layer, a real OCR, and what is refused."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import typst
from PIL import Image

from erniekit_finetuning.documents import opening
from erniekit_finetuning.documents.locate import Locator, located
from erniekit_finetuning.documents.model import Box, Document, Page, Word
from erniekit_finetuning.documents.ocr import Part, line_words
from erniekit_finetuning.documents.opening import read_document
from erniekit_finetuning.documents.pdf import read_pdf, render_page
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.documents.tilt import straightened
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.model import Invoice, Party, Printed

SOURCE = """#set page(width: 15cm, height: 8cm)
#grid(columns: (1fr, 1fr), [Acme GmbH \\ Hauptstr. 5 \\ 10115 Berlin], [Rechnung Nr. \\ R-17])
#table(stroke: none, columns: (1fr, auto, auto), [Tür, groß], [2], [1.234,50 €])
"""
TEXT = "Acme GmbH\tRechnung Nr.\nHauptstr. 5\tR-17\n10115 Berlin\nTür, groß\t\t2\t1.234,50 €"


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pdf")
    (folder / "a.typ").write_text(SOURCE, encoding="utf-8")
    (folder / "a.pdf").write_bytes(typst.compile(str(folder / "a.typ")))
    return folder / "a.pdf"


def test_a_text_layer_gives_words_in_reading_order_with_columns(pdf: Path) -> None:
    document = read_document(pdf)
    assert document.source == "text layer"
    assert document_text(document) == TEXT


def test_word_boxes_cover_the_ink(pdf: Path) -> None:
    """Painting every word's box white leaves no ink on the page."""
    image = render_page(pdf, 0, 100).convert("L")
    assert image.getextrema()[0] < 100
    for word in read_pdf(pdf).pages[0].words:
        left, top, right, bottom = word.box
        size = (image.width, image.height, image.width, image.height)
        edges = [round(v * s) for v, s in zip((left, top, right, bottom), size, strict=True)]
        image.paste(255, (edges[0] - 1, edges[1] - 1, edges[2] + 1, edges[3] + 1))
    assert image.getextrema()[0] > 200


def test_ocr_of_the_drawn_page_reads_the_same_text(pdf: Path, tmp_path: Path) -> None:
    render_page(pdf, 0, 150).save(tmp_path / "page.png")
    document = read_document(tmp_path / "page.png")
    assert document.source == "ocr"
    read = document_text(document)
    assert "10115 Berlin" in read
    assert "1.234,50" in read
    assert read.index("Acme") < read.index("Hauptstr") < read.index("10115")


@pytest.mark.parametrize("degrees", [-2.0, 1.5])
def test_ocr_of_a_page_that_lies_askew_keeps_its_rows_and_columns(
    degrees: float, tmp_path: Path
) -> None:
    """Regression: a degree of skew put the amounts of a line into the next one."""
    lines = [f"{n} & Nagel Nr. {n}00 & {n} & {n}.234,50" for n in range(2, 8)]
    cells = ", ".join(f"[{cell}]" for line in lines for cell in line.split(" & "))
    source = '#set page(width: 18cm, height: 8cm)\n#set text(font: "DejaVu Sans Mono")\n'
    source += f"#table(stroke: none, columns: (1cm, 1fr, 1fr, auto), {cells})"
    (tmp_path / "a.typ").write_text(source, encoding="utf-8")
    (tmp_path / "a.pdf").write_bytes(typst.compile(str(tmp_path / "a.typ")))
    image = render_page(tmp_path / "a.pdf", 0, 150)
    image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor="white").save(tmp_path / "a.png")
    rows = document_text(read_document(tmp_path / "a.png")).split("\n")
    assert rows == [line.replace(" & ", "\t") for line in lines]
    place = Locator(read_document(tmp_path / "a.png")).places("Nagel Nr. 700")
    assert len(place) == 1


def line(text: str, *parts: tuple[str, int, int]) -> list[tuple[str, Box]]:
    """Words of an OCR line 10 pixels tall; parts with left and right."""

    def around(left: float, right: float) -> Any:
        return np.array([[left, 0], [right, 0], [right, 10], [left, 10]])

    return line_words(
        Part(text, around(0, 10 * len(text))),
        [Part(part, around(left, right)) for part, left, right in parts],
    )


def test_an_ocr_line_is_parted_at_spaces_and_between_columns() -> None:
    parted = line("27Ciment x", ("27", 0, 20), ("Ciment", 40, 90), ("x", 95, 100))
    assert [(text, box[0], box[2]) for text, box in parted] == [
        ("27", 0, 20), ("Ciment", 40, 90), ("x", 95, 100),
    ]  # fmt: skip
    joined = line("1706", ("1", 0, 8), ("706", 11, 40))
    assert [(text, box[0], box[2]) for text, box in joined] == [("1706", 0, 40)]


def test_words_of_an_ocr_line_share_it_where_their_places_are_unknown() -> None:
    for parts in ((), (("no", 0, 9), ("letters", 10, 90))):
        shared = line("ab cdef", *parts)
        assert [(text, box[0], box[2]) for text, box in shared] == [
            ("ab", 0, 20), ("cdef", 30, 70),
        ]  # fmt: skip


def test_a_scanned_pdf_is_read_by_ocr(pdf: Path, tmp_path: Path) -> None:
    render_page(pdf, 0, 150).save(tmp_path / "scan.pdf")
    document = read_document(tmp_path / "scan.pdf")
    assert document.source == "ocr"
    assert "R-17" in document_text(document)


def test_columns_of_unlike_spacing_do_not_mix() -> None:
    """Regression: a row of the right column swallowed words of the left column's next row."""

    def word(text: str, left: float, top: float) -> Word:
        return Word(text, (left, top, left + 0.1, top + 0.0074))

    words = (
        word("Acme", 0.1, 0.0646),
        word("Berlin", 0.1, 0.0730),
        word("10115", 0.204, 0.0730),
        word("Number", 0.6, 0.0694),
    )
    text = document_text(Document((Page(1000, 1000, words),)))
    assert text.split("\n") == ["Acme", "\tNumber", "Berlin 10115"]


def test_a_row_whose_first_column_is_empty_starts_with_a_tab() -> None:
    """What stands alone on the right is told from what stands under the left column."""

    def word(text: str, left: float, row: int) -> Word:
        return Word(text, (left, row * 0.02, left + 0.1, row * 0.02 + 0.008))

    stray = [word("!", 0.0, 11)]
    left = [word(f"left{row}", 0.1, row) for row in range(10)]
    right = [word(f"right{row}", 0.5, row) for row in (0, 3, 10)]
    text = document_text(Document((Page(1000, 1000, tuple(left + right + stray)),)))
    assert text.split("\n") == [
        "left0\tright0", "left1", "left2", "left3\tright3",
        *(f"left{row}" for row in range(4, 10)), "\tright10", "!",
    ]  # fmt: skip


def gapped(score: float, *gaps: float) -> str:
    """The text of a row of words with these gaps between them, in heights of a word."""
    words, right = [Word("w", (0.05, 0.1, 0.08, 0.11), score)], 0.08
    for gap in gaps:
        left, right = right + gap * 0.01, right + gap * 0.01 + 0.03
        words.append(Word("w", (left, 0.1, right, 0.11), score))
    return document_text(Document((Page(1000, 1000, tuple(words)),)))


def test_print_of_a_typewriter_that_ocr_read_is_not_parted_into_columns() -> None:
    """Regression: "Grupo | Najague": words stand 0.7 heights apart, and OCR's boxes wobble."""
    assert gapped(1.0, 0.7, 0.9, 0.7) == "w w\tw w"
    assert gapped(0.9, 0.7, 0.9, 0.7) == "w w w w"
    assert gapped(0.9, 0.7, 1.3, 0.7) == "w w\tw w"
    assert gapped(0.9, 0.3, 0.9, 0.3) == "w w\tw w"


def test_words_of_two_sizes_do_not_tilt_a_page_that_lies_straight(tmp_path: Path) -> None:
    """Regression: a large word beside a small one was taken for a row that rises."""
    source = """#set page(width: 15cm, height: 8cm)
    #text(26pt)[ACME] #text(13pt)[GmbH]
    #grid(columns: (1fr, 1fr, 1fr), row-gutter: 0.6em,
      [Hosting], [1], [9.00], [Domain], [3], [3.00], [Support], [1], [24.00])"""
    (tmp_path / "a.typ").write_text(source, encoding="utf-8")
    (tmp_path / "a.pdf").write_bytes(typst.compile(str(tmp_path / "a.typ")))
    page = read_pdf(tmp_path / "a.pdf").pages[0]
    straight = straightened(page)
    assert all(straight(word) == word.box for word in page.words)
    rows = document_text(read_pdf(tmp_path / "a.pdf")).split("\n")
    assert rows[-3:] == ["Hosting\t1\t9.00", "Domain\t3\t3.00", "Support\t1\t24.00"]


def test_print_that_runs_up_the_margin_is_read_as_words_in_a_row_of_its_own(
    tmp_path: Path,
) -> None:
    """Regression: its letters stood one by one between the rows of the page."""
    source = """#set page(width: 15cm, height: 8cm)
    #place(left + horizon, rotate(-90deg, reflow: true)[Form 7 of Acme, printed 2014])
    #place(right + top, rotate(90deg, reflow: true)[down the page])
    #pad(left: 2cm)[#for n in range(6) [Row #n \\ ]]"""
    (tmp_path / "a.typ").write_text(source, encoding="utf-8")
    (tmp_path / "a.pdf").write_bytes(typst.compile(str(tmp_path / "a.typ")))
    document = read_document(tmp_path / "a.pdf")
    *lying, last = document_text(document).split("\n")
    assert [row.strip() for row in lying] == [f"Row {n}" for n in range(6)]
    for words in ("Form 7 of Acme, printed 2014", "down the page"):
        assert words in last
    (place,) = Locator(document).places("Form 7 of Acme")
    assert place.box[3] - place.box[1] > place.box[2] - place.box[0]


def test_a_column_that_a_row_leaves_empty_has_a_tab_of_its_own() -> None:
    """A line without a discount, a party of two rows beside one of three."""

    def row(number: int, *cells: tuple[str, float]) -> list[Word]:
        top = number * 0.012
        return [
            Word(text, (left, top, left + 0.008 * len(text), top + 0.008)) for text, left in cells
        ]

    words = [
        *row(0, ("Item", 0.1), ("Price", 0.4), ("Off", 0.6), ("Net", 0.8)),
        *row(1, ("Nails", 0.1), ("5.00", 0.41), ("9.00", 0.79)),
        *row(2, ("steel", 0.1)),
        *row(3, ("Screws", 0.1), ("7.00", 0.41), ("2", 0.61), ("6.00", 0.79)),
        *row(4, ("Total", 0.41), ("15.00", 0.79)),
        *row(12, ("Bank", 0.1), ("BIC", 0.8)),
    ]
    text = document_text(Document((Page(1000, 1000, tuple(words)),)))
    assert text.split("\n") == [
        "Item\tPrice\tOff\tNet",
        "Nails\t5.00\t\t9.00",
        "steel",
        "Screws\t7.00\t2\t6.00",
        "\tTotal\t\t15.00",
        "Bank\tBIC",
    ]


def test_values_are_found_where_they_stand_and_only_whole(pdf: Path) -> None:
    locator = Locator(read_pdf(pdf))
    assert len(locator.places("1.234,50 €")) == 1
    assert len(locator.places("1.234,50")) == 1
    assert locator.places("234,50") == ()
    assert locator.places("34") == ()
    assert locator.places("not there") == ()
    assert len(locator.places("Hauptstr. 5\n10115 Berlin")) == 2
    assert locator.places("Hauptstr. 5\n99999 Bonn") == ()


def test_a_number_is_found_beside_letters_but_not_inside_a_number() -> None:
    words = (Word("EUR12,50", (0.1, 0.1, 0.2, 0.12)), Word("合計1000円", (0.1, 0.2, 0.2, 0.22)))
    locator = Locator(Document((Page(100, 100, words),)))
    assert locator.places("12,50")
    assert locator.places("1000")
    assert locator.places("合計")
    assert locator.places("2,50") == ()
    assert locator.places("100") == ()
    assert locator.places("EU") == ()


def test_located_fills_the_places_of_an_invoice(pdf: Path) -> None:
    name = Printed[str](printed="Acme GmbH")
    invoice = located(Invoice(seller=Party(name=name)), read_pdf(pdf))
    assert invoice.seller.name is not None
    (place,) = invoice.seller.name.places
    assert place.page == 1
    assert 0 < place.box[0] < place.box[2] < 0.5


def test_a_document_survives_json(pdf: Path) -> None:
    document = read_pdf(pdf)
    back = Document.from_json(document.to_json())
    assert document_text(back) == document_text(document)


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("empty.pdf", b"", "size"),
        ("cut.pdf", b"%PDF-1.7\n1 0 obj", "cannot be opened"),
        ("noise.png", Random(0).randbytes(500), "cannot be read"),
        ("text.txt", b"hello", "cannot be read"),
    ],
)
def test_unusable_files_are_refused_with_their_name(
    tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    with pytest.raises(UnusableInput, match=message) as caught:
        read_document(write(tmp_path, name, data))
    assert name in str(caught.value)


def test_a_cut_image_is_refused(tmp_path: Path) -> None:
    Image.effect_noise((300, 300), 50).save(tmp_path / "whole.png")
    cut = write(tmp_path, "cut.png", (tmp_path / "whole.png").read_bytes()[:20_000])
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_document(cut)


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (400, 400)).save(tmp_path / "a.png")
    monkeypatch.setattr(opening, "MAX_PIXELS", 100)
    with pytest.raises(UnusableInput, match="too large"):
        read_document(tmp_path / "a.png")
    frames = [Image.new("L", (9, 9), shade) for shade in (0, 255)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(UnusableInput, match="several frames"):
        read_document(tmp_path / "moving.gif")
    with pytest.raises(UnusableInput, match="cannot be read"):
        read_document(tmp_path / "missing.pdf")
    with pytest.raises(UnusableInput, match="not a file"):
        read_document(tmp_path)


def test_words_of_a_value_stay_together_beside_smaller_labels_of_its_row() -> None:
    """A gap is wide or not for the words beside it, whatever else stands in the row."""

    def word(text: str, left: int, right: int, height: int) -> Word:
        return Word(
            text, (left / 200, (50 - height / 2) / 100, right / 200, (50 + height / 2) / 100)
        )

    row = (
        word("Acme", 0, 20, 10), word("SCOP", 27, 50, 10),  # 7 apart: one space of a wide typeface
        word("Pay", 80, 90, 6), word("to", 92, 98, 6), word("me:", 100, 110, 6),
        word("x", 116, 120, 10),  # 6 apart: too wide for the label
    )  # fmt: skip
    assert document_text(Document((Page(200, 100, row),))) == "Acme SCOP\tPay to me:\tx"


@pytest.mark.parametrize(
    ("score", "read"),
    [(0.97, "Grupo Najague S.L.\tFactura 7"), (1.0, "Grupo\tNajague S.L.\tFactura 7")],
)
def test_words_of_a_typewriter_stay_together_though_ocr_places_them_loosely(
    score: float, read: str
) -> None:
    """Regression: OCR's boxes parted "Grupo Najague"; a text layer's are exact, and part."""
    words = [("Grupo", 0, 40), ("Najague", 50, 105), ("S.L.", 112, 140), ("Factura", 152, 205)]
    words.append(("7", 211, 220))
    row = tuple(Word(text, (a / 300, 0.1, b / 300, 0.2), score) for text, a, b in words)
    assert document_text(Document((Page(300, 100, row),))) == read
