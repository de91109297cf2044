"""What is counted of each document: numbers that add up over any set of documents."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from erniekit_finetuning.confidence.calibration_error import STEPS, step_of
from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.evaluation.judging import DocumentResult
from erniekit_finetuning.evaluation.matching import Match, Verdict
from erniekit_finetuning.evaluation.said import LINES
from erniekit_finetuning.evaluation.values import similarity

CONFIDENCE = [f"confidence {step}" for step in range(STEPS)]  # subjects of counts
KINDS = {kind: f"kind {kind}" for kind in Kind}  # subjects of counts
# What a line of ours needs to be right; a line of another shape needs all of its columns.
_NEEDED = {f"{LINES}.{name}" for name in ("description", "quantity", "unit_price", "net_amount")}

Key = tuple[str, str]  # of what (a field, a kind, a step; "" for the document), and what


class Counts(NamedTuple):
    """Counts by key, for one set of documents or for several [.., keys]."""

    keys: Mapping[Key, int]
    values: NDArray[np.float64]

    def of(self, what: str, subject: str = "") -> NDArray[np.float64]:
        """One count; 0 where nothing was counted under that name."""
        column = self.keys.get((subject, what))
        return np.zeros(self.values.shape[:-1]) if column is None else self.values[..., column]

    def subjects(self, what: str) -> list[str]:
        """What was counted so, the document itself aside, in the order in which it came up."""
        return [subject for subject, counted in self.keys if counted == what and subject]


@dataclass
class Table:
    """The counts of many documents; `keys` gives the column of a count."""

    ids: list[str] = field(default_factory=list)
    tags: list[Mapping[str, str]] = field(default_factory=list)
    keys: dict[Key, int] = field(default_factory=dict)
    _rows: list[NDArray[np.float32]] = field(default_factory=list)
    _columns: list[NDArray[np.int32]] = field(default_factory=list)

    def add(self, document: DocumentResult) -> None:
        """Count a document."""
        counted, keys = count(document), self.keys
        columns = [keys.setdefault(key, len(keys)) for key in counted]
        self.ids.append(document.id)
        self.tags.append(document.tags)
        self._columns.append(np.array(columns, np.int32))
        self._rows.append(np.array(list(counted.values()), np.float32))

    def matrix(self, rows: Sequence[int] | None = None) -> NDArray[np.float64]:
        """[documents, keys] of all documents, or of some."""
        chosen = range(len(self.ids)) if rows is None else rows
        made = np.zeros((len(chosen), len(self.keys)))
        for place, row in enumerate(chosen):
            made[place, self._columns[row]] = self._rows[row]
        return made

    def column(self, what: str, subject: str = "") -> NDArray[np.float64]:
        """[documents]: one count of every document."""
        wanted = self.keys.get((subject, what), -1)
        found = np.zeros(len(self.ids))
        for row, columns in enumerate(self._columns):
            place = np.flatnonzero(columns == wanted)
            if place.size:
                found[row] = self._rows[row][place[0]]
        return found

    def total(self, rows: Sequence[int] | None = None) -> Counts:
        """The sums over all documents, or over some."""
        sums = np.zeros(len(self.keys))
        for row in range(len(self.ids)) if rows is None else rows:
            sums[self._columns[row]] += self._rows[row]
        return Counts(self.keys, sums)


def tabled(documents: Iterable[DocumentResult]) -> Table:
    """The counts of these documents."""
    table = Table()
    for document in documents:
        table.add(document)
    return table


def count(document: DocumentResult) -> dict[Key, float]:
    """What one document adds to the counts."""
    found: dict[Key, float] = defaultdict(float)
    found["", "documents"] = 1
    for match in document.matches:
        _count_match(match, found)
    _count_items(document.matches, found)
    asked = document.asked
    said: dict[str, float] = {
        "asked": asked,
        "cut_off": asked and not document.finished,
        "json_valid": document.json_problem is None,
        "shape_valid": document.problem is None,
        "repairable": document.repairable,
        "whole": document.problem is None and document.errors == 0,
        "rules_applied": document.rules_applied,
        "rules_passed": document.rules_passed,
        "new_tokens": document.new_tokens,
        "prompt_tokens": document.prompt_tokens,
        "seconds": document.seconds,
        "cost": float(document.cost or 0),
        "priced": document.cost is not None,
    }
    if document.verifiable is not None:
        said |= {
            "invoices": 1,
            "verified": bool(document.verified),
            "verifiable": document.verifiable,
        }
    found |= {("", name): number for name, number in said.items() if number}
    for name in _verdicts(document):
        found["", name] = 1
    if document.metrics is not None:
        found["", "measured"] = 1
        for name, number in document.metrics._asdict().items():
            found["", name] = float(number)
    return found


def _count_match(match: Match, found: dict[Key, float]) -> None:
    verdict = match.verdict
    found["", verdict] += 1
    found[match.field, verdict] += 1
    found[KINDS[match.kind], verdict] += 1
    right = verdict is Verdict.CORRECT
    if right and match.expected == match.found:
        found["", "exact"] += 1
        found[match.field, "exact"] += 1
    if match.kind is Kind.TEXT:
        alike = 1.0 if right else similarity(match.expected or "", match.found or "")
        found["", "text_similarity"] += alike
        found[match.field, "text_similarity"] += alike
    if match.line is not None and match.found_line is not None:
        found[match.field, "paired"] += 1
        found[match.field, "paired_correct"] += right
    if match.confidence is not None:
        step = CONFIDENCE[step_of(match.confidence)]
        found[step, "said"] += 1
        found[step, "right"] += right
        found[step, "confidence"] += match.confidence


def _count_items(matches: Iterable[Match], found: dict[Key, float]) -> None:
    """Items expected, found, right, paired, and in order.

    A line of ours is right when description, quantity, price and net are, where the truth has them;
    an item of another shape when all of its fields are.
    """
    expected: dict[tuple[str, int], bool] = {}
    predicted: set[tuple[str, int]] = set()
    partners: dict[str, dict[int, int]] = defaultdict(dict)
    for match in matches:
        group = match.group
        if group is None:
            continue
        if match.found_line is not None:
            predicted.add((group, match.found_line))
        if match.line is None:
            continue
        place = group, match.line
        expected[place] = expected.get(place, True) and not _spoils(match, group)
        if match.found_line is not None:
            partners[group][match.line] = match.found_line
    if expected or predicted:
        found["", "items_expected"] = len(expected)
        found["", "items_found"] = len(predicted)
        found["", "items_right"] = sum(expected.values())
    for pairs in partners.values():
        found["", "items_paired"] += len(pairs)
        found["", "items_in_order"] += _longest_rise([pairs[line] for line in sorted(pairs)])


def _spoils(match: Match, group: str) -> bool:
    if match.found_line is None:
        return True
    if group != LINES:
        return match.verdict is not Verdict.CORRECT
    return match.field in _NEEDED and match.verdict in (Verdict.WRONG, Verdict.MISSING)


def _longest_rise(numbers: Sequence[int]) -> int:
    """How many of the numbers stay when the fewest that break the order are left out.

    >>> _longest_rise([0, 2, 1, 3])
    3
    """
    tails: list[int] = []
    for number in numbers:
        place = bisect_left(tails, number)
        tails[place : place + 1] = [number]
    return len(tails)


def _verdicts(document: DocumentResult) -> Iterator[str]:
    """The model's own verdict and that of the rules on its reading, against what is so.

    `own_01` counts readings that the model calls not valid and the rules valid, and so on;
    `truth_..` likewise with the document's own verdict in the second place, for the model's
    (`said`) and for the rules on the reading (`rules`).
    """
    names = (
        ("own", document.said_valid, document.rules_valid),
        ("truth_said", document.said_valid, document.truth_valid),
        ("truth_rules", document.rules_valid, document.truth_valid),
    )
    for name, first, second in names:
        if first is not None and second is not None:
            yield f"{name}_{first:d}{second:d}"
