"""Truth against prediction, field by field: what matched, before any score is made of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.evaluation.pairing import pair_items
from erniekit_finetuning.evaluation.said import Item, Said
from erniekit_finetuning.evaluation.values import Value, same


class Verdict(StrEnum):
    """What a prediction did with a field.

    `missing`: the truth has it, the prediction not. `invented`: the prediction has it, the truth
    not. A field that neither has makes no match.
    """

    CORRECT = "correct"
    WRONG = "wrong"
    MISSING = "missing"
    INVENTED = "invented"


@dataclass(slots=True)  # frozen ones take five times as long to make, and there are millions
class Match:
    """One field of one document, with both prints.

    A field of an item (`lines[].quantity`) carries the item's index in the truth and in the
    prediction; None where it has no partner. `confidence`: how likely it is right, as told.
    """

    field: str
    kind: Kind
    verdict: Verdict
    expected: str | None = None
    found: str | None = None
    line: int | None = None
    found_line: int | None = None
    confidence: float | None = None

    @property
    def group(self) -> str | None:
        """The list that the field's item stands in: `lines[]`; None for a field of the document."""
        if self.line is None and self.found_line is None:
            return None
        return self.field[: self.field.index("[]") + 2]


def match(truth: Said, found: Said) -> list[Match]:
    """Compare two readings; the items of each list are first paired so that they are most alike."""
    matches = _matches(truth.fields, found.fields, "", None, None)
    for group in dict.fromkeys((*truth.groups, *found.groups)):
        expected, predicted = truth.groups.get(group, []), found.groups.get(group, [])
        for i, j in pair_items(expected, predicted):
            one = expected[i] if i is not None else {}
            other = predicted[j] if j is not None else {}
            matches += _matches(one, other, group, i, j)
    return matches


def _matches(
    truth: Item, found: Item, group: str, line: int | None, found_line: int | None
) -> list[Match]:
    names = truth if truth.keys() == found.keys() else dict.fromkeys((*truth, *found))
    return [
        _match(_path(group, name), truth.get(name), found.get(name), line, found_line)
        for name in names
    ]


def _match(
    field: str,
    expected: Value | None,
    found: Value | None,
    line: int | None,
    found_line: int | None,
) -> Match:
    if expected is None:
        assert found is not None
        kind, verdict = found.kind, Verdict.INVENTED
    elif found is None:
        kind, verdict = expected.kind, Verdict.MISSING
    else:
        kind = expected.kind
        verdict = Verdict.CORRECT if same(expected, found) else Verdict.WRONG
    left = None if expected is None else expected.printed
    right = None if found is None else found.printed
    return Match(field, kind, verdict, left, right, line, found_line)


def _path(group: str, name: str) -> str:
    if not group or not name:
        return name or group
    return f"{group}{name}" if name.startswith("[") else f"{group}.{name}"
