"""The report: one HTML file that needs nothing else, and the same numbers as Markdown.

Model output is untrusted: all text is escaped, and the page's own policy forbids it to load or run
anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from erniekit_finetuning.evaluation.comparison import RESAMPLES, Comparison, compare
from erniekit_finetuning.evaluation.page_images import file_uri
from erniekit_finetuning.evaluation.report_documents import worst_documents
from erniekit_finetuning.evaluation.report_style import STYLE
from erniekit_finetuning.evaluation.result import Evaluation
from erniekit_finetuning.evaluation.table import (
    Row,
    field_rows,
    headings,
    markdown_table,
    score_rows,
    short_name,
    verdict,
)
from erniekit_finetuning.files import write_text

_TILES = ("Field accuracy", "Whole documents right", "Line items, F1", "Arithmetic verified")
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_report(evaluations: Sequence[Evaluation], path: Path, curves: Path | None = None) -> None:
    """Write the HTML report of one evaluation, or of base and tuned, in that order.

    `curves`: a PNG of the training, shown when the file is there. Raises UnusableInput when the two
    are of different documents.
    """
    write_text(path, html_report(evaluations, curves))


def html_report(evaluations: Sequence[Evaluation], curves: Path | None = None) -> str:
    """The whole page as text; see `write_report`."""
    comparison = _comparison(evaluations)
    names = headings(evaluations)
    scores = [evaluation.scores for evaluation in evaluations]
    rows = score_rows(scores)
    parts = [
        f"<h1>Invoice extraction: {escape(short_name(evaluations[-1].model))}</h1>",
        _about(evaluations),
        _verdict(evaluations[-1], comparison),
        _tiles(rows),
        _section("Scores", _table(rows, names)),
        _section("Accuracy by field", _table(field_rows(scores), names, bars=True)),
        _section("Training", _curves(curves)) if curves and curves.is_file() else "",
        _section("Documents with most errors", worst_documents(evaluations)),
        _section("How to read this", _explained(evaluations[-1])),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Evaluation of {escape(short_name(evaluations[-1].model))}</title>"
        f"<style>{STYLE}</style></head>\n<body><main>\n" + "\n".join(filter(None, parts))
    ) + "\n</main></body></html>\n"


def markdown_report(evaluations: Sequence[Evaluation]) -> str:
    """Verdict, scores and fields as Markdown."""
    comparison = _comparison(evaluations)
    names = headings(evaluations)
    scores = [evaluation.scores for evaluation in evaluations]
    text = verdict(comparison) if comparison else _sentence(evaluations[-1])
    return "\n\n".join(
        [
            f"# Evaluation of {short_name(evaluations[-1].model)}",
            text,
            markdown_table(score_rows(scores), names),
            "## Accuracy by field",
            markdown_table(field_rows(scores), names) + "\n",
        ]
    )


def _comparison(evaluations: Sequence[Evaluation]) -> Comparison | None:
    if len(evaluations) not in (1, 2):
        raise ValueError("a report shows one evaluation or two")
    if len(evaluations) == 1:
        return None
    return compare(evaluations[0].documents, evaluations[1].documents)


def _sentence(evaluation: Evaluation) -> str:
    scores = evaluation.scores
    accuracy = scores.fields.accuracy
    share = "no field to count" if accuracy is None else f"{100 * accuracy:.1f} % of fields right"
    return (
        f"{share}, {scores.whole_documents:,} of {scores.documents:,} documents right as a whole."
    )


def _about(evaluations: Sequence[Evaluation]) -> str:
    last = evaluations[-1]
    rows = [
        f"{escape(name)}: {escape(evaluation.model)}"
        for name, evaluation in zip(headings(evaluations), evaluations, strict=True)
        if len(evaluations) > 1
    ]
    data = f"{last.scores.documents:,} documents of {escape(Path(last.data_file).name)}"
    rows.append(f"{data} (sha256 {last.data_sha256[:12]}), engine {escape(last.engine)}")
    return "".join(f'<p class="soft small" style="margin:0">{row}</p>' for row in rows)


def _verdict(last: Evaluation, comparison: Comparison | None) -> str:
    if comparison is None:
        return f'<section class="verdict"><p>{escape(_sentence(last))}</p></section>'
    kind = comparison.outcome.name.lower()
    return f'<section class="verdict {kind}"><p>{escape(verdict(comparison))}</p></section>'


def _tiles(rows: Sequence[Row]) -> str:
    tiles = []
    for row in rows:
        if row.name in _TILES:
            was = f"from {row.values[0]}" if len(row.values) > 1 else ""
            tiles.append(
                f'<div class="tile"><span class="soft small">{escape(row.name)}</span>'
                f"<b>{escape(row.values[-1])}</b>"
                f'<span class="soft small">{escape(was)}</span></div>'
            )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _table(rows: Sequence[Row], names: Sequence[str], bars: bool = False) -> str:
    compared = len(names) > 1
    head = "".join(f'<th class="n">{escape(name)}</th>' for name in names)
    head += '<th class="n">points</th>' if compared else ""
    body = []
    for row in rows:
        cells = [f"<td>{escape(row.name)}</td>"]
        for index, value in enumerate(row.values):
            bar = _bar(value, compared and index == 0) if bars else ""
            cells.append(f'<td class="n">{bar}<span class="value">{escape(value)}</span></td>')
        if compared:
            kind = "" if not row.gain else "up" if row.gain > 0 else "down"
            cells.append(f'<td class="n"><span class="{kind}">{escape(row.difference)}</span></td>')
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><tr><th></th>{head}</tr>{''.join(body)}</table>"


def _bar(value: str, first: bool) -> str:
    number = value.removesuffix(" %")
    width = number if value.endswith(" %") else "0"
    return f'<span class="bar{" first" if first else ""}"><i style="width:{width}%"></i></span>'


def _curves(curves: Path) -> str:
    uri = file_uri(curves, "image/png")
    return f'<img class="curves" alt="Loss over the training\'s steps" src="{uri}">'


def _explained(last: Evaluation) -> str:
    scores = last.scores
    own = scores.own_verdict
    lines = [
        "Field accuracy: correct fields over all fields that the truth or the answer has. A value "
        "that is wrong, missing or invented counts against it; a field that neither has does not "
        "count. Amounts and dates are equal when their values are; text without regard to case "
        "and white space.",
        "An answer that is not valid JSON of the expected shape, or is cut off, misses every "
        "field.",
        "A line item is right when its description is, and its quantity, unit price and net amount "
        "where the document has them.",
        f"Arithmetic verified: the numbers of the answer add up. So do the true numbers of "
        f"{scores.verifiable:,} of {scores.documents:,} documents; the others do not print enough "
        "to check.",
    ]
    if own is not None:
        lines.append(
            "The model's own is_valid, against the rules applied to its own reading: rightly valid "
            f"{own.valid_and_said_so:,}, rightly invalid {own.invalid_and_said_so:,}, called valid "
            f"wrongly {own.called_valid_wrongly:,}, called invalid wrongly "
            f"{own.called_invalid_wrongly:,}."
        )
    lines.append(
        f"The interval: {RESAMPLES:,} paired resamples of whole documents. It speaks of documents "
        "like these, not of others."
    )
    return "".join(f'<p class="small">{escape(line)}</p>' for line in lines)
