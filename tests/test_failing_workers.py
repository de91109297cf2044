"""Workers that die in the middle of a line, never answer, or do not start again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from app.api.server import create_app
from app.core.models import model_process
from app.core.models.answering import Unavailable
from app.core.models.asked import Asked
from app.core.models.ernie_vlm_service import ErnieVLMService
from app.core.models.model_process import ModelProcess
from erniekit_finetuning.cli import app
from erniekit_finetuning.decoding import Decoding
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

FOLDER = Path(__file__).parent.parent / "erniekit_finetuning" / "assets" / "ernie-4.5-tiny"
QUESTION = Asked(text="Total 5.00", schema_text=None, decoding=Decoding.OFF, max_new_tokens=9)
# Which start this is stands in a file; what a start does with what it is asked, in ACTS.
WORKER = """
import json, sys
from pathlib import Path

counter = Path(__file__).with_suffix(".starts")
start = int(counter.read_text()) if counter.exists() else 0
counter.write_text(str(start + 1))
acts = {acts!r}
act = acts[min(start, len(acts) - 1)]
if act == "fail":
    sys.exit(3)
print(json.dumps({{"ready": True, "sees_images": False}}), flush=True)
for number, line in enumerate(sys.stdin):
    asked = json.loads(line)
    text = '{{"structured_data":{{}}}}'
    answer = {{"text": text, "finished": True, "new_tokens": 1, "seconds": 0.0, "tokens": []}}
    whole = json.dumps({{"key": asked.get("key"), "answer": answer}})
    if act == "answer":
        print(whole, flush=True)
    elif act == "half a line":
        print(whole[: len(whole) // 2], end="", flush=True)
        sys.exit(1)
    elif act == "answer once" and number == 0:
        print(whole, flush=True)
    elif act in ("answer once", "die"):
        sys.exit(1)
"""
Acting = Callable[..., None]


@pytest.fixture
def acting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Acting:
    """Let model processes do these acts, one a start and the last one again and again."""

    def set_(*acts: str) -> None:
        script = tmp_path / "worker.py"
        script.write_text(WORKER.format(acts=acts))
        monkeypatch.setattr(model_process, "_WORKER", script)

    return set_


@pytest.fixture(scope="module")
def pdf() -> bytes:
    made = draft(GeneratorConfig(locales={"de-DE": 1}, layouts={"classic": 1}), 4, 0)
    return render_pdf(made.invoice, made.style)


def test_half_a_line_of_a_dying_worker_is_no_answer(acting: Acting) -> None:
    acting("half a line", "answer")
    process = ModelProcess("paddle", "m", rows=4, most_open=4)
    assert process.submit(QUESTION).result(30).text == '{"structured_data":{}}'
    process.close()


def test_what_waits_for_its_turn_does_not_see_the_process_die(acting: Acting) -> None:
    """Regression: it was asked alone after two deaths of others, and given up after the third."""
    acting("answer once")
    process = ModelProcess("paddle", "m", rows=1, most_open=8)
    answers = [process.submit(QUESTION) for _ in range(8)]
    assert [one.result(60).finished for one in answers] == [True] * 8
    process.close()


def test_a_model_that_cannot_be_started_again_is_503(acting: Acting, pdf: bytes) -> None:
    """For what was open, and for what comes after; the service itself goes on."""
    acting("die", "fail")
    service = ErnieVLMService()
    with TestClient(create_app(service)) as client:
        for _ in range(2):
            answer = client.post("/v1/invoices:extract", files={"file": pdf})
            assert answer.status_code == 503
            assert answer.json() == {"detail": [{"what": "the model cannot be asked now"}]}
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200
    assert service.open_documents == 0
    service.close()


def test_a_failed_model_is_told_at_the_next_question(acting: Acting) -> None:
    acting("die", "fail")
    process = ModelProcess("paddle", "m", rows=4, most_open=4)
    with pytest.raises(Unavailable, match="3 times before the model was loaded"):
        process.submit(QUESTION).result(30)
    with pytest.raises(Unavailable):
        process.submit(QUESTION)
    process.close()


def test_health_is_answered_while_every_document_waits(acting: Acting, pdf: bytes) -> None:
    acting("swallow")
    service = ErnieVLMService({"ernie_vl": {"most_open": 3, "timeout_seconds": 6}})
    with TestClient(create_app(service)) as client, ThreadPoolExecutor(60) as clients:
        asked = [
            clients.submit(client.post, "/v1/invoices:extract", files={"file": pdf})
            for _ in range(60)
        ]
        until = time.monotonic() + 30
        while service.open_documents < 3 and time.monotonic() < until:
            time.sleep(0.01)
        began = time.monotonic()
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 200
        assert client.get("/v1/models").status_code == 200
        assert time.monotonic() - began < 3
        assert service.open_documents == 3
        statuses = {one.result().status_code for one in asked}
    assert statuses == {429, 504}
    service.close()


def test_of_two_swaps_at_once_one_stays_and_no_process_is_left_over(
    acting: Acting, pdf: bytes, tmp_path: Path
) -> None:
    acting("answer")
    service = ErnieVLMService()
    ends = threading.Barrier(2)

    def swap() -> None:
        ends.wait(30)
        service.swap(FOLDER)

    before = service._loaded[None].answering
    with ThreadPoolExecutor(2) as clients:
        for one in [clients.submit(swap) for _ in range(2)]:
            one.result(60)
    assert service.model == str(FOLDER)
    assert not before.ready
    assert running(tmp_path / "worker.py") == 1
    with TestClient(create_app(service)) as client:
        assert client.post("/v1/invoices:extract", files={"file": pdf}).status_code == 200
    service.close()
    assert running(tmp_path / "worker.py") == 0


def running(script: Path) -> int:
    """How many processes run a script."""
    found = 0
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += str(script).encode() in file.read_bytes()
        except OSError:
            continue
    return found


def test_extract_tells_that_it_took_too_long(
    acting: Acting, pdf: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    acting("swallow")
    monkeypatch.setenv("ERNIE_INVOICE_ERNIE_VL__TIMEOUT_SECONDS", "0.2")
    (tmp_path / "a.pdf").write_bytes(pdf)
    told = CliRunner().invoke(app, ["extract", str(tmp_path / "a.pdf")])
    assert told.exit_code == 2
    assert f"error: {tmp_path / 'a.pdf'}: the document was not read in 0.2 s" in told.stderr
    assert told.stdout == ""
