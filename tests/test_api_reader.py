"""A model behind an API: a real server with a tiny model, and one that misbehaves on demand."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from tiny_model import build_tiny_model, random_weights

from erniekit_finetuning.data.pair import Pair, Turn, compact
from erniekit_finetuning.engines.api.costs import cost
from erniekit_finetuning.engines.api.reader import ApiReader
from erniekit_finetuning.engines.api.settings import ApiModel, fingerprint, load_api_model
from erniekit_finetuning.engines.protocol import Generation, Message, Question, TokenScore
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.evaluation.asking import Asking, ask_all
from erniekit_finetuning.evaluation.predictions import read_predictions
from erniekit_finetuning.evaluation.running import Options, evaluate_here, opened
from erniekit_finetuning.evaluation.table import compared

pytest.importorskip("openai", reason="needs the extra api")

KEY = "sk-the-key-that-nobody-may-see"
CONFIGS = Path(__file__).parents[1] / "configs" / "api"
SOON = {"retry-after-ms": "1"}
Reply = tuple[int, Any, dict[str, str]]


class Server(ThreadingHTTPServer):
    """Answers as its `script` says, and keeps what it was sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: Callable[[dict[str, Any], int], Reply] = lambda body, count: ok("{}")
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.lock = threading.Lock()
        self.at_once = self.most_at_once = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        server = self.server
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with server.lock:
            server.bodies.append(body)
            server.headers.append({name.lower(): value for name, value in self.headers.items()})
            count = len(server.bodies)
            server.at_once += 1
            server.most_at_once = max(server.most_at_once, server.at_once)
        status, reply, headers = server.script(body, count)
        with server.lock:
            server.at_once -= 1
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # a client that waited long enough
            self.wfile.write(data)

    def log_message(self, *args: Any) -> None:
        pass


def ok(text: str | None, finish: str = "stop", **more: Any) -> Reply:
    """A reply as vLLM gives it."""
    message = {"role": "assistant", "content": text, **more.pop("message", {})}
    choice = {"index": 0, "message": message, "finish_reason": finish, **more}
    usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    return 200, {"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}, {}


def told(*tokens: tuple[str | bytes, float]) -> dict[str, Any]:
    """Log probabilities of tokens; a part of a letter is given as bytes."""
    content = []
    for token, logprob in tokens:
        data = token if isinstance(token, bytes) else token.encode()
        text = data.decode(errors="replace")
        row = {"token": text, "logprob": logprob, "bytes": list(data), "top_logprobs": []}
        content.append(row)
    return {"content": content}


def wrong(status: int, message: str, **headers: str) -> Reply:
    return status, {"error": {"message": message, "type": "x", "code": status}}, headers


@contextlib.contextmanager
def running() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("ERNIE_API_KEY", KEY)
    # Meant for another service: nothing of it may be sent.
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "of-another-service")


def model(server: Server | None = None, **settings: Any) -> ApiModel:
    url = server.url if server else "http://127.0.0.1:9/v1"
    return ApiModel(**{"base_url": url, "model": "m", "timeout": 5, "retries": 1, **settings})


def failure(reader: ApiReader, *questions: Question) -> str:
    with pytest.raises(UnusableInput) as caught:
        reader.generate(questions or [Question.ask("one")], 8)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.problems)
    assert KEY not in shown
    return str(caught.value)


def settings_file(folder: Path, text: str) -> Path:
    file = folder / "api.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_server_without_a_key_is_asked_without_one(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no variable of another service is set."""
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY"):
        monkeypatch.delenv(name)
    server.script = lambda body, count: ok("{}")
    (said,) = ApiReader(model(server)).generate([Question.ask("one")], 8)
    assert said.text == "{}"
    assert "authorization" not in server.headers[0]


# --- settings ---


def test_a_file_is_read(tmp_path: Path) -> None:
    text = """
api:
  base_url: https://api.example/v1/
  model: ernie
  key_env: ERNIE_API_KEY
  thinking: off
  price_in: 0.8
  price_out: 3
  currency: CNY
  extra: {top_p: 0.5, penalty: [1, 2]}
"""
    read = load_api_model(settings_file(tmp_path, text))
    assert read.url == "https://api.example/v1/chat/completions"
    assert read.thinking is False
    assert (read.price_in, read.price_out) == (Decimal("0.8"), Decimal(3))
    assert (read.context, read.parallel, read.retries) == (32768, 4, 5)
    assert read.extra == {"top_p": 0.5, "penalty": [1, 2]}
    with pytest.raises(ValueError, match="frozen"):
        read.model = "other"  # type: ignore[misc]


def test_every_fault_is_told_at_once_and_no_key_is_shown(tmp_path: Path) -> None:
    text = f"""
api:
  base_url: https://user:{KEY}@api.example/v1
  key_env: {KEY}
  key: {KEY}
  api_key: {KEY}
  paralel: 3
  json_mode: yes
  price_in: "1"
  retries: -1
  extra:
    Authorization: {KEY}
"""
    with pytest.raises(UnusableInput) as caught:
        load_api_model(settings_file(tmp_path, text))
    told = str(caught.value)
    assert KEY not in told
    assert KEY not in repr(caught.value.problems)
    for line, words in (
        (3, "carries a user or a password; name the environment variable"),
        (4, "not the name of an environment variable"),
        (5, "api.key: no such key, and the key itself has no place in a file"),
        (6, "api.api_key: no such key, and the key itself has no place in a file"),
        (7, "api.paralel: unknown key; did you mean parallel?"),
        (8, "api.json_mode: Input should be 'none', 'object' or 'schema'; found True"),
        (9, "api.price_in: not a number; found '1'"),
        (10, "api.retries: Input should be greater than or equal to 0; found -1"),
        (11, "Authorization has no place in a file"),
    ):
        assert any(p.line == line and words in str(p) for p in caught.value.problems), words
    assert "api.model: the key is missing" in told
    assert len(caught.value.problems) == 10


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("base_url: ftp://a/v1", "begins with http:// or https://"),
        ("base_url: 'https://a/v1?api_key=x'", "carries a query"),
        ("base_url: https://a/v1/chat/completions", "leave that out"),
        ("thinking: on\n  extra: {chat_template_kwargs: {a: 1}}", "say it once"),
        ("extra: {stream: true}", "stream is set by the reader"),
        ("price_in: 0.1", "price_in, price_out and currency go together"),
        ("price_in: 0.1234567890123456789", "no more than 15 digits"),
        ("price_in: .nan", "finite number"),
    ],
)
def test_what_cannot_work_is_refused(tmp_path: Path, lines: str, words: str) -> None:
    rest = "" if "base_url" in lines else "\n  base_url: http://a/v1"
    with pytest.raises(UnusableInput, match=words):
        load_api_model(settings_file(tmp_path, f"api:\n  model: m{rest}\n  {lines}\n"))


@pytest.mark.parametrize("name", ["vllm", "cloud"])
def test_shipped_files_are_right(name: str) -> None:
    read = load_api_model(CONFIGS / f"{name}.yaml")
    assert read.key_env
    assert read.thinking is False


def test_a_missing_variable_is_named_before_anything_is_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ERNIE_API_KEY")
    with pytest.raises(UnusableInput, match="found ERNIE_API_KEY; export ERNIE_API_KEY="):
        ApiReader(model(server, key_env="ERNIE_API_KEY"))
    monkeypatch.setenv("ERNIE_API_KEY", KEY + "\nand more")
    with pytest.raises(UnusableInput, match="characters that no key has") as caught:
        ApiReader(model(server, key_env="ERNIE_API_KEY"))
    assert KEY not in str(caught.value)
    assert not server.bodies


def test_a_missing_client_is_told_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(UnusableInput, match=r'pip install "ernie-invoice\[api\]"'):
        ApiReader(model())


def test_the_fingerprint_holds_what_shapes_an_answer() -> None:
    plain = fingerprint(model())
    assert len(plain) == 64
    for same in (
        {"parallel": 9, "timeout": 1, "retries": 0, "key_env": "OTHER", "context": 100},
        {"price_in": Decimal(1), "price_out": Decimal(1), "currency": "CNY"},
        {"thinking_key": "enable_thinking"},  # not sent without `thinking`
    ):
        assert fingerprint(model(**same)) == plain
    others: list[dict[str, Any]] = [
        {"base_url": "http://127.0.0.1:9/v2"},
        {"model": "n"},
        {"thinking": True},
        {"thinking": False},
        {"thinking": True, "thinking_key": "enable_thinking"},
        {"json_mode": "object"},
        {"json_mode": "schema"},
        {"images": True},
        {"extra": {"top_p": 0.5}},
    ]
    found = {fingerprint(model(**other)) for other in others} | {plain}
    found.add(fingerprint(model(json_mode="schema"), {"type": "object"}))
    assert len(found) == len(others) + 2


def test_costs_are_exact() -> None:
    prices = {"price_in": Decimal("0.1"), "price_out": Decimal("0.7"), "currency": "CNY"}
    assert cost(model(**prices), 3, 10) == Decimal("0.0000073")
    assert cost(model(**prices), 10**12, 0) == Decimal(100000)
    assert cost(model(), 3, 10) is None


# --- questions and answers ---


def test_what_is_sent_and_what_comes_back(server: Server) -> None:
    tokens = told(('{"a', -0.1), ('": 1}', -0.25), ("</s>", -0.5))
    server.script = lambda body, count: ok('{"a": 1}', logprobs=tokens)
    reader = ApiReader(model(server, key_env="ERNIE_API_KEY", extra={"top_k": 1}))
    turns = (Message("system", "be brief"), Message("user", "what?"))
    [answer] = reader.generate([Question(turns)], 50)
    assert server.bodies == [
        {
            "model": "m",
            "messages": [
                {"role": "system", "content": "be brief"},
                {"role": "user", "content": "what?"},
            ],
            "temperature": 0,
            "max_tokens": 50,
            "logprobs": True,
            "top_k": 1,
        }
    ]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"
    assert "of-another-service" not in str(server.headers)
    assert answer.text == '{"a": 1}'
    assert answer.finished
    assert (answer.prompt_tokens, answer.new_tokens) == (11, 7)
    assert answer.tokens == (TokenScore(3, -0.1), TokenScore(8, -0.25), TokenScore(8, -0.5))
    assert 0 < answer.seconds < 5
    assert not reader.sees_images
    assert reader.max_tokens == 32768
    assert KEY not in repr(reader) + repr(vars(reader)) + repr(vars(vars(reader)["_connection"]))


def test_without_a_key_none_is_sent(server: Server) -> None:
    ApiReader(model(server)).generate([Question.ask("one")], 8)
    assert "authorization" not in server.headers[0]
    assert "of-another-service" not in str(server.headers)


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({}, {}),
        ({"thinking": True}, {"chat_template_kwargs": {"enable_thinking": True}}),
        (
            {"thinking": False, "thinking_key": "enable_thinking"},
            {"enable_thinking": False},
        ),
        ({"json_mode": "object"}, {"response_format": {"type": "json_object"}}),
        (
            {"json_mode": "schema"},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answer", "schema": {"type": "object"}},
                }
            },
        ),
        ({"extra": {"temperature": 0.01, "logprobs": False}}, {}),
    ],
)
def test_settings_become_keys_of_the_request(
    server: Server, settings: dict[str, Any], sent: dict[str, Any]
) -> None:
    ApiReader(model(server, **settings), {"type": "object"}).generate([Question.ask("q")], 8)
    body = server.bodies[0]
    extra = settings.get("extra", {})
    assert body.pop("temperature") == extra.get("temperature", 0)
    assert body.pop("logprobs") == extra.get("logprobs", True)
    turns = [{"role": "user", "content": "q"}]
    assert body == {"model": "m", "messages": turns, "max_tokens": 8, **sent}


def test_schema_mode_needs_a_schema() -> None:
    with pytest.raises(UnusableInput, match="schema is asked for and there is none"):
        ApiReader(model(json_mode="schema"))


def test_the_length_limit_leaves_an_answer_unfinished(server: Server) -> None:
    server.script = lambda body, count: ok('{"a": ', finish="length")
    [answer] = ApiReader(model(server)).generate([Question.ask("one")], 8)
    assert not answer.finished


def test_thoughts_are_no_part_of_the_text(server: Server) -> None:
    tokens = told(("A 1.", -2), ("</think>\n", -3), ('\n{"a', -0.1), ('": 1}', -0.2), ("</s>", 0))
    thought = {"reasoning_content": "A 1."}
    server.script = lambda body, count: ok('{"a": 1}', message=thought, logprobs=tokens)
    [answer] = ApiReader(model(server)).generate([Question.ask("one")], 8)
    assert answer.text == '{"a": 1}'
    assert answer.new_tokens == 7
    assert answer.tokens == (TokenScore(3, -0.1), TokenScore(8, -0.2), TokenScore(8, 0))
    # Nothing but thoughts, up to the limit.
    server.script = lambda body, count: ok(None, "length", message=thought, logprobs=tokens)
    [answer] = ApiReader(model(server)).generate([Question.ask("one")], 8)
    assert (answer.text, answer.finished, answer.tokens) == ("", False, ())


def test_thoughts_that_the_server_left_in_the_text_stay(server: Server) -> None:
    text = '<think>A 1.</think>{"a": 1}'
    server.script = lambda body, count: ok(text)
    [answer] = ApiReader(model(server)).generate([Question.ask("one")], 8)
    assert answer.text == text


def test_tokens_that_hold_parts_of_letters_are_laid_over_the_text(server: Server) -> None:
    tokens = told(("€", -1), (b"\xe5", -2), (b"\x8d\x83", -3), ("!", -4))
    server.script = lambda body, count: ok("€千!", logprobs=tokens)
    [answer] = ApiReader(model(server)).generate([Question.ask("one")], 8)
    assert [token.end for token in answer.tokens] == [1, 1, 2, 3]
    assert answer.mean_logprob == -2.5
    # Tokens of another text say nothing of this one.
    server.script = lambda body, count: ok("other", logprobs=tokens)
    [answer] = ApiReader(model(server)).generate([Question.ask("one")], 8)
    assert answer.tokens == ()


def test_answers_out_of_order(server: Server) -> None:
    waits = {"slow": 0.6, "middle": 0.3, "quick": 0.0}
    together = threading.Barrier(len(waits), timeout=5)

    def script(body: dict[str, Any], count: int) -> Reply:
        asked = body["messages"][0]["content"]
        together.wait()
        time.sleep(waits[asked])
        return ok(asked)

    server.script = script
    ended: list[tuple[int, Generation, threading.Thread]] = []
    answers = ApiReader(model(server, parallel=3)).generate(
        [Question.ask(text) for text in waits],
        8,
        lambda index, answer: ended.append((index, answer, threading.current_thread())),
    )
    assert [answer.text for answer in answers] == list(waits)
    assert [index for index, _, _ in ended] == [2, 1, 0]
    assert all(thread is threading.current_thread() for _, _, thread in ended)
    seconds = [answer.seconds for _, answer, _ in ended]
    assert seconds == sorted(seconds)
    assert 0.6 <= seconds[-1] < 2


def test_no_more_than_parallel_at_once(server: Server) -> None:
    server.script = lambda body, count: (time.sleep(0.05), ok("x"))[1]
    ApiReader(model(server, parallel=2)).generate([Question.ask(str(n)) for n in range(8)], 8)
    assert server.most_at_once == 2
    assert len(server.bodies) == 8


def test_the_room_for_an_answer_is_estimated(server: Server) -> None:
    reader = ApiReader(model(server, context=40, images=True))
    assert reader.count_tokens(Question.ask("x" * 90)) == 30
    assert reader.count_tokens(Question((Message("user", "<image>"),), ("a.png",))) == 1003
    reader.generate([Question.ask("x" * 90)], 50)
    assert server.bodies[0]["max_tokens"] == 10
    told = failure(reader, Question.ask("x" * 118), Question.ask("ok"), Question.ask("x" * 200))
    assert "prompt 0: leaves no room for an answer; found about 40 tokens" in told
    assert "prompt 2: " in told
    assert "prompt 1" not in told
    assert len(server.bodies) == 1


def test_images_are_sent_in_their_places(server: Server, tmp_path: Path) -> None:
    files = [tmp_path / "a.png", tmp_path / "b.jpg"]
    for file in files:
        Image.new("RGB", (4, 4), "red").save(file)
    text = "First <image> and <image>\nWhat?"
    reader = ApiReader(model(server, images=True))
    reader.generate([Question((Message("user", text),), tuple(map(str, files)))], 8)
    parts = server.bodies[0]["messages"][0]["content"]
    assert [part["type"] for part in parts] == ["text", "image_url", "text", "image_url", "text"]
    texts = [part["text"] for part in parts if part["type"] == "text"]
    assert texts == ["First ", " and ", "\nWhat?"]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    for url, file, kind in zip(urls, files, ("png", "jpeg"), strict=True):
        start, _, data = url.partition(",")
        assert start == f"data:image/{kind};base64"
        assert base64.b64decode(data) == file.read_bytes()
    assert reader.sees_images


def test_images_that_cannot_be_sent_are_told_before_anything_is(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 ...")
    (tmp_path / "a.gif").write_bytes(b"GIF89a...")
    names = ("a.pdf", "a.gif", "gone.png")
    ask = [Question((Message("user", "<image>"),), (str(tmp_path / name),)) for name in names]
    ask.append(Question((Message("user", "no tag"),), (str(tmp_path / "a.gif"),)))
    told = failure(ApiReader(model(server, images=True)), Question.ask("ok"), *ask)
    assert "a.pdf: prompt 1: PDF pages are not sent; expected a JPEG or PNG file" in told
    assert "a.gif: prompt 2: not sent" in told
    assert "gone.png: prompt 3: cannot be read: No such file" in told
    assert "prompt 4: the number of image tags is not that of images; found 0 tags" in told
    assert "set api.images: true" in failure(ApiReader(model(server)), ask[0])
    assert not server.bodies


# --- bad days ---


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.script = lambda body, count: wrong(429, "busy", **SOON) if count < 3 else ok("x")
    [answer] = ApiReader(model(server, retries=2)).generate([Question.ask("one")], 8)
    assert answer.text == "x"
    assert len(server.bodies) == 3


def test_a_server_that_fails_for_good_stops_the_run_and_answers_stay(
    server: Server, tmp_path: Path
) -> None:
    def script(body: dict[str, Any], count: int) -> Reply:
        fails = body["messages"][0]["content"] == "two"
        return wrong(500, "out of\n memory", **SOON) if fails else ok("x")

    known = Turn(role="assistant", content="{}")
    pairs = [
        Pair(id=text, conversations=(Turn(role="human", content=text), known))
        for text in ("one", "two", "six")
    ]
    store = tmp_path / "predictions.jsonl"
    reader = ApiReader(model(server, parallel=1, retries=2))
    server.script = script
    with pytest.raises(UnusableInput) as caught:
        ask_all(reader, pairs, store, Asking("f", tmp_path))
    [problem] = caught.value.problems
    assert problem.file == server.url + "/chat/completions"
    assert problem.what == "status 500 after up to 3 tries: out of memory"
    assert "stored answers are kept" in str(problem)
    asked = [body["messages"][0]["content"] for body in server.bodies]
    assert asked[:4] == ["one", "two", "two", "two"]
    stored = [json.loads(line) for line in store.read_text().splitlines()]
    assert stored[0]["id"] == "one"

    server.bodies.clear()
    server.script = lambda body, count: ok("y")
    ask_all(reader, pairs, store, Asking("f", tmp_path))
    texts = [prediction.text for prediction in read_predictions(store)]
    assert texts[:2] == ["x", "y"]
    assert "one" not in [body["messages"][0]["content"] for body in server.bodies]


@pytest.mark.parametrize("status", [400, 422])
def test_refused_logprobs_are_not_asked_for_again(server: Server, status: int) -> None:
    def script(body: dict[str, Any], count: int) -> Reply:
        return wrong(status, "Logprobs is disabled") if "logprobs" in body else ok("x")

    server.script = script
    reader = ApiReader(model(server, parallel=1))
    answers = reader.generate([Question.ask(str(number)) for number in range(3)], 8)
    assert [(answer.text, answer.tokens) for answer in answers] == [("x", ())] * 3
    assert answers[0].mean_logprob is None
    assert ["logprobs" in body for body in server.bodies] == [True, False, False, False]


def test_a_wrong_request_is_told(server: Server) -> None:
    server.script = lambda body, count: wrong(400, "context is 4096 tokens")
    told = failure(ApiReader(model(server)))
    assert told.startswith(f"{server.url}/chat/completions: status 400: context is 4096 tokens")
    assert "check the settings" in told


def test_a_wrong_key_is_told_and_not_shown(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    server.script = lambda body, count: wrong(401, f"Incorrect API key: {KEY}")
    reader = ApiReader(model(server, key_env="ERNIE_API_KEY"))
    told = failure(reader)
    assert "status 401: Incorrect API key: [key]; put a valid key in ERNIE_API_KEY" in told
    assert len(server.bodies) == 1
    assert "openai" in caplog.text
    assert KEY not in caplog.text + "".join(capfd.readouterr())
    server.script = lambda body, count: wrong(401, "no key given")
    assert "set api.key_env" in failure(ApiReader(model(server)))


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (b'{"choices": [}', "Invalid JSON"),
        (b"<html>welcome</html>", "found <html>welcome</html>"),
        ({}, "choices: the key is missing"),
        ({"choices": []}, "choices: List should have at least 1 item"),
        ({"choices": [{"message": {"content": 5}}]}, "choices[0].message.content"),
        ({"error": f"no such model for {KEY}"}, "no such model for [key]"),
    ],
)
def test_a_malformed_reply_is_told(server: Server, reply: Any, words: str) -> None:
    server.script = lambda body, count: (200, reply, {})
    told = failure(ApiReader(model(server, key_env="ERNIE_API_KEY")))
    assert "the reply is no chat completion" in told
    assert words in told


def test_a_server_that_does_not_count(server: Server) -> None:
    tokens = told(("a", -1), ("b", -1))
    reply = {"choices": [{"message": {"content": "ab"}, "logprobs": tokens}]}
    server.script = lambda body, count: (200, reply, {})
    [answer] = ApiReader(model(server)).generate([Question.ask("one")], 8)
    assert (answer.prompt_tokens, answer.new_tokens, answer.finished) == (0, 2, True)


def test_a_redirect_is_not_followed(server: Server) -> None:
    server.script = lambda body, count: (307, b"", {"location": server.url + "/elsewhere"})
    assert "status 307" in failure(ApiReader(model(server)))
    assert len(server.bodies) == 1


def test_no_server_and_a_server_that_says_nothing(server: Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        told = failure(ApiReader(model(base_url=url, retries=0)))
    assert "no answer after up to 1 tries: [Errno 111] Connection refused" in told
    server.script = lambda body, count: (time.sleep(0.5), ok("x"))[1]
    told = failure(ApiReader(model(server, timeout=0.1, retries=0)))
    assert "is the server up, and api.timeout (0.1 s) enough?" in told


def test_an_error_of_the_caller_ends_the_run(server: Server) -> None:
    def stop(index: int, answer: Generation) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ApiReader(model(server, parallel=1)).generate([Question.ask("x")] * 50, 8, stop)
    assert len(server.bodies) < 5


# --- a real server ---

# Answers the questions by the local reader, prints that, and serves the same model.
SERVE = """
import json, sys
import fastapi
from transformers.cli import serve
from erniekit_finetuning.engines.hf.engine import HuggingFaceEngine
from erniekit_finetuning.engines.protocol import Question
folder, port, limit, *prompts = sys.argv[1:]
reader = HuggingFaceEngine().load(folder)
answers = reader.generate([Question.ask(prompt) for prompt in prompts], int(limit))
print(json.dumps([answer.text for answer in answers]), flush=True)
serve.Request = fastapi.Request  # what it imports too late for newer fastapi to see
serve.Serve(
    host="127.0.0.1", port=int(port), device="cpu", log_level="error", force_model=folder
)
"""
PROMPTS = ("Total 12?", "Who sold it?", "When?")
LIMIT = 20


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, list[str]]]:
    """Address, model and its local answers."""
    if find_spec("torch") is None or find_spec("fastapi") is None:
        pytest.skip("needs the extras hf and app")
    folder = build_tiny_model(tmp_path_factory.mktemp("served") / "model")
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    weights = random_weights(vocabulary, seed=3)
    for name in weights:
        if "_proj" in name:  # enough to say more than the last letter again
            weights[name] *= np.float32(6)
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", SERVE, str(folder), str(port), str(LIMIT), *PROMPTS]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[1])
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        try:
            assert process.stdout is not None
            answers = json.loads(process.stdout.readline())
            deadline = time.monotonic() + 60
            while True:
                try:
                    with urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                        break
                except OSError:
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/v1", folder, answers
        finally:
            process.kill()


def test_a_real_server_gives_the_answers_of_the_local_reader(
    served: tuple[str, Path, list[str]],
) -> None:
    url, folder, local = served
    reader = ApiReader(model(base_url=url, model=str(folder), timeout=60, context=256))
    answers = reader.generate([Question.ask(prompt) for prompt in PROMPTS], LIMIT)
    assert [answer.text for answer in answers] == local
    assert len(set(local)) == len(PROMPTS)
    assert not any(answer.finished for answer in answers)  # this model never ends by itself
    # This server tells neither counts nor probabilities.
    assert {(a.prompt_tokens, a.new_tokens, a.tokens) for a in answers} == {(0, 0, ())}


def test_a_real_server_ends_at_the_end_token_and_refuses_what_it_does_not_know(
    served: tuple[str, Path, list[str]],
) -> None:
    url, folder, local = served
    tokens = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    end = local[0][5]
    extra = {"generation_config": json.dumps({"eos_token_id": tokens[end]})}
    settings = {"base_url": url, "model": str(folder), "timeout": 60, "context": 256}
    reader = ApiReader(model(**settings, extra=extra))
    [answer] = reader.generate([Question.ask(PROMPTS[0])], LIMIT)
    assert answer.finished
    assert answer.text == local[0][: local[0].index(end) + 1]
    told = failure(ApiReader(model(**settings, thinking=True)))
    assert "status 422: Unexpected keys in the request: {'chat_template_kwargs'}" in told


def test_thinking_on_and_off_are_compared_with_what_they_cost(
    server: Server, tmp_path: Path
) -> None:
    """Two settings of one model are two contestants: answers, seconds and money side by side."""

    def script(body: dict[str, Any], count: int) -> Reply:
        thinks = body["chat_template_kwargs"]["enable_thinking"]
        total = "30.60" if thinks else "80.60"
        return ok(compact({"structured_data": {"financial_summary": {"grand_total": total}}}))

    server.script = script
    truth = compact({"structured_data": {"financial_summary": {"grand_total": "30.60"}}})
    turns = (Turn(role="human", content="Read."), Turn(role="assistant", content=truth))
    data = tmp_path / "test.jsonl"
    rows = (compact(Pair(id=f"d{n}", conversations=turns).to_json()) for n in range(12))
    data.write_text("\n".join(rows) + "\n")
    found = []
    for thinking in ("off", "on"):
        settings = tmp_path / f"{thinking}.yaml"
        settings.write_text(
            f"api:\n  base_url: {server.url}\n  model: m\n  key_env: ERNIE_API_KEY\n"
            f"  thinking: {thinking}\n  json_mode: schema\n"
            "  price_in: 2\n  price_out: 10\n  currency: CNY\n"
        )
        output, options = tmp_path / thinking, Options(metrics=False)
        test_set = opened(data, output, options)
        found.append(evaluate_here(str(settings), test_set, output, options))
    schema = server.bodies[0]["response_format"]["json_schema"]["schema"]
    assert schema["required"] == ["structured_data"]
    models = compared(found)
    assert models.names == ("1: m (api)", "2: m (api)")
    assert models.versus[0].headline.outcome.value == "better"
    # 11 tokens at 2 and 7 at 10 for a million: 0.000092 a document
    assert [one.scores["cost"] for one in models.results] == [0.092, 0.092]
    assert found[0].evaluated.currency == "CNY"
    assert (found[0].evaluated.engine, found[0].evaluated.decoding) == ("api", "off")
    for file in tmp_path.rglob("*.json*"):
        assert KEY not in file.read_text()
