"""prepare_data: manifests and active-learning records to pairs, nothing lost, nothing assumed."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from erniekit_finetuning.data.building import Building
from erniekit_finetuning.data.labelling import validation_summary
from erniekit_finetuning.data.pair import Pair, Turn
from erniekit_finetuning.data.pairs_file import read_pairs
from erniekit_finetuning.data.preparing import prepare
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.data.record import Folders
from erniekit_finetuning.data.shards import Plan
from erniekit_finetuning.data.sources.active_learning import Reading
from erniekit_finetuning.data.sources.correcting import merged
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.shapes import read_invoice
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.generate import generate

ROOT = Path(__file__).resolve().parents[1]
ANSWER = {
    "vendor_block": {"name": "Acme"},
    "line_items": [{"description": "Tea", "quantity": "2", "unit_price": "5", "line_total": "10"}],
    "financial_summary": {"subtotal": "10", "tax": "1.90", "grand_total": "11.90"},
}


@pytest.fixture(scope="module")
def invoices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("invoices")
    generate(GeneratorConfig(), 3, folder, seed=3)
    return folder


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The user's command, by path, as a user runs it."""
    return subprocess.run(
        [sys.executable, "erniekit_finetuning/prepare_data.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("manifest", ["training_manifest.json", "training_manifest_pairs.json"])
def test_both_manifest_shapes_become_pairs(invoices: Path, tmp_path: Path, manifest: str) -> None:
    output = tmp_path / "pairs.json"
    done = script(
        *("--manifest", str(invoices / manifest)),
        *("--images-dir", str(invoices / "images")),
        *("--ground-truth-dir", str(invoices / "ground_truth")),
        *("--output", str(output)),
        *(["--no-text"] if "pairs" in manifest else []),
    )
    assert done.returncode == 0, done.stderr
    rows = json.loads(output.read_text(encoding="utf-8"))
    assert len(rows) == 3
    for row in rows:
        assert Path(row["image"]).is_file()
        human, assistant = row["conversations"]
        assert human["role"] == "human"
        assert human["content"].startswith("<image>\n")
        answer = json.loads(assistant["content"])
        assert answer["validation_summary"] == {
            "is_valid": True,
            "math_verified": True,
            "issues": [],
        }
    if "pairs" not in manifest:
        truth = json.loads((invoices / "ground_truth" / "inv-000001.json").read_text("utf-8"))
        printed = truth["invoice"]["seller"]["name"]["printed"]
        answer = json.loads(rows[0]["conversations"][1]["content"])
        assert answer["structured_data"]["vendor_block"]["name"] == printed
        assert printed.split()[0] in rows[0]["text"]


def records(folder: Path, *rows: Any) -> Path:
    Image.new("L", (40, 40), 255).save(folder / "a.png")
    file = folder / "active.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def plan(folder: Path, trust: bool = False, **changes: Any) -> Plan:
    how = Plan(
        folders=Folders(folder, folder, folder),
        reading=Reading(trust_unreviewed=trust),
        building=Building(Instruction.FULL_ANALYSIS, text=False),
    )
    return replace(how, **changes)


def convert(
    folder: Path, *rows: Any, trust: bool = False, **changes: Any
) -> tuple[list[Pair], list[str]]:
    output = folder / "pairs.jsonl"
    prepare(str(records(folder, *rows)), output, plan(folder, trust, **changes))
    aside = folder / "pairs.rejected.jsonl"
    rejected = aside.read_text(encoding="utf-8").splitlines() if aside.exists() else []
    return list(read_pairs(output)), [json.loads(line)["reason"] for line in rejected]


def structured(pair: Pair) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(pair.answer)["structured_data"]
    return data


def test_all_four_record_shapes_convert(tmp_path: Path) -> None:
    fields = [
        {"field_name": "vendor_name", "value": "Acne", "confidence": 0.4},
        {"field_name": "total", "value": "11.90", "confidence": 0.9},
    ]
    pairs, rejected = convert(
        tmp_path,
        {
            "document_id": "a",
            "source_file": "a.png",
            "extracted_data": fields,
            "correction": {"vendor_name": "Acme"},
        },
        {
            "document_id": "b",
            "source_file": "a.png",
            "model_output": ANSWER,
            "validation": {"is_valid": True, "arithmetic_checks": {"sum": True}},
            "needs_review": False,
        },
        {"prompt": "Say hello", "completion": "Hello"},
        {
            "document_id": "d",
            "image_path": "a.png",
            "original_data": {"structured_data": ANSWER},
            "corrected_data": {"structured_data": {"vendor_block": {"name": "Acme Ltd"}}},
        },
    )
    assert rejected == []
    assert structured(pairs[0])["vendor_block"]["name"] == "Acme"
    assert structured(pairs[0])["financial_summary"]["grand_total"] == "11.90"
    assert structured(pairs[1])["line_items"][0]["description"] == "Tea"
    assert pairs[2].answer == "Hello"
    assert structured(pairs[3])["vendor_block"]["name"] == "Acme Ltd"
    assert structured(pairs[3])["financial_summary"]["tax"] == "1.90"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"needs_review": True}, "needs review"),
        ({"validation": {"is_valid": False}}, "did not pass"),
        ({"validation": {"is_valid": True, "arithmetic_checks": [{"passed": False}]}}, "check"),
    ],
)
def test_a_guess_is_kept_aside_unless_trusted(
    tmp_path: Path, change: dict[str, Any], why: str
) -> None:
    good = {"source_file": "a.png", "model_output": ANSWER, "validation": {"is_valid": True}}
    pairs, rejected = convert(tmp_path, good, {**good, **change})
    assert len(pairs) == 1
    assert why in rejected[0]
    pairs, rejected = convert(tmp_path, good, {**good, **change}, trust=True)
    assert (len(pairs), rejected) == (2, [])


def test_converted_and_rejected_add_up_to_read(tmp_path: Path) -> None:
    good = {"source_file": "a.png", "model_output": ANSWER, "validation": {"is_valid": True}}
    outside = tmp_path.parent / "outside.png"
    Image.new("L", (4, 4)).save(outside)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG broken")
    bad: list[Any] = [
        "{cut",
        "[]",
        '"text"',
        {"unknown": 1},
        {**good, "source_file": "missing.png"},
        {**good, "source_file": "../outside.png"},
        {**good, "source_file": str(outside)},
        {**good, "source_file": "broken.png"},
        {**good, "model_output": {"colour": "red"}},
        {**good, "model_output": {"line_items": [1]}},
    ]
    pairs, rejected = convert(tmp_path, good, *bad, "", good)
    assert len(pairs) == 2
    assert len(rejected) == len(bad)
    assert all(rejected)


def test_a_wrong_truth_is_said_to_be_wrong() -> None:
    data = {**ANSWER, "financial_summary": {"subtotal": "10", "tax": "1.90", "grand_total": "12"}}
    summary = validation_summary(read_invoice(data).invoice)
    assert not summary["is_valid"]
    assert not summary["math_verified"]
    assert any("BR-CO-15" in issue for issue in summary["issues"])


def test_a_lone_total_verifies_no_arithmetic() -> None:
    """Regression: one printed amount that stands for two terms agreed with itself."""
    summary = validation_summary(read_invoice({"invoice_number": "X-1", "total": "11.90"}).invoice)
    assert not summary["math_verified"]


def test_lists_are_replaced_and_flat_names_find_their_block() -> None:
    assert merged(ANSWER, {"tax": "2"})["financial_summary"]["tax"] == "2"
    assert merged(ANSWER, {"line_items": []})["line_items"] == []
    assert ANSWER["financial_summary"]["tax"] == "1.90"
    whole = merged({"structured_data": ANSWER}, {"tax": "2", "line_items[0].quantity": "9"})
    assert whole["structured_data"]["financial_summary"]["tax"] == "2"
    assert whole["structured_data"]["line_items"][0]["quantity"] == "9"
    own = merged({"seller": {"name": {"printed": "A", "value": "A"}}}, {"seller": {"name": "B"}})
    assert own == {"seller": {"name": "B"}}


def test_several_pages_give_a_tag_each_and_one_text() -> None:
    pair = Pair(
        images=("1.png", "2.png"),
        conversations=(
            Turn(role="human", content="<image><image>\nRead."),
            Turn(role="assistant", content="{}"),
        ),
        text="page one\fpage two",
    )
    assert pair.text_prompt() == "page one\fpage two\nRead."


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option"),
        (["--output", "o.jsonl"], "give one source"),
        (["--output", "o.jsonl", "--manifest", "none.json"], "none.json"),
        (["--output", "o.jsonl", "--active-learning-file", "none.jsonl"], "none.jsonl"),
        (["--output", "o.jsonl", "--manifest", "setup.py", "--images-dir", "nowhere"], "nowhere"),
    ],
)
def test_usage_mistakes_end_with_2_and_one_message(arguments: list[str], message: str) -> None:
    done = script(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_converted_is_an_error(tmp_path: Path) -> None:
    source = records(tmp_path, {"unknown": 1})
    with pytest.raises(UnusableInput, match="no record could be converted"):
        prepare(str(source), tmp_path / "o.jsonl", plan(tmp_path))
    assert not (tmp_path / "o.jsonl").exists()
    assert (tmp_path / "o.rejected.jsonl").exists()


def test_a_manifest_elsewhere_finds_its_pdfs_below_the_images_folder(
    invoices: Path, tmp_path: Path
) -> None:
    """Regression: a copied manifest lost every document, because its PDFs were not beside it."""
    manifest = tmp_path / "copy.json"
    manifest.write_bytes((invoices / "training_manifest.json").read_bytes())
    how = Plan(Folders(invoices, invoices, tmp_path), Reading(), Building(text=True))
    summary = prepare(str(manifest), tmp_path / "o.jsonl", how)
    assert (summary.converted, summary.rejected) == (3, 0)
    pair = next(read_pairs(tmp_path / "o.jsonl"))
    assert pair.text
    assert pair.pages
    words = {word for page in pair.pages for word, *_ in page.words}
    assert set(pair.text.split()) <= words
