"""The grammar of one document's answers, in llguidance's Lark dialect.

It allows exactly compact JSON, as training data holds it: all keys in their order, bounded lists
and strings, and each value as closely held to the document as its schema and the mode say.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.schemas.mode import Decoding
from erniekit_finetuning.data.schemas.tree import (
    Array,
    Choice,
    Day,
    Leaf,
    Node,
    Number,
    Object,
    Print,
    Text,
)
from erniekit_finetuning.decoding.candidates import candidates
from erniekit_finetuning.decoding.shapes import CHARACTER, SHAPES, has_digit, length, pieces
from erniekit_finetuning.decoding.units import ROW_END, rows
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.model import MAX_DIGITS

MOST_ROWS = 6
# What the document does not bound must end by itself: a weak model repeats a letter for ever.
LONGEST, LONGEST_OF_KIND = 500, 45  # characters of a text, of a date, amount or the like
MOST_DECIMALS = 6

_DAY = r'/"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"/'
_INTEGER = rf"-?(0|[1-9][0-9]{{0,{MAX_DIGITS - 1}}})"


def answer_grammar(
    document_text: str, schema: Object, mode: Decoding, preferred: Sequence[str] | None = None
) -> str:
    """Every answer that the mode allows.

    Where the mode is `prefer` a value may be anything of its type; with `preferred` only what is
    preferred: a value from the document, or one of these JSON texts. Raises UnusableInput naming
    every value that must not be null and that nothing in the document can be.
    """
    writer = _Writer(document_text, mode, preferred)
    start = writer.node(schema, "")
    if writer.problems:
        raise UnusableInput(writer.problems)
    # Keys may be added tokens, which a forced spelling in other tokens would shut out.
    head = ('%llguidance { "no_forcing": true }', f"start: {start}")
    return "\n".join((*head, *writer.definitions()))


class _Writer:
    def __init__(self, document_text: str, mode: Decoding, preferred: Sequence[str] | None) -> None:
        self.problems: list[Problem] = []
        self._text = document_text
        self._mode = mode
        self._preferred = preferred
        self._units: list[str] = []
        self._names: dict[str, str] = {}  # of rules and terminals, by what they stand for
        self._digits = "".join(sorted(set(filter(str.isdecimal, document_text))))
        for row in rows(document_text):
            self._units += [compact(unit)[1:-1] for unit in row] + [ROW_END]

    def definitions(self) -> list[str]:
        return [f"{name}: {body}" for body, name in self._names.items()]

    def node(self, node: Node, path: str) -> str:
        if isinstance(node, Object):
            before = f"{path}." if path else ""
            members = (
                f"{_literal(compact(key) + ':')} {self.node(part, before + key)}"
                for key, part in node.members
            )
            made = ' "," '.join(members).join(('"{" ', ' "}"'))
            return f'("null" | {made})' if node.nullable else made
        if isinstance(node, Array):
            return self._array(node, path)
        if found := self._leaf(node):
            return self._named("VALUE", " | ".join(found))
        cure = "let the schema allow null, or ground it less: prefer, off"
        what = "nothing in the document can be this value, and it must not be null"
        self.problems.append(Problem(what, field=path, cure=cure))
        return ""

    def _array(self, array: Array, path: str) -> str:
        before = len(self.problems)
        item = self.node(array.items, f"{path}[]") if array.most else ""
        if array.fewest == 0 and len(self.problems) > before:  # the empty list is left
            del self.problems[before:]
            item = ""
        made = '"["'
        if item:
            item = self._named("item", item)
            bounds = f"{{{max(array.fewest, 1) - 1},{array.most - 1}}}"
            some = f'{item} ("," {item}){bounds}' if array.most > 1 else item
            made += f" {some}" if array.fewest else f" ({some})?"
        made += ' "]"'
        return f'("null" | {made})' if array.nullable else made

    def _leaf(self, leaf: Leaf) -> list[str]:
        """Alternatives of a terminal; none when nothing in the document can be the value."""
        if isinstance(leaf, Choice):
            return [_literal(value) for value in leaf.values]
        null = ['"null"'] if leaf.nullable else []
        grounding = leaf.grounding or self._mode
        if grounding is Decoding.STRICT:
            return null + self._grounded(leaf)
        if grounding is Decoding.OFF or self._preferred is None:
            return null + _anything(leaf)
        found = self._grounded(leaf)
        if not found:  # nothing to prefer
            return null + _anything(leaf)
        return null + found + list(map(_literal, self._preferred))

    def _grounded(self, leaf: Text | Day | Number) -> list[str]:
        if isinstance(leaf, Day):
            return [_literal(day) for day in candidates(self._text).days]
        if isinstance(leaf, Number):
            found = candidates(self._text)
            return [_literal(number) for number in (found.whole if leaf.whole else found.numbers)]
        return self._spans(leaf)

    def _spans(self, text: Text) -> list[str]:
        """Any span of a shape; of dates, amounts and the like, those that can be read as such."""
        longest = text.longest
        if text.printed not in SHAPES:
            prints = candidates(self._text).prints[text.printed]
            fitting = (one for one in prints if longest is None or len(one) <= longest)
            return [_literal(compact(one)) for one in fitting]
        shape = SHAPES[text.printed]
        units = pieces(self._units, shape)
        # Every span of a shape holds a unit that has it: without one there is no span.
        if not any(
            unit.strip()
            and (has_digit(unit) or not shape.digit)
            and (longest is None or length(unit) <= longest)
            for unit in units
        ):
            return []
        expressions = [r"/[^\s]([^\n]*[^\s])?/"]
        if shape.digit:
            expressions.append(rf"/[^\n]*[{self._digits}][^\n]*/")
        short = [] if longest is None else [f"/{CHARACTER}{{0,{longest}}}/"]
        span = self._named("SPAN", f"%regex {compact({'substring_chunks': units})}")
        if text.printed is not Print.ROWS:
            row = self._named("ROW", " & ".join((span, *expressions, *short)))
            return [rf'"\"" {row} "\""']
        row = self._named("ROW", " & ".join((span, *expressions)))
        several = self._named("ROWS", rf'{row} ("\\n" {row}){{0,{MOST_ROWS - 1}}}')
        whole = self._named("SHORT", " & ".join((several, *short))) if short else several
        return [rf'"\"" {whole} "\""']

    def _named(self, begin: str, body: str) -> str:
        return self._names.setdefault(body, f"{begin}_{len(self._names)}")


def _anything(leaf: Text | Day | Number) -> list[str]:
    if isinstance(leaf, Day):
        return [_DAY]
    if isinstance(leaf, Number):
        return [f"/{_INTEGER}/" if leaf.whole else rf"/{_INTEGER}(\.[0-9]{{1,{MOST_DECIMALS}}})?/"]
    longest = leaf.longest
    if longest is None:
        longest = LONGEST if leaf.printed in (Print.TEXT, Print.ROWS) else LONGEST_OF_KIND
    return [rf'/"{CHARACTER}{{0,{longest}}}"/']


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
