"""Answers of a model, made once and stored: JSONL, a row a document, kept when run again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.engines.protocol import Generation, TokenScore
from erniekit_finetuning.files import written_whole

MAX_NEW_TOKENS = 1024


class Key(NamedTuple):
    """What an answer answers: a prompt's SHA-256, how it was decoded, and within which bounds."""

    prompt: str
    decoding: Decoding
    bounds_sha256: str = ""


@dataclass(frozen=True)
class Prediction:
    """One answer. `model` is the model's fingerprint, `limit` the most new tokens it was allowed.

    `seconds` is the wall time since the answer before it ended: in a batch the first to end carries
    the batch, and the sum is the time of the run. `tokens`: see `Generation`. `cost` is what a
    service takes for it, in its currency. `error` tells why the model was not asked. `decoding` is
    how this answer was made, whatever the run asked for; `bounds_sha256` is of what held it, ""
    where it was free.
    """

    id: str
    prompt_sha256: str
    text: str = ""
    finished: bool = False
    new_tokens: int = 0
    prompt_tokens: int = 0
    seconds: float = 0.0
    tokens: tuple[TokenScore, ...] = ()
    cost: Decimal | None = None
    model: str = ""
    limit: int = MAX_NEW_TOKENS
    error: str | None = None
    decoding: Decoding = Decoding.OFF
    bounds_sha256: str = ""

    @property
    def key(self) -> Key:
        """What it is an answer to."""
        return Key(self.prompt_sha256, self.decoding, self.bounds_sha256)

    def answered(self, said: Generation, before: float) -> Prediction:
        """With what was said; the answer before it ended `before` seconds after the start."""
        return replace(
            self,
            text=said.text,
            finished=said.finished,
            new_tokens=said.new_tokens,
            prompt_tokens=said.prompt_tokens,
            seconds=round(max(0.0, said.seconds - before), 4),
            tokens=said.tokens,
        )

    def to_json(self) -> dict[str, Any]:
        """A row of the store; `answer` is the text as JSON, for its readers."""
        row = asdict(self)
        row["tokens"] = [list(token) for token in self.tokens]
        row["cost"] = None if self.cost is None else str(self.cost)
        row["answer"] = self._answer()
        return row

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Prediction:
        """Inverse of `to_json`; raises ValueError or TypeError for another row."""
        row = {name: value for name, value in row.items() if name != "answer"}
        row["tokens"] = tuple(TokenScore(*token) for token in row.get("tokens", ()))
        row["decoding"] = Decoding(row.get("decoding", Decoding.OFF))
        row["cost"] = None if row.get("cost") is None else Decimal(row["cost"])
        return cls(**row)

    def _answer(self) -> Any:
        try:
            return json.loads(self.text) if self.finished else None
        except (ValueError, RecursionError):
            return None


class Store:
    """A file of predictions: found again by what they answer, without holding them in memory.

    Rows of another model or limit are not seen, and are gone after `arrange`.
    """

    def __init__(self, path: Path, model: str, limit: int) -> None:
        """Look through the file, if it is there; a killed run's torn last line is passed over."""
        self._path = path
        self._offsets: dict[Key, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        _end_torn_line(path)
        for offset, row in _rows(path):
            if row.model == model and row.limit == limit:
                self._offsets[row.key] = offset

    def __contains__(self, key: Key) -> bool:
        return key in self._offsets

    def add(self, prediction: Prediction) -> None:
        """Append one; it is on disk when this returns."""
        with self._path.open("ab") as file:
            self._offsets[prediction.key] = file.tell()
            _write(file, prediction)

    def get(self, key: Key) -> Prediction:
        """The answer to a question; raises KeyError when there is none."""
        with self._path.open("rb") as file:
            file.seek(self._offsets[key])
            return Prediction.from_json(json.loads(file.readline()))

    def arrange(self, keys: Iterator[tuple[str, Key]]) -> None:
        """Write the file anew: the answers to these (id, key) in order, then all others.

        A document that repeats gets a row of its own. Others cost time, too, and stay.
        """
        left = dict.fromkeys(self._offsets)
        with written_whole(self._path) as aside, aside.open("wb") as file:
            for id, key in keys:
                left.pop(key, None)
                _write(file, replace(self.get(key), id=id))
            for key in left:
                _write(file, self.get(key))


def read_predictions(path: Path) -> Iterator[Prediction]:
    """All rows of a store in order; a row that is none is passed over."""
    return (row for _, row in _rows(path))


def _rows(path: Path) -> Iterator[tuple[int, Prediction]]:
    if not path.is_file():
        return
    with path.open("rb") as file:
        offset = 0
        for line in file:
            with suppress(ValueError, TypeError, ArithmeticError):
                yield offset, Prediction.from_json(json.loads(line))
            offset += len(line)


def _write(file: Any, prediction: Prediction) -> None:
    line = json.dumps(prediction.to_json(), ensure_ascii=False) + "\n"
    file.write(line.encode("utf-8", "backslashreplace"))


def _end_torn_line(path: Path) -> None:
    """What a killed run wrote last becomes a row that is none."""
    if path.is_file() and path.stat().st_size:
        with path.open("r+b") as file:
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")
