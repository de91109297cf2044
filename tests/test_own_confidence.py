"""Confidence of a team's own JSON: evidence of any leaf, and a calibration from command to use."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.config.settings import settings_for
from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning.cli import app
from erniekit_finetuning.confidence.calibration import CALIBRATION_FILE, Calibration
from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.confidence.witness import Witness
from erniekit_finetuning.data.labelling import make_pair, words_of
from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.data.schemas.keeping import kept
from erniekit_finetuning.data.schemas.own import OwnSchema, schema_sha256
from erniekit_finetuning.documents.model import Document, Page, Word
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.engines.protocol import TokenScore
from erniekit_finetuning.invoice.model import Invoice
from erniekit_finetuning.own_extraction import OwnExtraction
from erniekit_finetuning.recipes.models import ASSETS
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.stream import pdf_documents

EASY = GeneratorConfig(locales={"de-DE": 1.0}, layouts={"classic": 1.0}, max_lines=2)
OWN = OwnSchema(
    """{"type": "object", "properties": {
        "number": {"type": ["string", "null"], "printed": "identifier"},
        "issued": {"type": ["string", "null"], "format": "date"},
        "total": {"type": ["number", "null"]},
        "lines": {"type": "array", "maxItems": 2, "items": {"type": "object", "properties": {
            "price": {"type": ["string", "null"], "printed": "amount"}}}}}}"""
)


def own_answer(invoice: Invoice) -> dict[str, Any]:
    number, issued, total = invoice.number, invoice.issue_date, invoice.totals.tax_inclusive
    return {
        "number": number and number.printed,
        "issued": issued and str(issued.value),
        "total": total and total.value,
        "lines": [{"price": one.net_amount and one.net_amount.printed} for one in invoice.lines],
    }


def test_a_leaf_of_any_answer_has_the_kind_and_the_places_of_what_it_looks_like() -> None:
    words = [
        Word(text, (0.1 * at, 0.1, 0.1 * at + 0.09, 0.12))
        for at, text in enumerate(("Alba", "26/04/2019", "1.234,50", "Tee"))
    ]
    document = Document((Page(800, 800, tuple(words)),))
    text = '{"who":"Alba","on":"2019-04-26","sum":1234.5,"no":"0042","ok":true,"at":["1.234,50"]}'
    witness = Witness(text, [TokenScore(len(text), -0.1)], document)
    found = {path: witness.of_path(path) for path in ("who", "on", "sum", "no", "ok", "at[0]")}
    assert {path: one and (one.kind, one.places, one.item) for path, one in found.items()} == {
        "who": (Kind.TEXT, 1, False),
        "on": (Kind.DATE, 1, False),
        "sum": (Kind.AMOUNT, 1, False),
        "no": (Kind.TEXT, 0, False),
        "ok": (Kind.TEXT, 0, False),
        "at[0]": (Kind.AMOUNT, 1, True),
    }
    assert witness.of_path("elsewhere") is None


def test_a_teams_own_answers_are_calibrated_by_the_schema_of_their_model(tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(ASSETS / "ernie-4.5-tiny", model)
    (model / "schema.json").write_text(OWN.text)
    rows = []
    for index, (invoice, document) in enumerate(pdf_documents(EASY, 6, 0, 24)):
        rows.append(
            make_pair(
                f"d{index}", ("a.png",), document_text(document),
                kept(own_answer(invoice), OWN).truth, Instruction.EXTRACTION,
                pages=words_of(document),
            )
        )  # fmt: skip
    data = tmp_path / "labelled.jsonl"
    data.write_text("".join(compact(row.to_json()) + "\n" for row in rows))
    runner, name = CliRunner(), str(model)
    done = runner.invoke(app, ["calibrate", "--model", name, "--test-data", str(data)])
    assert done.exit_code == 0, (done.output, done.exception)
    found = Calibration.model_validate_json((model / CALIBRATION_FILE).read_bytes())
    assert found.schema_sha256 == schema_sha256(OWN.json)
    stored = (model / "calibration" / "predictions.jsonl").read_text().splitlines()
    assert all(json.loads(row)["text"].startswith('{"number":') for row in stored)
    result = tmp_path / "evaluated"
    measured = ["evaluate", "--model", name, "--test-data", str(data), "--output", str(result)]
    assert runner.invoke(app, measured).exit_code == 0
    told = json.loads((result / "results.json").read_text())
    assert told["evaluated"]["confidence"] == "calibrated"
    extraction = ErnieVLMService(settings_for(name)).read(document)
    assert isinstance(extraction, OwnExtraction)
    assert extraction.calibrated
    said = {field.path for field in extraction.fields if field.value is not None}
    assert extraction.confidence.keys() == said
    assert all(0 <= one <= 1 for one in extraction.confidence.values())
    # Judged and extracted, a value is as sure.
    judged = json.loads((result / "matches.jsonl").read_text().splitlines()[-1])
    heads = [one for one in judged["matches"] if "[" not in one["field"] and one.get("found")]
    assert heads
    for one in heads:
        assert extraction.confidence[one["field"]] == pytest.approx(one["confidence"], abs=2e-4)
    other = tmp_path / "other.json"
    other.write_text(OWN.text.replace('"maxItems": 2', '"maxItems": 3'))
    elsewhere = ErnieVLMService(settings_for(name, other)).read(document)
    assert not elsewhere.calibrated
    assert elsewhere.confidence
