"""The chat page: in a real browser, on a real engine with a tiny model, and asking nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

pytest.importorskip("gradio")
pytest.importorskip("paddle", reason="the paddle engine is not installed")

from learnt_chat import LONG
from serving import served

from app.ui.chat import Chat
from erniekit_finetuning.chat.sides import open_sides
from erniekit_finetuning.chat.talking import How, Said, Talking
from erniekit_finetuning.engines.sampling import Sampling
from erniekit_finetuning.examples import read_examples

pytestmark = pytest.mark.usefixtures("nobody_is_called")
SLOW = 60_000  # milliseconds
HOSTILE = "<img src=x onerror=window.hurt=1>"
WATCH = """
window.seen = {base: [], tuned: []};
new MutationObserver(() => {
  for (const kind of ['base', 'tuned']) {
    const texts = document.querySelectorAll(`.answer.${kind} .text`);
    const now = texts[texts.length - 1]?.textContent ?? '';
    if (now !== window.seen[kind].at(-1)) window.seen[kind].push(now);
  }
}).observe(document.querySelector('#chat .rounds'), {childList: true, subtree: true});
"""


@pytest.fixture(scope="module")
def talking(learnt_chat: Path) -> Talking:
    return Talking(open_sides(str(learnt_chat)))


@pytest.fixture
def chat(talking: Talking) -> Chat:
    return Chat(talking, How("", 40, Sampling(0, 0.95)))


@pytest.fixture
def url(chat: Chat) -> Iterator[str]:
    with served(chat.app) as url:
        yield url


@pytest.fixture
def opened(page: Any, url: str) -> Any:
    page.goto(url)
    page.locator("#chat .head").first.wait_for(timeout=SLOW)
    page.evaluate(WATCH)
    return page


def put(page: Any, **settings: object) -> None:
    for name, value in settings.items():
        label = {"top_p": "Top-p"}.get(name, name.replace("_", " ").capitalize())
        page.get_by_label(label, exact=True).fill(str(value))


def asked(page: Any, text: str) -> dict[str, str]:
    """What each model answers, when both are done."""
    page.get_by_label("Message").fill(text)
    page.keyboard.press("Enter")
    return done(page)


def done(page: Any) -> dict[str, str]:
    page.get_by_role("button", name="Send").wait_for(timeout=SLOW)
    return {
        kind: page.locator(f"#chat .answer.{kind} .text").last.text_content()
        for kind in ("base", "tuned")
    }


def test_base_and_tuned_answer_side_by_side_while_one_reads(opened: Any) -> None:
    heads = opened.locator("#chat .head b").all_inner_texts()
    assert heads == ["Base", "Tuned"]
    put(opened, max_new_tokens=300, temperature=0.2)
    said = asked(opened, "tell me more")
    left, right = (opened.locator(f"#chat .answer.{kind}").bounding_box() for kind in said)
    assert left["y"] == right["y"]
    assert left["x"] + left["width"] <= right["x"]
    seen = opened.evaluate("window.seen")
    for kind, text in said.items():
        lengths = [len(one) for one in seen[kind] if one]
        assert len(lengths) > 3, f"{kind} came at once"
        assert lengths == sorted(lengths)
        assert all(text.startswith(one) for one in seen[kind])
    # Both grew at the same time: neither was whole before the other began.
    about = opened.locator("#chat .about").all_inner_texts()
    assert len(about) == 2
    assert all("first token after" in one and "tokens/s" in one for one in about)

    assert said["tuned"] == LONG


def test_another_temperature_gives_other_answers_and_zero_repeats_itself(opened: Any) -> None:
    put(opened, temperature=0, seed=1)
    greedy = asked(opened, "say beta")
    assert greedy["tuned"] == "ateb"
    again = opened.get_by_role("button", name="Again")
    again.click()
    assert done(opened) == greedy
    put(opened, seed=7)
    again.click()
    assert done(opened) == greedy
    put(opened, temperature=2)
    again.click()
    drawn = done(opened)
    assert drawn["base"] != greedy["base"]
    again.click()
    assert opened.get_by_label("Seed").input_value() == "9"
    assert done(opened)["base"] != drawn["base"]
    put(opened, seed=7)  # the next one is 8, as before
    again.click()
    assert done(opened) == drawn
    assert opened.locator("#chat .round").count() == 1


def test_an_answer_can_be_stopped_and_the_conversation_goes_on(opened: Any, chat: Chat) -> None:
    put(opened, max_new_tokens=1900, temperature=1)
    opened.get_by_label("Message").fill("tell me all")
    opened.keyboard.press("Enter")
    opened.wait_for_function("window.seen.base.at(-1)?.length > 20", timeout=SLOW)
    opened.get_by_role("button", name="Stop").click()
    stopped = done(opened)["base"]
    assert 20 < len(stopped) < 1900
    assert "stopped" in opened.locator("#chat .about").first.inner_text()
    assert chat.chatting.answering == 0
    put(opened, max_new_tokens=20, temperature=0)
    asked(opened, "say alpha")
    assert opened.locator("#chat .answer.base .text").first.text_content() == stopped
    assert opened.locator("#chat .round").count() == 2


class Recorded(Talking):
    """Keeps all that was said."""

    def __init__(self, talking: Talking) -> None:
        super().__init__(talking.sides)
        self.said: list[dict[str, Said]] = []

    def answer(self, *asked: Any) -> Iterator[dict[str, Said]]:
        for said in super().answer(*asked):
            self.said.append(said)
            yield said


def test_an_answer_that_nobody_waits_for_any_more_is_not_said_on(
    browser: Any, talking: Talking
) -> None:
    recorded = Recorded(talking)
    chat = Chat(recorded, How("", 1900, Sampling(1, 0.95)))
    with served(chat.app) as url:
        page = browser.new_page()
        page.goto(url)
        page.locator("#chat .head").first.wait_for(timeout=SLOW)
        page.get_by_label("Message").fill("tell me all")
        page.keyboard.press("Enter")
        page.wait_for_function("document.querySelector('.base .text')?.textContent.length > 9")
        assert chat.chatting.answering == 1
        page.close()
        while chat.chatting.answering:
            time.sleep(0.05)
    assert recorded.said[-1]["base"].over is None
    assert recorded.said[-1]["base"].tokens < 1900


def test_a_conversation_is_exported_as_a_row_that_can_be_trained_on(
    opened: Any, tmp_path: Path
) -> None:
    put(opened, temperature=0, System_prompt="Be brief.")
    for question in ("say alpha", f"be bold, {HOSTILE}"):
        answers = asked(opened, question)
    with opened.expect_download() as told:
        opened.get_by_role("button", name="Export tuned").click()
    file = tmp_path / told.value.suggested_filename
    assert file.name == "chat-tuned.jsonl"
    told.value.save_as(file)
    (example,) = read_examples(file)
    roles = [message.role for message in example.messages]
    assert roles == ["system", "user", "assistant", "user", "assistant"]
    assert example.messages[0].content == "Be brief."
    assert example.messages[3].content == f"be bold, {HOSTILE}"
    assert example.messages[4].content == answers["tuned"]


def test_nothing_that_is_said_becomes_markup(opened: Any) -> None:
    put(opened, temperature=0)
    assert asked(opened, "be bold")["tuned"] == "<b>x</b>"
    asked(opened, HOSTILE)
    assert opened.locator("#chat .asked").last.inner_text() == HOSTILE
    assert opened.locator("#chat .rounds img, #chat .text b").count() == 0
    assert opened.evaluate("window.hurt") is None


def test_earlier_conversations_come_back_also_after_a_reload(opened: Any) -> None:
    put(opened, temperature=0)
    asked(opened, "say alpha")
    opened.get_by_role("button", name="New").click()
    asked(opened, "say beta")
    opened.reload()
    opened.locator("#chat .head").first.wait_for(timeout=SLOW)
    which = opened.get_by_label("Conversation")
    assert which.locator("option").all_inner_texts() == ["say beta", "say alpha"]
    which.select_option(index=1)
    assert opened.locator("#chat .answer.tuned .text").all_inner_texts() == ["ahpla"]


def test_a_conversation_that_outgrows_the_model_says_what_was_left_out(opened: Any) -> None:
    put(opened, temperature=0, max_new_tokens=20)
    asked(opened, "a" * 1200)
    assert "left out" not in opened.locator("#chat .about").last.inner_text()
    asked(opened, "b" * 1200)
    told = opened.locator("#chat .about").last.inner_text()
    assert "the oldest 2 turns did not fit and were left out" in told


def test_one_of_the_two_can_be_asked_alone(opened: Any) -> None:
    put(opened, temperature=0)
    opened.get_by_label("Answers").select_option("tuned")
    opened.get_by_label("Message").fill("say beta")
    opened.keyboard.press("Enter")
    answer = opened.locator("#chat .answer.tuned .text:text-is('ateb')")
    answer.wait_for(timeout=SLOW)
    assert opened.locator("#chat .answer").count() == 1


def test_what_cannot_be_asked_is_told_in_words_and_stays_in_the_box(opened: Any) -> None:
    for settings, words in (
        ({"temperature": -1}, "temperature: is no temperature"),
        ({"temperature": 1, "top_p": 0}, "top_p: is no probability"),
        ({"top_p": 1, "max_new_tokens": ""}, "max_new_tokens"),
    ):
        put(opened, **settings)
        opened.get_by_label("Message").fill("say beta")
        opened.keyboard.press("Enter")
        opened.locator(f"#chat .note.wrong:has-text('{words}')").wait_for(timeout=SLOW)
        assert opened.get_by_label("Message").input_value() == "say beta"
        assert opened.locator("#chat .round").count() == 0


def test_an_answer_is_not_lost_where_another_is_refused(opened: Any) -> None:
    put(opened, max_new_tokens=20, temperature=1)
    before = asked(opened, "say beta")
    put(opened, top_p=0)
    opened.get_by_role("button", name="Again").click()
    opened.locator("#chat .note.wrong:has-text('top_p')").wait_for(timeout=SLOW)
    assert done(opened) == before
    put(opened, top_p=1)
    opened.get_by_role("button", name="Again").click()
    opened.locator("#chat .note:not(.wrong)").wait_for(timeout=SLOW, state="attached")
    done(opened)
    assert opened.locator("#chat .round").count() == 1


@pytest.fixture
def client(talking: Talking) -> Callable[..., TestClient]:
    def made(base: str = "http://127.0.0.1:8000") -> TestClient:
        return TestClient(Chat(talking, How("", 40, Sampling())).app, base_url=base)

    return made


def test_only_the_pages_own_paths_are_there(client: Callable[..., TestClient]) -> None:
    page = client()
    events = page.get("/config").json()["dependencies"]
    assert len(events) == 4
    assert all(event["inputs"] == [] for event in events)
    assert "default-src 'self'" in page.get("/").headers["content-security-policy"]
    for path in ("/gradio_api/file=/etc/passwd", "/gradio_api/info", "/docs"):
        assert page.get(path).status_code == 404
    assert page.get("/", headers={"Host": "evil.example"}).status_code == 403
