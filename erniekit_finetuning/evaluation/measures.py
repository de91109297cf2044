"""The scores: what each is, and how it is told, in the order of a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.evaluation import formulas
from erniekit_finetuning.evaluation.counting import Counts
from erniekit_finetuning.evaluation.field_metrics import FieldMetrics
from erniekit_finetuning.evaluation.formulas import Form, Measure

PRIMARY = Measure(
    "field_accuracy",
    "Field accuracy",
    "Correct fields over all fields that the truth or the answer has: a value that is wrong, "
    "missing or invented counts against it. Amounts and dates are right when their values are; "
    "texts without regard to case, width and white space.",
    formulas.accuracy,
)
WHOLE = Measure(
    "whole_document_rate",
    "Whole documents right",
    "Documents without one wrong, missing or invented field.",
    formulas.rate("whole", "documents"),
)
LINE_F1 = Measure(
    "line_f1",
    "Line items, F1",
    "Lines are paired with the truth's so that they are most alike. A line is right when its "
    "description is, and its quantity, unit price and net amount where the document has them. "
    "Harmonic mean of precision and recall.",
    formulas.item_f1,
)
ARITHMETIC = Measure(
    "arithmetic_rate",
    "Arithmetic verified",
    "Invoices whose extracted numbers add up.",
    formulas.rate("verified", "invoices"),
)
FIELD_METRICS: tuple[Measure, ...] = (
    Measure(
        "anls_star",
        "ANLS*",
        "Peer et al. 2024: normalised Levenshtein similarity of JSON trees.",
        formulas.rate("anls_star", "measured"),
    ),
    Measure(
        "donut_f1",
        "Donut field F1",
        "Kim et al. 2022: (path, value) pairs that agree exactly, over all documents.",
        formulas.donut_f1,
    ),
    Measure(
        "donut_tree",
        "Donut tree-edit accuracy",
        "Kim et al. 2022: 1 - tree edit distance over the truth's size.",
        formulas.rate("donut_tree", "measured"),
    ),
    Measure(
        "sroie_f1",
        "SROIE entity F1",
        "ICDAR 2019: company, date, address and total that agree exactly.",
        formulas.entity_f1,
    ),
    Measure(
        "sroie_precision",
        "SROIE precision",
        "Right entities of those extracted.",
        formulas.rate("entities_right", "entities_found"),
    ),
    Measure(
        "sroie_recall",
        "SROIE recall",
        "Right entities of the truth's.",
        formulas.rate("entities_right", "entities_expected"),
    ),
    Measure(
        "json_accuracy",
        "JSON accuracy",
        "getomni's OCR benchmark: 1 - (added, deleted and changed leaves) over the truth's leaves.",
        formulas.rate("json_accuracy", "measured"),
    ),
)
MEASURES: tuple[Measure, ...] = (
    PRIMARY,
    WHOLE,
    LINE_F1,
    Measure(
        "line_precision",
        "Line items, precision",
        "Right lines of the predicted ones.",
        formulas.rate("items_right", "items_found"),
    ),
    Measure(
        "line_recall",
        "Line items, recall",
        "Right lines of the truth's.",
        formulas.rate("items_right", "items_expected"),
    ),
    Measure(
        "line_order",
        "Line items in order",
        "Paired lines that stand in the truth's order, the fewest left out that break it.",
        formulas.rate("items_in_order", "items_paired"),
    ),
    Measure(
        "amounts",
        "Amounts exact",
        "Field accuracy of amounts alone.",
        formulas.kind_accuracy(Kind.AMOUNT),
    ),
    Measure(
        "dates", "Dates exact", "Field accuracy of dates alone.", formulas.kind_accuracy(Kind.DATE)
    ),
    Measure(
        "texts", "Texts right", "Field accuracy of texts alone.", formulas.kind_accuracy(Kind.TEXT)
    ),
    Measure(
        "text_similarity",
        "Text similarity",
        "Mean likeness of texts, 1 for a right one, 0 for one that is missing or invented. "
        "Amounts and dates have no part in it.",
        formulas.text_similarity,
    ),
    Measure(
        "print_exact",
        "Prints exact",
        "Fields whose answer is the truth's print, letter by letter.",
        formulas.print_exact,
    ),
    Measure(
        "invented_rate",
        "Invented values",
        "Values said of fields that the document does not have, over all values said.",
        formulas.invented_rate,
        better=-1,
    ),
    Measure(
        "json_rate",
        "Valid JSON",
        "Answers that are one JSON object and nothing else; one that is cut off, or that a repair "
        "would make valid, is not.",
        formulas.rate("json_valid", "documents"),
    ),
    Measure(
        "shape_rate",
        "Valid shape",
        "Answers with the keys and types that were asked for.",
        formulas.rate("shape_valid", "documents"),
    ),
    ARITHMETIC,
    Measure(
        "verifiable_rate",
        "True numbers that add up",
        "Invoices that print enough to check: the most that arithmetic can honestly verify.",
        formulas.rate("verifiable", "invoices"),
        better=0,
    ),
    Measure(
        "rule_compliance",
        "Rules passed",
        "Findings of rules on the extracted invoices that pass, of those that apply.",
        formulas.rate("rules_passed", "rules_applied"),
    ),
    Measure(
        "own_verdict",
        "Own is_valid, above chance",
        "The model's is_valid against the rules on its own reading: share of not valid ones that "
        "it says so, plus share of valid ones, minus one. Always saying the same gives 0.",
        lambda counts: formulas.above_chance(counts, "own"),
    ),
    Measure(
        "faults_found",
        "Faulty invoices found by rules",
        "Invoices that break a rule and whose reading breaks one, too.",
        formulas.faults_found,
    ),
    Measure(
        "false_alarms",
        "Sound invoices that rules flag",
        "Invoices that keep the rules but whose reading breaks one.",
        formulas.false_alarms,
        better=-1,
    ),
    Measure(
        "fault_verdict",
        "Own is_valid against the truth",
        "As above, with the document's own verdict in the place of the reading's.",
        lambda counts: formulas.above_chance(counts, "truth_said"),
    ),
    Measure(
        "calibration_error",
        "Calibration error",
        "How far the confidence in values is from their share of right ones, in ten bins of as "
        "many values each.",
        formulas.calibration_error,
        better=-1,
    ),
    *FIELD_METRICS,
    Measure(
        "tokens",
        "Tokens a document",
        "New tokens over the documents that were asked.",
        formulas.rate("new_tokens", "asked"),
        0,
        Form.NUMBER,
    ),
    Measure(
        "seconds",
        "Seconds a document",
        "Wall time of the run over the documents that were asked.",
        formulas.rate("seconds", "asked"),
        -1,
        Form.SECONDS,
    ),
    Measure(
        "cost",
        "Cost of 1,000 documents",
        "What the service takes, in its currency.",
        lambda counts: 1000 * formulas.share(counts.of("cost"), counts.of("priced")),
        -1,
        Form.MONEY,
    ),
)
BY_KEY = {measure.key: measure for measure in MEASURES}


def of_field(field: str) -> Measure:
    """The accuracy of one field."""
    return Measure(field, field, "", lambda counts: formulas.accuracy(counts, field))


def values(counts: Counts, measures: Sequence[Measure] = MEASURES) -> dict[str, float | None]:
    """Every score of a set of documents, to six digits; None where nothing is to be counted."""
    found = {measure.key: float(measure.of(counts)) for measure in measures}
    return {key: None if np.isnan(value) else round(value, 6) for key, value in found.items()}


def summarize(rows: Iterable[FieldMetrics]) -> dict[str, float | None]:
    """The field's metrics of documents that were measured one by one (`field_metrics.measure`).

    >>> scores = summarize([FieldMetrics(0.5, 3, 2, 0.75, 1, 2, 1, 0.25)])
    >>> scores["donut_f1"], scores["sroie_f1"]  # 3 / (3 + 2/2), 2 x 1 / (2 + 1)
    (0.75, 0.666667)
    """
    measured = list(rows)
    names = (*FieldMetrics._fields, "measured")
    keys = {("", name): column for column, name in enumerate(names)}
    sums = np.array([(*row, 1) for row in measured], float).reshape(-1, len(names)).sum(0)
    return values(Counts(keys, sums), FIELD_METRICS)
