"""Test data: documents with what they say, read a row at a time, whatever their number."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.data.pairs_file import read_pairs
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.asking import document_id
from erniekit_finetuning.evaluation.said import Kinds, in_json
from erniekit_finetuning.evaluation.truth import Truth, invoice_of
from erniekit_finetuning.invoice.shapes import read_invoice
from erniekit_finetuning.invoice.strict_json import exact_number, parse

_SHOWN = 20  # problems of a file that are told at once


@dataclass(frozen=True)
class TestSet:
    """A file of pairs in any format, and what all of its answers tell of their fields' kinds."""

    __test__ = False  # not a test of pytest's

    path: Path
    limit: int | None
    count: int
    kinds: Kinds

    def pairs(self) -> Iterator[Pair]:
        """Its pairs in order."""
        return islice(read_pairs(self.path), self.limit)

    def truths(self, said: Kinds) -> Iterator[Truth]:
        """What each document says; kinds that are `said` overrule what the values tell."""
        kinds = {**self.kinds, **said}
        for number, pair in enumerate(self.pairs()):
            yield truth_of(pair, number, kinds)


def open_test_set(path: Path, limit: int | None = None) -> TestSet:
    """Look through the first `limit` pairs.

    Raises UnusableInput naming the pairs whose answer is no JSON object.
    """
    problems: list[Problem] = []
    seen: dict[str, set[Kind | None]] = defaultdict(set)
    count = 0
    for number, pair in enumerate(islice(read_pairs(path), limit)):
        count += 1
        try:
            truth = truth_of(pair, number, {})
        except UnusableInput as error:
            problems.append(_no_truth(path, document_id(pair, number), error))
            if len(problems) == _SHOWN:
                break
            continue
        if not truth.ours:
            for field, kind in _kinds(truth.data):
                seen[field].add(kind)
    if problems:
        raise UnusableInput(problems)
    return TestSet(path, limit, count, _settled(seen))


def truth_of(pair: Pair, number: int, kinds: Kinds) -> Truth:
    """What a pair's answer says; raises UnusableInput when it is no JSON object, or no invoice."""
    ours: Any = parse(pair.answer)
    if not isinstance(ours, Mapping):
        raise UnusableInput(Problem("not a JSON object", found=type(ours).__name__))
    own = "structured_data" in ours
    data = ours if own else parse(pair.answer, exact_number)
    pages = len(pair.pages or ()) or len(pair.all_images)
    counted = {"pages": str(pages)} if pages else {}
    return Truth(
        document_id(pair, number),
        data,
        read_invoice(ours).invoice if own else invoice_of(data),
        pair.all_images,
        {**(pair.tags or {}), **counted},
        own,
        kinds,
        pair.pages or (),
    )


def _kinds(data: Mapping[str, Any]) -> Iterator[tuple[str, Kind | None]]:
    """The kind that each value seems to have; None for bare digits, which may be anything."""
    said = in_json(data)
    yield from ((field, _seems(value)) for field, value in said.fields.items())
    for group, items in said.groups.items():
        for item in items:
            for name, value in item.items():
                yield (f"{group}.{name}" if name else group), _seems(value)


def _seems(value: Any) -> Kind | None:
    return None if value.kind is Kind.TEXT and value.plain.isdigit() else value.kind


def _settled(seen: Mapping[str, set[Kind | None]]) -> dict[str, Kind]:
    """A field whose values all seem of one kind is of that kind; any doubt makes it a text.

    Bare digits go with amounts: 12 beside 12.50.
    """
    return {
        field: Kind.AMOUNT
        if kinds <= {Kind.AMOUNT, None} and Kind.AMOUNT in kinds
        else Kind.DATE
        if kinds == {Kind.DATE}
        else Kind.TEXT
        for field, kinds in seen.items()
    }


def _no_truth(path: Path, name: str, error: UnusableInput) -> Problem:
    return Problem(
        "the answer is no truth to measure by",
        file=str(path),
        field=name,
        found=str(error).splitlines()[0],
        cure="run validate-data on the file, and correct or drop the pair",
    )
