"""Each kind of damage to a right answer lowers the scores that it should, and no other."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from judged import answered, judged, scores

from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.evaluation.judging import judge
from erniekit_finetuning.evaluation.measures import MEASURES
from erniekit_finetuning.evaluation.truth import Truth
from erniekit_finetuning.invoice.answer import read_answer
from erniekit_finetuning.invoice.response import structured_data
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import draft

Data = dict[str, Any]
READING = {"field_accuracy", "whole_document_rate", "print_exact"}
TEXT = READING | {"texts", "text_similarity"}
AMOUNT = READING | {"amounts"}
LINE = {"line_f1", "line_precision", "line_recall"}
EVERYTHING = TEXT | AMOUNT | {"dates", "line_f1", "line_recall"}
# What rules say follows the reading: a damaged one may break them or leave nothing to check.
RULES = {"arithmetic_rate", "rule_compliance", "false_alarms", "own_verdict", "calibration_error"}


@dataclass(frozen=True)
class Damage:
    """What is done to the text or data of an answer, and which scores fall."""

    falls: set[str]
    to_data: Callable[[Data], object] = lambda data: None
    to_text: Callable[[str], str] = lambda text: text
    finished: bool = True
    rules: bool = True  # whether rules may see it


def block(name: str, key: str, change: Callable[[Any], Any]) -> Callable[[Data], object]:
    """Change a value of a block; only answers in which that does change something count."""

    def edit(data: Data) -> None:
        old = data[name][key]
        new = change(old)
        assume(new != old)
        data[name][key] = new

    return edit


def printed(change: Callable[[str], str]) -> Callable[[Any], Any]:
    def edit(value: Any) -> Any:
        assume(value is not None)
        return change(value)

    return edit


def absent(new: str) -> Callable[[Any], Any]:
    def edit(value: Any) -> Any:
        assume(value is None)
        return new

    return edit


def other_digit(value: str) -> str:
    """Another first digit: 30.60 is 80.60."""
    place = next(i for i, letter in enumerate(value) if letter.isdigit())
    return f"{value[:place]}{(int(value[place]) + 5) % 10 or 4}{value[place + 1 :]}"


def lines(change: Callable[[list[Data]], object]) -> Callable[[Data], object]:
    """Change the lines of an invoice with two or more that no two of are alike."""

    def edit(data: Data) -> None:
        names = [line["description"] for line in data["line_items"]]
        assume(len(names) > 1 and None not in names and len(set(names)) == len(names))
        assume(all(line["unit_price"] and line["line_total"] for line in data["line_items"]))
        change(data["line_items"])

    return edit


def swap_prices(items: list[Data]) -> None:
    assume(items[0]["unit_price"] != items[1]["unit_price"])
    first, second = items[:2]
    first["unit_price"], second["unit_price"] = second["unit_price"], first["unit_price"]


def emptied(data: Data) -> None:
    data.clear()


DAMAGES = {
    "wrong digit in the total": Damage(
        AMOUNT, block("financial_summary", "grand_total", printed(other_digit))
    ),
    "wrong digit in the tax": Damage(
        AMOUNT, block("financial_summary", "tax", printed(other_digit))
    ),
    "total missing": Damage(
        AMOUNT,
        block("financial_summary", "grand_total", printed(lambda _: None)),  # type: ignore[arg-type,return-value]
    ),
    "another date": Damage(
        READING | {"dates"}, block("client_info", "invoice_date", printed(lambda _: "1999-12-31"))
    ),
    "a letter of the seller's name": Damage(
        TEXT, block("vendor_block", "name", printed(lambda name: f"{name}q")), rules=False
    ),
    "seller's name missing": Damage(
        TEXT,
        block("vendor_block", "name", printed(lambda _: None)),  # type: ignore[arg-type,return-value]
    ),
    "invented tax id": Damage(
        TEXT | {"invented_rate"}, block("vendor_block", "tax_id", absent("DE123456788"))
    ),
    "invented charge": Damage(
        AMOUNT | {"invented_rate"}, block("financial_summary", "charges", absent("7.31"))
    ),
    "wrong invoice number": Damage(
        TEXT, block("client_info", "invoice_number", printed(lambda n: f"9{n}")), rules=False
    ),
    "line lost": Damage(
        TEXT | AMOUNT | {"line_recall", "line_f1"}, lines(lambda items: items.pop())
    ),
    "line twice": Damage(
        TEXT | AMOUNT | {"line_precision", "line_f1", "invented_rate"},
        lines(lambda items: items.append(dict(items[0]))),
    ),
    "lines in another order": Damage(
        {"line_order"}, lines(lambda items: items.reverse()), rules=False
    ),
    "price moved to another line": Damage(AMOUNT | LINE, lines(swap_prices)),
    "description changed": Damage(
        TEXT | LINE,
        lines(lambda items: items[0].update(description=items[0]["description"] + " q")),
        rules=False,
    ),
    "letters of another case": Damage(
        {"print_exact"}, block("vendor_block", "name", printed(str.swapcase)), rules=False
    ),
    "more white space": Damage(
        {"print_exact"},
        block("vendor_block", "name", printed(lambda name: f"  {name} ")),
        rules=False,
    ),
    "unknown key": Damage(
        TEXT | {"shape_rate", "invented_rate"},
        lambda data: data["client_info"].update(colour="blue"),
        rules=False,
    ),
    "every value null": Damage(EVERYTHING, emptied),
    "cut off at once": Damage(
        EVERYTHING | {"json_rate", "shape_rate"}, to_text=lambda text: text[:40], finished=False
    ),
    "cut off when all is said": Damage(
        {"whole_document_rate", "json_rate", "shape_rate"},
        to_text=lambda text: text[:-1],
        finished=False,
        rules=False,
    ),
    "words around it": Damage(
        EVERYTHING | {"json_rate", "shape_rate"}, to_text=lambda text: f"Here: {text}"
    ),
    "nothing said": Damage(EVERYTHING | {"json_rate", "shape_rate"}, to_text=lambda _: ""),
    "a key twice": Damage(
        EVERYTHING | {"json_rate", "shape_rate"},
        to_text=lambda text: text[:-1] + ',"structured_data":{}}',
    ),
    "a value that is none": Damage(
        EVERYTHING | {"shape_rate"}, lambda data: data["vendor_block"].update(name=["a"])
    ),
}


@cache
def invoice(index: int) -> Data:
    return structured_data(draft(GeneratorConfig(), 77, index).invoice)


def outcome(truth: Data, answer: str, finished: bool) -> dict[str, float | None]:
    """Scores of the answer beside a perfect one, so that no score has nothing to count."""
    whole = {"structured_data": truth}
    real = Truth("other", whole, read_answer(compact(whole)).invoice)
    return scores(judged(), judge(real, answered(answer, finished)))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
# Some damage fits few invoices: a tax id can be invented only where none is printed.
@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(index=st.integers(0, 400))
def test_damage_lowers_exactly_its_scores(damage: Damage, index: int) -> None:
    truth = invoice(index)
    data = copy.deepcopy(truth)
    damage.to_data(data)
    before = outcome(truth, compact({"structured_data": truth}), True)
    after = outcome(truth, damage.to_text(compact({"structured_data": data})), damage.finished)
    lower, higher = set(), set()
    for measure in MEASURES:
        one, other = before[measure.key], after[measure.key]
        if measure.better == 0 or one is None or other is None or one == other:
            continue
        (lower if (other < one) == (measure.better == 1) else higher).add(measure.key)
    seen_by_rules = RULES if damage.rules else set()
    assert lower - seen_by_rules == damage.falls
    assert higher <= seen_by_rules
