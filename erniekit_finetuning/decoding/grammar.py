"""The grammar of one document's answers, in llguidance's Lark dialect.

It allows exactly the compact JSON that the training data holds: all keys in their order, and each
leaf null or a span of one printed row. Values that may take several rows (an address) are up to
MOST_ROWS spans joined by the JSON escape of a line break.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from erniekit_finetuning.data.labelling import validation_summary
from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.invoice.model import Invoice, Line
from erniekit_finetuning.invoice.response import structured_data

MOST_LINES = 100
MOST_ROWS = 6
MOST_ISSUES = 20
LONGEST_ISSUE = 400

_SEVERAL_ROWS = {"name", "address", "description", "payment_terms"}
_ROW_END = "\n"
_SEPARATORS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
# Thai to Khmer, Chinese, Japanese, Korean: no spaces stand between words, or particles cling.
_UNSPACED = "\u0e00-\u0eff\u1780-\u17ff\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff"
# Spans start and end between units. A number stays whole with its separators, so that 1.50 cannot
# be read out of 21.50; letters and digits may part (12,50 of EUR12,50).
_UNIT = re.compile(rf"\d+(?:[.,'’]\d+)*|[{_UNSPACED}]|(?:(?![{_UNSPACED}])[^\W\d_])+|.", re.DOTALL)


def answer_grammar(document_text: str, full_analysis: bool) -> str:
    """Every answer that the document allows; with a `validation_summary` in a full analysis.

    Raises ValueError for a document that prints nothing.
    """
    units = list(_units(document_text))
    if not any(unit.strip() for unit in units):
        raise ValueError("the document prints nothing")
    # The shape is that of an empty invoice with one line, so it is written down in one place only.
    shape: dict[str, Any] = {"structured_data": structured_data(Invoice(lines=(Line(),)))}
    if full_analysis:
        shape["validation_summary"] = validation_summary(Invoice())
    (line,) = shape["structured_data"]["line_items"]
    escaped = [unit if unit == _ROW_END else compact(unit)[1:-1] for unit in units]
    return "\n".join(
        (
            # Keys may be added tokens, which a forced spelling in other tokens would shut out.
            '%llguidance { "no_forcing": true }',
            f"start: {_object(shape)}",
            f"line: {_object(line)}",
            'flag: "true" | "false"',
            r'ROW_VALUE: "null" | "\"" ROW "\""',
            rf'VALUE: "null" | "\"" ROW ("\\n" ROW){{0,{MOST_ROWS - 1}}} "\""',
            rf'ISSUE: /"([^"\\\x00-\x1f]|\\["\\]){{1,{LONGEST_ISSUE}}}"/',
            r"ROW: SPAN & /[^\s]([^\n]*[^\s])?/",
            f"SPAN: %regex {compact({'substring_chunks': escaped})}",
        )
    )


def _units(document_text: str) -> Iterator[str]:
    """The document in pieces that a span cannot divide; rows and columns end in _ROW_END."""
    for row in _SEPARATORS.split(document_text):
        yield from _UNIT.findall(re.sub(" +", " ", row))
        yield _ROW_END


def _object(shape: Mapping[str, Any]) -> str:
    members = (
        f"{json.dumps(compact(key) + ':')} {_value(key, leaf)}" for key, leaf in shape.items()
    )
    return ' "," '.join(members).join(('"{" ', ' "}"'))


def _value(key: str, shape: Any) -> str:
    if isinstance(shape, Mapping):
        return _object(shape)
    if isinstance(shape, bool):
        return "flag"
    if isinstance(shape, list):
        element, most = ("ISSUE", MOST_ISSUES) if key == "issues" else ("line", MOST_LINES)
        return f'"[" ({element} ("," {element}){{0,{most - 1}}})? "]"'
    return "VALUE" if key in _SEVERAL_ROWS else "ROW_VALUE"
