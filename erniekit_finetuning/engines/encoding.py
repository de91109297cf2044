"""From examples to tokens: the model's own chat template, loss on the answer alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from erniekit_finetuning.engines.protocol import Example
from erniekit_finetuning.errors import Problem, UnusableInput

SHOWN_IDS = 10


@dataclass(frozen=True)
class Encoded:
    """A whole turn in tokens; those from `answer_start` on, the end token included, are trained."""

    tokens: tuple[int, ...]
    answer_start: int


def encode_prompt(tokenizer: Any, prompt: str) -> list[int]:
    """The tokens the model sees before it answers."""
    return _ids(tokenizer, _prompt_text(tokenizer, prompt))


def encode_examples(tokenizer: Any, examples: Sequence[Example], max_seq_len: int) -> list[Encoded]:
    """Encode all examples, or raise UnusableInput with everything wrong with any of them."""
    check_template(tokenizer)
    encoded: list[Encoded] = []
    too_long: list[tuple[str, int]] = []
    problems: list[Problem] = []
    for number, example in enumerate(examples, start=1):
        name = example.id or f"example {number}"
        outcome = encode_example(tokenizer, example, name)
        if isinstance(outcome, Problem):
            problems.append(outcome)
        elif len(outcome.tokens) > max_seq_len:
            too_long.append((name, len(outcome.tokens)))
        else:
            encoded.append(outcome)
    if too_long:
        shown = ", ".join(f"{name} ({count})" for name, count in too_long[:SHOWN_IDS])
        more = f" and {len(too_long) - SHOWN_IDS} more" if len(too_long) > SHOWN_IDS else ""
        longest = max(count for _, count in too_long)
        problems.append(
            Problem(
                f"{len(too_long)} of {len(examples)} examples are longer than {max_seq_len} tokens",
                field="data.max_seq_len",
                found=shown + more,
                cure=f"raise it to {longest}, or leave these examples out",
            )
        )
    if problems:
        raise UnusableInput(problems)
    return encoded


def check_template(tokenizer: Any) -> None:
    """Raise UnusableInput when the model cannot hold a conversation that ends."""
    problems = []
    if not tokenizer.chat_template:
        what = "the model's tokenizer_config.json has no chat_template"
        problems.append(Problem(what, cure="take a model with one, or add it"))
    if tokenizer.eos_token_id is None:
        what = "the model's tokenizer_config.json names no eos_token"
        problems.append(Problem(what, cure="add it: without it no answer ends"))
    if problems:
        raise UnusableInput(problems)


def full_text(tokenizer: Any, example: Example) -> str:
    """The prompt with its answer, as the model sees them."""
    turns = [
        {"role": "user", "content": example.prompt},
        {"role": "assistant", "content": example.answer},
    ]
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=False))


def _prompt_text(tokenizer: Any, prompt: str) -> str:
    turns = [{"role": "user", "content": prompt}]
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))


def _ids(tokenizer: Any, text: str) -> list[int]:
    # The template writes the begin token itself; the tokenizer must not add another.
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def encode_example(tokenizer: Any, example: Example, name: str) -> Encoded | Problem:
    """The tokens of one example, called `name` in a problem."""
    if not example.answer.strip():
        return Problem("has an empty answer: no token of it would be trained", field=name)
    prompt = encode_prompt(tokenizer, example.prompt)
    whole = _ids(tokenizer, full_text(tokenizer, example))
    if whole[: len(prompt)] != prompt:
        what = "its prompt is not the beginning of prompt and answer, so the mask would be wrong"
        return Problem(what, field=name, cure="mend the model's chat_template")
    end = tokenizer.eos_token_id
    answer = whole[len(prompt) :]
    if end not in answer:
        answer.append(end)
    stop = answer.index(end)
    # What a template writes after the end token (a newline) is never generated: leave it out.
    if tokenizer.decode(answer[stop + 1 :]).strip():
        found = repr(tokenizer.eos_token)
        return Problem("the answer contains the model's end token", field=name, found=found)
    return Encoded(tuple(prompt + answer[: stop + 1]), len(prompt))
