"""The report: safe whatever a model said, complete in one file, and readable in a real browser."""

from __future__ import annotations

import copy
import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from typing import Any

import pytest
from judged import ANSWER, TRUTH, answered, evaluation, judged
from PIL import Image

from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.engines.protocol import TokenScore
from erniekit_finetuning.evaluation.judging import DocumentResult, judge
from erniekit_finetuning.evaluation.predictions import Prediction
from erniekit_finetuning.evaluation.report import html_report, markdown_report, write_reports
from erniekit_finetuning.evaluation.report_style import STYLE
from erniekit_finetuning.evaluation.result import (
    Evaluated,
    Evaluation,
    output_files,
    write_evaluation,
)
from erniekit_finetuning.evaluation.table import compared, csv_table, rich_table
from erniekit_finetuning.evaluation.test_data import open_test_data
from erniekit_finetuning.evaluation.test_set import TestSet
from erniekit_finetuning.invoice.answer import read_answer
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.generate import generate

HOSTILE = '"><script>alert(1)</script><img src=https://evil.example/x>'


class Tags(HTMLParser):
    """The tags of a page, and whatever an attribute of theirs may load."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        loading = ("src", "href", "action", "srcset", "data", "background", "xlink:href")
        self.sources += [value or "" for name, value in attrs if name in loading]


def test_the_report_escapes_what_a_model_said_and_loads_nothing(tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    Image.new("RGB", (1600, 2200), "white").save(page)
    truth = replace(TRUTH, id=HOSTILE, images=(str(page),), tags={HOSTILE: HOSTILE})
    wrong = judged(lambda data: data["vendor_block"].update(name=HOSTILE), truth)
    data: dict[str, Any] = copy.deepcopy(ANSWER)
    data["structured_data"]["vendor_block"]["name"] = HOSTILE
    poisoned = replace(truth, data=data, invoice=read_answer(compact(data)).invoice)
    broken = judge(poisoned, answered(HOSTILE))
    pair = [
        evaluation(tmp_path / "a", [broken, broken], HOSTILE),
        evaluation(tmp_path / "b", [wrong, broken], HOSTILE),
    ]
    text = html_report(compared(pair), curves=page)
    assert "<script" not in text
    assert "alert(1)" in text  # it is shown, as text
    parser = Tags()
    parser.feed(text)
    assert parser.sources
    assert all(source.startswith("data:image/") for source in parser.sources)
    assert not re.search(r"url\(|@import", STYLE)
    assert "://" not in text.replace("https://evil.example/x", "")
    assert parser.tags <= {
        "html", "head", "meta", "title", "style", "body", "main", "section", "div", "h1", "h2",
        "h3", "p", "b", "i", "span", "table", "tr", "th", "td", "img", "pre", "br", "svg", "line",
        "circle", "text", "rect",
    }  # fmt: skip
    assert text.count("data:image/jpeg") == 2
    assert "data:image/png" in text
    assert "No difference shown" in text
    assert "<script" not in html_report(compared(pair[1:]))
    assert "| Field accuracy |" in markdown_report(compared(pair))


def test_a_page_that_cannot_be_shown_costs_its_picture_only(tmp_path: Path) -> None:
    page = tmp_path / "page.png"
    page.write_bytes(b"not a picture")
    truth = replace(TRUTH, images=(str(page),))
    made = evaluation(tmp_path, [judge(truth, answered(""))])
    assert "not at hand" in html_report(compared([made]))


def test_rows_show_the_difference_in_points(tmp_path: Path) -> None:
    bad = judge(TRUTH, answered("no"))
    models = compared(
        [evaluation(tmp_path / "a", [bad]), evaluation(tmp_path / "b", [judged()])], ("old", "new")
    )
    rows = {row.name: row for row in models.score_rows}
    first, second = rows["Field accuracy"].cells
    assert (first.text, second.text, second.difference) == ("0.0 %", "100.0 %", "+100.0")
    shown = len(models.score_rows) + len(models.trouble_rows)
    assert rich_table(models).row_count == shown
    assert {row.name for row in models.trouble_rows} == {"Not JSON"}
    table = list(csv.DictReader(csv_table(models).splitlines()))
    found = [row for row in table if row["name"] == "Field accuracy"]
    assert [(row["model"], row["value"]) for row in found] == [("old", "0.0"), ("new", "1.0")]
    assert found[1]["outcome"] == "no difference shown"


def spoilt(rng: Random, answer: dict[str, Any], share: float) -> str:
    """An answer some of whose values are wrong, missing or lost with their line."""
    data = answer["structured_data"]
    for name in ("vendor_block", "client_info", "financial_summary"):
        for key, value in data[name].items():
            if value is not None and rng.random() < share:
                data[name][key] = None if rng.random() < 0.3 else f"{value[::-1]}"
    if data["line_items"] and rng.random() < share:
        data["line_items"].pop(rng.randrange(len(data["line_items"])))
    return compact(answer)


def results(data: TestSet, share: float, seed: int) -> Iterator[DocumentResult]:
    rng = Random(seed)
    for truth in data.truths({}):
        text = spoilt(rng, copy.deepcopy(dict(truth.data)), share)
        tokens = tuple(TokenScore(end, -0.02 * share) for end in range(1, len(text) + 1))
        prediction = Prediction(truth.id, "", text, True, 100, 300, 0.5, tokens)
        yield judge(truth, prediction, metrics=True)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of two models on drawn invoices, with their pages and words."""
    folder = tmp_path_factory.mktemp("report")
    generate(GeneratorConfig(), 14, folder / "set", seed=21)
    data = open_test_data(folder / "set", folder / "test.jsonl", Instruction.FULL_ANALYSIS)

    def made(name: str, share: float, seed: int) -> Evaluation:
        evaluated = Evaluated(
            model=name, model_sha256="", engine="paddle", decoding="strict",
            data_file=str(data.path), data_sha256="0" * 64, max_new_tokens=1024,
        )  # fmt: skip
        return write_evaluation(evaluated, results(data, share, seed), output_files(folder / name))

    models = compared([made("base", 0.5, 1), made("tuned", 0.1, 2)])
    files = output_files(folder / "out")
    write_reports(models, files)
    assert json.loads(files.comparison.read_text())["models"]["tuned"]["verdict"] == "better"
    assert files.csv.read_text().startswith("part,name,model,value,")
    return files.html


@pytest.mark.parametrize(("width", "scheme"), [(1240, "light"), (1240, "dark"), (420, "light")])
def test_a_browser_shows_the_whole_report_and_asks_nobody(
    report: Path, browser: Any, width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    assert told == []
    assert all(url.startswith(("file:", "data:")) for url in asked)
    verdict = page.locator(".verdict")
    assert "tuned is better than base on 14 documents" in verdict.inner_text()
    assert verdict.bounding_box()["y"] < 300  # seen without scrolling
    # Nothing is cut off at the side; tables that are too wide scroll by themselves.
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    images = page.locator("img")
    assert images.count() >= 5
    assert images.evaluate_all("all => all.every(one => one.complete && one.naturalWidth > 100)")
    assert page.locator("svg.intervals .span").count() >= 10
    assert page.locator("svg.reliability .dot").count() >= 2
    assert page.locator(".document").count() == 5
    page.close()


def test_boxes_lie_on_the_words_that_were_read(report: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 1240, "height": 900})
    page.goto(report.as_uri())
    inside = """all => all.every(box => {
        const own = box.getBoundingClientRect(), sheet = box.parentElement.getBoundingClientRect();
        return own.width > 1 && own.height > 1 && own.left >= sheet.left - 2
            && own.right <= sheet.right + 2 && own.top >= sheet.top - 2
            && own.bottom <= sheet.bottom + 2; })"""
    boxes = page.locator(".box")
    assert boxes.count() > 30
    assert boxes.evaluate_all(inside)
    # The paper is white between words: where a value stands there is ink.
    inked = page.evaluate(
        """async () => {
        let inked = 0, all = 0;
        for (const sheet of document.querySelectorAll('.page')) {
            const image = sheet.querySelector('img'), canvas = document.createElement('canvas');
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            const brush = canvas.getContext('2d'); brush.drawImage(image, 0, 0);
            for (const box of sheet.querySelectorAll('.box')) {
                const part = side => parseFloat(box.style[side]) / 100;
                const pixels = brush.getImageData(part('left') * canvas.width,
                    part('top') * canvas.height, Math.max(1, part('width') * canvas.width),
                    Math.max(1, part('height') * canvas.height)).data;
                let low = 255, high = 0;
                for (let i = 0; i < pixels.length; i += 4) {
                    low = Math.min(low, pixels[i]); high = Math.max(high, pixels[i]); }
                all += 1; inked += high - low > 60 ? 1 : 0;
            }
        }
        return inked / all; }"""
    )
    assert inked > 0.97
    page.close()
