"""The report: one HTML file that needs nothing else, and the same numbers as Markdown and CSV.

Model output is untrusted: all text is escaped, and the page's own policy forbids it to load or run
anything.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path

from erniekit_finetuning.confidence.calibration_error import Steps, binned
from erniekit_finetuning.evaluation.comparison import RESAMPLES
from erniekit_finetuning.evaluation.formulas import by_confidence
from erniekit_finetuning.evaluation.measures import (
    ARITHMETIC,
    LINE_F1,
    MEASURES,
    PRIMARY,
    WHOLE,
)
from erniekit_finetuning.evaluation.plots import intervals, reliability
from erniekit_finetuning.evaluation.report_documents import worst_documents
from erniekit_finetuning.evaluation.report_page import page, picture
from erniekit_finetuning.evaluation.report_tables import grid, section, table
from erniekit_finetuning.evaluation.result import OutputFiles, Results
from erniekit_finetuning.evaluation.scores import VERDICTS
from erniekit_finetuning.evaluation.table import (
    Compared,
    csv_table,
    markdown_table,
    written,
)
from erniekit_finetuning.evaluation.versus import verdict, whole_sentence
from erniekit_finetuning.files import write_text

_TILES = (PRIMARY, WHOLE, LINE_F1, ARITHMETIC)


def write_reports(models: Compared, files: OutputFiles, curves: Path | None = None) -> None:
    """Write the HTML, Markdown and CSV reports, and comparison.json where there are several.

    `curves`: a PNG of the last model's training, shown when the file is there.
    """
    write_text(files.html, html_report(models, curves))
    write_text(files.markdown, markdown_report(models))
    write_text(files.csv, csv_table(models))
    if models.versus:
        found = {
            "baseline": models.names[0],
            "models": {
                name: one.to_json()
                for name, one in zip(models.names[1:], models.versus, strict=True)
            },
        }
        write_text(files.comparison, json.dumps(found, ensure_ascii=False, indent=2) + "\n")


def html_report(models: Compared, curves: Path | None = None) -> str:
    """The whole page as text; see `write_reports`."""
    title = " against ".join(reversed(models.names)) if len(models.names) == 2 else models.names[-1]
    fields = table(models.field_rows, models.names, bars=True)
    drawn = [
        intervals(one.fields, f"{name} against {models.names[0]}, by field")
        for name, one in zip(models.names[1:], models.versus, strict=True)
    ]
    parts = [
        f"<h1>Invoice extraction: {escape(title)}</h1>",
        _about(models),
        *_verdicts(models),
        _tiles(models),
        section("Scores", table([*models.score_rows, *models.trouble_rows], models.names)),
        section("Accuracy by field", "".join(drawn) + fields),
        section("By sort of document", table(models.slice_rows, models.names, bars=True))
        if models.slice_rows
        else "",
        _reliability(models),
        section("Verdicts", grid(map(_matrices, models.results, models.names))),
        section("Training", picture(curves)) if curves and curves.is_file() else "",
        section("Documents with most errors", worst_documents(models)),
        section("How to read this", _explained(models)),
    ]
    return page(f"Evaluation of {title}", parts)


def reliability_page(model: str, steps: Mapping[str, Steps]) -> str:
    """A page of reliability plots, each with the counts of its bins."""
    drawn = [reliability(one, name) + _bins(one) for name, one in steps.items()]
    parts = [
        f"<h1>Confidence of {escape(model)}</h1>",
        section("How sure, how right", grid(f"<div>{one}</div>" for one in drawn)),
    ]
    return page(f"Confidence of {model}", parts)


def markdown_report(models: Compared) -> str:
    """Verdict, scores, fields and sorts of documents as Markdown."""
    parts = [f"# Evaluation of {models.names[-1]}", *sentences(models)]
    parts.append(markdown_table([*models.score_rows, *models.trouble_rows], models.names))
    parts += ["## Accuracy by field", markdown_table(models.field_rows, models.names)]
    if rows := models.slice_rows:
        parts += ["## By sort of document", markdown_table(rows, models.names)]
    return "\n\n".join(parts) + "\n"


def sentences(models: Compared) -> list[str]:
    """What the evaluation shows, in plain words: a verdict a model, or the one model's scores."""
    if not models.versus:
        return [_sentence(models.results[0])]
    first = models.names[0]
    return [
        f"{verdict(one, first, name)} {whole_sentence(one, first, name)}".strip()
        for name, one in zip(models.names[1:], models.versus, strict=True)
    ]


def _sentence(results: Results) -> str:
    accuracy, whole = (results.scores[measure.key] for measure in (PRIMARY, WHOLE))
    if accuracy is None:
        return f"No field to count in {results.documents:,} documents."
    return (
        f"{100 * accuracy:.1f} % of fields right, {round((whole or 0) * results.documents):,} of "
        f"{results.documents:,} documents right as a whole."
    )


def _about(models: Compared) -> str:
    last = models.evaluations[-1].evaluated
    rows = [
        f"{escape(name)}: {escape(one.evaluated.model)}, engine {escape(one.evaluated.engine)}, "
        f"decoding {escape(one.evaluated.decoding)}"
        for name, one in zip(models.names, models.evaluations, strict=True)
    ]
    data = f"{models.results[-1].documents:,} documents of {escape(Path(last.data_file).name)}"
    rows.append(f"{data} (sha256 {last.data_sha256[:12]})")
    return "".join(f'<p class="soft small" style="margin:0">{row}</p>' for row in rows)


def _verdicts(models: Compared) -> list[str]:
    kinds = [one.headline.outcome.name.lower() for one in models.versus] or [""]
    return [
        f'<section class="verdict {kind}"><p>{escape(text)}</p></section>'
        for kind, text in zip(kinds, sentences(models), strict=True)
    ]


def _tiles(models: Compared) -> str:
    tiles = []
    for measure in _TILES:
        values = [results.scores.get(measure.key) for results in models.results]
        if values[-1] is None:
            continue
        was = f"from {written(values[0], measure.form)}" if len(values) > 1 else ""
        tiles.append(
            f'<div class="tile"><span class="soft small">{escape(measure.title)}</span>'
            f"<b>{written(values[-1], measure.form)}</b>"
            f'<span class="soft small">{was}</span></div>'
        )
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _reliability(models: Compared) -> str:
    drawn = [
        reliability(by_confidence(one.table.total()), f"{name}, {one.evaluated.confidence}")
        for one, name in zip(models.evaluations, models.names, strict=True)
    ]
    if not any(drawn):
        return ""
    return section(
        "How sure, how right",
        f'{grid(drawn)}<p class="soft small">Each dot is about a tenth of the values, by '
        "confidence: below the line it is higher than the share of right ones. Raw: the model's "
        "probability of the value's tokens; calibrated: ernie-invoice calibrate.</p>",
    )


def _bins(steps: Steps) -> str:
    """Values, mean confidence and share of right ones of each bin of the calibration error."""
    rows = "".join(
        f'<tr><td class="n">{said:,.0f}</td><td class="n">{100 * sure / said:.1f} %</td>'
        f'<td class="n">{100 * right / said:.1f} %</td></tr>'
        for said, right, sure in zip(*(part.tolist() for part in binned(steps)), strict=True)
        if said
    )
    head = '<tr><th class="n">values</th><th class="n">confidence</th><th class="n">right</th></tr>'
    return f"<table>{head}{rows}</table>"


def _matrices(results: Results, name: str) -> str:
    """Who calls documents valid, and whether they are: counts of documents."""
    parts = []
    for key, one in results.verdicts.items():
        rows = (
            ("called valid", one.valid_rightly, one.valid_wrongly),
            ("called not valid", one.invalid_wrongly, one.invalid_rightly),
        )
        body = "".join(
            f'<tr><td>{label}</td><td class="n">{left:,}</td><td class="n">{right:,}</td></tr>'
            for label, left, right in rows
        )
        parts.append(
            f'<div class="matrix"><p class="small">{escape(name)}: {escape(VERDICTS[key])}</p>'
            '<table><tr><th></th><th class="n">is valid</th><th class="n">is not</th></tr>'
            f"{body}</table></div>"
        )
    return "".join(parts)


def _explained(models: Compared) -> str:
    scored = [results.scores for results in models.results]
    lines = [
        f"{measure.title}: {measure.about}"
        for measure in MEASURES
        if any(scores.get(measure.key) is not None for scores in scored)
    ]
    lines.append("An answer that is no JSON misses every field; nothing is repaired.")
    if models.versus:
        lines.append(
            f"Intervals hold the difference with 95 %: {RESAMPLES:,} paired resamples of whole "
            "documents. A colour marks a difference that they show; by field and by sort also "
            "after Holm's correction for the number of rows, by field by McNemar's test. They "
            "speak of documents like these, not of others."
        )
    return "".join(f'<p class="small">{escape(line)}</p>' for line in lines)
