"""The report's worst documents: the page, and expected beside found, errors marked."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from erniekit_finetuning.evaluation.judging import DocumentResult
from erniekit_finetuning.evaluation.matching import Match, Verdict
from erniekit_finetuning.evaluation.page_images import page_uri
from erniekit_finetuning.evaluation.result import Evaluation
from erniekit_finetuning.evaluation.table import headings

WORST = 5
_SHOWN_TEXT = 1200  # characters of an answer that is not valid


class _Key(NamedTuple):
    """Places of one field: a line by the truth's index, an invented one by the prediction's."""

    invented: bool
    line: int
    field: str


def worst_documents(evaluations: Sequence[Evaluation]) -> str:
    """Up to five documents with most errors of the last evaluation, most first."""
    last = evaluations[-1]
    order = sorted(range(len(last.documents)), key=lambda i: -last.documents[i].errors)
    worst = [i for i in order[:WORST] if last.documents[i].errors]
    if not worst:
        return '<p class="soft">No document has an error.</p>'
    base = Path(last.data_file).parent
    names = headings(evaluations)
    return "".join(
        _document([evaluation.documents[i] for evaluation in evaluations], names, base)
        for i in worst
    )


def _document(results: Sequence[DocumentResult], names: Sequence[str], base: Path) -> str:
    last = results[-1]
    uri = page_uri(last.images, base)
    page = (
        f'<img class="page" alt="Page 1 of {escape(last.id)}" src="{uri}">'
        if uri
        else '<div class="no-page">The page image is not at hand.</div>'
    )
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
        f'<div class="sides"><div>{page}</div><div>{problem}{_fields(results, names)}</div></div>'
        "</div>"
    )


def _fields(results: Sequence[DocumentResult], names: Sequence[str]) -> str:
    """One row a field that is expected or found by any model, lines under their number."""
    sides = [{_key(match): match for match in result.matches} for result in results]
    keys = dict.fromkeys(key for side in sides for key in side)
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    if len(names) == 1:
        head = "<th>found</th>"
    rows: list[str] = []
    shown = (False, -1)
    for key in sorted(keys, key=lambda key: (key.invented, key.line)):
        matches = [side.get(key) for side in sides]
        if all(match is None or match.verdict is Verdict.ABSENT for match in matches):
            continue
        if key.line >= 0 and (key.invented, key.line) != shown:
            shown = (key.invented, key.line)
            title = f"extra line {key.line + 1} of the answer" if key.invented else ""
            title = title or f"line {key.line + 1}"
            rows.append(f'<tr><td class="lines" colspan="{len(names) + 2}">{title}</td></tr>')
        expected = next((match.expected for match in matches if match and match.expected), None)
        cells = "".join(_found(match) for match in matches)
        rows.append(
            f'<tr><td class="field">{escape(key.field.removeprefix("lines."))}</td>'
            f"<td>{_text(expected)}</td>{cells}</tr>"
        )
    return (
        f'<table class="fields"><tr><th>field</th><th>expected</th>{head}</tr>{"".join(rows)}'
        "</table>"
    )


def _key(match: Match) -> _Key:
    if match.line is None and match.found_line is not None:
        return _Key(True, match.found_line, match.field)
    return _Key(False, -1 if match.line is None else match.line, match.field)


def _found(match: Match | None) -> str:
    if match is None or match.verdict is Verdict.ABSENT:
        return '<td class="soft">–</td>'
    if match.verdict is Verdict.CORRECT:
        return f'<td class="correct">{_text(match.found)}</td>'
    tag = f'<span class="tag {match.verdict}">{match.verdict}</span>'
    found = "" if match.found is None else f"{_text(match.found)} "
    return f'<td class="{match.verdict}">{found}{tag}</td>'


def _text(value: str | None) -> str:
    return '<span class="soft">–</span>' if value is None else escape(value).replace("\n", "<br>")
