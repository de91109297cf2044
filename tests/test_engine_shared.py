"""What all engines share: masks, batches and the learning rate. No framework is needed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from erniekit_finetuning.engines import model_files
from erniekit_finetuning.engines.batches import (
    IGNORED,
    Pack,
    pack,
    packs,
    padding_share,
    sequences,
    split_examples,
)
from erniekit_finetuning.engines.encoding import Encoded, Encoder
from erniekit_finetuning.engines.preparation import make_course
from erniekit_finetuning.engines.protocol import Example, Message, Question
from erniekit_finetuning.engines.schedule import due, learning_rate, total_steps, warnings
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.recipes import Recipe
from erniekit_finetuning.recipes.training_section import TrainingSection


@dataclass
class Letters:
    """A tokenizer of one token a character; `|` ends an answer."""

    chat_template: str | None = "U:{prompt} A:{answer}|"
    eos_token: str = "|"
    eos_token_id: int | None = ord("|")
    after_end: str = ""
    forgets_prompt: bool = False

    def apply_chat_template(
        self, turns: list[dict[str, str]], tokenize: bool, add_generation_prompt: bool
    ) -> str:
        text = ""
        for number, turn in enumerate(turns):
            if turn["role"] == "assistant":
                if self.forgets_prompt:
                    text = ""
                last = number == len(turns) - 1
                text += f"{turn['content']}|{self.after_end if last else ''}"
            else:
                text += f"{turn['role'][0].upper()}:{turn['content']} "
                if turn["role"] == "user" and (add_generation_prompt or number < len(turns) - 1):
                    text += "A:"
        return text

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": [ord(c) for c in text]}

    def decode(self, tokens: list[int]) -> str:
        return "".join(chr(t) for t in tokens)


def training(**keys: Any) -> TrainingSection:
    return TrainingSection(**({"max_steps": 10, "learning_rate": 1.0} | keys))


def test_the_answer_and_its_end_are_trained_and_nothing_else() -> None:
    (row,) = Encoder(Letters(after_end="\n")).all([Example.ask("hi", "42")], 100)
    assert "".join(map(chr, row.tokens)) == "U:hi A:42|"
    longer = Encoded(tuple(b"U:hello A:1|"), ((10, 12),))
    whole = pack([row, longer])
    trained = [t for t in range(len(whole.labels)) if whole.labels[t] != IGNORED]
    assert "".join(chr(whole.labels[t]) for t in trained) == "42|1|"
    # shifted: the label at a position is the token that follows there
    assert all(whole.tokens[t + 1] == whole.labels[t] for t in trained)
    assert whole.lengths == (10, 12)
    assert whole.positions.tolist() == [*range(10), *range(12)]
    assert whole.trained == 5


def test_long_examples_are_listed_before_anything_starts() -> None:
    examples = [Example.ask("x" * n, "1", id=f"doc-{n}") for n in (1, 50, 60)]
    with pytest.raises(UnusableInput, match=r"2 of 3 .* longer than 20 .*doc-50 \(57\)") as caught:
        Encoder(Letters()).all(examples, 20)
    assert "raise it to 67" in str(caught.value)


def test_examples_that_would_train_wrongly_are_refused_together() -> None:
    examples = [Example.ask("a", "  ", id="empty"), Example.ask("b", "1|2", id="ends-early")]
    with pytest.raises(UnusableInput) as caught:
        Encoder(Letters()).all(examples, 100)
    assert [problem.field for problem in caught.value.problems] == ["empty", "ends-early"]


def test_a_template_that_loses_the_prompt_is_refused() -> None:
    with pytest.raises(UnusableInput, match="mask would be wrong"):
        Encoder(Letters(forgets_prompt=True)).all([Example.ask("a", "1")], 100)
    with pytest.raises(UnusableInput, match=r"no chat template[\s\S]*no eos_token"):
        Encoder(Letters(chat_template=None, eos_token_id=None)).all([Example.ask("a", "1")], 100)


def test_the_same_prompt_never_lands_on_both_sides() -> None:
    examples = [Example.ask(f"p{i % 10}", str(i)) for i in range(30)]
    train, validation = split_examples(examples, 0.2, seed=3)
    assert len(train) + len(validation) == 30
    assert len({e.messages[0].content for e in validation}) == 2
    assert not {e.messages[0].content for e in train} & {e.messages[0].content for e in validation}
    assert split_examples(examples, 0.2, seed=3) == (train, validation)
    assert split_examples(examples, 0.0, seed=3) == (examples, [])


def test_an_epoch_holds_every_example_once_in_another_order_each_time() -> None:
    lengths = [7 * i % 101 for i in range(101)]
    order = sequences(lengths, None, seed=1, epoch=0)
    assert sorted(i for sequence in order for i in sequence) == list(range(101))
    assert order != sequences(lengths, None, seed=1, epoch=1)
    assert order == sequences(lengths, None, seed=1, epoch=0)
    assert 0.2 < padding_share([1, 9] * 50, 4, seed=0) < 0.6


@given(st.lists(st.integers(1, 64), min_size=1, max_size=80), st.integers(0, 5))
def test_packing_fills_sequences_and_loses_nothing(lengths: list[int], epoch: int) -> None:
    order = sequences(lengths, 64, seed=3, epoch=epoch)
    assert sorted(i for sequence in order for i in sequence) == list(range(len(lengths)))
    filled = [sum(lengths[i] for i in sequence) for sequence in order]
    assert max(filled) <= 64
    # no two sequences would fit into one, so at most one is less than half full
    assert sum(2 * total <= 64 for total in filled) <= 1
    assert len(order) == len(sequences(lengths, 64, seed=9, epoch=epoch + 1))


@given(st.lists(st.integers(2, 40), min_size=1, max_size=30), st.integers(1, 100))
def test_what_is_computed_together_stays_in_order_and_within_bounds(
    lengths: list[int], at_once: int
) -> None:
    rows = [Encoded(tuple(range(n)), ((1, n),)) for n in lengths]
    made: list[Pack] = packs(rows, at_once)
    assert [n for one in made for n in one.lengths] == lengths
    assert all(len(one.tokens) <= at_once or len(one.lengths) == 1 for one in made)


def test_every_answer_of_a_conversation_is_learnt_unless_it_says_not() -> None:
    turns = (
        Message("user", "hi"),
        Message("assistant", "wrong", trained=False),
        Message("user", "no"),
        Message("assistant", "right"),
    )
    (row,) = Encoder(Letters(), system="be kind").all([Example(turns)], 100)
    text = "".join(map(chr, row.tokens))
    assert text == "S:be kind U:hi A:wrong|U:no A:right|"
    assert [text[start:stop] for start, stop in row.spans] == ["right|"]
    (row,) = Encoder(Letters(), system="be kind", responses_only=False).all([Example(turns)], 100)
    assert row.spans == ((1, len(text)),)
    own = Example((Message("system", "own"), *turns))
    (row,) = Encoder(Letters(), system="be kind").all([own], 100)
    assert "".join(map(chr, row.tokens)).startswith("S:own U:hi")


def test_a_question_is_encoded_up_to_its_answer_and_without_images() -> None:
    encoder = Encoder(Letters(), system="be kind")
    assert encoder.asked(Question.ask("hi"), "prompt 0") == Encoded(tuple(b"S:be kind U:hi A:"), ())
    asked = Question((Message("user", "<image> hi"),), ("page.png",))
    outcome = encoder.asked(asked, "prompt 7")
    assert isinstance(outcome, Problem)
    assert "prompt 7: carries images" in str(outcome)
    assert not encoder.sees_images


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("constant", [0.5, 1, 1, 1, 1, 1]),
        ("linear", [0.5, 1, 1, 0.75, 0.5, 0.25]),
        ("cosine", [0.5, 1, 1, 0.853553, 0.5, 0.146447]),
    ],
)
def test_learning_rates(kind: str, expected: list[float]) -> None:
    keys = training(max_steps=6, lr_scheduler_type=kind, warmup_steps=2)
    assert [learning_rate(s, 6, keys) for s in range(1, 7)] == pytest.approx(expected, abs=1e-5)


def test_total_steps() -> None:
    assert total_steps(3, training(max_steps=None, num_train_epochs=2)) == 6
    assert total_steps(3, training(max_steps=None, num_train_epochs=0.5)) == 2
    assert total_steps(3, training()) == 10


def test_pickles_and_what_is_of_these_weights_alone_are_neither_linked_nor_copied(
    tmp_path: Path,
) -> None:
    base, links, copies = (tmp_path / name for name in ("base", "links", "copies"))
    for folder in (base, links, copies):
        folder.mkdir()
    for name in (
        "config.json", "model.safetensors", "model.safetensors.index.json", "tokenizer.model",
        "flex-ckpt.auto_generated.metadata", "model_state.pdparams", "pytorch_model.bin",
        "calibration.json", "prompting.json", "schema.json",
    ):  # fmt: skip
        (base / name).write_text("x")
    model_files.link_model(base, links)
    safe = {"config.json", "tokenizer.model", "model.safetensors", "model.safetensors.index.json"}
    assert {file.name for file in links.iterdir()} == safe
    model_files.copy_beside(base, copies)
    assert {file.name for file in copies.iterdir()} == {"config.json", "tokenizer.model"}


def test_longer_examples_are_left_out_only_when_the_recipe_says_so() -> None:
    examples = [Example.ask("x" * n, "1", id=f"doc-{n}") for n in (1, 50, 60)]

    def recipe(how: str) -> Recipe:
        data = {"max_seq_len": 20, "longer_examples": how}
        sections = {"model": {"name_or_path": "x"}, "training": {"max_steps": 1}, "data": data}
        return Recipe.model_validate(sections)

    with pytest.raises(UnusableInput, match=r"2 of 3 .* longer than 20"):
        make_course(recipe("refuse"), Encoder(Letters()), examples, [])
    course = make_course(recipe("leave_out"), Encoder(Letters()), examples[:2], examples[2:])
    assert (len(course.train), len(course.validation), course.left_out) == (1, 0, 2)
    with pytest.raises(UnusableInput, match="every example is longer than 20 tokens; found 57"):
        make_course(recipe("leave_out"), Encoder(Letters()), examples[1:], [])


@given(st.integers(1, 60), st.integers(0, 60))
def test_a_warning_tells_when_the_peak_rate_is_never_reached(total: int, warmup: int) -> None:
    settings = training(warmup_steps=warmup, max_steps=total)
    rates = [learning_rate(step, total, settings) for step in range(1, total + 1)]
    assert bool(warnings(total, settings)) == (max(rates) < settings.learning_rate)


def test_something_is_due_each_so_many_steps_or_each_epoch() -> None:
    assert [step for step in range(1, 9) if due(step, 3, 4)] == [3, 6]
    assert [step for step in range(1, 9) if due(step, "epoch", 4)] == [4, 8]
