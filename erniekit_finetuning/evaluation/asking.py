"""A test set asked of a model: every answer is on disk before the next one ends."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path

from erniekit_finetuning.data.escaping import IMAGE_TAG
from erniekit_finetuning.data.pair import Pair, compact
from erniekit_finetuning.data.prompts import WORDS, Instruction
from erniekit_finetuning.data.schemas.tree import Object
from erniekit_finetuning.decoding import Decoding, held, own_answer
from erniekit_finetuning.decoding.constraint import Held
from erniekit_finetuning.engines.protocol import Generation, Question, Reader
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.predictions import MAX_NEW_TOKENS, Key, Prediction, Store
from erniekit_finetuning.examples import example_of, image_path
from erniekit_finetuning.invoice.answer import read_object

_AT_ONCE = 512  # documents whose questions are in memory together

Price = Callable[[int, int], Decimal | None]  # of prompt and new tokens


@dataclass(frozen=True)
class Asking:
    """How a test set is asked.

    `model` is the fingerprint of the model, `folder` where the test data lies, for its images.
    `decoding` holds answers of our own shape and, with a `schema`, those of another; answers to
    an instruction that is not ours are free without one. Where a pair has no text, the shape alone
    is held.
    """

    model: str
    folder: Path
    max_new_tokens: int = MAX_NEW_TOKENS
    decoding: Decoding = Decoding.STRICT
    schema: Object | None = None
    price: Price = lambda prompt_tokens, new_tokens: None


@dataclass(frozen=True)
class Asked:
    """The question about one document, and what its answer is kept under.

    `problem`: why no answer can be held to the document.
    """

    id: str
    key: Key
    question: Question
    problem: str | None = None


def ask_all(
    reader: Reader,
    pairs: Iterable[Pair],
    store: Path,
    how: Asking,
    on_done: Callable[[], None] = lambda: None,
) -> None:
    """Ask every pair's question and keep the answers in `store`, in the pairs' order.

    Stored answers of the same model to the same question are kept, so a killed run goes on. An
    answer gets `max_new_tokens`, or the room that the question leaves. A question that leaves none,
    or whose answer nothing in the document can be, becomes a prediction with an `error`. Raises
    UnusableInput for pairs without what the model reads: text, or images.
    """
    answers = Store(store, how.model, how.max_new_tokens)
    order: list[tuple[str, Key]] = []
    numbered = enumerate(pairs)
    while some := list(islice(numbered, _AT_ONCE)):
        asked = [question_of(pair, number, reader.sees_images, how) for number, pair in some]
        order += [(one.id, one.key) for one in asked]
        missing = {one.key: one for one in asked if one.key not in answers}
        for _ in range(len(asked) - len(missing)):
            on_done()
        _ask(reader, list(missing.values()), answers, how, on_done)
    answers.arrange(iter(order))


def question_of(pair: Pair, number: int, with_images: bool, how: Asking) -> Asked:
    """What is asked about a pair's document: all turns before its last answer."""
    name = document_id(pair, number)
    shown = with_images and bool(pair.all_images)
    example = example_of(pair, number + 1, shown)
    images = tuple(str(image_path(how.folder / "x", image)) for image in example.images)
    try:
        bound, problem = _held(pair, name, how), None
    except UnusableInput as error:
        bound, problem = None, str(error)
    question = Question(example.messages[:-1], images, bound)
    digest = hashlib.sha256(compact([[m.role, m.content] for m in question.messages]).encode())
    for image in images:
        digest.update(_bytes(image, name))
    decoding, sha256 = (Decoding.OFF, "") if bound is None else (bound.mode, bound.sha256)
    return Asked(name, Key(digest.hexdigest(), decoding, sha256), question, problem)


def _bytes(image: str, name: str) -> bytes:
    try:
        return Path(image).read_bytes()
    except OSError as error:
        cure = "check the path: it is looked up beside the test data, then from here"
        what = f"an image cannot be read: {error.strerror}"
        raise UnusableInput(Problem(what, field=name, found=image, cure=cure)) from error


def document_id(pair: Pair, number: int) -> str:
    """The pair's id, else its image's name, else its place in the file."""
    return pair.id or (Path(pair.all_images[0]).stem if pair.all_images else f"#{number + 1}")


def _ask(
    reader: Reader, asked: list[Asked], answers: Store, how: Asking, on_done: Callable[[], None]
) -> None:
    fitting = []
    for one in asked:
        size = reader.count_tokens(one.question)
        if size < reader.max_tokens and one.problem is None:
            fitting.append(one)
            continue
        text = f"{size:,} tokens do not fit the model's context of {reader.max_tokens:,}"
        answers.add(_unanswered(one, how, error=one.problem or text))
        on_done()
    before = 0.0

    def done(index: int, said: Generation) -> None:
        nonlocal before
        cost = how.price(said.prompt_tokens, said.new_tokens)
        answers.add(_unanswered(fitting[index], how, cost=cost).answered(said, before))
        before = said.seconds
        on_done()

    if fitting:
        reader.generate([one.question for one in fitting], how.max_new_tokens, done)


def _unanswered(
    one: Asked, how: Asking, error: str | None = None, cost: Decimal | None = None
) -> Prediction:
    return Prediction(
        one.id,
        one.key.prompt,
        model=how.model,
        limit=how.max_new_tokens,
        error=error,
        cost=cost,
        decoding=one.key.decoding,
        bounds_sha256=one.key.bounds_sha256,
    )


def _held(pair: Pair, name: str, how: Asking) -> Held | None:
    """What holds the pair's answer; None for a shape that is not known.

    The document is the text that stands for the images, or what the human says.
    """
    shown = IMAGE_TAG in pair.human
    asked = pair.human.replace(IMAGE_TAG, "").strip()
    text = pair.text or "" if shown else asked
    if how.schema is not None and not _ours(pair):
        schema = how.schema
    else:
        kind = {words: instruction for instruction, words in WORDS.items()}.get(asked)
        if kind is None or kind is Instruction.VALIDATION or not shown:
            return None
        schema = own_answer(kind is Instruction.FULL_ANALYSIS)
    return held(text, schema, how.decoding if text.strip() else Decoding.OFF, name)


def _ours(pair: Pair) -> bool:
    """Whether the true answer has our own shape."""
    data, _ = read_object(pair.answer)
    return data is not None and "structured_data" in data
