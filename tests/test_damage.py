"""A file of all shapes with thirty kinds of damage: nothing is lost, each rejection says why."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from erniekit_finetuning.data.building import Building
from erniekit_finetuning.data.formats import FORMATS
from erniekit_finetuning.data.pair import Pair, faults
from erniekit_finetuning.data.pairs_file import read_pairs
from erniekit_finetuning.data.preparing import Summary, prepare
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.data.record import Folders, Rejected
from erniekit_finetuning.data.shards import SEPARATOR, Plan, converted, rejection
from erniekit_finetuning.data.sources.active_learning import Reading
from erniekit_finetuning.data.sources.reading import Unit
from erniekit_finetuning.data.splitting import GroupBy
from erniekit_finetuning.documents.limits import MAX_PIXELS
from erniekit_finetuning.errors import UnusableInput

ROOT = Path(__file__).resolve().parents[1]
ANSWER: dict[str, Any] = {
    "vendor_block": {"name": "Acme"},
    "line_items": [{"description": "Tea", "quantity": "2", "unit_price": "5", "line_total": "10"}],
    "financial_summary": {"subtotal": "10", "tax": "1.90", "grand_total": "11.90"},
}
GOOD = {"source_file": "a.png", "model_output": ANSWER, "validation": {"is_valid": True}}


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"a": value}
    return value


SHAPES: tuple[dict[str, Any], ...] = (
    {
        "document_id": "a",
        "source_file": "a.png",
        "extracted_data": [{"field_name": "vendor_name", "value": "Acne", "confidence": 0.4}],
        "correction": {"vendor_name": "Acme"},
        "timestamp": "2026-01-01T00:00:00",
    },
    GOOD | {"document_id": "b", "needs_review": False, "difficulty_label": "easy"},
    {"prompt": "Say hello", "completion": "Hello"},
    {"prompt": "Read", "completion": {"total": 5.00}},
    {
        "document_id": "d",
        "image_path": "a.png",
        "original_data": {"structured_data": ANSWER},
        "corrected_data": {"line_items[0].quantity": "2", "tax": "1.90"},
        "user_id": "u",
    },
    {"image": "a.png", "ground_truth": "truth.json"},
    {
        "invoice_id": "m1",
        "image_path": "a.png",
        "ground_truth_path": "truth.json",
        "page_num": 1,
        "is_augmented": False,
    },
    {"instruction": "Add", "input": "1 and 1", "output": "2"},
    {"instruction": "Say hi", "output": {"said": "hi"}},
    {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yo"}]},
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}]},
    {"src": ["Hi"], "tgt": ["Yo"]},
    {
        "image": "a.png",
        "conversations": [
            {"role": "human", "content": "<image>\nWhat?"},
            {"role": "assistant", "content": "an <image>"},
        ],
    },
    {"image": "a.png", "prompt": "What is it?", "completion": "grey"},
    {
        "id": "llava",
        "image": "a.png",
        "conversations": [
            {"from": "human", "value": "<image>\nWhat?"},
            {"from": "gpt", "value": "grey"},
        ],
    },
    {"prompt": "ten levels", "completion": deep(10)},
)
LINE = json.dumps(GOOD).encode()
# What is wrong -> (the line, what the reason must say).
DAMAGE: dict[str, tuple[bytes | dict[str, Any], str]] = {
    "cut": (LINE[:50], "is not JSON"),
    "cut in a string": (b'{"prompt": "a', "is not JSON"),
    "latin-1": ('{"prompt": "\u00e9", "completion": "x"}'.encode("latin-1"), "is not UTF-8"),
    "utf-16": ('{"prompt": "a"}'.encode("utf-16-le"), "is not"),
    "nul bytes": (b'{"prompt": "a\0b", "completion": "x"}', "is not JSON"),
    "nothing but nul": (b"\0" * 20, "is not JSON"),
    "a bom in the middle": (b"\xef\xbb\xbf" + LINE, "is not JSON"),
    "two rows in a line": (LINE + LINE, "is not JSON"),
    "nested too deeply": (b"[" * 100_000, "is not JSON"),
    "an endless integer": (b'{"prompt": ' + b"9" * 5000 + b', "completion": "x"}', "is not JSON"),
    "a key twice": (b'{"prompt": "a", "prompt": "b", "completion": "c"}', "given twice"),
    "an array": (b"[1, 2]", "not an object"),
    "a number": (b"7", "not an object"),
    "no shape": ({"colour": "red"}, "shape is not known"),
    "an empty object": ({}, "shape is not known"),
    "a missing image": (GOOD | {"source_file": "missing.png"}, "no such file"),
    "no image named": (GOOD | {"source_file": None}, "path is missing"),
    "an image as a number": (GOOD | {"source_file": 5}, "path is missing"),
    "a corrupt image": (GOOD | {"source_file": "broken.png"}, "cannot be read"),
    "a cut image": (GOOD | {"source_file": "cut.png"}, "cannot be read"),
    "an empty image": (GOOD | {"source_file": "empty.png"}, "outside the limits"),
    "a huge image": (GOOD | {"source_file": "huge.png"}, "too large"),
    "an animated image": (GOOD | {"source_file": "moving.gif"}, "several frames"),
    "a text called png": (GOOD | {"source_file": "text.png"}, "cannot be read"),
    "a folder": (GOOD | {"source_file": "folder"}, "no such file"),
    "a path that leaves": (GOOD | {"source_file": "../outside.png"}, "leaves its folder"),
    "an absolute path": (GOOD | {"source_file": "/etc/passwd"}, "leaves its folder"),
    "a link that leaves": (GOOD | {"source_file": "link.png"}, "leaves its folder"),
    "a link in a circle": (GOOD | {"source_file": "circle.png"}, "no such file|followed"),
    "a nul in a path": (GOOD | {"source_file": "a\0.png"}, "NUL"),
    "a path without end": (GOOD | {"source_file": "a" * 5000}, "followed|no such file"),
    "an unknown invoice": (GOOD | {"model_output": {"colour": "red"}}, "no field of an invoice"),
    "lines that are no objects": (GOOD | {"model_output": {"line_items": [1]}}, "not an object"),
    "a value that is a list": (
        GOOD | {"model_output": {"financial_summary": {"tax": [1]}}},
        "not a value",
    ),
    "needs review": (GOOD | {"needs_review": True}, "needs review"),
    "failed validation": (GOOD | {"validation": {"is_valid": False}}, "did not pass"),
    "low confidence": (GOOD | {"confidence": 0.3}, "confidence is below"),
    "low confidence scores": (
        GOOD | {"confidence_scores": {"overall": 0.5}},
        "confidence is below",
    ),
    "a correction of nothing": (
        {"source_file": "a.png", "extracted_data": [], "correction": {"line_items[9].x": 1}},
        "does not have",
    ),
    "more tags than images": (
        {
            "image": "a.png",
            "conversations": [
                {"role": "human", "content": "<image><image>"},
                {"role": "assistant", "content": "x"},
            ],
        },
        "number of image tags",
    ),
    "half a character": (b'{"prompt": "a", "completion": "\\ud800"}', "half of a character"),
    "an empty answer": ({"prompt": "a", "completion": ""}, "empty"),
    "answers in a wrong order": (
        {"messages": [{"role": "assistant", "content": "x"}, {"role": "user", "content": "y"}]},
        "not in order",
    ),
    "a truth that is no JSON": ({"image": "a.png", "ground_truth": "broken.json"}, "as JSON"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inner = tmp_path / "data"
    (inner / "folder").mkdir(parents=True)
    image = Image.new("L", (40, 40), 255)
    image.save(inner / "a.png")
    image.save(tmp_path / "outside.png")
    image.save(inner / "moving.gif", save_all=True, append_images=[Image.new("L", (40, 40))])
    Image.new("1", (MAX_PIXELS // 5000 + 1, 5000)).save(inner / "huge.png")
    whole = (inner / "a.png").read_bytes()
    (inner / "cut.png").write_bytes(whole[:-30])
    (inner / "broken.png").write_bytes(b"\x89PNG broken")
    (inner / "empty.png").touch()
    (inner / "text.png").write_text("no image")
    (inner / "link.png").symlink_to(tmp_path / "outside.png")
    (inner / "circle.png").symlink_to(inner / "circle.png")
    (inner / "truth.json").write_text(json.dumps({"invoice_id": "R-1", "grand_total": 5.00}))
    (inner / "broken.json").write_text("{")
    return inner


def plan(folder: Path, **changes: Any) -> Plan:
    how = Plan(
        folders=Folders(folder, folder, folder),
        reading=Reading(),
        building=Building(Instruction.FULL_ANALYSIS, text=False, boxes=False),
    )
    return replace(how, **changes)


def line(value: bytes | dict[str, Any]) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def damaged(folder: Path, bom: bytes = b"") -> Path:
    """Every shape, then every damage, shuffled; blank lines and a last line without an end."""
    lines = [line(shape) for shape in SHAPES] + [line(bad) for bad, _ in DAMAGE.values()]
    random.Random(3).shuffle(lines)
    file = folder / "all.jsonl"
    file.write_bytes(bom + b"\n".join([*lines[:20], b"", b"  ", *lines[20:]]))
    return file


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_converted_and_rejected_are_all_that_was_read(folder: Path, bom: bytes) -> None:
    output = folder.parent / "pairs.jsonl"
    summary = prepare(str(damaged(folder, bom)), output, plan(folder))
    assert summary.read == len(SHAPES) + len(DAMAGE)
    assert summary.converted == len(SHAPES)
    assert summary.converted + summary.rejected == summary.read
    assert len(list(read_pairs(output))) == len(SHAPES)
    rejected = output.with_name("pairs.rejected.jsonl").read_text().splitlines()
    assert len(rejected) == len(DAMAGE)
    assert all(json.loads(row)["reason"] for row in rejected)
    origins = [json.loads(row)["origin"] for row in rejected]
    assert len(set(origins)) == len(origins)


@pytest.mark.parametrize("what", DAMAGE)
def test_each_damage_says_what_is_wrong(folder: Path, what: str) -> None:
    bad, reason = DAMAGE[what]
    file, output = folder / "one.jsonl", folder.parent / "one.out.jsonl"
    file.write_bytes(line(GOOD) + b"\n" + line(bad))
    prepare(str(file), output, plan(folder))
    (row,) = output.with_name("one.out.rejected.jsonl").read_text().splitlines()
    said = json.loads(row)
    assert any(words in said["reason"] for words in reason.split("|")), said["reason"]
    assert said["origin"] == f"{file}:2"


def test_an_array_that_breaks_keeps_what_was_whole(folder: Path) -> None:
    file, output = folder / "all.json", folder.parent / "o.json"
    file.write_text("[" + ",".join(json.dumps(shape) for shape in SHAPES) + ', {"prompt": ')
    summary = prepare(str(file), output, plan(folder))
    assert (summary.converted, summary.rejected) == (len(SHAPES), 1)
    assert len(json.loads(output.read_text())) == len(SHAPES)


def test_a_file_that_is_not_utf_8_at_all_is_unusable(folder: Path) -> None:
    file = folder / "wide.jsonl"
    file.write_text('{"prompt": "a", "completion": "b"}', encoding="utf-16")
    with pytest.raises(UnusableInput, match=r"is not UTF-8; found UTF-16; .*save it as UTF-8"):
        prepare(str(file), folder.parent / "o.jsonl", plan(folder))


def test_a_number_keeps_its_digits_and_a_label_its_text(folder: Path) -> None:
    file, output = folder / "n.jsonl", folder.parent / "n.out.jsonl"
    file.write_text(
        '{"prompt": "a", "completion": {"total": 5.00, "big": 12345678901234567890.10}}\n'
        '{"prompt": "write <image>", "completion": "{\\"tag\\": \\"<image>\\"}"}\n'
    )
    prepare(str(file), output, plan(folder))
    first, second = read_pairs(output)
    assert first.answer == '{"total":5.00,"big":12345678901234567890.10}'
    assert "<image>" not in second.answer
    assert json.loads(second.answer) == {"tag": "<image>"}
    assert second.human == "write <\\image>"


def test_an_image_named_beside_a_conversation_is_shown_not_lost(folder: Path) -> None:
    """Regression: a key of another tool was dropped, and its tag was escaped as if it were text."""
    rows = [shape for shape in SHAPES if shape.get("image") and "ground_truth" not in shape]
    file, output = folder / "i.jsonl", folder.parent / "i.out.jsonl"
    file.write_bytes(b"\n".join(map(line, rows)))
    prepare(str(file), output, plan(folder))
    found = list(read_pairs(output))
    assert len(found) == len(rows) == 3
    for pair in found:
        assert pair.image == str(folder / "a.png")
        assert pair.human.startswith("<image>\nWhat")


def test_confidence_is_said_only_where_the_source_has_one(folder: Path) -> None:
    sure = GOOD | {"document_id": "1", "confidence_scores": {"overall": 0.95}}
    file, output = folder / "c.jsonl", folder.parent / "c.out.jsonl"
    file.write_bytes(line(sure) + b"\n" + line(GOOD | {"document_id": "2"}))
    prepare(str(file), output, plan(folder))
    first, second = (json.loads(pair.answer) for pair in read_pairs(output))
    assert first["confidence_scores"] == {"overall": 0.95}
    assert "confidence_scores" not in second


def test_of_one_document_the_most_reviewed_record_stays(folder: Path) -> None:
    correction = {
        "document_id": "x",
        "image_path": "a.png",
        "original_data": ANSWER,
        "corrected_data": {"vendor_block": {"name": "Corrected"}},
    }
    guess = GOOD | {"document_id": "x"}
    other = GOOD | {"document_id": "y"}
    file, output = folder / "d.jsonl", folder.parent / "d.out.jsonl"
    file.write_bytes(b"\n".join(map(line, (guess, correction, guess, other, other))))
    summary = prepare(str(file), output, plan(folder))
    kept = list(read_pairs(output))
    assert [pair.id for pair in kept] == ["x", "y"]
    assert "Corrected" in kept[0].answer
    assert summary.reasons == {
        "a correction of the same document replaces it": 2,
        "the same document id stands again": 1,
    }
    assert summary.read == summary.converted + summary.rejected == 5


def many(folder: Path, count: int) -> Path:
    file = folder / "many.jsonl"
    with file.open("w") as out:
        for at in range(count):
            vendor = ANSWER | {"vendor_block": {"name": f"Vendor {at % 40}"}}
            row = GOOD | {
                "document_id": str(at),
                "model_output": vendor,
                "needs_review": at % 9 == 8,
            }
            out.write(json.dumps(row) + "\n")
    return file


def outputs(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(output.parent.glob(f"{output.stem}.*"))}


def vendor_of(pair: Pair) -> str:
    return str(json.loads(pair.answer)["structured_data"]["vendor_block"]["name"])


def test_splits_never_cut_a_group_and_do_not_depend_on_who_works(folder: Path) -> None:
    source, how = (
        many(folder, 300),
        plan(folder, splits=(("validation", 0.1), ("test", 0.2)), group_by=GroupBy.VENDOR),
    )
    (folder.parent / "one").mkdir()
    (folder.parent / "two").mkdir()
    one, two = folder.parent / "one" / "o.jsonl", folder.parent / "two" / "o.jsonl"
    summary: Summary = prepare(str(source), one, how)
    prepare(str(source), two, how, workers=2)
    assert outputs(one) == outputs(two)
    assert set(outputs(one)) == {
        "o.jsonl", "o.validation.jsonl", "o.test.jsonl", "o.rejected.jsonl",
    }  # fmt: skip
    vendors = [
        {
            json.loads(pair.answer)["structured_data"]["vendor_block"]["name"]
            for pair in read_pairs(path)
        }
        for path in (one, one.with_name("o.validation.jsonl"), one.with_name("o.test.jsonl"))
    ]
    assert sum(map(len, vendors)) == len(set().union(*vendors)) == 40
    assert min(summary.pairs.values()) > 5


def test_a_killed_preparation_goes_on_and_ends_up_the_same(folder: Path) -> None:
    source = many(folder, 3000)
    (folder.parent / "whole").mkdir()
    whole, killed = folder.parent / "whole" / "o.jsonl", folder.parent / "killed" / "o.jsonl"
    killed.parent.mkdir()
    arguments = ["--active-learning-file", str(source), "--images-dir", str(folder), "--no-text"]
    command = [sys.executable, str(ROOT / "erniekit_finetuning" / "prepare_data.py"), *arguments]
    subprocess.run([*command, "--output", str(whole)], check=True, capture_output=True)
    parts = killed.with_name(".o.jsonl.parts")
    for wanted in (3, 12):
        run = subprocess.Popen(
            [*command, "--output", str(killed)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while len(list(parts.glob("*.json"))) < wanted:
            assert run.poll() is None
            time.sleep(0.005)
        run.kill()
        run.wait()
        assert not killed.exists()
    before = {path: path.stat().st_mtime_ns for path in parts.glob("*.lines")}
    assert len(before) > 10
    subprocess.run([*command, "--output", str(killed)], check=True, capture_output=True)
    assert outputs(killed) == outputs(whole)
    assert not parts.exists()


def test_strict_ends_with_1_and_says_the_counts(folder: Path) -> None:
    file = folder / "s.jsonl"
    file.write_bytes(line(GOOD) + b"\n{cut")
    command = [
        sys.executable, str(ROOT / "erniekit_finetuning" / "prepare_data.py"), "--data", str(file),
        "--output", str(folder.parent / "s.out.json"), "--no-text", "--format", "sharegpt",
    ]  # fmt: skip
    done = subprocess.run([*command, "--strict"], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 1
    assert "rejected" in done.stderr
    assert "is not JSON" in done.stderr
    row = json.loads((folder.parent / "s.out.json").read_text())[0]
    assert set(row) == {"conversations", "images"}
    assert subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_tables_are_read_as_they_are_written(folder: Path, ending: str) -> None:
    datasets = pytest.importorskip("datasets")
    rows = {"prompt": ["007", "b"], "completion": ["1.50", "c"]}
    file = folder / f"t.{ending}"
    table = datasets.Dataset.from_dict(rows)
    (table.to_csv if ending == "csv" else table.to_parquet)(str(file))
    output = folder.parent / "t.jsonl"
    prepare(str(file), output, plan(folder))
    assert [(pair.human, pair.answer) for pair in read_pairs(output)] == [
        ("007", "1.50"),
        ("b", "c"),
    ]


def test_a_data_set_of_the_hub_is_read_from_a_folder_too(folder: Path) -> None:
    pytest.importorskip("datasets")
    (folder / "set").mkdir()
    (folder / "set" / "train.jsonl").write_text('{"prompt": "a", "completion": "b"}\n')
    output = folder.parent / "h.jsonl"
    prepare(str(folder / "set"), output, plan(folder))
    assert [(pair.human, pair.answer) for pair in read_pairs(output)] == [("a", "b")]


def test_a_name_that_the_hub_does_not_give_says_what_to_check(folder: Path) -> None:
    pytest.importorskip("datasets")
    done = subprocess.run(
        [
            sys.executable, str(ROOT / "erniekit_finetuning" / "prepare_data.py"),
            "--data", "nobody/nothing", "--images-dir", str(folder),
            "--ground-truth-dir", str(folder), "--output", str(folder.parent / "o.jsonl"),
        ],
        capture_output=True,
        text=True,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 2
    assert "nobody/nothing: cannot be loaded" in done.stderr
    assert "check the name and the network" in done.stderr


KEYS = [
    "document_id", "source_file", "image_path", "extracted_data", "field_name", "value",
    "correction", "model_output", "validation", "is_valid", "arithmetic_checks", "needs_review",
    "confidence", "confidence_scores", "overall", "original_data", "corrected_data", "prompt",
    "completion", "instruction", "input", "output", "conversations", "role", "content", "from",
    "messages", "images", "image", "src", "tgt", "label", "system", "text_info", "image_info",
    "tag", "text", "matched_text_index", "image_url", "ground_truth", "ground_truth_path",
    "invoice_id", "page_num", "pdf_path", "is_augmented", "structured_data", "vendor_block",
    "line_items", "financial_summary", "total", "line_items[0].quantity", "seller", "name",
    "printed", "lines", "line_total", "vat_breakdown", "vendor", "items", "grand_total",
    "invoice",
]  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.decimals()
    | st.text(max_size=8)
    | st.sampled_from(["a.png", "human", "gpt", "user", "assistant", "mask", "1.234,50", "<image>"])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A right record in which a few values, wherever they stand, are something else."""
    row: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(SHAPES))))
    for _ in range(draw(st.integers(1, 3))):
        place: Any = row
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if not isinstance(place[key], dict | list) or draw(st.booleans()):
                place[key] = draw(JSON)
                break
            place = place[key]
    return row


ROWS = mutated() | st.dictionaries(st.sampled_from(KEYS), JSON, min_size=1, max_size=6)


@settings(max_examples=400)
@given(ROWS, st.sampled_from(sorted(FORMATS)))
def test_whatever_a_row_holds_it_is_a_pair_or_a_rejection_with_a_reason(
    row: dict[str, Any], name: str
) -> None:
    folders = Folders(Path("/nowhere"), Path("/nowhere"), Path("/nowhere"), checked=False)
    how = Building(Instruction.FULL_ANALYSIS, text=False, boxes=False, check_images=False)
    made = converted(Plan(folders, Reading(), how, format=name), Unit("x:1", (row,)))
    if isinstance(made, Rejected):
        assert made.reason
        json.loads(rejection(made).encode())
    else:
        line, _, _ = made
        again = FORMATS[name].read(json.loads(line.partition(SEPARATOR)[2]))
        assert not list(faults(again))
