"""Every answer of the service is one that its OpenAPI document tells, whatever it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import from_schema
from schemathesis.engine.events import FatalError, NonFatalError, ScenarioFinished
from schemathesis.schemas import BaseSchema

from app.api.answers import Refused
from app.api.bounds import MOST
from app.api.readings import Reading
from app.api.server import create_app
from app.config.settings import load_settings
from app.core.jobs.runner import Runner
from app.core.learning.store import Store
from app.core.models.answering import Died, Unavailable
from app.core.models.ernie_vlm_service import ErnieVLMService, TimedOut
from app.core.processes import Busy
from erniekit_finetuning.extraction import UnreadableAnswer
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

KEY = "a key of some length"
HEADERS = {"Authorization": f"Bearer {KEY}"}
EXTRACT = "/v1/invoices:extract"
load_all_checks()
SHAPES = CHECKS.get_by_names(
    [
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
    ]
)
CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.fixture(scope="module")
def service() -> Iterator[ErnieVLMService]:
    service = ErnieVLMService({"ernie_vl": {"max_new_tokens": 60}})
    yield service
    service.close()


@pytest.fixture(scope="module")
def pdf() -> bytes:
    made = draft(GeneratorConfig(locales={"de-DE": 1}, layouts={"classic": 1}), 4, 0)
    return render_pdf(made.invoice, made.style)


@pytest.fixture(scope="module", params=[KEY, None], ids=["key", "no key"])
def app(
    request: pytest.FixtureRequest,
    service: ErnieVLMService,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[FastAPI]:
    """An application with a real model and database, and batch jobs."""
    folder = tmp_path_factory.mktemp("kept")
    key = None if request.param is None else SecretStr(request.param)
    settings = load_settings({"kept": {"folder": str(folder)}})
    store = Store(settings.kept.url, folder)
    jobs = Runner(service, store, settings.jobs, settings.kept.jobs)
    yield create_app(service, key, store, jobs)
    jobs.close()


def documented(app: FastAPI) -> BaseSchema:
    """The document, and how schemathesis asks."""
    config = SchemathesisConfig.from_path(CONFIG)
    told = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)
    told.config.headers = HEADERS
    return told


def test_whatever_is_sent_is_answered_as_documented(app: FastAPI) -> None:
    told = documented(app)
    told.config.generation.update(max_examples=10, deterministic=True)
    answered, wrong = set[tuple[str, int]](), list[str]()
    for event in from_schema(told).execute():
        assert not isinstance(event, NonFatalError | FatalError), event
        if isinstance(event, ScenarioFinished):
            seen = event.recorder
            for name, sent in seen.interactions.items():
                if sent.response is not None:
                    label = seen.cases[name].value.operation.label
                    answered.add((label, sent.response.status_code))
            for one in chain.from_iterable(seen.checks.values()):
                if one.failure_info is not None:
                    failed = one.failure_info
                    wrong.append(f"{one.name}: {failed.failure.message}\n{failed.code_sample}")
    assert not wrong, "\n\n".join(wrong)
    # What shows that it got as far as the code behind the routes.
    for label in ("GET /v1/queue", "GET /v1/models", "GET /metrics"):
        assert (label, 200) in answered
    for label in ("POST /v1/feedback", "POST /v1/invoices:extract", "GET /v1/queue"):
        assert (label, 422) in answered
        assert (label, 405) in answered


def test_what_is_read_and_corrected_is_answered_as_documented(app: FastAPI, pdf: bytes) -> None:
    told = documented(app)
    extract, feedback = told[EXTRACT]["POST"].Case(), told["/v1/feedback"]["POST"].Case()
    with TestClient(app, headers=HEADERS) as client:
        read = client.post(EXTRACT, files={"file": ("a.pdf", pdf)})
        assert read.status_code == 200
        extract.validate_response(read, checks=SHAPES)
        said = {"document_id": read.json()["document_id"], "corrected": {"payment_terms": "x"}}
        kept = client.post("/v1/feedback", json=said)
        assert kept.status_code == 201
        feedback.validate_response(kept, checks=SHAPES)
        large = client.post("/v1/feedback", content=b" " * 2**21)
        assert large.status_code == 413
        feedback.validate_response(large, checks=SHAPES)
        larger = client.post(EXTRACT, content=bytes(MOST + 1), headers={"Content-Type": "a/b"})
        assert larger.status_code == 413
        extract.validate_response(larger, checks=SHAPES)
        waiting = client.get("/v1/queue")
        told["/v1/queue"]["GET"].Case().validate_response(waiting, checks=SHAPES)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Busy(3), 429),
        (Unavailable("the house's own affair"), 503),
        (TimedOut("not in time"), 504),
        (Died("ended 3 times"), 504),
        (UnreadableAnswer("no JSON", "Sorry!"), 422),
    ],
)
def test_what_can_go_wrong_with_a_reading_is_documented(
    service: ErnieVLMService,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    status: int,
) -> None:
    def fails(*_: Any) -> None:
        raise error

    monkeypatch.setattr(service, "reading", fails)
    app = create_app(service)
    with TestClient(app) as client:
        answer = client.post(EXTRACT, files={"file": ("a.pdf", b"x")})
    assert answer.status_code == status
    documented(app)[EXTRACT]["POST"].Case().validate_response(answer, checks=SHAPES)
    assert ("Retry-After" in answer.headers) == (status == 429)
    assert "affair" not in answer.text


def test_errors_have_one_shape_and_extract_an_example(app: FastAPI) -> None:
    told = app.openapi()
    for path, operations in told["paths"].items():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and (path, status) != ("/readyz", "503"):
                    (content,) = answer["content"].items()
                    refused = {"schema": {"$ref": "#/components/schemas/Refused"}}
                    assert content == ("application/json", refused), (path, status)
    assert "HTTPValidationError" not in told["components"]["schemas"]
    extract = told["paths"][EXTRACT]["post"]
    assert extract["requestBody"]["content"]["multipart/form-data"]["example"]["file"]
    shown = extract["responses"]["200"]["content"]["application/json"]["example"]
    assert Reading.model_validate(shown).invoice.number is not None


def test_paths_and_methods_that_are_not_there_are_told_in_the_same_shape(app: FastAPI) -> None:
    with TestClient(app, headers=HEADERS) as client:
        nowhere, wrong = client.get("/v2/x"), client.get(EXTRACT)
        form = {"Content-Type": "multipart/form-data"}
        no_form = client.post(EXTRACT, content=b"x", headers=form)
        other = client.put("/v1/jobs")
    assert [one.status_code for one in (nowhere, wrong, no_form)] == [404, 405, 400]
    assert wrong.headers["Allow"] == "POST"
    assert (other.status_code, other.headers["Allow"]) == (405, "GET, POST")
    for one in (nowhere, wrong, no_form):
        assert Refused.model_validate(one.json()).detail[0].what


@pytest.mark.parametrize("charset", ["unicode_escape", "utf-7", "hex", "idna", "undefined"])
def test_a_name_in_a_strange_charset_costs_no_answer(
    app: FastAPI, pdf: bytes, charset: str
) -> None:
    """Regression: half a letter in the name of a file could not be kept, which was a 500."""
    form = b'--x\r\nContent-Disposition: form-data; name="file"; filename="\\\\ud800+2AA-"\r\n\r\n'
    kind = {"Content-Type": f"multipart/form-data; boundary=x; charset={charset}"}
    with TestClient(app, headers={**HEADERS, **kind}, raise_server_exceptions=False) as client:
        answer = client.post(EXTRACT, content=form + pdf + b"\r\n--x--\r\n")
    assert answer.status_code in (200, 400, 422), answer.text
