"""The same invoices drawn by other means, for comparison: reportlab, and Pillow.

`draw_invoice` puts every string of a page view on one plain layout: blocks, a table whose columns
fit their widest cells, right-aligned amounts, rules, wrapped paragraphs, the QR code, a footer on
every page. One layout serves all; logos, stamps and colours are left out, so the peers draw less
than ours, not more.
"""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import matplotlib
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas as ReportlabCanvas

from synthetic_invoice_generator.looks.rendering import DPI

WIDTH, HEIGHT, MARGIN = 595.0, 842.0, 50.0
SIZE, LEADING = 9.0, 12.5
FACES = {False: "DejaVuSans.ttf", True: "DejaVuSans-Bold.ttf"}


def face_path(bold: bool) -> str:
    """A face that matplotlib brings along: the peers need files, and so any machine has them."""
    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / FACES[bold])


class Canvas(Protocol):
    """Points from the top left corner; a text's y is its base line."""

    def text(self, x: float, y: float, text: str, bold: bool = False, size: float = SIZE) -> None:
        """Text that starts at x."""

    def text_to(self, x: float, y: float, text: str, bold: bool = False) -> None:
        """Text that ends at x."""

    def width(self, text: str) -> float:
        """How wide a text of the usual size is."""

    def code(self, x: float, y: float, squares: list[list[int]], side: float) -> None:
        """A QR code whose top left corner is at (x, y)."""

    def rule(self, x: float, y: float, to: float) -> None:
        """A thin line."""

    def fill(self, x: float, y: float, width: float, height: float) -> None:
        """A pale block."""

    def next_page(self) -> None:
        """Go on on another page."""


class OnReportlab:
    """A PDF with a text layer."""

    def __init__(self) -> None:
        for bold, name in FACES.items():
            if name not in pdfmetrics.getRegisteredFontNames():
                pdfmetrics.registerFont(TTFont(name, face_path(bold)))
        self._file = io.BytesIO()
        self._canvas = ReportlabCanvas(self._file, pagesize=(WIDTH, HEIGHT))

    def text(self, x: float, y: float, text: str, bold: bool = False, size: float = SIZE) -> None:
        self._canvas.setFont(FACES[bold], size)
        self._canvas.drawString(x, HEIGHT - y, text)

    def text_to(self, x: float, y: float, text: str, bold: bool = False) -> None:
        self._canvas.setFont(FACES[bold], SIZE)
        self._canvas.drawRightString(x, HEIGHT - y, text)

    def width(self, text: str) -> float:
        return float(pdfmetrics.stringWidth(text, FACES[False], SIZE))

    def code(self, x: float, y: float, squares: list[list[int]], side: float) -> None:
        image = ImageReader(Image.fromarray(np.array(squares, np.uint8)))
        self._canvas.drawImage(image, x, HEIGHT - y - side, side, side)

    def rule(self, x: float, y: float, to: float) -> None:
        self._canvas.setLineWidth(0.5)
        self._canvas.line(x, HEIGHT - y, to, HEIGHT - y)

    def fill(self, x: float, y: float, width: float, height: float) -> None:
        self._canvas.setFillGray(0.92)
        self._canvas.rect(x, HEIGHT - y - height, width, height, stroke=0, fill=1)
        self._canvas.setFillGray(0)

    def next_page(self) -> None:
        self._canvas.showPage()

    def pdf(self) -> bytes:
        """The finished document."""
        self._canvas.save()
        return self._file.getvalue()


class OnPillow:
    """Page images alone."""

    def __init__(self) -> None:
        self._scale = DPI / 72
        self._pages: list[Image.Image] = []
        self.next_page()

    def next_page(self) -> None:
        size = (round(WIDTH * self._scale), round(HEIGHT * self._scale))
        self._pages.append(Image.new("RGB", size, "white"))
        self._draw = ImageDraw.Draw(self._pages[-1])

    def text(self, x: float, y: float, text: str, bold: bool = False, size: float = SIZE) -> None:
        self._put(x, y, text, bold, size, "ls")

    def text_to(self, x: float, y: float, text: str, bold: bool = False) -> None:
        self._put(x, y, text, bold, SIZE, "rs")

    def width(self, text: str) -> float:
        return _pillow_face(False, SIZE * self._scale).getlength(text) / self._scale

    def code(self, x: float, y: float, squares: list[list[int]], side: float) -> None:
        pixels = round(side * self._scale)
        image = Image.fromarray(np.array(squares, np.uint8)).resize((pixels, pixels))
        self._pages[-1].paste(image, (round(x * self._scale), round(y * self._scale)))

    def _put(self, x: float, y: float, text: str, bold: bool, size: float, anchor: str) -> None:
        place = (x * self._scale, y * self._scale)
        self._draw.text(place, text, "black", _pillow_face(bold, size * self._scale), anchor)

    def rule(self, x: float, y: float, to: float) -> None:
        ends = [(x * self._scale, y * self._scale), (to * self._scale, y * self._scale)]
        self._draw.line(ends, "black", 1)

    def fill(self, x: float, y: float, width: float, height: float) -> None:
        corners = [x, y, x + width, y + height]
        self._draw.rectangle([side * self._scale for side in corners], "#ebebeb")

    def pages(self) -> list[npt.NDArray[np.uint8]]:
        """The pages as pixels."""
        return [np.asarray(page) for page in self._pages]


@cache
def _pillow_face(bold: bool, size: float) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(face_path(bold), size)


def draw_invoice(view: dict[str, Any], canvas: Canvas) -> None:
    """Every string of the view, in one plain layout, on as many pages as it takes."""
    _Page(view, canvas).draw()


class _Page:
    """Goes down the page, and on to the next one when it is full."""

    def __init__(self, view: dict[str, Any], canvas: Canvas) -> None:
        self.view, self.canvas = view, canvas
        self.right, self.y, self.number = WIDTH - MARGIN, MARGIN, 1

    def draw(self) -> None:
        view = self.view
        self.canvas.text(self.right - 160, MARGIN, view["title"], True, 16)
        self.column(MARGIN, _party(view["seller"]))
        top = self.y + LEADING
        self.y = top
        facts = [
            f"{row['label']} {one}" for row in view["meta"] for one in row["value"].split("\n")
        ]
        self.column(WIDTH / 2, facts)
        below, self.y = self.y, top
        self.column(MARGIN, _party(view["buyer"]))
        self.y = max(below, self.y) + LEADING
        self.paragraphs(view["intro"])
        self.table()
        for row in [view["taxes"]["headings"], *view["taxes"]["rows"]] if view["taxes"] else []:
            for at, cell in enumerate(row):
                self.canvas.text_to(self.right - 90 * (len(row) - 1 - at), self.y, cell)
            self.down()
        for row in view["totals"]:
            self.canvas.text(WIDTH / 2, self.y, row["label"], row["strong"])
            self.canvas.text_to(self.right, self.y, row["value"], row["strong"])
            self.down()
        terms = [f"{view['terms']['label']} {view['terms']['value']}"] if view["terms"] else []
        self.column(
            MARGIN, [*terms, *(f"{row['label']} {row['value']}" for row in view["account"])]
        )
        self.paragraphs(view["notes"])
        if view["marks"]["code"]:
            if self.y > HEIGHT - 4 * MARGIN:
                self.next_page()
            self.canvas.code(MARGIN, self.y, view["marks"]["code"], 68)
            self.y += 80
        self.paragraphs(view["conditions"]["clauses"])
        self.footer()

    def table(self) -> None:
        columns, rows = self.view["columns"], self.view["rows"]
        table = [[column["heading"] for column in columns], *rows]
        widths = [
            max(self.canvas.width(part) for cell in cells for part in cell.split("\n")) + 8
            for cells in zip(*table, strict=True)
        ]
        wide = next(at for at, column in enumerate(columns) if column["key"] == "description")
        widths[wide] += max(0, self.right - MARGIN - sum(widths))
        edges = [MARGIN + sum(widths[:at]) for at in range(len(widths) + 1)]
        self.canvas.fill(MARGIN, self.y - SIZE - 2, self.right - MARGIN, LEADING + 2)
        for row in table:
            deep = max(cell.count("\n") for cell in row) + 1
            for column, cell, left, end in zip(columns, row, edges[:-1], edges[1:], strict=True):
                for at, part in enumerate(cell.split("\n")):
                    if column["side"] == "left":
                        self.canvas.text(left + 4, self.y + at * LEADING, part)
                    else:
                        self.canvas.text_to(end - 4, self.y + at * LEADING, part)
            self.canvas.rule(MARGIN, self.y + (deep - 1) * LEADING + 3, self.right)
            self.down(deep)

    def paragraphs(self, texts: list[str]) -> None:
        for text in texts:
            line = ""
            for word in text.split(" "):
                longer = f"{line} {word}" if line else word
                if line and self.canvas.width(longer) > self.right - MARGIN:
                    self.column(MARGIN, [line])
                    longer = word
                line = longer
            self.column(MARGIN, [line])

    def column(self, x: float, rows: list[str]) -> None:
        for row in rows:
            self.canvas.text(x, self.y, row)
            self.down()

    def down(self, rows: int = 1) -> None:
        self.y += rows * LEADING
        if self.y > HEIGHT - 2 * MARGIN:
            self.next_page()

    def next_page(self) -> None:
        self.footer()
        self.canvas.next_page()
        self.number += 1
        self.y = MARGIN

    def footer(self) -> None:
        y = HEIGHT - 2 * MARGIN + 2 * LEADING
        self.canvas.rule(MARGIN, y - LEADING, self.right)
        for row in self.view["footer"]:
            self.canvas.text(MARGIN, y, row)
            y += LEADING
        self.canvas.text_to(self.right, y, str(self.number))


def _party(party: dict[str, Any]) -> list[str]:
    also = party["also"] and [party["also"]["heading"], *party["also"]["lines"]]
    numbers = [party["vat"], *(row["text"] for row in party["registers"])]
    rows = [party["heading"], party["name"], *party["lines"], *numbers, *(also or [])]
    return [row for row in rows if row]
