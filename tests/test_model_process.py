"""A model in a process of its own: many at once, killed, given up, swapped; nothing is lost."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event, Thread

import pytest

from app.config.settings import load_settings
from app.core.models import model_process
from app.core.models.answering import Died
from app.core.models.asked import Asked, asked_of
from app.core.models.ernie_vlm_service import ErnieVLMService, TimedOut
from app.core.models.model_process import ModelProcess
from app.core.processes import Busy, Closed, started
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.engines.protocol import Generation
from erniekit_finetuning.engines.registry import get_engine
from erniekit_finetuning.errors import UnusableInput
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

MODEL = "ernie-4.5-tiny"
FOLDER = Path(__file__).parent.parent / "erniekit_finetuning" / "assets" / MODEL
WORKER = Path(model_process.__file__).with_name("model_worker.py")
EASY = load_config(
    Path(__file__).parent.parent / "configs" / "generator" / "pretrain.yaml"
).model_copy(update={"max_lines": 2})


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    made = [draft(EASY, seed=3, index=index) for index in range(6)]
    return [read_pdf(render_pdf(one.invoice, one.style)) for one in made]


@pytest.fixture(scope="module")
def questions(documents: list[Document]) -> list[Asked]:
    return [asked_of(document, None, Decoding.STRICT, 400) for document in documents]


@pytest.fixture(scope="module")
def expected(questions: list[Asked]) -> list[str]:
    """What the model says to each question alone, in this process."""
    reader = get_engine("paddle").load(MODEL)
    return [reader.generate([one.question()], 400)[0].text for one in questions]


@pytest.fixture(scope="module")
def process() -> Iterator[ModelProcess]:
    process = ModelProcess("paddle", MODEL, rows=4, most_open=12)
    yield process
    process.close()
    assert process.pid is None


def test_answers_side_by_side_are_those_of_the_model_alone(
    process: ModelProcess, questions: list[Asked], expected: list[str]
) -> None:
    with ThreadPoolExecutor(6) as clients:
        answers = list(clients.map(lambda one: process.submit(one).result(120), questions * 2))
    assert [answer.text for answer in answers] == expected * 2
    assert all(answer.tokens[-1].end == len(answer.text) for answer in answers)
    assert len(process) == 0


def test_a_killed_process_is_started_again_and_no_question_is_lost(
    process: ModelProcess, questions: list[Asked], expected: list[str]
) -> None:
    answers = [process.submit(one) for one in questions]
    time.sleep(0.3)
    before = process.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    assert [answer.result(120).text for answer in answers] == expected
    assert process.pid not in (None, before)


def test_a_question_that_the_process_does_not_survive_is_answered_with_that(
    questions: list[Asked],
) -> None:
    """And those who waited with it get their answers."""
    process = ModelProcess("paddle", MODEL, rows=4, most_open=12)
    over = Event()

    def kill_whenever_the_first_is_asked() -> None:
        while not over.is_set():
            first = process._open.get(0)
            if first is not None and first.sent and (pid := process.pid) is not None:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    killer = Thread(target=kill_whenever_the_first_is_asked)
    killer.start()
    try:
        deadly, *others = [process.submit(one) for one in questions[:3]]
        with pytest.raises(Died, match="3 times"):
            deadly.result(120)
        assert all(other.result(120).finished for other in others)
    finally:
        over.set()
        killer.join()
        process.close()


def test_a_process_can_be_closed_twice_and_while_it_starts_again(questions: list[Asked]) -> None:
    """Regression: each of these waited for ever."""
    process = ModelProcess("paddle", MODEL, rows=4, most_open=12)
    pid = process.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    process.close()
    process.close()
    with pytest.raises(Closed):
        process.submit(questions[0])


def test_a_worker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """Also where that one died in the middle of a line."""
    worker = started([sys.executable, str(WORKER), "paddle", MODEL, "4"])
    assert worker.stdout is not None
    assert worker.stdin is not None
    assert b"ready" in worker.stdout.readline()
    worker.stdin.write(b'{"key": 1, "as')
    worker.stdin.close()
    worker.wait(30)


def test_too_many_are_refused_and_who_gives_up_makes_room(
    process: ModelProcess, questions: list[Asked]
) -> None:
    answers = [process.submit(questions[n % 6]) for n in range(12)]
    with pytest.raises(Busy) as refused:
        process.submit(questions[0])
    assert 1 <= refused.value.retry_after <= 60
    assert answers[11].cancel()
    assert answers[0].cancel()
    answers += [process.submit(questions[0]), process.submit(questions[1])]
    done, _ = wait(answers, 240)
    assert len(done) == 14
    assert sum(answer.cancelled() for answer in answers) == 2
    assert isinstance(answers[13].result(), Generation)
    assert len(process) == 0


def test_what_cannot_be_asked_is_told_to_who_asked_it(
    process: ModelProcess, questions: list[Asked], expected: list[str]
) -> None:
    long = questions[0].model_copy(update={"text": "word " * 6000})
    refused, fine = process.submit(long), process.submit(questions[1])
    with pytest.raises(UnusableInput, match="leaves no room"):
        refused.result(120)
    assert fine.result(120).text == expected[1]


def test_a_model_that_cannot_be_loaded_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="nowhere"):
        ModelProcess("paddle", str(tmp_path / "nowhere"), rows=4, most_open=12)


def test_a_model_is_swapped_while_documents_come_and_none_is_lost(
    documents: list[Document],
) -> None:
    service = ErnieVLMService(load_settings({"ernie_vl": {"rows": 4, "models": {"acme": FOLDER}}}))
    over = Event()
    seen: list[str] = []

    def client() -> None:
        number = 0
        while not over.is_set():
            seen.append(service.read(documents[number % 6]).model)
            number += 1

    with ThreadPoolExecutor(3) as clients:
        running = [clients.submit(client) for _ in range(3)]
        for _ in range(2):
            service.swap(FOLDER)
            service.swap(FOLDER)
        over.set()
        for one in running:
            one.result(120)
    assert MODEL in seen
    assert str(FOLDER) in seen
    with pytest.raises(UnusableInput, match="nowhere"):
        service.swap(Path("nowhere"))
    assert service.model == str(FOLDER)
    service.close()
    with pytest.raises(Closed):
        service.read(documents[0])
    with pytest.raises(Closed):
        service.read(documents[0], "acme")
    with pytest.raises(Closed):
        service.swap(FOLDER)


def test_models_by_name_and_documents_that_take_too_long(documents: list[Document]) -> None:
    settings = {"models": {"acme": FOLDER}, "timeout_seconds": 60}
    service = ErnieVLMService({"ernie_vl": settings})
    assert service.read(documents[0], "acme").model == str(FOLDER)
    assert service.read(documents[0]).model == MODEL
    with pytest.raises(UnusableInput, match="acme"):
        service.read(documents[0], "other")
    service.close()
    hasty = ErnieVLMService({"ernie_vl": {"timeout_seconds": 0.05}})
    with pytest.raises(TimedOut, match=r"0\.05 s"):
        hasty.read(documents[0])
    assert len(hasty._loaded[None].answering) == 0
    hasty.close()
    with pytest.raises(UnusableInput, match=r"models\.acme"):
        ErnieVLMService({"ernie_vl": {"models": {"acme": Path("gone")}}})
