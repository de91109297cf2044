"""Answers in schemas of every kind, so that a team's own one is no news to the base model.

A schema is drawn for each sample: which fields, their keys, nesting and order, dates as printed or
as ISO 8601, amounts as printed or as JSON numbers. The prompt shows it as an empty answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict

from erniekit_finetuning.data.prompts import DATE_BLANK
from synthetic_invoice_generator.chance import chance, pick, weighted

_PARTIES = ("vendor_block", "client_info")
_DATES = ("client_info.invoice_date", "client_info.due_date")
_NUMBERS = ("quantity", "unit_price", "line_total")
_CASES = {"snake": 5, "camel": 4, "kebab": 0.5, "pascal": 1.5, "upper": 1, "plain": 0.5}


class _Words(BaseModel):
    """own_keys.yaml: words for every key, by the path of what it holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seller: tuple[str, ...]
    buyer: tuple[str, ...]
    party: dict[str, tuple[str, ...]]
    fields: dict[str, tuple[str, ...]]
    lines: tuple[str, ...]
    line: dict[str, tuple[str, ...]]
    groups: tuple[str, ...]
    sums: tuple[str, ...]


class Own(NamedTuple):
    """An empty answer in a drawn schema, and a document's answer in it."""

    blank: dict[str, Any]
    answer: dict[str, Any]


def own_answer(
    rng: Random, data: Mapping[str, Any], extras: Mapping[str, str], values: Mapping[str, str]
) -> Own:
    """A schema and a document's answer in it.

    `data` is the document's structured_data, `extras` further prints by name; `values` gives the
    ISO date or plain number of prints.
    """
    return _Schema(rng, values).answer(data, extras)


@cache
def _words() -> _Words:
    file = Path(__file__).with_name("own_keys.yaml")
    return _Words.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


class _Schema:
    """One schema while it is drawn: how keys are written and which values are normalised."""

    def __init__(self, rng: Random, values: Mapping[str, str]) -> None:
        self.rng, self.values, self.words = rng, values, _words()
        self.case = weighted(rng, _CASES)
        self.iso, self.numbers = chance(rng, 0.5), chance(rng, 0.35)
        self.homes = {
            "vendor_block": self.key(pick(rng, self.words.seller)),
            "client_info": self.key(pick(rng, self.words.buyer)),
            "head": self.key(pick(rng, self.words.groups)),
            "sums": self.key(pick(rng, self.words.sums)),
        }
        self.nested = {name for name in self.homes if chance(rng, 0.45)}

    def key(self, words: str) -> str:
        """The words as this schema writes a key."""
        parts = words.split(" ")
        if self.case == "camel":
            return parts[0] + "".join(part.capitalize() for part in parts[1:])
        if self.case == "pascal":
            return "".join(part.capitalize() for part in parts)
        if self.case == "upper":
            return "_".join(parts).upper()
        return {"snake": "_", "kebab": "-", "plain": " "}[self.case].join(parts)

    def answer(self, data: Mapping[str, Any], extras: Mapping[str, str]) -> Own:
        rng, own = self.rng, Own({}, {})
        flat = _flat(data) | dict(extras)
        parties = [f"{block}.{field}" for block in _PARTIES for field in self.words.party]
        chosen = [path for path in [*self.words.fields, *parties] if chance(rng, 0.45)]
        # What a document does not print is asked for now and then, too.
        chosen = [path for path in chosen if flat.get(path) is not None or chance(rng, 0.25)]
        rng.shuffle(chosen)
        for path in chosen or ["client_info.invoice_number"]:
            self._put(own, path, flat.get(path))
        name = self.key(pick(rng, self.words.lines))
        if chance(rng, 0.6) and name not in own.blank:
            own.blank[name], own.answer[name] = self._lines(data["line_items"])
        return own

    def _put(self, own: Own, path: str, printed: str | None) -> None:
        home, key = self._place(path)
        blank, answer = own.blank, own.answer
        if home in self.nested:
            blank = blank.setdefault(self.homes[home], {})
            answer = answer.setdefault(self.homes[home], {})
        # Two homes may have drawn one word; the second does without.
        if isinstance(blank, dict) and key not in blank:
            blank[key], answer[key] = self._leaf(path, printed)

    def _place(self, path: str) -> tuple[str, str]:
        """Where a value belongs, and its key there."""
        rng, (block, _, field) = self.rng, path.rpartition(".")
        if block not in _PARTIES or field not in self.words.party:
            home = "sums" if block == "financial_summary" else "head"
            return home, self.key(pick(rng, self.words.fields[path]))
        words = pick(rng, self.words.party[field])
        if block in self.nested:
            return block, self.key(words)
        side = self.homes[block]
        if field == "name" and chance(rng, 0.6):
            return block, side
        return block, self.key(f"{side.lower()} {words}")

    def _lines(self, items: list[dict[str, Any]]) -> tuple[list[Any], list[Any]]:
        rng, words = self.rng, self.words.line
        chosen = [path for path in words if chance(rng, 0.6) and any(one[path] for one in items)]
        chosen = chosen or ["line_total"]
        if chance(rng, 0.5):
            rng.shuffle(chosen)
        # A word drawn twice names the first only.
        keys = {self.key(pick(rng, words[path])): path for path in reversed(chosen)}
        blank = {key: self._leaf(path, None)[0] for key, path in keys.items()}
        answer = [
            {key: self._leaf(path, one[path])[1] for key, path in keys.items()} for one in items
        ]
        return [blank], answer

    def _leaf(self, path: str, printed: str | None) -> tuple[Any, Any]:
        """A value's blank, and the value as printed or normalised."""
        value = None if printed is None else self.values.get(printed)
        if path in _DATES and self.iso:
            return DATE_BLANK, value
        amount = path.startswith("financial_summary.") and not path.endswith("currency")
        if (amount or path in _NUMBERS) and self.numbers:
            return 0, None if value is None else Decimal(value)
        return "", printed


def _flat(data: Mapping[str, Any]) -> dict[str, str | None]:
    blocks = (*_PARTIES, "financial_summary")
    flat = {f"{block}.{key}": value for block in blocks for key, value in data[block].items()}
    return flat | {"payment_terms": data["payment_terms"]}
