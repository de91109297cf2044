"""Batch jobs: every document gets one result, whatever is sent, killed or asked beside it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import select, update
from test_api_reader import Reply, Server, ok, wrong

from app.api.server import create_app
from app.config.sections import Jobs
from app.core.jobs.files import JobFiles
from app.core.jobs.giving_way import at_once_of, may_begin
from app.core.jobs.runner import Runner
from app.core.jobs.store import JobStore, Sent
from app.core.jobs.work import Overtaken, Work
from app.core.learning.store import Store
from app.core.learning.tables import Job, JobDocument, KeptDocument, now
from app.core.models.ernie_vlm_service import ErnieVLMService
from app.core.processes import Busy
from erniekit_finetuning.documents.limits import MAX_BYTES
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

PRETRAIN = load_config(Path(__file__).parent.parent / "configs" / "generator" / "pretrain.yaml")
EASY = PRETRAIN.model_copy(
    update={"locales": {"de-DE": 1.0}, "layouts": {"classic": 1.0}, "max_lines": 1}
)
HOSTILE = (b"", b"%PDF no", Random(0).randbytes(99))
MOST_OPEN = 8


@pytest.fixture(scope="module")
def pdf() -> bytes:
    made = draft(EASY, seed=2, index=1)
    return render_pdf(made.invoice, made.style)


@pytest.fixture(scope="module")
def service() -> Iterator[ErnieVLMService]:
    service = ErnieVLMService({"ernie_vl": {"most_open": MOST_OPEN}})
    yield service
    service.close()


@pytest.fixture(scope="module")
def closed() -> ErnieVLMService:
    """One that reads nothing any more."""
    service = ErnieVLMService()
    service.close()
    return service


@contextmanager
def served(
    service: ErnieVLMService, folder: Path, settings: Jobs | None = None, key: str | None = None
) -> Iterator[TestClient]:
    store = Store(f"sqlite:///{folder / 'store.db'}", folder)
    runner = Runner(service, store, settings or Jobs(), folder / "jobs")
    secret = None if key is None else SecretStr(key)
    with TestClient(create_app(service, secret, store, runner)) as client:
        yield client


def sent(*documents: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", (f"{number}.pdf", data)) for number, data in enumerate(documents, start=1)]


def until(
    client: httpx.Client, at: str, holds: Callable[[dict[str, Any]], bool], seconds: float = 60
) -> dict[str, Any]:
    end = time.monotonic() + seconds
    while True:
        answer = client.get(at)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        if holds(told):
            return told
        assert time.monotonic() < end, told
        time.sleep(0.05)


def is_over(told: dict[str, Any]) -> bool:
    return told["state"] in ("done", "cancelled")


def results(client: httpx.Client, at: str, limit: int = 3) -> list[dict[str, Any]]:
    """All of them, by pages."""
    found: list[dict[str, Any]] = []
    after, complete = 0, False
    while not complete:
        page = client.get(f"{at}/results", params={"after": after, "limit": limit}).json()
        assert len(page["results"]) <= limit
        assert page["results"] or page["complete"]
        found += page["results"]
        after, complete = page["next_after"], page["complete"]
    return found


def kept(folder: Path) -> list[str]:
    """The ids of kept documents in the database; each has its file, and no other is there."""
    store = Store(f"sqlite:///{folder / 'store.db'}", folder)
    with store.session() as session:
        rows = session.execute(select(KeptDocument.id, KeptDocument.file)).all()
    assert sorted(file for _, file in rows) == sorted(one.name for one in store.documents.iterdir())
    return sorted(id_ for id_, _ in rows)


def test_each_document_gets_what_extract_would_answer(
    service: ErnieVLMService, pdf: bytes, tmp_path: Path
) -> None:
    documents = [pdf, *HOSTILE, pdf]
    with served(service, tmp_path) as client:
        made = client.post("/v1/jobs", files=sent(*documents))
        assert made.status_code == 202, made.text
        at = made.headers["Location"]
        assert at == f"/v1/jobs/{made.json()['id']}"
        assert made.json()["documents"] == len(documents)
        over = until(client, at, is_over)
        assert (over["state"], over["done"], over["failed"]) == ("done", 2, 3)
        assert (over["cancelled"], over["seconds_left"]) == (0, 0)
        found = results(client, at)
        assert [one["position"] for one in found] == [1, 2, 3, 4, 5]
        assert [one["name"] for one in found] == [f"{number}.pdf" for number in range(1, 6)]
        for one, data in zip(found, documents, strict=True):
            alone = client.post("/v1/invoices:extract", files={"file": ("a.pdf", data)})
            if one["state"] == "failed":
                told = {key: one[key] for key in ("status", "detail")}
                assert told == {"status": alone.status_code, **alone.json()}
                assert str(tmp_path) not in str(told)
            else:
                assert one["state"] == "done"
                assert one["reading"].keys() == alone.json().keys()
                assert one["reading"]["invoice"] == alone.json()["invoice"]
        corrected = {"vendor_block": {"name": "Acme"}}
        asked = {"document_id": found[0]["reading"]["document_id"], "corrected": corrected}
        assert client.post("/v1/feedback", json=asked).status_code == 201
        lines = client.get("/metrics").text.splitlines()
        counted = [line for line in lines if line.startswith("ernie_invoice_documents_total")]
        assert sum(float(line.rsplit(" ", 1)[1]) for line in counted) == 4
    assert len(kept(tmp_path)) == 4
    assert not list((tmp_path / "jobs").iterdir())


def test_a_job_tells_how_far_it_is_and_results_come_in_order(
    service: ErnieVLMService, pdf: bytes, tmp_path: Path
) -> None:
    with served(service, tmp_path) as client:
        at = client.post("/v1/jobs", files=sent(*[pdf] * 6)).headers["Location"]
        told = until(client, at, lambda told: told["done"] >= 2)
        assert told["state"] == "running"
        assert 0 < told["seconds_left"] < 60
        some = client.get(f"{at}/results").json()
        assert not some["complete"]
        assert [one["position"] for one in some["results"]] == list(
            range(1, some["next_after"] + 1)
        )
        until(client, at, is_over)
        rest = client.get(f"{at}/results", params={"after": some["next_after"]}).json()
        assert [one["position"] for one in (*some["results"], *rest["results"])] == list(
            range(1, 7)
        )
        assert rest["complete"]


def test_who_waits_for_an_answer_finds_room_beside_jobs(
    service: ErnieVLMService, pdf: bytes, tmp_path: Path
) -> None:
    with served(service, tmp_path, Jobs(at_once=99)) as client:
        at = client.post("/v1/jobs", files=sent(*[pdf] * 12)).headers["Location"]
        until(client, at, lambda told: told["done"] >= 1)

        def ask(_: int) -> int:
            asked = {"file": ("a.pdf", pdf)}
            return client.post("/v1/invoices:extract", files=asked).status_code

        with ThreadPoolExecutor(MOST_OPEN) as people:
            assert set(people.map(ask, range(MOST_OPEN - 2))) == {200}
        assert client.get(at).json()["state"] == "running"
        client.delete(at)


def test_jobs_give_way() -> None:
    assert [at_once_of(wanted, 64) for wanted in (1, 4, 99)] == [1, 4, 16]
    assert at_once_of(4, 1) == 1

    def may(own: int, others: int) -> bool:
        return may_begin(own, others, at_once=2, most_open=8)

    assert [may(own, 0) for own in (0, 1, 2)] == [True, True, False]
    assert [may(0, others) for others in (1, 3, 4)] == [True, True, False]
    assert not may(1, 1)


def test_jobs_take_turns(service: ErnieVLMService, pdf: bytes, tmp_path: Path) -> None:
    with served(service, tmp_path) as client:
        large = client.post("/v1/jobs", files=sent(*[pdf] * 12)).headers["Location"]
        small = client.post("/v1/jobs", files=sent(pdf)).headers["Location"]
        until(client, small, is_over)
        assert client.get(large).json()["state"] == "running"
        listed = client.get("/v1/jobs", params={"limit": 2}).json()
        assert [one["id"] for one in listed] == [small.split("/")[-1], large.split("/")[-1]]
        client.delete(large)


def test_what_is_cancelled_is_not_read(
    service: ErnieVLMService, pdf: bytes, tmp_path: Path
) -> None:
    with served(service, tmp_path) as client:
        at = client.post("/v1/jobs", files=sent(*[pdf] * 12)).headers["Location"]
        until(client, at, lambda told: told["done"] >= 1)
        told = client.delete(at).json()
        assert told["state"] == "cancelled"
        assert told["done"] + told["cancelled"] == 12
        assert told["cancelled"]
        found = results(client, at)
        assert [one["state"] for one in found].count("cancelled") == told["cancelled"]
        assert client.delete(at).json() == told
        alone = client.post("/v1/jobs", files=sent(pdf)).headers["Location"]
        until(client, alone, is_over)
        assert client.delete(alone).json()["state"] == "done"
        assert client.get(at).json() == told  # what was being read then was not kept either
    ids = [one["reading"]["document_id"] for one in found if one["state"] == "done"]
    assert len(kept(tmp_path)) == len(ids) + 1
    assert set(ids) < set(kept(tmp_path))
    assert not list((tmp_path / "jobs").iterdir())


def test_old_jobs_are_removed_and_what_was_kept_of_them_stays(
    service: ErnieVLMService, closed: ErnieVLMService, pdf: bytes, tmp_path: Path
) -> None:
    with served(service, tmp_path) as client:
        key = {"Idempotency-Key": "mine"}
        old = client.post("/v1/jobs", files=sent(pdf), headers=key).headers["Location"]
        lately = client.post("/v1/jobs", files=sent(pdf)).headers["Location"]
        for one in (old, lately):
            until(client, one, is_over)
    with served(closed, tmp_path) as client:
        waiting = client.post("/v1/jobs", files=sent(pdf)).headers["Location"]
    before = len(kept(tmp_path))
    long_ago = now() - timedelta(days=8)
    with Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path).session.begin() as session:
        session.execute(update(Job).values(received=long_ago))
        session.execute(
            update(JobDocument)
            .where(JobDocument.job.in_(select(Job.number).where(Job.key == "mine")))
            .values(finished=long_ago)
        )
    with served(closed, tmp_path, Jobs(keep_days=9)) as client:
        time.sleep(0.5)
        assert client.get(old).status_code == 200
    with served(closed, tmp_path, Jobs(keep_days=7)) as client:
        end = time.monotonic() + 30
        while client.get(old).status_code == 200 and time.monotonic() < end:
            time.sleep(0.05)
        assert client.get(old).status_code == 404
        assert client.get(lately).json()["state"] == "done"
        assert len(results(client, lately)) == 1
        assert client.get(waiting).json()["state"] == "running"
        assert len(kept(tmp_path)) == before == 2
        again = client.post("/v1/jobs", files=sent(pdf), headers=key)
        assert again.status_code == 202
        assert again.headers["Location"] != old


def test_the_same_request_under_a_key_makes_one_job(
    closed: ErnieVLMService, tmp_path: Path
) -> None:
    with served(closed, tmp_path, Jobs(most_open=1)) as client:

        def make(number: int) -> httpx.Response:
            headers = {"Idempotency-Key": "mine"}
            return client.post("/v1/jobs", files=sent(b"a", b"b"), headers=headers)

        first = make(0)
        assert first.status_code == 202, first.text
        with ThreadPoolExecutor(4) as clients:
            for again in clients.map(make, range(4)):
                assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        for other in (sent(b"a"), sent(b"b", b"a"), sent(b"ab", b"")):
            refused = client.post("/v1/jobs", files=other, headers={"Idempotency-Key": "mine"})
            assert refused.status_code == 422
            assert refused.json()["detail"][0]["field"] == "Idempotency-Key"
        assert len(client.get("/v1/jobs").json()) == 1
        assert [one.name for one in (tmp_path / "jobs").iterdir()] == [first.json()["id"]]


def test_the_same_request_twice_at_once_makes_one_job(tmp_path: Path) -> None:
    files = JobFiles(tmp_path / "jobs")
    jobs = JobStore(Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path), files, most_open=9)

    def make(_: int) -> str:
        id_ = uuid4().hex
        with files.taken(id_) as folder:
            folder.mkdir()
        return jobs.make(id_, Sent(("a.pdf",), None, "digest"), "mine")

    with ThreadPoolExecutor(8) as clients:
        made = set(clients.map(make, range(8)))
    assert len(made) == len(jobs.latest(9)) == 1
    assert {one.name for one in (tmp_path / "jobs").iterdir()} == made


def test_jobs_are_bounded(closed: ErnieVLMService, tmp_path: Path) -> None:
    with served(closed, tmp_path, Jobs(most_documents=3, megabytes=60, most_open=2)) as client:
        many = client.post("/v1/jobs", files=sent(*[b"x"] * 4))
        assert many.status_code == 422
        assert many.json()["detail"][0]["expected"] == "at most 3"
        large = client.post("/v1/jobs", files=sent(b"x", bytes(MAX_BYTES + 1)))
        assert large.status_code == 413
        assert large.json()["detail"][0]["field"] == "files.1"
        half = bytes(31 * 2**20)
        assert client.post("/v1/jobs", files=sent(half, half)).status_code == 413

        def without_end() -> Iterator[bytes]:
            yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
            for _ in range(48):
                yield bytes(2**20)
            yield b'\r\n--x\r\nContent-Disposition: form-data; name="files"; filename="b"\r\n\r\n'
            for _ in range(48):
                yield bytes(2**20)

        form = {"Content-Type": "multipart/form-data; boundary=x"}
        assert client.post("/v1/jobs", content=without_end(), headers=form).status_code == 413
        assert not list((tmp_path / "jobs").iterdir())  # what was refused is not there
        for _ in range(2):
            assert client.post("/v1/jobs", files=sent(b"x")).status_code == 202
        full = client.post("/v1/jobs", files=sent(b"x"))
        assert full.status_code == 429
        assert int(full.headers["Retry-After"]) >= 1
        assert "too many jobs" in full.json()["detail"][0]["what"]
        client.delete(f"/v1/jobs/{client.get('/v1/jobs').json()[0]['id']}")
        assert client.post("/v1/jobs", files=sent(b"x")).status_code == 202


def test_of_two_jobs_at_once_one_finds_no_room(tmp_path: Path) -> None:
    files = JobFiles(tmp_path / "jobs")
    jobs = JobStore(Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path), files, most_open=3)

    def make(number: int) -> bool:
        try:
            jobs.make(uuid4().hex, Sent(("a.pdf",), None, str(number)), None)
        except Busy:
            return False
        return True

    with ThreadPoolExecutor(8) as clients:
        assert sum(clients.map(make, range(8))) == 3


def test_what_is_no_job_is_refused_in_words(closed: ErnieVLMService, tmp_path: Path) -> None:
    start = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nx\r\n'
    other = b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n'
    with served(closed, tmp_path) as client:
        for kind, body in (
            ("multipart/form-data; boundary=x", b"no form"),
            ("multipart/form-data; boundary=x", start),  # cut off
            ("multipart/form-data; boundary=x", start + other + b"--x--\r\n"),
            ("multipart/form-data; boundary=x", b"--x--\r\n"),
            ("multipart/form-data; boundary=" + "x" * 999, start),
            ("multipart/form-data", start),
            ("application/json", b"{}"),
        ):
            refused = client.post("/v1/jobs", content=body, headers={"Content-Type": kind})
            assert refused.status_code == 422, (kind, body)
            assert refused.json()["detail"][0]["what"]
        named = client.post("/v1/jobs", files=sent(b"x"), data={"model": "nobody"})
        assert named.json()["detail"][0]["what"] == "no such model"
        assert named.status_code == 422
        assert client.get("/v1/jobs").json() == []
        assert not list((tmp_path / "jobs").iterdir())
        for method, path in (("GET", ""), ("GET", "/results"), ("DELETE", "")):
            missing = client.request(method, f"/v1/jobs/nobody{path}")
            assert missing.status_code == 404
            assert missing.json()["detail"][0]["what"] == "no such job"


def test_jobs_want_the_key_before_anything_is_taken(
    closed: ErnieVLMService, tmp_path: Path
) -> None:
    with served(closed, tmp_path, key="a key of some length") as client:
        for method, path in (("POST", ""), ("GET", ""), ("GET", "/x"), ("DELETE", "/x")):
            assert client.request(method, f"/v1/jobs{path}").status_code == 401
        assert client.get("/v1/jobs/x/results").status_code == 401


def test_what_cannot_be_asked_now_is_read_by_the_next_service(
    service: ErnieVLMService, closed: ErnieVLMService, pdf: bytes, tmp_path: Path
) -> None:
    with served(closed, tmp_path) as client:
        at = client.post("/v1/jobs", files=sent(pdf, pdf)).headers["Location"]
        until(client, at, lambda told: told["state"] == "running")
        time.sleep(0.5)
        told = client.get(at).json()
        assert (told["state"], told["done"], told["failed"]) == ("running", 0, 0)
        assert told["seconds_left"] is None
    with served(service, tmp_path) as client:
        assert until(client, at, is_over)["done"] == 2
    assert len(kept(tmp_path)) == 2


def test_a_failing_server_is_asked_again_and_a_late_answer_is_a_result(
    pdf: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openai", reason="needs the extra api")
    monkeypatch.setattr("app.core.jobs.runner._AGAIN", 0.2)

    def script(_: dict[str, Any], count: int) -> Reply:
        if count == 1:
            return wrong(500, "secret of the house")
        if count == 2:
            time.sleep(1)
        return ok('{"structured_data": {}}')

    server = Server()
    server.script = script
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    file = tmp_path / "served.yaml"
    file.write_text(f"api: {{base_url: {server.url}, model: m, retries: 0, timeout: 20}}\n")
    service = ErnieVLMService({"ernie_vl": {"base_model": str(file), "timeout_seconds": 0.5}})
    with served(service, tmp_path, Jobs(at_once=1)) as client:
        at = client.post("/v1/jobs", files=sent(pdf, pdf)).headers["Location"]
        until(client, at, is_over)
        late, read = results(client, at)
    service.close()
    server.shutdown()
    server.server_close()
    assert (late["state"], late["status"]) == ("failed", 504)
    assert "not read in 0.5 s" in late["detail"][0]["what"]
    assert (read["state"], len(server.bodies)) == ("done", 3)
    assert kept(tmp_path) == [read["reading"]["document_id"]]


def test_a_document_is_kept_once_by_two_services_and_after_a_crash(
    service: ErnieVLMService, pdf: bytes, tmp_path: Path
) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path)
    files = JobFiles(tmp_path / "jobs")
    jobs, work = JobStore(store, files, most_open=9), Work(store, files)
    with files.taken("job") as folder:
        folder.mkdir()
        (folder / "1").write_bytes(pdf)
    jobs.make("job", Sent(("a.pdf",), None, "digest"), None)
    one, two = work.next(0, (), ()), work.next(0, (), ())
    assert one is not None
    assert two is not None
    (store.documents / f"{one.kept_id}.pdf").write_bytes(pdf)  # it ended before its commit
    reading = service.reading(one.file)
    work.keep(one, reading)
    files.of("job", 1).parent.mkdir()
    files.of("job", 1).write_bytes(pdf)  # it ended after its commit
    with pytest.raises(Overtaken):
        work.keep(two, reading)
    assert kept(tmp_path) == [one.kept_id]
    work.begin()
    assert not list((tmp_path / "jobs").iterdir())
    assert [result.state for result in jobs.results("job", 0, 9)] == ["done"]


def test_uploads_that_were_cut_off_long_ago_are_swept(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path)
    files = JobFiles(tmp_path / "jobs")
    for name, hours in (("old", 2), ("young", 0)):
        folder = tmp_path / "jobs" / name
        folder.mkdir()
        (folder / "1").write_bytes(b"x")
        os.utime(folder, (time.time() - hours * 3600,) * 2)
    Work(store, files).begin()
    assert [one.name for one in (tmp_path / "jobs").iterdir()] == ["young"]


@contextmanager
def serving(folder: Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    """A real `serve`, killed at the end where it runs still."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "erniekit_finetuning.cli", "serve", "--port", str(port)]
    settings = {"ERNIE_INVOICE_KEPT__FOLDER": str(folder), "ERNIE_INVOICE_JOBS__AT_ONCE": "2"}
    env = {**os.environ, **settings}
    process = subprocess.Popen(command, env=env)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            end = time.monotonic() + 60
            while True:
                assert process.poll() is None
                assert time.monotonic() < end
                try:
                    client.get("/healthz")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            yield client, process
    finally:
        process.kill()
        process.wait()


def test_no_document_is_lost_or_doubled_where_the_service_is_killed(
    pdf: bytes, tmp_path: Path
) -> None:
    documents = [pdf, pdf, b"%PDF no", *[pdf] * 9]
    with serving(tmp_path) as (client, process):
        at = client.post("/v1/jobs", files=sent(*documents)).headers["Location"]
        until(client, at, lambda told: told["done"] + told["failed"] >= 4)
        process.send_signal(signal.SIGKILL)
        process.wait()
    with serving(tmp_path) as (client, process):
        left = client.get(at).json()
        assert not is_over(left)
        assert left["done"] + left["failed"] >= 4
        until(client, at, lambda told: told["done"] > left["done"])
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with serving(tmp_path) as (client, _):
        assert not is_over(client.get(at).json())
        over = until(client, at, is_over)
        assert (over["done"], over["failed"], over["cancelled"]) == (11, 1, 0)
        found = results(client, at)
    assert [one["position"] for one in found] == list(range(1, len(documents) + 1))
    ids = [one["reading"]["document_id"] for one in found if one["state"] == "done"]
    assert sorted(ids) == kept(tmp_path)
    assert len(set(ids)) == 11
    assert not list((tmp_path / "jobs").iterdir())


def test_every_answer_is_documented(closed: ErnieVLMService, tmp_path: Path) -> None:
    with served(closed, tmp_path) as client:
        paths = client.get("/openapi.json").json()["paths"]
    told = {
        (method, path): set(route["responses"])
        for path, one in paths.items()
        if path.startswith("/v1/jobs")
        for method, route in one.items()
    }
    one = {"200", "401", "404", "422"}
    assert told == {
        ("post", "/v1/jobs"): {"202", "401", "408", "413", "422", "429"},
        ("get", "/v1/jobs"): {"200", "401", "422"},
        ("get", "/v1/jobs/{job_id}"): one,
        ("get", "/v1/jobs/{job_id}/results"): one,
        ("delete", "/v1/jobs/{job_id}"): one,
    }
