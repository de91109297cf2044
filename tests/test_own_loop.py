"""A team's own schema through the loop: trained, kept with the model, shaping what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.api.server import create_app
from app.config.settings import settings_for
from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning.data.pair import Pair, Turn, compact
from erniekit_finetuning.data.schemas.own import OwnSchema
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.engines.prompting import schema_file
from erniekit_finetuning.engines.protocol import Generation
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.evaluation.contestants import trained_schema
from erniekit_finetuning.extraction import UnreadableAnswer
from erniekit_finetuning.mixing import read_split
from erniekit_finetuning.own_extraction import OwnExtraction, own_flagged
from erniekit_finetuning.recipes.loading import dump_recipe, load_recipe
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

TEXT = json.dumps(
    {
        "type": "object",
        "properties": {
            "nr": {"type": "string", "maxLength": 12},
            "sum": {"type": ["number", "null"]},
            "art": {"enum": ["rechnung", "gutschrift"]},
            "lines": {
                "type": "array",
                "maxItems": 2,
                "items": {"type": "object", "properties": {"what": {"type": "string"}}},
            },
            "note": {"type": ["string", "null"], "grounding": "off", "maxLength": 5},
        },
    }
)
SCHEMA = OwnSchema(TEXT)
BASE = "ernie-4.5-tiny"


def pair(number: int, answer: str = "", asked: str = SCHEMA.words) -> dict[str, Any]:
    good = f'{{"nr":"R-{number}","sum":{number}.50,"art":"rechnung","lines":[],"note":null}}'
    turns = (
        Turn(role="human", content=f"<image>\n{asked}"),
        Turn(role="assistant", content=answer or good),
    )
    text = f"R-{number} Tea {number}.50"
    return Pair(id=str(number), image="p.png", conversations=turns, text=text).to_json()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "own.json").write_text(TEXT)
    write(folder / "pairs.jsonl", [pair(number) for number in range(8)])
    (folder / "recipe.yaml").write_text(
        f"model: {{name_or_path: {BASE}}}\n"
        "lora: {r: 2}\n"
        "data: {schema: own.json, validation_share: 0, max_seq_len: 512}\n"
        "training: {max_steps: 2, learning_rate: 0.001, per_device_train_batch_size: 2}\n"
    )
    return folder


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(compact(row) + "\n" for row in rows), encoding="utf-8")


def command(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "erniekit_finetuning.cli", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, cwd=cwd)


@pytest.fixture(scope="module", params=["paddle", "hf"])
def run(request: pytest.FixtureRequest, folder: Path) -> Path:
    """A run of each engine that is installed."""
    if find_spec({"paddle": "paddle", "hf": "peft"}[request.param]) is None:
        pytest.skip(f"needs {request.param}")
    run = folder / f"run-{request.param}"
    done = command(
        *("train", "--config", folder / "recipe.yaml", "--dataset", folder / "pairs.jsonl"),
        *("--output-dir", run, f"engine={request.param}"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return run


def test_a_recipe_names_a_schema_from_its_folder_and_says_it_again(folder: Path) -> None:
    recipe = load_recipe(folder / "recipe.yaml")
    assert recipe.data.answer_schema == str(folder / "own.json")
    (folder / "again.yaml").write_text(dump_recipe(recipe))
    assert load_recipe(folder / "again.yaml") == recipe
    with pytest.raises(UnusableInput, match=r"did you mean data\.schema\?"):
        load_recipe(folder / "recipe.yaml", ["data.shema=own.json"])


def test_every_answer_that_breaks_the_schema_is_told_with_file_and_line(folder: Path) -> None:
    recipe = load_recipe(folder / "recipe.yaml")
    bad = folder / "bad.jsonl"
    rows = [
        pair(0),
        pair(1, '{"nr":"R-1","sum":1,"art":"rechnung","lines":[{"what":7}],"note":null}'),
        pair(2, '{"nr":"R-2","art":"mahnung","lines":[],"note":null}'),
        pair(3, "free words"),
        pair(4, asked="Extract the invoice as JSON."),
        pair(5, '{"nr":"R-5","sum":1,"art":"rechnung","lines":[],"note":null,"more":1}'),
        pair(6, '{"nr":"R-6","art":"rechnung","lines":[],"note":null}'),
    ]
    write(bad, rows)
    with pytest.raises(UnusableInput) as caught:
        read_split(recipe, bad)
    told = str(caught.value)
    for expected in (
        f"{bad}:2: lines[0].what: of another type; found 7; expected string",
        f"{bad}:3: art: not one of its values; found 'mahnung'; expected \"rechnung\",",
        f"{bad}:4: not JSON",
        f"{bad}:5: conversations: does not ask in the words of data.schema",
        f"{bad}:6: more: the schema has no place for it",
        f"{bad}:7: sum: is missing",
    ):
        assert expected in told
    assert f"{bad}:1:" not in told


def test_the_schema_stays_with_the_run_its_adapter_and_what_is_merged(
    run: Path, folder: Path
) -> None:
    assert (run / "schema.json").read_text() == TEXT
    assert schema_file(run) == run / "adapter" / "schema.json"
    assert schema_file(run / "adapter") == run / "adapter" / "schema.json"
    assert schema_file(BASE) is None
    merged = folder / f"merged-{run.name}"
    done = command("merge", "--model", run, "--output", merged, "--no-check", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert schema_file(merged) == merged / "schema.json"
    assert trained_schema([str(run), BASE], "paddle") == schema_file(run)
    other = folder / "other.json"
    other.write_text(TEXT.replace("12", "13"))
    again = command(
        *("train", "--config", folder / "recipe.yaml", "--dataset", folder / "pairs.jsonl"),
        *("--output-dir", run, f"data.schema={other}"),
        cwd=folder,
    )
    assert again.returncode == 2
    assert "data.schema: holds a training with another schema" in again.stderr


def test_the_model_is_measured_by_its_own_schema_on_truths_in_it(run: Path, folder: Path) -> None:
    if run.name != "run-paddle":
        pytest.skip("reading is the same code for both engines")
    documents = folder / "documents"
    documents.mkdir()
    (documents / "a.pdf").write_bytes(page())
    truth = {"nr": "7", "sum": 5, "art": "rechnung", "lines": []}
    (documents / "a.json").write_text(json.dumps(truth))
    done = command(
        *("evaluate", "--model", run, "--test-data", documents, "--output", folder / "measured"),
        *("--baseline", BASE, "--max-new-tokens", 60),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    (made,) = (folder / "measured").glob("*test*.jsonl")
    assert (
        SCHEMA.words in json.loads(made.read_text().splitlines()[0])["conversations"][0]["content"]
    )
    for file in (folder / "measured").rglob("predictions.jsonl"):
        answer = json.loads(file.read_text().splitlines()[0])["text"]
        assert answer.startswith('{"nr":"')


def page() -> bytes:
    made = draft(GeneratorConfig(), 1, 0)
    return render_pdf(made.invoice, made.style)


def test_the_service_answers_in_the_models_schema_or_in_the_one_that_is_named(
    run: Path, folder: Path
) -> None:
    if run.name != "run-paddle":
        pytest.skip("reading is the same code for both engines")
    service = ErnieVLMService(settings_for(str(run)))
    client = TestClient(create_app(service))
    answer = client.post("/v1/invoices:extract", files={"file": ("a.pdf", page())})
    assert answer.status_code == 200, answer.text
    read = answer.json()
    assert [*read["data"]] == ["nr", "sum", "art", "lines", "note"][: len(read["data"])]
    number = read["fields"][0]
    assert number["path"] == "nr"
    assert number["places"][0]["page"] == 1
    assert "".join(number["places"][0]["words"])
    (folder / "one.json").write_text('{"type":"object","properties":{"x":{"enum":[7]}}}')
    (folder / "a.pdf").write_bytes(page())
    done = command(
        *("extract", folder / "a.pdf", "--model", run, "--schema", folder / "one.json"), cwd=folder
    )
    assert (done.returncode, json.loads(done.stdout)) == (0, {"x": 7}), done.stderr


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Document:
    file = tmp_path_factory.mktemp("page") / "a.pdf"
    file.write_bytes(page())
    return read_pdf(file)


def said(document: Document, text: str, finished: bool = True) -> OwnExtraction:
    answer = Generation(text, finished=finished, new_tokens=9, seconds=0.1)
    return own_flagged(answer, SCHEMA, document, "m", Decoding.OFF)


def test_values_that_stand_nowhere_are_flagged_and_numbers_are_exact(document: Document) -> None:
    printed = draft(GeneratorConfig(), 1, 0).invoice.number
    assert printed is not None
    read = said(
        document,
        compact({"nr": printed.printed, "sum": 0, "art": "rechnung", "lines": [{"what": "Unicorn"}],
                 "note": "hi"}).replace('"sum":0', '"sum":98765.40')
    )  # fmt: skip
    assert read.flags == (
        "sum: the value is not in the document",
        "lines[0].what: the value is not in the document",
    )
    assert read.data["sum"] == Decimal("98765.40")
    assert '"sum":98765.40' in read.json_text()
    assert '"sum": 98765.40' in read.answer_text(indent=2)
    assert json.loads(read.json_text(2)) == json.loads(read.json_text())
    assert read.fields[0].places
    assert "".join(read.fields[0].places[0].words) == "".join(printed.printed.split())


def test_an_answer_that_was_cut_off_is_kept_and_flagged_one_of_another_shape_is_not(
    document: Document,
) -> None:
    start = '{"nr":"R-1","sum":null,"art":"rechnung","lines":[{"what":"a"},{"wh'
    cut = said(document, start, finished=False)
    assert cut.truncated
    assert cut.flags[0].startswith("the answer was cut off by the token limit")
    assert [one.path for one in cut.fields] == ["nr", "sum", "art", "lines[0].what"]
    for text in ("no JSON", '{"nr":7}', '{"nr":"a","else":1}'):
        with pytest.raises(UnreadableAnswer):
            said(document, text)
