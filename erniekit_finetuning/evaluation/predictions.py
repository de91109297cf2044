"""Answers of a model, made once and stored: JSONL, a row a document, kept when run again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path

from erniekit_finetuning.data.escaping import IMAGE_TAG
from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.data.prompts import WORDS, Instruction
from erniekit_finetuning.decoding import Decoding, grounded
from erniekit_finetuning.engines.protocol import ConstraintMaker, Generation, Question, Reader
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_jsonl

MAX_NEW_TOKENS = 1024
_Key = tuple[str, Decoding]


@dataclass(frozen=True)
class Prediction:
    """One answer. `model` is the model's fingerprint, `limit` the most new tokens it was allowed.

    `seconds` is the wall time since the answer before it ended: in a batch the first to end carries
    the batch, and the sum is the time of the run. `error` tells why the model was not asked.
    `decoding` is how this answer was made, whatever the run asked for.
    """

    id: str
    prompt_sha256: str
    text: str = ""
    finished: bool = False
    new_tokens: int = 0
    seconds: float = 0.0
    mean_logprob: float | None = None
    model: str = ""
    limit: int = MAX_NEW_TOKENS
    error: str | None = None
    decoding: Decoding = Decoding.FREE  # what rows without the field are


@dataclass(frozen=True)
class _Question:
    id: str
    prompt: str
    constraint: ConstraintMaker | None

    @property
    def asked(self) -> Question:
        return Question.ask(self.prompt, self.constraint)

    @property
    def decoding(self) -> Decoding:
        return Decoding.FREE if self.constraint is None else Decoding.GROUNDED

    @cached_property
    def key(self) -> _Key:
        return hashlib.sha256(self.prompt.encode()).hexdigest(), self.decoding

    def unanswered(self, model: str, limit: int) -> Prediction:
        return Prediction(self.id, self.key[0], model=model, limit=limit, decoding=self.decoding)


def predict(
    reader: Reader,
    pairs: Sequence[Pair],
    store: Path,
    model: str,
    max_new_tokens: int = MAX_NEW_TOKENS,
    decoding: Decoding = Decoding.GROUNDED,
    on_done: Callable[[Prediction], None] | None = None,
) -> list[Prediction]:
    """Ask the reader every pair's text prompt; give and store the answers in the pairs' order.

    Rows of `store` for the same model, prompt, limit and decoding are kept and not asked again, so
    a killed run continues. An answer gets `max_new_tokens`, or the room that the prompt leaves. A
    prompt that leaves none becomes a prediction with an `error`. Grounded decoding is for pairs
    with a text and an instruction of ours; others decode free, and their predictions say so.
    Raises UnusableInput for pairs without text.
    """
    questions = _questions(pairs, decoding)
    known = _stored(store, model, max_new_tokens)

    def keep(prediction: Prediction) -> None:
        known[prediction.prompt_sha256, prediction.decoding] = prediction
        if on_done is not None:
            on_done(prediction)

    ask: dict[_Key, _Question] = {}  # one row a prompt, though documents may repeat
    for question in questions:
        if question.key in known:
            if on_done is not None:
                on_done(known[question.key])
            continue
        if question.key in ask:
            continue
        size = reader.count_tokens(question.asked)
        if size < reader.max_tokens:
            ask[question.key] = question
            continue
        text = f"{size:,} tokens do not fit the model's context of {reader.max_tokens:,}"
        keep(replace(question.unanswered(model, max_new_tokens), error=text))
    if ask:
        _generate(reader, list(ask.values()), store, model, max_new_tokens, keep)
    done = [replace(known[question.key], id=question.id) for question in questions]
    # Answers to documents outside this run (a smaller --limit) cost time too: they stay, last.
    wanted = {question.key for question in questions}
    others = [row for key, row in known.items() if key not in wanted]
    write_jsonl(store, (asdict(prediction) for prediction in [*done, *others]))
    return done


def document_id(pair: Pair, index: int) -> str:
    """The pair's id, else its image's name, else its place in the file."""
    image = pair.image or (pair.images[0] if pair.images else None)
    return pair.id or (Path(image).stem if image else f"#{index + 1}")


def _generate(
    reader: Reader,
    questions: Sequence[_Question],
    store: Path,
    model: str,
    limit: int,
    keep: Callable[[Prediction], None],
) -> None:
    """Answer the questions; every answer is on disk before the next one ends."""
    store.parent.mkdir(parents=True, exist_ok=True)
    _drop_torn_line(store)
    before = 0.0
    with store.open("a", encoding="utf-8") as file:

        def done(index: int, answer: Generation) -> None:
            nonlocal before
            prediction = replace(
                questions[index].unanswered(model, limit),
                text=answer.text,
                finished=answer.finished,
                new_tokens=answer.new_tokens,
                seconds=round(max(0.0, answer.seconds - before), 4),
                mean_logprob=answer.mean_logprob,
            )
            before = answer.seconds
            file.write(json.dumps(asdict(prediction), ensure_ascii=False) + "\n")
            file.flush()
            keep(prediction)

        reader.generate([question.asked for question in questions], limit, done)


def _questions(pairs: Sequence[Pair], decoding: Decoding) -> list[_Question]:
    questions: list[_Question] = []
    problems: list[Problem] = []
    for index, pair in enumerate(pairs):
        name = document_id(pair, index)
        try:
            prompt = pair.text_prompt()
        except UnusableInput as error:
            problems += error.problems
            continue
        constraint = _constraint(pair, name) if decoding is Decoding.GROUNDED else None
        questions.append(_Question(name, prompt, constraint))
    if problems:
        raise UnusableInput(problems)
    return questions


def _constraint(pair: Pair, name: str) -> ConstraintMaker | None:
    """What grounds the pair's answer; None without a text, or for an unknown instruction."""
    asked = pair.human.replace(IMAGE_TAG, "").strip()
    known = {words: instruction for instruction, words in WORDS.items()}
    kind = known.get(asked)
    if IMAGE_TAG not in pair.human or not (pair.text or "").strip():
        return None
    if kind is None or kind is Instruction.VALIDATION:  # a verdict is no span of the document
        return None
    return grounded(pair.text or "", kind is Instruction.FULL_ANALYSIS, name)


def _stored(store: Path, model: str, limit: int) -> dict[_Key, Prediction]:
    """Rows for this model and limit; a torn last line of a killed run is passed over."""
    rows: dict[_Key, Prediction] = {}
    if not store.is_file():
        return rows
    for line in store.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            row = Prediction(**json.loads(line))
            row = replace(row, decoding=Decoding(row.decoding))
        except (ValueError, TypeError):
            continue
        if row.model == model and row.limit == limit:
            rows[row.prompt_sha256, row.decoding] = row
    return rows


def _drop_torn_line(store: Path) -> None:
    if store.is_file():
        data = store.read_bytes()
        if not data.endswith(b"\n"):
            store.write_bytes(data[: data.rfind(b"\n") + 1])
