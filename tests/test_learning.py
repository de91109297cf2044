"""Corrections: kept, exported once whatever is killed, and read by the converter."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select

from app.core.learning.export import export
from app.core.learning.store import Store
from app.core.learning.tables import Correction, Export
from erniekit_finetuning.data.pairs_file import read_pairs
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.response import structured_data
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

READ = {"structured_data": {"vendor_block": {"name": "Acne GmbH"}}}
FIXED = {"vendor_block": {"name": "Acme GmbH"}}
EXPORTING = """
import sys
from pathlib import Path
from app.core.learning.export import export
from app.core.learning.store import Store
store = Store(sys.argv[1], Path(sys.argv[2]))
while True:
    export(store, Path(sys.argv[2]) / "active_learning.jsonl")
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path)


def corrected(store: Store) -> str:
    """A document that was kept and corrected."""
    document = store.keep("a.pdf", b"%PDF", "m", READ)
    store.correct(document, FIXED)
    return document


def as_before_the_commit(store: Store, file: Path) -> None:
    """The database as an export that died before its end leaves it."""
    with store.session.begin() as session:
        for one in session.scalars(select(Correction)):
            one.exported = False
        session.get_one(Export, str(file)).size = 0


def rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_correction_is_exported_once(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "out" / "active_learning.jsonl"
    document = store.keep("../../Rechnung Müller.pdf", b"%PDF-1.7", "m", READ)
    assert export(store, file) == 0
    store.correct(document, FIXED, "ann")
    assert (export(store, file), export(store, file)) == (1, 0)
    store.correct(document, {"payment_terms": "30 Tage"})
    assert export(store, file) == 1
    first, second = rows(file)
    assert first["document_id"] == document
    assert first["original_data"] == READ
    assert first["corrected_data"] == FIXED
    assert first["user_id"] == "ann"
    assert second["corrected_data"] == {"payment_terms": "30 Tage"}
    assert (store.documents / first["image_path"]).read_bytes() == b"%PDF-1.7"
    assert [one.name for one in store.documents.iterdir()] == [f"{document}.pdf"]


def test_only_documents_that_are_kept_can_be_corrected(store: Store) -> None:
    with pytest.raises(UnusableInput, match="no such document; found nobody"):
        store.correct("nobody", FIXED)


def test_a_correction_that_no_training_could_read_is_refused(store: Store) -> None:
    document = store.keep("a.pdf", b"%PDF", "m", READ)
    for wrong, named in (
        ({"vendor": {"name": "x"}}, "vendor"),
        ({"vendor_block": {"nmae": "x"}}, "nmae"),
        ({"line_items": "none"}, "line_items"),
        ({"line_items[7].quantity": "2"}, "line_items"),
    ):
        with pytest.raises(UnusableInput, match=named):
            store.correct(document, wrong)
    schema = {
        "type": "object",
        "properties": {"nr": {"type": "string"}, "total": {"type": "number"}},
        "required": ["nr"],
        "additionalProperties": False,
    }
    own = store.keep(
        "a.pdf", b"%PDF", "m", {"nr": "7", "total": Decimal("5.00")}, json.dumps(schema)
    )
    assert store.correct(own, {"total": 6}) > 0
    for wrong, named in (({"total": "six"}, "total"), ({"vendor_block": {"name": "x"}}, "vendor")):
        with pytest.raises(UnusableInput, match=named):
            store.correct(own, wrong)


def test_a_file_that_somebody_changed_is_not_written_to(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "active_learning.jsonl"
    file.write_text('{"theirs": 1}\n')
    document = corrected(store)
    assert export(store, file) == 1
    assert rows(file)[0] == {"theirs": 1}
    whole = file.read_bytes()
    store.correct(document, FIXED)
    for changed in (whole + b'{"theirs": 2}\n', whole[:-5]):
        file.write_bytes(changed)
        with pytest.raises(UnusableInput, match="somebody else wrote"):
            export(store, file)
        assert file.read_bytes() == changed
    file.write_bytes(whole)
    assert export(store, file) == 1


def test_a_file_can_be_moved_away_and_a_foreign_line_is_never_added_to(
    store: Store, tmp_path: Path
) -> None:
    file, foreign = tmp_path / "active_learning.jsonl", tmp_path / "foreign.jsonl"
    document = corrected(store)
    assert export(store, file) == 1
    file.rename(tmp_path / "old.jsonl")
    store.correct(document, {"payment_terms": "30 Tage"})
    assert export(store, file) == 1
    (row,) = rows(file)
    assert row["corrected_data"] == {"payment_terms": "30 Tage"}
    foreign.write_text('{"without": "an end"}')
    store.correct(document, FIXED)
    with pytest.raises(UnusableInput, match="somebody else wrote"):
        export(store, foreign)


def test_what_was_claimed_for_a_file_is_not_written_to_another(
    store: Store, tmp_path: Path
) -> None:
    """An export to A that died before its commit, and then one to B."""
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    corrected(store)
    export(store, a)
    as_before_the_commit(store, a)
    assert export(store, b) == 0
    assert export(store, a) == 1
    assert len(rows(a)) == 1


def test_numbers_are_exported_as_they_were_said(store: Store, tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"total": {"type": "number"}}, "required": ["total"]}
    said = {"total": Decimal("5.00")}
    document = store.keep("a.pdf", b"%PDF", "m", said, json.dumps(schema))
    store.correct(document, {"total": Decimal("100.10")})
    file = tmp_path / "active_learning.jsonl"
    export(store, file)
    line = file.read_text()
    assert '"original_data":{"total":5.00}' in line.replace(" ", "")
    assert '"corrected_data":{"total":100.10}' in line.replace(" ", "")


def test_what_a_killed_export_left_is_not_written_again(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "active_learning.jsonl"
    document = store.keep("a.pdf", b"%PDF", "m", READ)
    for number in range(3):
        store.correct(document, {"payment_terms": f"{number} Tage"})
    export(store, file)
    whole = file.read_bytes()
    for left in range(0, len(whole) + 1, 37):
        as_before_the_commit(store, file)
        file.write_bytes(whole[:left])
        assert export(store, file) == 3
        assert file.read_bytes() == whole


def test_no_correction_is_lost_or_doubled_while_exports_are_killed(
    store: Store, tmp_path: Path
) -> None:
    url, file = f"sqlite:///{tmp_path / 'store.db'}", tmp_path / "active_learning.jsonl"
    document, rng, told = store.keep("a.pdf", b"%PDF", "m", READ), Random(4), 0
    for _ in range(5):
        exporters = [
            subprocess.Popen([sys.executable, "-c", EXPORTING, url, str(tmp_path)])
            for _ in range(2)
        ]
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            store.correct(document, {"payment_terms": f"{told} Tage"})
            told += 1
            time.sleep(rng.random() * 0.02)
        assert [exporter.poll() for exporter in exporters] == [None, None]
        for exporter in exporters:
            exporter.send_signal(signal.SIGKILL)
            exporter.wait()
    export(store, file)
    seen = Counter(row["corrected_data"]["payment_terms"] for row in rows(file))  # type: ignore[index]
    assert seen == Counter(f"{number} Tage" for number in range(told))
    with store.session() as session:
        assert session.scalar(select(func.count()).select_from(Correction)) == told


def test_a_database_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database, whatever its name may say " * 20)
    urls = ["nonsense", f"sqlite:///{tmp_path}/no/folder/x.db", "nosuch://here/db"]
    for url in (*urls, f"sqlite:///{tmp_path / 'text.db'}"):
        with pytest.raises(UnusableInput, match="the database cannot be opened"):
            Store(url, tmp_path)


def test_the_converter_makes_pairs_of_exported_corrections(store: Store, tmp_path: Path) -> None:
    made = draft(GeneratorConfig(locales={"de-DE": 1}, layouts={"classic": 1}), 4, 0)
    truth = structured_data(made.invoice)
    wrong = {**truth, "vendor_block": {**truth["vendor_block"], "name": "Wrong"}}
    pdf = render_pdf(made.invoice, made.style)
    document = store.keep("a.pdf", pdf, "m", {"structured_data": wrong})
    store.correct(document, {"vendor_block": {"name": truth["vendor_block"]["name"]}})
    export(store, tmp_path / "active_learning.jsonl")
    command = [sys.executable, "-m", "erniekit_finetuning.prepare_data"]
    command += ["--active-learning-file", str(tmp_path / "active_learning.jsonl")]
    command += ["--images-dir", str(store.documents), "--instruction", "extraction"]
    subprocess.run([*command, "--output", str(tmp_path / "pairs.jsonl")], check=True)
    (pair,) = read_pairs(tmp_path / "pairs.jsonl")
    assert json.loads(pair.conversations[1].content)["structured_data"] == truth
