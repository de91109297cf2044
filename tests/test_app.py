"""The service: settings, ErnieVLMService on a real (tiny, random) model, and its HTTP interface."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from serving import served
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from typer.testing import CliRunner

from app.api.bounds import MOST, Bounded
from app.api.server import create_app
from app.config.settings import load_settings, settings_for, settings_to_serve
from app.core.learning.store import Store
from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning import __version__
from erniekit_finetuning.cli import app
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.engines.protocol import Generation
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.extraction import flagged
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

# What the small base model was trained on.
PRETRAIN = load_config(Path(__file__).parent.parent / "configs" / "generator" / "pretrain.yaml")
EASY = PRETRAIN.model_copy(
    update={"locales": {"de-DE": 1.0}, "layouts": {"classic": 1.0}, "max_lines": 2}
)


@pytest.fixture(scope="module")
def pdf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = draft(EASY, seed=2, index=1)
    path = tmp_path_factory.mktemp("pdf") / "invoice.pdf"
    path.write_bytes(render_pdf(made.invoice, made.style))
    return path


@pytest.fixture(scope="module")
def service() -> Iterator[ErnieVLMService]:
    service = ErnieVLMService()
    yield service
    service.close()


def test_the_environment_goes_before_the_config_and_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "service.yaml"
    file.write_text("ernie_vl: {max_new_tokens: 7, fine_tuned_model_path: from_file}\n")
    monkeypatch.setenv("ERNIE_INVOICE_CONFIG", str(file))
    assert load_settings().ernie_vl.max_new_tokens == 7
    given = {"ernie_vl": {"fine_tuned_model_path": "from_config"}}
    assert load_settings(given).ernie_vl.fine_tuned_model_path == Path("from_config")
    assert load_settings(given).ernie_vl.max_new_tokens == 7
    monkeypatch.setenv("ERNIE_FINETUNED_PATH", "from_environment")
    assert load_settings(given).ernie_vl.fine_tuned_model_path == Path("from_environment")
    assert settings_for("typed").ernie_vl.base_model == "typed"
    assert settings_for("typed").ernie_vl.fine_tuned_model_path is None


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(UnusableInput, match=r"fine_tuned_path.*keys of ernie_vl: base_model"):
        load_settings({"ernie_vl": {"fine_tuned_path": "x"}})
    with pytest.raises(UnusableInput, match=r"documents\.pages.*keys of documents: processes"):
        load_settings({"documents": {"pages": 2}})
    with pytest.raises(UnusableInput, match=r"ernie.*known sections: ernie_vl, documents"):
        load_settings({"ernie": {}})


def test_settings_that_cannot_be_read_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "service.yaml"
    monkeypatch.setenv("ERNIE_INVOICE_CONFIG", str(file))
    for text in (b"a: [", b"- a\n- b", b"word", b"\xff\xfe\x00"):
        file.write_bytes(text)
        with pytest.raises(UnusableInput, match=r"service\.yaml|settings"):
            load_settings()
    file.write_text("")
    monkeypatch.setenv("ERNIE_INVOICE_API", "{not json")
    with pytest.raises(UnusableInput, match="cannot be read"):
        load_settings()
    monkeypatch.delenv("ERNIE_INVOICE_API")
    monkeypatch.setenv("ERNIE_INVOICE_API_KEY", "one underscore of two")
    with pytest.raises(UnusableInput, match="ERNIE_INVOICE_API_KEY: no such setting") as caught:
        load_settings()
    assert "of two" not in str(caught.value)


def test_a_missing_fine_tuned_model_is_named() -> None:
    with pytest.raises(UnusableInput, match="nowhere"):
        ErnieVLMService({"ernie_vl": {"fine_tuned_model_path": "nowhere"}})


def test_the_shipped_model_reads_most_numbers_of_invoices_of_its_own_world(
    service: ErnieVLMService, tmp_path: Path
) -> None:
    right = 0
    for index in range(4):
        made = draft(EASY, seed=2, index=index)
        file = tmp_path / f"{index}.pdf"
        file.write_bytes(render_pdf(made.invoice, made.style))
        extraction = service.extract(file)
        assert extraction.source == "text layer"
        assert extraction.findings
        read, printed = extraction.invoice.number, made.invoice.number
        assert read is not None
        assert printed is not None
        assert read.places
        right += read.printed == printed.printed
    assert right >= 3


def test_values_that_are_not_in_the_document_are_flagged(pdf: Path) -> None:
    said = json.dumps({"structured_data": {"vendor_block": {"name": "Nobody Ltd"}}})
    answer = Generation(said, finished=True, new_tokens=9, seconds=0.1)
    extraction = flagged(answer, read_pdf(pdf), "free model", Decoding.OFF)
    assert extraction.not_in_document == ("seller.name",)
    assert any("seller.name" in flag for flag in extraction.flags)


def test_an_answer_that_was_cut_off_is_flagged_and_kept(pdf: Path) -> None:
    said = '{"structured_data":{"vendor_block":{"name":"Nobody Ltd","address":"1 High'
    cut = Generation(said, finished=False, new_tokens=9, seconds=0.1)
    extraction = flagged(cut, read_pdf(pdf), "small limit", Decoding.STRICT)
    assert extraction.truncated
    assert extraction.invoice.seller.name is not None
    assert extraction.invoice.seller.address is None
    assert extraction.flags[0].startswith("the answer was cut off by the token limit")
    whole = Generation(f'{said} St"}}}}}}', finished=True, new_tokens=9, seconds=0.1)
    assert not flagged(whole, read_pdf(pdf), "m", Decoding.STRICT).truncated


def test_http_health_extraction_and_refusals(service: ErnieVLMService, pdf: Path) -> None:
    client = TestClient(create_app(service))
    health = client.get("/healthz")
    assert health.status_code == 200
    assert health.json() == {"status": "ok", "version": __version__}
    answer = client.post(
        "/v1/invoices:extract", files={"file": ("../../evil.pdf", pdf.read_bytes())}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["invoice"]["number"]["places"][0]["page"] == 1
    noise = client.post("/v1/invoices:extract", files={"file": ("a.pdf", Random(0).randbytes(99))})
    assert noise.status_code == 422
    assert "cannot be read" in noise.json()["detail"][0]["what"]
    assert "/tmp" not in noise.text
    assert client.post("/v1/invoices:extract").status_code == 422


def test_http_says_when_there_is_no_room_and_when_it_took_too_long(pdf: Path) -> None:
    service = ErnieVLMService({"ernie_vl": {"most_open": 1, "timeout_seconds": 0.3}})
    client = TestClient(create_app(service))
    asked = {"file": ("a.pdf", pdf.read_bytes())}
    with ThreadPoolExecutor(4) as clients:
        answers = list(
            clients.map(lambda _: client.post("/v1/invoices:extract", files=asked), range(4))
        )
    service.close()
    assert {answer.status_code for answer in answers} == {429, 504}
    for answer in answers:
        assert (answer.status_code == 429) == (int(answer.headers.get("Retry-After", 0)) >= 1)
        assert answer.json()["detail"][0]["what"]


def test_http_wants_the_key_where_one_is_set(service: ErnieVLMService, pdf: Path) -> None:
    key = "a key of some length"
    client = TestClient(create_app(service, SecretStr(key)))
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {key}"}):
        answer = client.post(
            "/v1/invoices:extract", files={"file": ("a.pdf", b"x")}, headers=headers
        )
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert client.get("/v1/models", headers=headers).status_code == 401
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").json() == {"ready": True}
    told = client.get("/v1/models", headers={"Authorization": f"Bearer {key}"})
    assert told.json() == [{"name": None, "model": "ernie-4.5-tiny"}]


def test_a_model_that_is_not_named_is_refused(service: ErnieVLMService, pdf: Path) -> None:
    client = TestClient(create_app(service))
    asked = {"file": ("a.pdf", pdf.read_bytes())}
    answer = client.post("/v1/invoices:extract", files=asked, data={"model": "acme"})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["what"] == "no such model"


def test_other_machines_are_served_only_with_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("0.0.0.0", "::", "192.168.0.7", "invoices.example"):
        with pytest.raises(UnusableInput, match=r"api\.host: other machines .* set api\.key"):
            settings_to_serve(None, None, host, None)
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        assert settings_to_serve(None, None, host, None).api.host == host
    monkeypatch.setenv("ERNIE_INVOICE_API__HOST", "0.0.0.0")
    with pytest.raises(UnusableInput, match="other machines"):
        settings_to_serve(None, None, None, None)
    assert settings_for("mine").ernie_vl.base_model == "mine"  # which reads, and serves nobody
    typed = settings_to_serve(None, None, "127.0.0.1", None)
    assert typed.api.host == "127.0.0.1"  # typed goes before
    with pytest.raises(UnusableInput, match=r"api\.key.*at least 16") as short:
        load_settings({"api": {"key": "hush hush"}})
    assert "hush" not in str(short.value)
    monkeypatch.setenv("ERNIE_INVOICE_API__KEY", "a key of some length")
    settings = settings_to_serve("mine", None, "0.0.0.0", 9)
    assert (settings.api.host, settings.api.port) == ("0.0.0.0", 9)
    assert settings.ernie_vl.base_model == "mine"
    assert "of some" not in f"{settings!r}{settings.model_dump_json()}"


def test_what_was_read_is_kept_and_its_correction_is_exported(
    service: ErnieVLMService, pdf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"kept": {"folder": str(tmp_path / "kept")}}
    settings = load_settings(kept)
    store = Store(settings.kept.url, settings.kept.folder)
    client = TestClient(create_app(service, store=store))
    read = client.post("/v1/invoices:extract", files={"file": ("a.pdf", pdf.read_bytes())}).json()
    asked = {"document_id": read["document_id"], "corrected": {"vendor_block": {"name": "Acme"}}}
    taken = client.post("/v1/feedback", json=asked)
    assert (taken.status_code, taken.json()) == (201, {"number": 1})
    for wrong in (
        {**asked, "document_id": "nobody"},
        {**asked, "corrected": {"vendor_block": {"nmae": "Acme"}}},
        {**asked, "more": 1},
        {"document_id": read["document_id"]},
        {**asked, "corrected": {".": 1}},
        {**asked, "corrected": {"line_items.\u00b2": 1}},
        {**asked, "reviewer": "\ud800"},
        {**asked, "\udc00": 1},
        {**asked, "document_id": float("nan")},
    ):
        refused = client.post("/v1/feedback", content=json.dumps(wrong))
        assert refused.status_code == 422, wrong
        assert refused.json()["detail"][0]["what"]
    assert client.post("/v1/feedback", content=b"[" * 100_000).status_code == 422
    assert client.post("/v1/feedback", content=b" " * 2**21).status_code == 413
    monkeypatch.setenv("ERNIE_INVOICE_KEPT__FOLDER", str(tmp_path / "kept"))
    told = CliRunner().invoke(app, ["corrections"])
    assert told.exit_code == 0, told.output
    (line,) = (tmp_path / "kept" / "active_learning.jsonl").read_text().splitlines()
    record = json.loads(line)
    assert record["corrected_data"] == asked["corrected"]
    assert record["original_data"]["structured_data"]["client_info"]["invoice_number"]
    assert (tmp_path / "kept" / "documents" / record["image_path"]).read_bytes() == pdf.read_bytes()
    assert client.get("/openapi.json").status_code == 200


def test_an_operator_sees_requests_documents_and_tokens(
    service: ErnieVLMService, pdf: Path
) -> None:
    client = TestClient(create_app(service))
    read = client.post("/v1/invoices:extract", files={"file": ("a.pdf", pdf.read_bytes())}).json()
    client.post("/v1/invoices:extract", files={"file": ("a.pdf", b"%PDF no")})
    client.get("/anything/that/is/not/there")
    told = client.get("/metrics")
    assert told.headers["content-type"].startswith("text/plain")
    lines = dict(line.rsplit(" ", 1) for line in told.text.splitlines() if line[0] != "#")
    requests = 'ernie_invoice_requests_total{route="%s",status="%s"}'
    assert lines[requests % ("/v1/invoices:extract", 200)] == "1.0"
    assert lines[requests % ("/v1/invoices:extract", 422)] == "1.0"
    assert lines[requests % ("none", 404)] == "1.0"
    tokens = lines['ernie_invoice_new_tokens_total{model="ernie-4.5-tiny"}']
    assert float(tokens) == read["new_tokens"]
    assert lines["ernie_invoice_documents_open"] == "0.0"
    assert lines["ernie_invoice_ready"] == "1.0"
    assert "anything" not in told.text


def test_who_goes_away_in_the_middle_of_a_body_is_no_fault_of_the_service(
    service: ErnieVLMService, tmp_path: Path
) -> None:
    app = create_app(service, store=Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path))
    told = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    scope = {
        "type": "http", "method": "POST", "path": "/v1/feedback", "query_string": b"",
        "headers": [], "http_version": "1.1", "scheme": "http", "root_path": "",
    }  # fmt: skip

    async def receive() -> dict[str, object]:
        return told.pop(0)

    async def send(_: object) -> None:
        pass

    asyncio.run(app(scope, receive, send))
    counted = TestClient(app).get("/metrics").text
    assert 'status="499"' in counted
    assert 'status="500"' not in counted


def test_who_falls_silent_in_the_middle_of_a_body_is_not_waited_for() -> None:
    async def lengths(request: Request) -> PlainTextResponse:
        size = len(await request.body())
        await asyncio.sleep(0.6)  # work on it may take longer than a sender may be silent
        return PlainTextResponse(str(size))

    routed = Starlette(routes=[Route("/", lengths, methods=["POST"])])
    with served(Bounded(routed, silence=0.4)) as address, ExitStack() as open_ones:
        place = (urlsplit(address).hostname, urlsplit(address).port)
        slow, silent = (
            open_ones.enter_context(socket.create_connection(place, timeout=20)) for _ in range(2)
        )
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n"
        silent.sendall(head + b"1234")
        slow.sendall(head)
        for _ in range(8):  # longer than a silence as a whole
            slow.sendall(b"1")
            time.sleep(0.1)
        assert slow.recv(10_000).startswith(b"HTTP/1.1 200")
        refused = b"".join(iter(lambda: silent.recv(10_000), b""))  # to the end: it is closed
        assert refused.startswith(b"HTTP/1.1 408")
        assert b"the body is not whole" in refused


def test_bodies_without_end_are_not_read_to_the_end(service: ErnieVLMService) -> None:
    client = TestClient(create_app(service), raise_server_exceptions=False)

    def without_end() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        for _ in range(60):
            yield bytes(2**20)

    form = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/invoices:extract", content=without_end(), headers=form)
    assert answer.status_code == 413
    assert "at most" in answer.json()["detail"][0]["what"]
    large = client.post("/v1/invoices:extract", content=bytes(MOST + 1), headers=form)
    assert large.status_code == 413
