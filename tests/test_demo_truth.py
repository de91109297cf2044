"""The demo's own schema: what the generator knows in a team's JSON, sayable and new to the base."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from erniekit_finetuning.data.schemas.keeping import answer_problems
from erniekit_finetuning.data.schemas.own import read_own_schema
from erniekit_finetuning.decoding import placed
from erniekit_finetuning.demo_truth import house_truth, write_house_manifest
from erniekit_finetuning.documents.pdf import read_pdf
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.dataset.generate import generate
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

ROOT = Path(__file__).resolve().parents[1]
HOUSE = load_config(ROOT / "configs/generator/house.yaml")
SCHEMA = read_own_schema(ROOT / "configs/schemas/house.schema.json")
KEYS = ROOT / "erniekit_finetuning/base/own_keys.yaml"


def test_no_key_of_the_demo_is_one_that_the_base_model_was_trained_on() -> None:
    known = set(_words(yaml.safe_load(KEYS.read_text(encoding="utf-8"))))
    keys = set(_keys(SCHEMA.json))
    assert len(keys) > 15
    for key in keys:
        assert key.replace("_", " ").casefold() not in known, key


def _words(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [word for inner in value.values() for word in _words(inner)]
    return [word for inner in value for word in _words(inner)] if isinstance(value, list) else [
        str(value).casefold()
    ]  # fmt: skip


def _keys(schema: Any) -> list[str]:
    named = schema.get("properties", {})
    inner = [*named.values(), *([schema["items"]] if "items" in schema else [])]
    return [*named, *(key for one in inner for key in _keys(one))]


def test_truths_are_whole_answers_whose_values_stand_on_the_page(tmp_path: Path) -> None:
    fields = missing = 0
    for index in range(12):
        made = draft(HOUSE, 3, index)
        truth = house_truth(made.invoice)
        assert answer_problems(truth, SCHEMA) == []
        file = tmp_path / f"{index}.pdf"
        file.write_bytes(render_pdf(made.invoice, made.style))
        found = placed(truth, SCHEMA.tree, read_pdf(file))
        fields += sum(leaf.expected for leaf in found)
        missing += sum(leaf.expected and not leaf.places for leaf in found)
        assert isinstance(truth["abschluss"]["zu_zahlen"], Decimal)
    assert missing < 0.01 * fields


def test_the_manifest_carries_truths_and_tags_and_is_the_same_again(tmp_path: Path) -> None:
    generate(HOUSE, 2, tmp_path, seed=3)
    path = write_house_manifest(tmp_path)
    before = path.stat().st_mtime_ns
    rows = json.loads(path.read_text(encoding="utf-8"))
    assert len({row["invoice_id"] for row in rows}) == 2
    assert [*rows[0]["ground_truth"]] == ["beleg", "partner", "zeilen", "abschluss"]
    assert set(rows[0]["tags"]) == {"layout", "locale"}
    assert write_house_manifest(tmp_path).stat().st_mtime_ns == before
