"""What all engines share: masks, batches and the learning rate. No framework is needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from erniekit_finetuning.engines.batches import IGNORED, collate, epoch_batches, split_examples
from erniekit_finetuning.engines.encoding import Encoded, encode_examples
from erniekit_finetuning.engines.protocol import Example
from erniekit_finetuning.engines.schedule import learning_rate, total_steps
from erniekit_finetuning.errors import UnusableInput
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
        text = f"U:{turns[0]['content']} A:"
        if len(turns) == 1:
            return text
        start = "" if self.forgets_prompt else text
        return f"{start}{turns[1]['content']}|{self.after_end}"

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": [ord(c) for c in text]}

    def decode(self, tokens: list[int]) -> str:
        return "".join(chr(t) for t in tokens)


def training(**keys: Any) -> TrainingSection:
    return TrainingSection(**({"max_steps": 10, "learning_rate": 1.0} | keys))


def test_the_answer_and_its_end_are_trained_and_nothing_else() -> None:
    (row,) = encode_examples(Letters(after_end="\n"), [Example("hi", "42")], 100)
    assert "".join(map(chr, row.tokens)) == "U:hi A:42|"
    longer = Encoded(tuple(b"U:hello A:1|"), 10)
    batch = collate([row, longer], pad_token=0)
    for tokens, labels, answer in zip(batch.tokens, batch.labels, ("42|", "1|"), strict=True):
        trained = [t for t in range(len(labels)) if labels[t] != IGNORED]
        assert "".join(chr(labels[t]) for t in trained) == answer
        # shifted: the label at a position is the token that follows there
        assert all(tokens[t + 1] == labels[t] for t in trained)
    assert (batch.real_tokens, batch.trained_tokens) == (10 + 12, 5)


def test_long_examples_are_listed_before_anything_starts() -> None:
    examples = [Example("x" * n, "1", id=f"doc-{n}") for n in (1, 50, 60)]
    with pytest.raises(UnusableInput, match=r"2 of 3 .* longer than 20 .*doc-50 \(57\)") as caught:
        encode_examples(Letters(), examples, 20)
    assert "raise it to 67" in str(caught.value)


def test_examples_that_would_train_wrongly_are_refused_together() -> None:
    examples = [Example("a", "  ", id="empty"), Example("b", "1|2", id="ends-early")]
    with pytest.raises(UnusableInput) as caught:
        encode_examples(Letters(), examples, 100)
    assert [problem.field for problem in caught.value.problems] == ["empty", "ends-early"]


def test_a_template_that_loses_the_prompt_is_refused() -> None:
    with pytest.raises(UnusableInput, match="mask would be wrong"):
        encode_examples(Letters(forgets_prompt=True), [Example("a", "1")], 100)
    with pytest.raises(UnusableInput, match=r"no chat_template[\s\S]*no eos_token"):
        encode_examples(Letters(chat_template=None, eos_token_id=None), [Example("a", "1")], 100)


def test_the_same_prompt_never_lands_on_both_sides() -> None:
    examples = [Example(f"p{i % 10}", str(i)) for i in range(30)]
    train, validation = split_examples(examples, 0.2, seed=3)
    assert len(train) + len(validation) == 30
    assert len({e.prompt for e in validation}) == 2
    assert not {e.prompt for e in train} & {e.prompt for e in validation}
    assert split_examples(examples, 0.2, seed=3) == (train, validation)
    assert split_examples(examples, 0.0, seed=3) == (examples, [])


def test_an_epoch_holds_every_example_once_in_batches_of_like_length() -> None:
    lengths = [7 * i % 101 for i in range(101)]
    batches = epoch_batches(lengths, 4, seed=1, epoch=0)
    assert sorted(i for batch in batches for i in batch) == list(range(101))
    assert batches != epoch_batches(lengths, 4, seed=1, epoch=1)
    padding = sum(max(lengths[i] for i in b) * len(b) - sum(lengths[i] for i in b) for b in batches)
    assert padding < sum(lengths) * 0.15


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
    keys = {"max_steps": None, "per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}
    assert total_steps(17, training(**keys, num_train_epochs=2)) == 6
    assert total_steps(17, training(**keys, num_train_epochs=0.5)) == 2
    assert total_steps(17, training()) == 10
