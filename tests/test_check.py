"""`ernie-invoice check`: what it prints, and how it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from erniekit_finetuning.invoice.rules import BY_ID

TABLES = Path(__file__).parent / "tables"
PLAIN = {
    "number": "1",
    "issue_date": "2025-01-01",
    "currency": "EUR",
    "seller": {"name": "A"},
    "lines": [{"name": "x", "quantity": "2", "unit_price": "10", "net_amount": "20.00"}],
    "line_total": "20.00",
    "tax_exclusive": "20.00",
    "tax_total": "3.80",
    "tax_inclusive": "23.80",
    "payable": "23.80",
}


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "erniekit_finetuning.cli", "check", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def wrong(**changes: Any) -> dict[str, Any]:
    return {**PLAIN, **changes}


def test_a_right_invoice_ends_with_0(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(PLAIN))
    done = run(file)
    assert done.returncode == 0, done.stderr
    assert "clean" in done.stdout
    done = run("--json", "--profile", "en16931", TABLES / "ubl_invoice.xml")
    assert done.returncode == 0, done.stdout
    (row,) = rows(done)
    assert row["id"] == str(TABLES / "ubl_invoice.xml")
    assert {finding["rule"] for finding in row["findings"]} <= BY_ID.keys()


def test_a_wrong_one_ends_with_1_and_carries_its_numbers(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    lines = [PLAIN, {"id": "second", "invoice": wrong(payable="23.90")}, PLAIN]
    file.write_text("\n".join(json.dumps(line) for line in lines))
    done = run("--json", file)
    assert done.returncode == 1
    first, second, third = rows(done)
    assert (first["id"], second["id"], third["id"]) == (f"{file}:1", "second", f"{file}:3")
    bad = [finding for finding in second["findings"] if finding["status"] == "fail"]
    (finding,) = bad
    assert finding["rule"] == "BR-CO-16"
    assert Decimal(finding["expected"]) == Decimal("23.80")
    assert Decimal(finding["found"]) == Decimal("23.90")
    assert Decimal(finding["difference"]) == Decimal("0.10")
    assert "totals.payable" in finding["fields"]
    assert {f["status"] for f in first["findings"]} == {"pass", "not_applicable"}
    words = run(file)
    assert words.returncode == 1
    assert "second: 1 to look at" in words.stdout
    assert "23.80 expected, 23.90 found" in words.stdout
    assert "2 clean, 1 with findings, 0 unusable" in words.stderr


def test_prints_are_read_and_what_stays_ambiguous_ends_with_1(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    summary = {"grand_total": "1.234", "prepaid": "1.000", "amount_due": "0.234"}
    file.write_text(json.dumps({"structured_data": {"financial_summary": summary}}))
    done = run("--json", file)
    assert done.returncode == 1
    (row,) = rows(done)
    statuses = {finding["rule"]: finding["status"] for finding in row["findings"]}
    assert statuses["BR-CO-16"] == "pass"  # 0.234 leaves only one decimal mark
    file.write_text(json.dumps({"structured_data": {"financial_summary": {"subtotal": "1.234"}}}))
    (row,) = rows(run("--json", file))
    assert {f["status"] for f in row["findings"] if f["rule"] == "BR-CO-10"} == {"not_applicable"}


def test_a_warning_alone_ends_with_0(tmp_path: Path) -> None:
    xml = (TABLES / "ubl_invoice.xml").read_text("utf-8")
    file = tmp_path / "a.xml"
    file.write_text(xml.replace(">25.00<", ">26.00<"))
    done = run("--json", file)
    assert done.returncode == 0
    (row,) = rows(done)
    (finding,) = [f for f in row["findings"] if f["status"] == "fail"]
    assert (finding["rule"], finding["severity"]) == ("PEPPOL-EN16931-R046", "warning")
    assert run("--profile", "peppol", file).returncode == 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.json", b'{"payable": "NaN"}', "payable"),
        ("a.json", b'{"payable": 1e400}', "payable"),
        ("a.json", b"[" * 100_000, "nested too deeply"),
        ("a.json", b"\xff\xfe", "not UTF-8"),
        ("a.json", b"", "not JSON"),
        ("a.json", b"3", "not an object"),
        ("a.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "DOCTYPE"),
        ("a.pdf", b"%PDF-1.7 nothing", "not a readable PDF"),
        ("a.docx", b"x", "not a kind of file"),
    ],
)
def test_unusable_input_ends_with_2_and_no_traceback(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    done = run(file)
    assert done.returncode == 2
    assert str(file) in done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_file_ends_with_2(tmp_path: Path) -> None:
    done = run(tmp_path / "none.jsonl")
    assert done.returncode == 2
    assert "cannot be read" in done.stderr


def test_one_unusable_line_keeps_its_place_among_the_others(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join([json.dumps(PLAIN), "{nonsense", "", json.dumps(PLAIN)]))
    done = run("--json", file)
    assert done.returncode == 2
    first, second, third = rows(done)
    assert first["findings"]
    assert third["findings"]
    assert (second["id"], second["findings"]) == (f"{file}:2", [])
    assert "not JSON" in second["problems"][0]
    assert f"{file}:2" in done.stderr


def test_an_array_is_checked_one_by_one(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps([PLAIN, {"id": "x", "invoice": {"payable": "?"}}, 3]))
    done = run("--json", file)
    assert done.returncode == 2
    assert [row["id"] for row in rows(done)] == [f"{file}[0]", "x", f"{file}[2]"]


def test_a_problem_in_xml_names_its_line(tmp_path: Path) -> None:
    xml = (TABLES / "ubl_invoice.xml").read_text("utf-8")
    file = tmp_path / "a.xml"
    file.write_text(xml.replace(">100.05<", ">ten<"))
    number = next(n for n, line in enumerate(xml.splitlines(), 1) if ">100.05<" in line)
    assert f"{file}:{number}: " in run(file).stderr
