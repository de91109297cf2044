"""Truths in a team's own JSON become pairs: checked by the schema, whole, to the digit."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from erniekit_finetuning.data.pairs_file import read_pairs
from erniekit_finetuning.data.schemas.blank import blank
from erniekit_finetuning.data.schemas.keeping import answer_problems
from erniekit_finetuning.data.schemas.own import OwnSchema, read_own_schema
from erniekit_finetuning.errors import UnusableInput

ROOT = Path(__file__).resolve().parents[1]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["beleg"],
    "properties": {
        "beleg": {
            "type": "object",
            "properties": {
                "kennung": {"type": "string", "printed": "identifier"},
                "ausgestellt_am": {"type": ["string", "null"], "format": "date"},
                "art": {"enum": [None, "rechnung", "gutschrift"]},
            },
        },
        "partner": {
            "type": "object",
            "properties": {"absender": {"anyOf": [{"type": "string"}, {"type": "null"}]}},
        },
        "zeilen": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"was": {"type": "string"}, "anzahl": {"type": ["number", "null"]}},
                "required": ["was"],
                "additionalProperties": False,
            },
        },
        "bezahlt": {"type": ["boolean", "null"]},
    },
}
# Keys in another order, numbers with their decimals.
GOOD = """{"zeilen": [{"anzahl": 2.50, "was": "Tee <image>"}, {"was": "Öl"}],
 "beleg": {"ausgestellt_am": "2026-03-14", "kennung": "R-7"}, "notiz": "x"}"""
ANSWER = (
    '{"beleg":{"kennung":"R-7","ausgestellt_am":"2026-03-14","art":null},'
    '"partner":{"absender":null},'
    '"zeilen":[{"was":"Tee \\u003cimage>","anzahl":2.50},{"was":"Öl","anzahl":null}],'
    '"bezahlt":null}'
)
ASKED = (
    '<image>\nExtract as JSON: {"beleg":{"kennung":"","ausgestellt_am":"YYYY-MM-DD",'
    '"art":"rechnung"},"partner":{"absender":""},"zeilen":[{"was":"","anzahl":0}],"bezahlt":true}'
)
# What is changed in a good truth, and what the rejection says of it.
BAD = {
    "no beleg": ({"beleg": ...}, "beleg: is missing"),
    "no key": (
        {"beleg": {}},
        "beleg.kennung: is left out and must not be null; expected a value",
    ),
    "no list": (
        {"zeilen": ...},
        "zeilen: is left out and must not be null; expected [] where there is none",
    ),
    "type": (
        {"beleg": {"kennung": 7}},
        "beleg.kennung: of another type; found 7; expected string",
    ),
    "null or": (
        {"partner": {"absender": [1]}},
        "partner.absender: of another type; found [1]; expected string",
    ),
    "enum": (
        {"beleg": {"kennung": "R", "art": "mahnung"}},
        "beleg.art: not one of its values; found 'mahnung'; expected null,",
    ),
    "date": (
        {"beleg": {"kennung": "R", "ausgestellt_am": "14.3.2026"}},
        "beleg.ausgestellt_am: not a date; found '14.3.2026'; expected YYYY-MM-DD",
    ),
    "no such day": (
        {"beleg": {"kennung": "R", "ausgestellt_am": "2026-02-30"}},
        "beleg.ausgestellt_am: not a date",
    ),
    "extra": (
        {"zeilen": [{"was": "Tee"}, {"was": "Öl", "preis": 1}]},
        "zeilen[1].preis: the schema has no place for it",
    ),
    "number": (
        {"zeilen": [{"was": "Tee", "anzahl": "2"}]},
        "zeilen[0].anzahl: of another type; found '2'; expected number or null",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Image.new("L", (40, 40), 255).save(tmp_path / "a.png")
    (tmp_path / "own.json").write_text(json.dumps(SCHEMA), encoding="utf-8")
    (tmp_path / "good.json").write_text(GOOD, encoding="utf-8")
    return tmp_path


def prepared(folder: Path, source: str, *more: str) -> subprocess.CompletedProcess[str]:
    """The user's command, by path."""
    named = "--manifest" if source.endswith(".json") else "--active-learning-file"
    command = [sys.executable, "erniekit_finetuning/prepare_data.py", named, str(folder / source)]
    command += ["--schema", str(folder / "own.json"), "--output", str(folder / "o.jsonl"), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def manifest(folder: Path, truths: Sequence[Any]) -> None:
    rows = [{"image": "a.png", "invoice_id": str(at), "ground_truth": truth}
            for at, truth in enumerate(truths)]  # fmt: skip
    (folder / "m.json").write_text(json.dumps(rows), encoding="utf-8")


def test_a_truth_becomes_the_answer_in_the_schemas_order_with_its_digits(folder: Path) -> None:
    rows = [{"image": "a.png", "ground_truth": "good.json", "tags": {"layout": "ledger"}}]
    (folder / "m.json").write_text(json.dumps(rows), encoding="utf-8")
    done = prepared(folder, "m.json", "--no-text")
    assert done.returncode == 0, done.stderr
    assert "no place for it: notiz (1 x)" in done.stderr
    (pair,) = read_pairs(folder / "o.jsonl")
    assert pair.answer == ANSWER
    assert pair.human == ASKED
    assert pair.tags == {"layout": "ledger"}


def test_each_break_of_the_schema_is_a_rejection_with_path_found_and_expected(
    folder: Path,
) -> None:
    good = json.loads(GOOD)
    bad = [
        {key: value for key, value in {**good, **change}.items() if value is not ...}
        for change, _ in BAD.values()
    ]
    manifest(folder, [good, *bad])
    done = prepared(folder, "m.json", "--no-text", "--workers", "2", "--strict")
    assert done.returncode == 1, done.stderr
    assert len(list(read_pairs(folder / "o.jsonl"))) == 1
    lines = (folder / "o.rejected.jsonl").read_text(encoding="utf-8").splitlines()
    reasons = [json.loads(line)["reason"] for line in lines]
    assert len(reasons) == len(BAD)
    for reason, (_, told) in zip(reasons, BAD.values(), strict=True):
        assert told in reason


def test_corrections_in_the_own_shape_reach_every_key_of_it(folder: Path) -> None:
    """Keys that mean something in our own shapes mean nothing here."""
    properties = {name: {"type": ["string", "null"]} for name in ("printed", "value", "total")}
    inner = {"type": "object", "properties": properties}
    schema = {"type": "object", "properties": {"vendor_block": inner, "total": {"type": "number"}}}
    (folder / "own.json").write_text(json.dumps(schema))
    record = {
        "document_id": "a",
        "image_path": "a.png",
        "original_data": {"vendor_block": {"printed": "Acne", "value": "v"}, "total": 1},
        "corrected_data": {"vendor_block": {"printed": "Acme"}, "total": 5},
    }
    row = json.dumps(record).replace('"total": 5', '"total": 5.00')
    (folder / "al.jsonl").write_text(row + "\n")
    done = prepared(folder, "al.jsonl", "--no-text")
    assert done.returncode == 0, done.stderr
    (pair,) = read_pairs(folder / "o.jsonl")
    assert pair.answer == (
        '{"vendor_block":{"printed":"Acme","value":"v","total":null},"total":5.00}'
    )


@pytest.mark.parametrize(
    ("schema", "more", "message"),
    [
        (SCHEMA, ["--instruction", "validation"], "--instruction: the answer of a schema"),
        (SCHEMA, ["--group-by", "vendor"], "--group-by: which key"),
        ({"type": 5}, [], "is no JSON Schema"),
        ({"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}}, [],
         "$.properties.a.pattern: not supported here"),
    ],
)  # fmt: skip
def test_usage_and_schemas_that_cannot_be_used_end_with_2(
    folder: Path, schema: Any, more: list[str], message: str
) -> None:
    manifest(folder, [json.loads(GOOD)])
    (folder / "own.json").write_text(json.dumps(schema))
    done = prepared(folder, "m.json", *more)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_whole_answer_has_every_key_and_no_other(folder: Path) -> None:
    schema = read_own_schema(folder / "own.json")
    assert not answer_problems(json.loads(ANSWER), schema)
    told = [str(one) for one in answer_problems(json.loads(GOOD), schema)]
    assert told == [
        "beleg.art: is missing",
        "partner: is missing",
        "zeilen[1].anzahl: is missing",
        "bezahlt: is missing",
        "notiz: the schema has no place for it",
    ]


def test_schemas_of_one_text_are_one_and_a_missing_file_is_named(tmp_path: Path) -> None:
    text = json.dumps(SCHEMA)
    assert OwnSchema(text) == OwnSchema(text)
    assert blank(OwnSchema(text).tree)["beleg"]["art"] == "rechnung"
    with pytest.raises(UnusableInput, match=r"nowhere\.json"):
        read_own_schema(tmp_path / "nowhere.json")
