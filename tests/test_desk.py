"""The review desk: in a real browser, on the shipped model and a real store, and asking nobody."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

pytest.importorskip("gradio")

from serving import served
from sqlalchemy import select

from app.api.feedback import MOST
from app.config.settings import Settings, load_settings, settings_for
from app.core.learning.store import Store
from app.core.learning.tables import Correction
from app.core.models.ernie_vlm_service import ErnieVLMService
from app.ui.comparing import BASE, Compared, Comparing
from app.ui.desk import Desk
from app.ui.findings import flags
from app.ui.form import answered, correction, shown
from app.ui.reviewing import Reviewing
from app.ui.sheet import sheet_of
from erniekit_finetuning.cli import app
from erniekit_finetuning.data.pairs_file import read_pairs
from erniekit_finetuning.data.schemas.own import OwnSchema
from erniekit_finetuning.documents.limits import MAX_BYTES
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.invoice.response import structured_data
from erniekit_finetuning.invoice.strict_json import exact_number, parse
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.draft import Draft, draft
from synthetic_invoice_generator.looks.rendering import render_pdf

ROOT = Path(__file__).parent.parent
PRETRAIN = load_config(ROOT / "configs" / "generator" / "pretrain.yaml")
EASY = PRETRAIN.model_copy(
    update={"locales": {"de-DE": 1.0}, "layouts": {"classic": 1.0}, "max_lines": 3}
)
HOSTILE = "<img src=x onerror=window.hurt=1>"
SCHEMA = {
    "type": "object",
    "properties": {
        "nr": {"type": "string"},
        "total": {"type": ["number", "null"]},
        "kind": {"enum": ["invoice", "credit note"]},
        "rows": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "what": {"type": ["string", "null"]},
                    "tags": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
    },
}
OWN = {"nr": "0029/23", "total": Decimal("5.00"), "kind": "invoice", "rows": []}
SLOW = 120_000  # milliseconds that a loaded machine may take to read a document


pytestmark = pytest.mark.usefixtures("nobody_is_called")


@pytest.fixture(scope="module")
def drawn() -> Draft:
    return draft(EASY, seed=2, index=1)


@pytest.fixture(scope="module")
def pdf(drawn: Draft) -> bytes:
    return render_pdf(drawn.invoice, drawn.style)


@pytest.fixture(scope="module")
def service() -> Iterator[ErnieVLMService]:
    service = ErnieVLMService()
    yield service
    service.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path)


@pytest.fixture
def url(service: ErnieVLMService, store: Store) -> Iterator[str]:
    with closing(Desk(service, store, load_settings())) as desk, served(desk.app) as url:
        yield url


def opened(page: Any, url: str) -> None:
    page.goto(url)
    page.wait_for_selector("#review .drop", timeout=SLOW)


def uploaded(page: Any, name: str, data: bytes) -> None:
    file = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    page.set_input_files("#review input[type=file]", files=[file])


def field(page: Any, group: str, name: str) -> Any:
    """The text of a field; its group has a heading."""
    heading = f"#review section.group:has(> h3:text-is('{group}'))"
    return page.locator(f"{heading} > label:has(.name:text-is('{name}')) textarea")


def corrected(store: Store) -> list[Any]:
    with store.session() as session:
        return [parse(one.corrected, exact_number) for one in session.scalars(select(Correction))]


def command(*words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *map(str, words)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_correction_goes_from_the_page_into_a_training_whose_model_is_compared(
    service: ErnieVLMService,
    store: Store,
    url: str,
    page: Any,
    drawn: Draft,
    pdf: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened(page, url)
    uploaded(page, "invoice.pdf", pdf)
    total = field(page, "Totals", "Total with tax")
    total.wait_for(timeout=SLOW)
    was = total.input_value()
    assert not page.locator("#review .box.lit[data-path='financial_summary.grand_total']").count()
    total.click()
    box = page.locator("#review .box.lit[data-path='financial_summary.grand_total']").first
    frame = page.locator("#review .view").bounding_box()
    at = box.bounding_box()
    assert frame["y"] <= at["y"] <= frame["y"] + frame["height"] - at["height"]
    page.locator("#review .page img").evaluate("image => image.decode()")

    total.fill("EUR 1.109,00")
    page.get_by_text("the total with tax says 1,109.00").wait_for(timeout=SLOW)
    page.locator("#review .add").click()
    page.keyboard.type("Tea")
    page.keyboard.press("Enter")
    page.keyboard.type("3")
    rows = page.locator("#review table.rows tbody tr")
    before = rows.count() - 1
    page.locator("#review .remove").first.click()
    changes = page.locator("#review .changes").inner_text()
    assert was in changes
    assert "EUR 1.109,00" in changes
    assert "Tea · 3" in changes
    assert "Line 1" in changes
    page.get_by_label("Your name").fill("ann")
    page.keyboard.press("Control+Enter")
    page.locator("#review .note.good").wait_for(timeout=SLOW)
    assert page.locator("#review .change").count() == 0

    (kept,) = corrected(store)
    assert kept.keys() == {"line_items", "financial_summary"}
    assert kept["financial_summary"] == {"grand_total": "EUR 1.109,00"}
    assert len(kept["line_items"]) == before
    added = kept["line_items"][-1]
    assert (added["description"], added["quantity"], added["unit_price"]) == ("Tea", "3", None)
    page.keyboard.press("Alt+n")
    page.get_by_text("no document waits").wait_for(timeout=SLOW)
    page.goto("about:blank")  # what a page asks is let through by this thread, which trains now

    monkeypatch.setenv("ERNIE_INVOICE_KEPT__FOLDER", str(tmp_path))
    told = CliRunner().invoke(app, ["corrections"])
    assert told.exit_code == 0, told.output
    file = tmp_path / "active_learning.jsonl"
    assert json.loads(file.read_text())["user_id"] == "ann"
    pairs, recipe = tmp_path / "pairs.jsonl", tmp_path / "recipe.yaml"
    command(
        *("erniekit_finetuning.prepare_data", "--active-learning-file", file),
        *("--images-dir", store.documents, "--instruction", "extraction", "--output", pairs),
    )
    (pair,) = read_pairs(pairs)
    truth = json.loads(pair.conversations[1].content)["structured_data"]
    assert truth["financial_summary"]["grand_total"] == "EUR 1.109,00"
    assert truth["line_items"] == kept["line_items"]
    recipe.write_text(
        "model: {name_or_path: ernie-4.5-tiny}\nlora: {r: 2}\n"
        "data: {validation_share: 0, max_seq_len: 2048}\n"
        "training: {max_steps: 2, learning_rate: 0.004, per_device_train_batch_size: 1}\n"
    )
    run = tmp_path / "run"
    command(
        *("erniekit_finetuning.cli", "train", "--config", recipe, "--dataset", pairs),
        *("--output-dir", run),
    )
    _compared(page, settings_for(str(run)), store, pdf)


def _compared(page: Any, settings: Settings, store: Store, pdf: bytes) -> None:
    """The tuned model and its base, on the second tab."""
    tuned = ErnieVLMService(settings)
    reading = {"structured_data": {"vendor_block": {"name": "of no importance"}}}
    store.keep("again.pdf", pdf, "m", reading)
    with closing(Desk(tuned, store, settings)) as desk, served(desk.app) as url:
        opened(page, url)
        page.get_by_text("again.pdf").wait_for(timeout=SLOW)
        page.get_by_role("tab", name="Compare").click()
        page.get_by_role("button", name="Read with both").click(timeout=SLOW)
        table = page.locator("#compare table")
        table.wait_for(timeout=2 * SLOW)
        heads = table.locator("th").all_inner_texts()
        assert heads == ["Field", "base: ernie-4.5-tiny", tuned.model]
        rows = [one.locator("td").all_inner_texts() for one in table.locator("tbody tr").all()]
        differing = [row for row in rows[:-1] if row[1] != row[2]]
        marked = table.locator("tr.differs td:first-child").all_inner_texts()
        assert marked == [row[0] for row in differing]
        said = page.locator("#compare .summary").inner_text()
        assert said == f"{len(differing)} of {len(rows) - 1} fields differ."
        assert "Buyer and document: Invoice number" in [row[0] for row in rows]
        page.goto("about:blank")
    tuned.close()


def test_text_of_documents_is_never_markup(
    store: Store, url: str, page: Any, drawn: Draft, pdf: bytes
) -> None:
    read = structured_data(drawn.invoice)
    read["vendor_block"]["name"] = HOSTILE
    read["line_items"][0]["description"] = f"</textarea>{HOSTILE}{{{{this}}}}${{1}}"
    store.keep(f"{HOSTILE}.pdf", pdf, HOSTILE, {"structured_data": read})
    opened(page, url)
    name = field(page, "Seller", "Name")
    name.wait_for(timeout=SLOW)
    assert name.input_value() == HOSTILE
    assert page.locator("#review .document-name").inner_text() == f"{HOSTILE}.pdf"
    assert page.locator("#review table.rows textarea").first.input_value().endswith("{{this}}${1}")
    name.fill(f"{HOSTILE}{HOSTILE}")
    assert HOSTILE in page.locator("#review .change ins").inner_text()
    page.wait_for_timeout(300)
    assert page.locator("img[src='x']").count() == 0
    assert page.evaluate("window.hurt") is None


def test_an_unreadable_file_is_told_in_words(url: str, page: Any) -> None:
    opened(page, url)
    for name, data in ((f"{HOSTILE}.pdf", b"%PDF-1.7 nothing"), ("a.txt", b"no picture")):
        uploaded(page, name, data)
        note = page.locator("#review .note.wrong")
        note.wait_for(timeout=SLOW)
        said = note.inner_text()
        assert "cannot be" in said
        assert not any(sign in said for sign in ("Traceback", "/tmp", "Error", "{"))
        assert page.locator("#review .desk").is_hidden()


def test_a_schema_of_ones_own_is_reviewed_and_what_breaks_it_is_marked(
    store: Store, url: str, page: Any, pdf: bytes
) -> None:
    store.keep("own.pdf", pdf, "m", OWN, json.dumps(SCHEMA), confidence={"nr": 0.31})
    opened(page, url)
    total = page.locator("label:has(.name:text-is('Total')) textarea")
    total.wait_for(timeout=SLOW)
    assert total.input_value() == "5.00"
    assert page.locator("label:has(.name:text-is('Nr')) .chip").inner_text() == "31 %"
    page.locator("label:has(.name:text-is('Nr')) textarea").click()
    assert page.locator("#review .box.lit[data-path='nr']").count() == 1
    total.fill("six")
    page.locator("#review .save").click()
    page.locator("#review .note.wrong").wait_for(timeout=SLOW)
    assert "Total: of another type" in page.locator("#review .note").inner_text()
    assert page.locator("#review .value.wrong textarea").input_value() == "six"
    assert corrected(store) == []
    total.fill("6.10")
    page.locator("#review select").select_option(label="credit note")
    page.locator("#review .add").click()
    page.keyboard.type("Tea")
    page.locator("#review td .add").click()
    page.keyboard.type("hot")
    page.locator("#review .save").click()
    page.locator("#review .note.good").wait_for(timeout=SLOW)
    (kept,) = corrected(store)
    assert kept == {
        "total": Decimal("6.10"),
        "kind": "credit note",
        "rows": [{"what": "Tea", "tags": ["hot"]}],
    }
    assert str(kept["total"]) == "6.10"
    assert store.waiting == 0


def test_next_goes_round_the_documents_that_have_no_correction(
    store: Store, url: str, page: Any, drawn: Draft, pdf: bytes
) -> None:
    read = {"structured_data": structured_data(drawn.invoice)}
    for name in ("one", "two", "three"):
        store.keep(name, pdf, "m", read)
    opened(page, url)
    shown_name = page.locator("#review .document-name")
    for name in ("one", "two", "three", "one"):
        page.locator(f"#review .document-name:text-is('{name}')").wait_for(timeout=SLOW)
        page.keyboard.press("Alt+n")
    page.locator("#review .document-name:text-is('two')").wait_for(timeout=SLOW)
    field(page, "Seller", "Name").fill("Somebody else")
    page.keyboard.press("Alt+n")
    page.get_by_text("Some changes are not saved").wait_for()
    assert shown_name.inner_text() == "two"
    page.keyboard.press("Escape")  # as it was read
    page.keyboard.press("Control+Enter")
    page.locator("#review .note.good").wait_for(timeout=SLOW)
    assert corrected(store) == [{}]  # it is right
    page.get_by_text("2 documents wait").wait_for()
    page.keyboard.press("Alt+n")
    page.locator("#review .document-name:text-is('three')").wait_for(timeout=SLOW)
    page.keyboard.press("Alt+n")
    page.locator("#review .document-name:text-is('one')").wait_for(timeout=SLOW)


def test_what_speaks_against_a_reading_is_said_in_words() -> None:
    read = {
        "vendor_block": {"name": "Acme"},
        "client_info": {"invoice_date": "2024-03-01", "due_date": "2024-02-01"},
        "line_items": [
            {
                "description": "a",
                "quantity": "2",
                "unit_price": "500.00",
                "line_total": "1,000.00",
                "tax_rate": "19 %",
            },
            {
                "description": "b",
                "quantity": "2",
                "unit_price": "50.00",
                "line_total": "190.00",
                "tax_rate": "19 %",
            },
        ],
        "financial_summary": {"subtotal": "1,109.00", "tax": "0.00", "grand_total": "1,109.00"},
    }
    found = {flag.text: flag.fields for flag in flags(read)}
    lines = ("line_items[0].line_total", "line_items[1].line_total")
    told = "The lines add up to 1,190.00, the line total says 1,109.00"
    assert found[told] == (*lines, "financial_summary.subtotal")
    told = "By the tax rate the tax is 210.71, the tax says 0.00"
    assert "line_items[0].tax_rate" in found[told]
    told = "Line 2: quantity times unit price is 100.00, the net amount says 190.00"
    assert "line_items[1].unit_price" in found[told]
    assert "Missing: invoice number" in found
    told = "Due date 2024-02-01 is before issue date 2024-03-01"
    assert found[told] == ("client_info.invoice_date", "client_info.due_date")


def test_only_what_was_touched_is_corrected(store: Store) -> None:
    """Whatever a reading holds: a form that nobody touched is the reading."""
    tree = OwnSchema(json.dumps(SCHEMA)).tree
    for before in (OWN, {"nr": "\ud800"}, {}, OWN | {"rows": [{"what": None, "tags": ["a"]}]}):
        text = json.loads(json.dumps(shown(before, tree)))
        assert correction(answered(text, before, tree), before) == {}
    text = shown(OWN, tree) | {"total": "5.000"}
    assert str(correction(answered(text, OWN, tree), OWN)["total"]) == "5.000"
    text = shown(OWN, tree) | {"total": ""}
    assert correction(answered(text, OWN, tree), OWN) == {"total": None}
    for odd in ("1e5x", "NaN", "Infinity", {"a": 1}, [1], None):
        text = shown(OWN, tree) | {"total": odd}
        assert correction(answered(text, OWN, tree), OWN) == {"total": odd}
    read = {"structured_data": {"payment_terms": "30 days"}}
    sheet = sheet_of(store.kept(store.keep("a", b"%PDF", "m", read)))
    assert sheet.changed(sheet.text) == {}
    assert sheet.changed(sheet.text | {"payment_terms": ""}) == {"payment_terms": None}


def test_what_has_no_base_is_compared_with_named_models_only(
    service: ErnieVLMService, store: Store, pdf: bytes, tmp_path: Path
) -> None:
    served = tmp_path / "served.yaml"
    served.write_text("api: {base_url: http://127.0.0.1:9, model: m}\n")
    for settings in (load_settings(), settings_for(str(served))):
        comparing = Comparing(Reviewing(service, store), settings)
        assert [model["name"] for model in comparing.models] == [None]
        document = store.keep("a", pdf, "m", OWN, json.dumps(SCHEMA))
        asked = Compared(document_id=document, models=(BASE, None))
        with pytest.raises(UnusableInput, match="no base is known"):
            comparing.compare(asked)


@pytest.fixture
def client(service: ErnieVLMService, store: Store) -> Callable[..., TestClient]:
    def made(key: str | None = None, base: str = "http://127.0.0.1:8000") -> TestClient:
        settings = load_settings({"api": {"key": key}})
        return TestClient(Desk(service, store, settings).app, base_url=base)

    return made


def test_what_gradio_serves_beside_the_desk_is_not_there(
    client: Callable[..., TestClient], tmp_path: Path
) -> None:
    desk = client()
    assert desk.get("/").status_code == 200
    for path in (
        "/gradio_api/file=/etc/passwd",
        f"/gradio_api/file={tmp_path / 'store.db'}",
        "/gradio_api/file=http://192.0.2.7/",
        "/gradio_api/file/etc/passwd",
        "/gradio_api/proxy=http://192.0.2.7/",
        "/gradio_api/info",
        "/gradio_api/openapi.json",
        "/gradio_api/vibe-code/",
        "/gradio_api/mcp/sse",
        "/gradio_api/deep_link",
        "/custom_component/a/b/c/d",
        "/monitoring",
        "/docs",
        "/openapi.json",
        "/desk/../desk.py",
        "/desk/%2e%2e/desk.py",
        "/static/%2e%2e/%2e%2e/%2e%2e/app.py",
        "/documents/..%2f..%2fstore/pages/1",
    ):
        assert desk.get(path).status_code == 404, path
    for path in ("upload", "run/open", "api/open", "call/open", "component_server", "vibe-edit/"):
        assert desk.post(f"/gradio_api/{path}", json={"data": []}).status_code == 404, path
    # A value that came in with an event could name a file or an address to be fetched.
    events = desk.get("/config").json()["dependencies"]
    assert len(events) == 6
    assert all(event["inputs"] == [] for event in events)
    policy = desk.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "http" not in policy


def test_other_sites_and_other_names_do_not_get_in(client: Callable[..., TestClient]) -> None:
    assert client().get("/", headers={"Host": "evil.example"}).status_code == 403
    origin = {"Origin": "https://evil.example"}
    asked = {"file": ("a.pdf", b"%PDF")}
    assert client().post("/documents", files=asked, headers=origin).status_code == 403
    own = {"Origin": "http://127.0.0.1:8000"}
    assert client().post("/documents", files=asked, headers=own).status_code == 422


def test_a_key_is_the_password_of_everything(client: Callable[..., TestClient]) -> None:
    key = "a key of some length: 7"
    desk = client(key, "http://desk.example")
    for path in ("/", "/config", "/desk/review.js", "/documents/a/pages/1"):
        refused = desk.get(path)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Basic")
        assert desk.get(path, auth=("ann", "wrong")).status_code == 401
        assert desk.get(path, headers={"Authorization": f"Bearer {key}"}).status_code == 401
    assert desk.get("/", auth=("ann", key)).status_code == 200
    assert desk.get("/documents/a/pages/1", auth=("ann", key)).status_code == 422


def test_what_is_too_large_is_refused_before_it_is_kept(
    client: Callable[..., TestClient], store: Store
) -> None:
    desk = client()
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    large = desk.post("/documents", content=bytes(MAX_BYTES + 2**21), headers=form)
    assert large.status_code == 413
    joined = desk.post("/gradio_api/queue/join", content=b" " * (MOST + 1))
    assert joined.status_code == 413
    assert list(store.documents.iterdir()) == []


def test_pages_are_shown_of_kept_documents_only(
    client: Callable[..., TestClient], store: Store, pdf: bytes
) -> None:
    document = store.keep("a.pdf", pdf, "m", {"structured_data": {}})
    picture = client().get(f"/documents/{document}/pages/1")
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.content.startswith(b"\xff\xd8")
    for path in (f"{document}/pages/2", f"{document}/pages/0", "nobody/pages/1"):
        assert client().get(f"/documents/{path}").status_code == 422
