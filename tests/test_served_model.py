"""The service in front of a model behind an API: a real HTTP server that answers as it is told."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from test_api_reader import Server, ok, running, wrong

from app.api.server import create_app
from app.core.models.answering import Unavailable
from app.core.models.ernie_vlm_service import ErnieVLMService, TimedOut
from app.core.processes import Busy, Closed
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.extraction import Extraction
from erniekit_finetuning.invoice.response import structured_data
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

pytest.importorskip("openai", reason="needs the extra api")
MADE = draft(GeneratorConfig(), seed=3, index=1)


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pdf") / "invoice.pdf"
    path.write_bytes(render_pdf(MADE.invoice, MADE.style))
    return path


@pytest.fixture(scope="module")
def document(pdf: Path) -> Document:
    return read_pdf(pdf)


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


def service(server: Server, folder: Path, **settings: Any) -> ErnieVLMService:
    file = folder / "served.yaml"
    seen = "true" if settings.pop("images", False) else "false"
    how = f"model: m, retries: 0, timeout: 20, parallel: 8, json_mode: schema, images: {seen}"
    file.write_text(f"api: {{base_url: {server.url}, {how}}}\n", encoding="utf-8")
    return ErnieVLMService({"ernie_vl": {"base_model": str(file), **settings}})


def truth(**changed: Any) -> str:
    data = structured_data(MADE.invoice)
    data["client_info"] |= changed
    return json.dumps({"structured_data": data})


def test_what_the_server_says_is_typed_placed_and_checked(
    server: Server, tmp_path: Path, document: Document
) -> None:
    server.script = lambda body, count: ok(truth())
    reader = service(server, tmp_path)
    read = reader.read(document)
    assert isinstance(read, Extraction)
    assert read.invoice.number is not None
    assert read.invoice.number.printed == MADE.invoice.number.printed
    assert read.invoice.number.places
    assert not read.not_in_document
    assert read.decoding is Decoding.OFF
    reader.close()


def test_a_model_that_sees_images_is_shown_the_pages(server: Server, tmp_path: Path) -> None:
    """And what it answers is compared with the words of the document all the same."""
    long = draft(GeneratorConfig(max_lines=60), seed=8, index=0)
    (tmp_path / "long.pdf").write_bytes(render_pdf(long.invoice, long.style))
    pages = len(read_pdf(tmp_path / "long.pdf").pages)
    answer = json.dumps({"structured_data": structured_data(long.invoice)})
    server.script = lambda body, count: ok(answer)
    reader = service(server, tmp_path, images=True)
    read = reader.extract(tmp_path / "long.pdf")
    assert isinstance(read, Extraction)
    assert read.invoice.number is not None
    assert read.invoice.number.places
    (turn,) = server.bodies[0]["messages"]
    shown = [part["image_url"]["url"] for part in turn["content"] if part["type"] == "image_url"]
    assert len(shown) == pages
    for url in shown:
        image = Image.open(BytesIO(base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))))
        assert image.width > 800
    assert long.invoice.number.printed not in json.dumps(turn["content"])  # no text beside them
    reader.close()


def test_what_the_document_does_not_say_is_flagged(
    server: Server, tmp_path: Path, document: Document
) -> None:
    """An answer that cannot be held to the document is compared with it."""
    server.script = lambda body, count: ok(truth(invoice_number="INV-NEVER-PRINTED"))
    reader = service(server, tmp_path)
    read = reader.read(document)
    assert isinstance(read, Extraction)
    assert read.not_in_document == ("number",)
    assert any("number: the value is not in the document" in flag for flag in read.flags)
    reader.close()


def test_many_documents_are_on_their_way_at_once(
    server: Server, tmp_path: Path, document: Document
) -> None:
    def slow(body: dict[str, Any], count: int) -> Any:
        time.sleep(0.2)
        return ok(truth())

    server.script = slow
    reader = service(server, tmp_path, most_open=8)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(reader.read, [document] * 8))
    assert server.most_at_once > 1
    reader.close()
    with pytest.raises(Closed):
        reader.read(document)


def test_more_than_may_be_open_are_turned_away(
    server: Server, tmp_path: Path, document: Document
) -> None:
    held = threading.Event()

    def waiting(body: dict[str, Any], count: int) -> Any:
        held.wait(20)
        return ok(truth())

    server.script = waiting
    reader = service(server, tmp_path, most_open=1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(reader.read, document)
        while not server.bodies:
            time.sleep(0.01)
        with pytest.raises(Busy):
            reader.read(document)
        held.set()
        assert isinstance(first.result(), Extraction)
    reader.close()


def test_a_server_that_does_not_answer_in_time_or_at_all(
    server: Server, tmp_path: Path, document: Document, pdf: Path
) -> None:
    """Who sent the document is not told which server it is, nor what it says."""

    def late(body: dict[str, Any], count: int) -> Any:
        time.sleep(1)
        return ok(truth())

    server.script = late
    reader = service(server, tmp_path, timeout_seconds=0.2)
    with pytest.raises(TimedOut):
        reader.read(document)
    server.script = lambda body, count: wrong(500, "secret of the house")
    with pytest.raises(Unavailable, match="secret of the house"):
        service(server, tmp_path).read(document)
    with TestClient(create_app(service(server, tmp_path))) as client:
        reply = client.post("/v1/invoices:extract", files={"file": pdf.read_bytes()})
    assert reply.status_code == 503
    assert "secret" not in reply.text
    assert "127.0.0.1" not in reply.text
    reader.close()


def test_settings_that_are_no_api_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "served.yaml"
    file.write_text("api: {base_url: nowhere}\n", encoding="utf-8")
    with pytest.raises(UnusableInput, match="base_url"):
        ErnieVLMService({"ernie_vl": {"base_model": str(file)}})
