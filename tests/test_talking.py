"""Answers that are drawn and followed, conversations that are cut, and the chat in a terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("paddle", reason="the paddle engine is not installed")

from tiny_model import build_tiny_model

from erniekit_finetuning.adapters.adapter import Adapter, LowRank
from erniekit_finetuning.adapters.formats import write_form
from erniekit_finetuning.chat.fitting import fitted
from erniekit_finetuning.chat.sides import located, open_sides
from erniekit_finetuning.chat.talking import Talking
from erniekit_finetuning.engines import Example, Question, get_engine, guessing
from erniekit_finetuning.engines.locating import record_base
from erniekit_finetuning.engines.prompting import Prompting, write_prompting
from erniekit_finetuning.engines.protocol import Message
from erniekit_finetuning.engines.sampling import Sampler, Sampling, nucleus
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.examples import read_examples

ROOT = Path(__file__).parent.parent
ASKED = [Message("user", "tell me more")]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("talking") / "tiny")


def write_adapter(folder: Path, base: Path, width: int = 32, record: bool = True) -> Path:
    """A random adapter of one matrix of each layer."""
    chance = np.random.default_rng(5)
    updates = {
        f"model.layers.{layer}.self_attn.q_proj": LowRank(
            chance.normal(size=(2, width)).astype(np.float32),
            chance.normal(size=(32, 2)).astype(np.float32),
        )
        for layer in (0, 1)
    }
    write_form("peft", folder, Adapter(updates, 2, 4.0), base, str(base))
    if record:
        record_base(folder, str(base), base)
    return folder


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_adapter(tmp_path_factory.mktemp("adapters") / "other", base)


def said(talking: Talking, how: Sampling, turns: Sequence[Message] = ASKED, most: int = 60) -> Any:
    (kind,) = (side.kind for side in talking.sides.models)
    *_, last = talking.answer({kind: turns}, most, how)
    return last[kind]


def test_tokens_are_drawn_by_their_probability() -> None:
    odds = np.array([0.5, 0.3, 0.15, 0.05])
    logits = np.log(odds).astype(np.float32)
    count = 20_000
    for temperature, top_p, expected in (
        (1.0, 1.0, odds),
        (0.5, 1.0, odds**2 / (odds**2).sum()),
        (1.0, 0.6, np.array([0.5, 0.3, 0, 0]) / 0.8),
        (0.0, 1.0, np.array([1, 0, 0, 0])),
    ):
        sampler = Sampler(Sampling(temperature, top_p, seed=3))
        drawn = np.bincount([sampler.token(logits) for _ in range(count)], minlength=4) / count
        assert drawn == pytest.approx(expected, abs=4 * 0.5 / count**0.5)


@given(
    st.lists(st.floats(-20, 20), min_size=1, max_size=30), st.floats(0.01, 1), st.integers(0, 99)
)
def test_what_is_drawn_is_among_the_fewest_that_have_top_p(
    logits: list[float], top_p: float, seed: int
) -> None:
    scores = np.array(logits)
    kept = np.isfinite(nucleus(scores, top_p))
    odds = np.exp(scores - scores.max())
    odds /= odds.sum()
    assert odds[kept].sum() >= top_p - 1e-9
    if kept.sum() > 1:
        assert odds[kept].sum() - odds[kept].min() < top_p + 1e-9
    assert odds[kept].min() >= odds[~kept].max(initial=0)
    token = Sampler(Sampling(1.3, top_p, seed)).token(scores.astype(np.float32))
    if top_p < 1:
        again = np.isfinite(nucleus(scores.astype(np.float32).astype(float) / 1.3, top_p))
        assert again[token]


@pytest.mark.parametrize(
    ("how", "field"),
    [((-1.0, 1.0, 0), "temperature"), ((float("nan"), 1.0, 0), "temperature"),
     ((1.0, 0.0, 0), "top_p"), ((1.0, 1.1, 0), "top_p"), ((1.0, 1.0, -1), "seed")],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused(how: tuple[Any, ...], field: str) -> None:
    with pytest.raises(UnusableInput, match=field):
        Sampling(*how)


def test_a_seed_gives_its_answer_whether_or_not_tokens_are_guessed(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talking = Talking(open_sides(str(base)))
    hows = [Sampling(temperature, 0.9, seed) for temperature in (0.7, 1.5) for seed in range(4)]
    guessed = [said(talking, how).text for how in hows]
    assert len(set(guessed)) > 4
    monkeypatch.setattr(guessing, "MOST", 0)
    assert [said(talking, how).text for how in hows] == guessed
    assert said(talking, Sampling()).text == get_engine().load(base).generate(
        [Question.ask(ASKED[0].content)], 60
    )[0].text  # fmt: skip


def test_all_that_is_told_on_the_way_begins_the_answer(base: Path) -> None:
    talking = Talking(open_sides(str(base)))
    told = [one["model"] for one in talking.answer({"model": ASKED}, 50, Sampling(1.5, seed=2))]
    assert [one.over for one in told[:-1]] == [None] * (len(told) - 1)
    assert told[-1].over == "limit"
    assert told[-1].tokens == 50
    assert all(told[-1].text.startswith(one.text) for one in told)
    assert [one.tokens for one in told] == sorted({one.tokens for one in told})
    assert told[0].first_seconds == told[-1].first_seconds
    assert told[-1].seconds > told[0].seconds > 0
    # A first step that says several tokens is no rate of those after it.
    assert told[0].first_tokens == told[-1].first_tokens == told[0].tokens > 0
    assert told[0].tokens_per_second is None
    after = told[-1].seconds - told[0].seconds
    assert told[-1].tokens_per_second == pytest.approx((50 - told[0].tokens) / after)


def test_half_a_letter_is_not_told() -> None:
    """é is two bytes and, to this tokenizer, two tokens."""
    reader: Any = get_engine().load("ernie-4.5-tiny")
    together = reader.together()
    together.ask(0, Question.ask("x"), 5)
    row = together._open[0][0]
    (first, *_), whole = (reader._tokenizer("日")["input_ids"][-3:], "日")
    assert whole not in reader._tokenizer.decode([first])
    row.said = [type("One", (), {"token": first})]
    assert "\ufffd" not in together.so_far(0)[0]


@given(
    st.lists(st.text("ab", max_size=12), min_size=1, max_size=9).filter(lambda one: len(one) % 2),
    st.booleans(),
    st.integers(4, 80),
    st.integers(1, 100),
)
def test_a_conversation_is_cut_at_its_oldest_exchange_and_no_more_than_needed(
    texts: list[str], system: bool, context: int, most: int
) -> None:
    turns = [Message("assistant" if at % 2 else "user", text) for at, text in enumerate(texts)]
    first = [Message("system", "s")] if system else []

    def letters(some: Sequence[Message]) -> int:
        return sum(len(one.content) + 1 for one in some)

    kept = list(fitted([*first, *turns], letters, context, most))
    assert kept[: len(first)] == first
    rest = kept[len(first) :]
    assert rest == turns[len(turns) - len(rest) :]
    assert rest[0].role == "user"
    room = context - min(most, context // 2)
    assert len(rest) == 1 or letters(kept) <= room
    if len(rest) < len(turns):
        assert letters([*first, *turns[len(turns) - len(rest) - 2 :]]) > room


def test_what_outgrows_the_model_is_left_out_and_told(base: Path) -> None:
    """The model holds 256 tokens, each a letter here."""
    talking = Talking(open_sides(str(base)))
    turns = [Message("user", "a" * 60), Message("assistant", "b" * 60)] * 3 + [*ASKED]
    answer = said(talking, Sampling(), turns, most=40)
    assert answer.left_out == 4
    assert answer.tokens == 40
    assert said(talking, Sampling(), ASKED).left_out == 0
    with pytest.raises(UnusableInput, match="leaves no room for an answer"):
        said(talking, Sampling(), [Message("user", "a" * 300)])
    with pytest.raises(UnusableInput, match="does not end with a question"):
        said(talking, Sampling(), turns[:2])


def test_a_base_is_asked_as_the_adapter_was_trained_to_be_asked(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    build_tiny_model(bare)
    config = json.loads((bare / "tokenizer_config.json").read_text())
    template = config.pop("chat_template")
    (bare / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(UnusableInput, match=r"no chat template.*--chat-template"):
        open_sides(str(bare))
    file = tmp_path / "template.jinja"
    file.write_text(template)
    how = Sampling(2.0, seed=1)
    expected = said(Talking(open_sides(str(base))), how)
    named = open_sides(str(bare), chat_template=file)
    assert said(Talking(named), how).text == expected.text

    own = write_adapter(tmp_path / "own", bare)
    write_prompting(own, Prompting("Be brief.", template))
    sides = open_sides(str(own))
    assert [side.kind for side in sides.models] == ["base", "tuned"]
    assert sides.system_prompt == "Be brief."
    *_, last = Talking(sides).answer({"base": ASKED, "tuned": ASKED}, 60, how)
    assert last["base"].text == expected.text  # no system turn but what the page shows
    assert last["tuned"].text != expected.text


def test_what_a_template_refuses_is_said_in_its_words(base: Path, tmp_path: Path) -> None:
    """As Gemma's refuses a system turn."""
    file = tmp_path / "template.jinja"
    file.write_text(
        "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
        "{{ messages[-1].content }}"
    )
    talking = Talking(open_sides(str(base), chat_template=file))
    assert said(talking, Sampling()).tokens == 60
    with pytest.raises(UnusableInput, match="refuses the conversation; found no system role"):
        said(talking, Sampling(), [Message("system", "s"), *ASKED])
    encoder: Any = talking.sides["model"].reader._encoder
    taught = [
        Example((Message("system", "s"), *ASKED, Message("assistant", "a")), id) for id in "xy"
    ]
    with pytest.raises(UnusableInput) as refused:
        encoder.all(taught, 100)
    assert [one.field for one in refused.value.problems] == ["x", "y"]


@pytest.mark.parametrize("engine", ["paddle", "hf"])
def test_an_adapter_of_another_base_is_refused(
    base: Path, adapter: Path, tmp_path: Path, engine: str
) -> None:
    other = build_tiny_model(tmp_path / "other", seed=9)
    with pytest.raises(UnusableInput, match="trained on another base"):
        located(str(other), str(adapter))
    with pytest.raises(UnusableInput, match="an adapter is no base model"):
        located(str(adapter), str(adapter))
    with pytest.raises(UnusableInput, match="holds no adapter"):
        located(str(base), str(other))
    moved = tmp_path / "moved"
    base.rename(moved)
    try:
        assert located(str(moved), str(adapter)).base == moved.resolve()
    finally:
        moved.rename(base)
    foreign = write_adapter(tmp_path / "foreign", base, width=48, record=False)
    told = command("--model", base, "--adapter", foreign, "--engine", engine, code=2)
    assert "not fit the base model" in told.stderr
    assert "name the base that it was trained on" in told.stderr


class Told(NamedTuple):
    stdout: str
    stderr: str


def command(*words: object, lines: Sequence[str] = (), code: int = 0) -> Told:
    done = subprocess.run(
        [sys.executable, "-m", "erniekit_finetuning.cli", "chat", "--terminal", *map(str, words)],
        input="".join(f"{line}\n" for line in lines).encode(),
        capture_output=True,
        cwd=ROOT,
    )
    stderr = done.stderr.decode()
    assert done.returncode == code, stderr
    return Told(done.stdout.decode(), stderr)  # each line end as it was said


def test_the_terminal_answers_as_the_page_does_with_both_engines(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    talking = Talking(open_sides(str(base), str(adapter)))
    texts = []
    for seed in (3, 4, 4):
        how = Sampling(2.0, 0.9, seed)
        *_, page = talking.answer({"base": ASKED, "tuned": ASKED}, 50, how)
        texts += [page["base"].text, page["tuned"].text]
    assert len(set(texts)) == 4
    lines = [
        *("tell me more", "/again", "/set temperature zero", "/fly", "/set seed 3", "/again"),
        *(f"/export {tmp_path / 'talk.jsonl'}", "/quit"),
    ]
    words = ["--model", base, "--adapter", adapter, "--temperature", 2, "--top-p", 0.9]
    words += ["--seed", 3, "--max-new-tokens", 50, "--engine"]
    for engine in ("paddle", "hf"):
        told = command(*words, engine, lines=lines)
        assert told.stdout == "".join(f"{text}\n" for text in texts)
        assert f"base ({base.name})" in told.stderr
        assert "temperature: not a number; found zero" in told.stderr
        assert told.stderr.count("tokens/s") == 6
        (example,) = read_examples(tmp_path / "talk-tuned.jsonl")
        assert example.messages == (*ASKED, Message("assistant", texts[-1]))
