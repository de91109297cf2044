"""Answers of a model, made once and stored: JSONL, a row a document, kept when run again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.engines.protocol import Generation, Reader
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_jsonl

MAX_NEW_TOKENS = 1024


@dataclass(frozen=True)
class Prediction:
    """One answer. `model` is the model's fingerprint, `limit` the most new tokens it was allowed.

    `seconds` is the wall time since the answer before it ended: in a batch the first to end carries
    the batch, and the sum is the time of the run. `error` tells why the model was not asked.
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


def predict(
    reader: Reader,
    pairs: Sequence[Pair],
    store: Path,
    model: str,
    max_new_tokens: int = MAX_NEW_TOKENS,
    on_done: Callable[[Prediction], None] | None = None,
) -> list[Prediction]:
    """Ask the reader every pair's text prompt; give and store the answers in the pairs' order.

    Rows of `store` for the same model, prompt and limit are kept and not asked again, so a killed
    run continues. An answer gets `max_new_tokens`, or the room that the prompt leaves. A prompt
    that leaves none becomes a prediction with an `error`. Raises UnusableInput for pairs without
    text.
    """
    prompts = _prompts(pairs)
    hashes = [hashlib.sha256(prompt.encode()).hexdigest() for prompt in prompts]
    known = _stored(store, model, max_new_tokens)
    names = [document_id(pair, index) for index, pair in enumerate(pairs)]

    def keep(prediction: Prediction) -> None:
        known[prediction.prompt_sha256] = prediction
        if on_done is not None:
            on_done(prediction)

    ask: dict[str, int] = {}  # one row a prompt, though documents may repeat
    for index, (prompt, digest) in enumerate(zip(prompts, hashes, strict=True)):
        if digest in known:
            if on_done is not None:
                on_done(known[digest])
            continue
        if digest in ask:
            continue
        size = reader.count_tokens(prompt)
        if size < reader.max_tokens:
            ask[digest] = index
            continue
        text = f"{size:,} tokens do not fit the model's context of {reader.max_tokens:,}"
        keep(Prediction(names[index], digest, model=model, limit=max_new_tokens, error=text))
    if ask:
        todo = list(ask.values())
        _generate(reader, prompts, hashes, names, todo, store, model, max_new_tokens, keep)
    done = [replace(known[h], id=name) for h, name in zip(hashes, names, strict=True)]
    # Answers to documents outside this run (a smaller --limit) cost time too: they stay, last.
    wanted = set(hashes)
    others = [row for digest, row in known.items() if digest not in wanted]
    write_jsonl(store, (asdict(prediction) for prediction in [*done, *others]))
    return done


def document_id(pair: Pair, index: int) -> str:
    """The pair's id, else its image's name, else its place in the file."""
    image = pair.image or (pair.images[0] if pair.images else None)
    return pair.id or (Path(image).stem if image else f"#{index + 1}")


def _generate(
    reader: Reader,
    prompts: Sequence[str],
    hashes: Sequence[str],
    names: Sequence[str],
    todo: Sequence[int],
    store: Path,
    model: str,
    limit: int,
    keep: Callable[[Prediction], None],
) -> None:
    """Answer the prompts of `todo`; every answer is on disk before the next one ends."""
    store.parent.mkdir(parents=True, exist_ok=True)
    _drop_torn_line(store)
    before = 0.0
    with store.open("a", encoding="utf-8") as file:

        def done(index: int, answer: Generation) -> None:
            nonlocal before
            prediction = Prediction(
                id=names[todo[index]],
                prompt_sha256=hashes[todo[index]],
                text=answer.text,
                finished=answer.finished,
                new_tokens=answer.new_tokens,
                seconds=round(max(0.0, answer.seconds - before), 4),
                mean_logprob=answer.mean_logprob,
                model=model,
                limit=limit,
            )
            before = answer.seconds
            file.write(json.dumps(asdict(prediction), ensure_ascii=False) + "\n")
            file.flush()
            keep(prediction)

        reader.generate([prompts[index] for index in todo], limit, done)


def _prompts(pairs: Sequence[Pair]) -> list[str]:
    prompts: list[str] = []
    problems: list[Problem] = []
    for pair in pairs:
        try:
            prompts.append(pair.text_prompt())
        except UnusableInput as error:
            problems += error.problems
    if problems:
        raise UnusableInput(problems)
    return prompts


def _stored(store: Path, model: str, limit: int) -> dict[str, Prediction]:
    """Rows for this model and limit by prompt; a torn last line of a killed run is passed over."""
    rows: dict[str, Prediction] = {}
    if not store.is_file():
        return rows
    for line in store.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            row = Prediction(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if row.model == model and row.limit == limit:
            rows[row.prompt_sha256] = row
    return rows


def _drop_torn_line(store: Path) -> None:
    if store.is_file():
        data = store.read_bytes()
        if not data.endswith(b"\n"):
            store.write_bytes(data[: data.rfind(b"\n") + 1])
