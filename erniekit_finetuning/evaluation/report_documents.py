"""The report's worst documents: the pages with what was read marked, expected beside found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from erniekit_finetuning.data.labelling import document_of
from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.data.pairs_file import read_pairs
from erniekit_finetuning.documents.locate import Locator
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.evaluation.judging import DocumentResult
from erniekit_finetuning.evaluation.matching import Match, Verdict
from erniekit_finetuning.evaluation.page_images import page_uris
from erniekit_finetuning.evaluation.table import Compared
from erniekit_finetuning.invoice.model import Place

WORST = 5
_PAGES = 3  # of a document that are shown
_PLACES = 3  # a print that stands at more says nothing by its place
_SHOWN_TEXT = 1200  # characters of an answer that is not valid


class _Key(NamedTuple):
    """Where a field stands: an item by the truth's index, an invented one by the prediction's."""

    invented: bool
    group: str
    line: int
    field: str


def worst_documents(models: Compared) -> str:
    """Up to five documents with most errors of the last model, most first."""
    table = models.evaluations[-1].table
    errors = sum(table.column(what) for what in ("wrong", "missing", "invented"))
    order = np.argsort(-np.asarray(errors), kind="stable")[:WORST]
    rows = [int(row) for row in order if np.asarray(errors)[row]]
    if not rows:
        return '<p class="soft">No document has an error.</p>'
    results = [_picked(one.documents(), rows) for one in models.evaluations]
    evaluated = models.evaluations[-1].evaluated
    pairs = _pairs(Path(evaluated.data_file), rows)
    base = Path(evaluated.data_file).parent
    return "".join(
        _document([found[row] for found in results], models.names, pairs.get(row), base)
        for row in rows
    )


def _picked(documents: Iterator[DocumentResult], rows: Sequence[int]) -> dict[int, DocumentResult]:
    wanted = set(rows)
    until = islice(enumerate(documents), max(rows) + 1)
    return {row: document for row, document in until if row in wanted}


def _pairs(path: Path, rows: Sequence[int]) -> Mapping[int, Pair]:
    """The test data's rows; none where the file is gone, which costs the boxes alone."""
    try:
        until = islice(enumerate(read_pairs(path)), max(rows) + 1)
        return {row: pair for row, pair in until if row in set(rows)}
    except UnusableInput:
        return {}


def _document(
    results: Sequence[DocumentResult], names: Sequence[str], pair: Pair | None, base: Path
) -> str:
    last = results[-1]
    keys = _rows(results)
    numbers = {key: number for number, key in enumerate(keys, start=1)}
    problem = ""
    if last.problem is not None:
        problem = f'<p><span class="tag wrong">answer not valid</span> {escape(last.problem)}</p>'
        if last.text:
            problem += f"<pre>{escape(last.text[:_SHOWN_TEXT])}</pre>"
    counts = f"{last.errors} error{'s' if last.errors != 1 else ''}"
    if len(results) > 1:
        counts += f" ({names[0]}: {results[0].errors})"
    return (
        f'<div class="document"><div class="head"><h3>{escape(last.id)}</h3>'
        f'<span class="soft small">{escape(counts)}</span></div>'
        f'<div class="sides"><div>{_shown(last, numbers, pair, base)}</div>'
        f"<div>{problem}{_fields(results, names, numbers)}</div></div></div>"
    )


def _shown(last: DocumentResult, numbers: Mapping[_Key, int], pair: Pair | None, base: Path) -> str:
    pages = page_uris(last.images, base, _PAGES)
    if not pages:
        return '<div class="no-page">The page image is not at hand.</div>'
    marks = list(_marks(last.matches, numbers, pair)) if pair is not None and pair.pages else []
    return "".join(
        f'<div class="page"><img alt="Page {number} of {escape(last.id)}" src="{uri}">'
        + "".join(mark for page, mark in marks if page == number)
        + "</div>"
        for number, uri in enumerate(pages, start=1)
    )


def _marks(
    matches: Sequence[Match], numbers: Mapping[_Key, int], pair: Pair
) -> Iterator[tuple[int, str]]:
    """Boxes with their page: what was read, and where the right value stands that was not."""
    locator = Locator(document_of(pair.pages or ()))
    for match in matches:
        number = numbers[_key(match)]
        if match.found is not None:
            for place in _few(locator.places(match.found)):
                yield place.page, _box(place, match.verdict.value, match, number)
        if match.verdict in (Verdict.WRONG, Verdict.MISSING) and match.expected is not None:
            for place in _few(locator.places(match.expected)):
                yield place.page, _box(place, "expected", match, number)


def _few(places: Sequence[Place]) -> Sequence[Place]:
    return places if len(places) <= _PLACES else ()


def _box(place: Place, kind: str, match: Match, number: int) -> str:
    left, top, right, bottom = (100 * side for side in place.box)
    said = (
        f"{match.field}: expected {match.expected or 'nothing'}, found {match.found or 'nothing'}"
    )
    label = f"<b>{number}</b>" if kind != Verdict.CORRECT.value else ""
    return (
        f'<span class="box {kind}" title="{escape(said)}" style="left:{left:.2f}%;top:{top:.2f}%;'
        f'width:{right - left:.2f}%;height:{bottom - top:.2f}%">{label}</span>'
    )


def _rows(results: Sequence[DocumentResult]) -> list[_Key]:
    """Every field that is expected or found by any model: the document's own, then items."""
    keys = dict.fromkeys(_key(match) for result in results for match in result.matches)
    return sorted(keys, key=lambda key: (key.group, key.invented, key.line))


def _fields(
    results: Sequence[DocumentResult], names: Sequence[str], numbers: Mapping[_Key, int]
) -> str:
    """One row a field, items under their number."""
    sides = [{_key(match): match for match in result.matches} for result in results]
    found = [f"<th>{escape(name)}</th>" for name in (names if len(names) > 1 else ("found",))]
    rows: list[str] = []
    shown: tuple[str, bool, int] | None = None
    for key, number in numbers.items():
        matches = [side.get(key) for side in sides]
        if key.group and (key.group, key.invented, key.line) != shown:
            shown = (key.group, key.invented, key.line)
            title = f"{key.group.removesuffix('[]')} {key.line + 1}"
            title += " of the answer, without a partner" if key.invented else ""
            rows.append(
                f'<tr><td class="lines" colspan="{len(names) + 3}">{escape(title)}</td></tr>'
            )
        expected = next((match.expected for match in matches if match and match.expected), None)
        field = key.field.removeprefix(key.group).removeprefix(".") or "value"
        rows.append(
            f'<tr><td class="soft number">{number}</td><td class="field">{escape(field)}</td>'
            f"<td>{_text(expected)}</td>{''.join(map(_found, matches))}</tr>"
        )
    return (
        '<table class="fields"><tr><th></th><th>field</th><th>expected</th>'
        f"{''.join(found)}</tr>{''.join(rows)}</table>"
    )


def _key(match: Match) -> _Key:
    group = match.group or ""
    if match.line is None and match.found_line is not None:
        return _Key(True, group, match.found_line, match.field)
    return _Key(False, group, -1 if match.line is None else match.line, match.field)


def _found(match: Match | None) -> str:
    if match is None:
        return '<td class="soft">–</td>'
    if match.verdict is Verdict.CORRECT:
        return f'<td class="correct">{_text(match.found)}</td>'
    tag = f'<span class="tag {match.verdict}">{match.verdict}</span>'
    found = "" if match.found is None else f"{_text(match.found)} "
    return f'<td class="{match.verdict}">{found}{tag}</td>'


def _text(value: str | None) -> str:
    return '<span class="soft">–</span>' if value is None else escape(value).replace("\n", "<br>")
