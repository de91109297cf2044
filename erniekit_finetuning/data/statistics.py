"""What a file of pairs holds, in numbers: lengths, turns, images, kinds of answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from erniekit_finetuning.data.escaping import IMAGE_TAG
from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.data.prompts import WORDS


@dataclass
class Statistics:
    """Counts of pairs; memory grows with the variety of lengths, not with the file."""

    rows: int = 0
    images: Counter[int] = field(default_factory=Counter)
    turns: Counter[int] = field(default_factory=Counter)
    lengths: dict[str, Counter[int]] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)

    def add(self, pair: Pair, tokens: int | None = None) -> None:
        """Count a pair; `tokens` is its length for the model that it is meant for."""
        self.rows += 1
        self.images[len(pair.all_images)] += 1
        self.turns[len(pair.conversations)] += 1
        self._length("question, characters", sum(len(t) for t in _said(pair, "human")))
        self._length("answer, characters", sum(len(t) for t in _said(pair, "assistant")))
        if pair.text is not None:
            self._length("text, characters", len(pair.text))
        if tokens is not None:
            self._length("tokens", tokens)
        self._kind(pair)

    def _length(self, name: str, value: int) -> None:
        self.lengths.setdefault(name, Counter())[value] += 1

    def _kind(self, pair: Pair) -> None:
        asked = next(_said(pair, "human"), "").replace(IMAGE_TAG, "").strip()
        kind = next((str(one) for one, words in WORDS.items() if words == asked), "other question")
        self.kinds[kind] += 1
        summary = _summary(next(_said(pair, "assistant"), ""))
        if summary is not None:
            self.verdicts["valid" if summary.get("is_valid") else "not valid"] += 1

    def table(self) -> Iterator[tuple[str, str]]:
        """Rows of name and numbers."""
        yield "rows", f"{self.rows:,}"
        yield "kinds of question", _counts(self.kinds)
        if self.verdicts:
            yield "verdicts in answers", _counts(self.verdicts)
        yield "images a row", _counts(self.images)
        yield "turns a row", _counts(self.turns)
        for name, lengths in self.lengths.items():
            middle, high = quantile(lengths, 0.5), quantile(lengths, 0.95)
            yield name, f"median {middle:,}, 95 % up to {high:,}, longest {max(lengths):,}"


def quantile(counts: Counter[int], share: float) -> int:
    """The smallest value that at least `share` of the counted ones do not exceed.

    >>> quantile(Counter({10: 5, 20: 4, 900: 1}), 0.5), quantile(Counter({1: 1, 9: 99}), 0.95)
    (10, 9)
    """
    needed, seen = share * counts.total(), 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= needed:
            return value
    return 0


def _said(pair: Pair, role: str) -> Iterator[str]:
    return (turn.content for turn in pair.conversations if turn.role == role)


def _summary(answer: str) -> dict[str, Any] | None:
    if "validation_summary" not in answer:
        return None
    try:
        found = json.loads(answer)
    except ValueError:
        return None
    summary = found.get("validation_summary") if isinstance(found, dict) else None
    return summary if isinstance(summary, dict) else None


def _counts(counter: Counter[Any]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in counter.most_common(6))
