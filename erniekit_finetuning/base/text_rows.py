"""Rows of cells, the stuff of text pages: set side by side, stacked, wrapped, given a label."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random

from erniekit_finetuning.documents.columns import MOST_EMPTY
from synthetic_invoice_generator.chance import chance, pick, weighted

Rows = list[list[str]]  # of cells; an empty cell is a column that the row leaves empty
EMPTY = ""
_PARTS = (
    "ab al am an ar as be ber bon bra ca chi con da de den der di do du el em en er es fa fel fo "
    "ga gen ger go ha hel in ja ka kan ko la len li lo ma men mi mo na ne ni no nu ob on or pa per "
    "po qua ra re ri ro sa sche se si so sta su ta te ti to tra tu un ur va ve vi vor wa we wi zu"
)
_SYLLABLES = _PARTS.split()


@dataclass(frozen=True)
class Hand:
    """How one page sets labels: the mark after them, where their values stand, how many of them
    are invented words (0 to 1)."""

    colon: str
    way: str  # cell | inline | apart | above
    invented: float


def draw_hand(rng: Random) -> Hand:
    """The hand of one page."""
    return Hand(
        colon=weighted(rng, {":": 6, "": 3, " :": 2}),
        way=weighted(rng, {"cell": 5, "inline": 4, "apart": 1, "above": 1}),
        invented=weighted(rng, {0.0: 6, 0.2: 3, 0.6: 1}),
    )


def invented_words(rng: Random, most: int) -> str:
    """One to `most` words that nobody has read before."""
    return " ".join(_word(rng) for _ in range(rng.randint(1, most)))


def _word(rng: Random) -> str:
    word = "".join(pick(rng, _SYLLABLES) for _ in range(rng.randint(1, 4)))
    return pick(rng, (word, word.capitalize(), word.capitalize(), word.upper()))


def labelled(rng: Random, hand: Hand, label: str) -> str:
    """The label without its colon, or one that nobody has read: all of it or a part."""
    plain = label.rstrip(": ：")
    if not chance(rng, hand.invented):
        return plain
    return half_invented(rng, plain) if chance(rng, 0.5) else invented_words(rng, 3)


def half_invented(rng: Random, label: str) -> str:
    """One word in place of another, or before the end of the only one: Belegnummer, Talkonummer."""
    words = label.split(" ")
    if len(words) == 1:
        return invented_words(rng, 1) + label[-rng.randint(3, 6) :].lower()
    words[rng.randrange(len(words))] = invented_words(rng, 1)
    return " ".join(words)


def pair(rng: Random, hand: Hand, label: str, value: str) -> Rows:
    """A label and its value in the page's way, now and then in another."""
    label = labelled(rng, hand, label)
    way = hand.way if chance(rng, 0.9) else pick(rng, ("cell", "inline", "apart", "above"))
    if way == "cell":
        return [[label + hand.colon, value]]
    if way == "inline":
        return [[f"{label}{hand.colon} {value}"]]
    if way == "apart":
        return [[label, f"{hand.colon.strip() or ':'} {value}"]]
    return [[label + hand.colon], [value]]


def grid(rng: Random, hand: Hand, pairs: list[tuple[str, str]]) -> Rows:
    """Labels in one row and their values in the next, two to five side by side.

    Values that stand on the right of their columns look as if columns before them were empty.
    """
    rows: Rows = []
    wide, right = rng.randint(2, 5), pick(rng, (0, 0, 0.3, 0.7))
    for start in range(0, len(pairs), wide):
        some = pairs[start : start + wide]
        rows.append([labelled(rng, hand, label) + hand.colon for label, _ in some])
        values = [[EMPTY, value] if chance(rng, right) else [value] for _, value in some]
        rows.append([cell for cells in values for cell in cells])
    return rows


def beside(rng: Random, left: Rows, right: Rows) -> Rows:
    """Two blocks next to each other, as reading row by row sees them.

    Most rows meet; where their heights differ a little, the rows alternate instead.
    """
    shift = rng.choice([0, 0, 0, 1, 2, 3])
    if chance(rng, 0.5):
        left = [[] for _ in range(shift)] + left
    else:
        right = [[] for _ in range(shift)] + right
    met = pick(rng, (1.0, 1.0, 0.85, 0.3))
    rows: Rows = []
    wide = 1  # columns of the left block down to here
    for index in range(max(len(left), len(right))):
        one = left[index] if index < len(left) else []
        other = right[index] if index < len(right) else []
        wide = max(wide, len(one))
        shifted = [EMPTY] * (wide - len(one)) + other if other else []
        if one and other and not chance(rng, met):
            rows += [one, [EMPTY] * wide + other]
        elif one or other:
            rows.append([*one, *shifted])
    return rows


def tabbed(row: list[str]) -> str:
    """The cells of a row behind tabs, of empty columns `MOST_EMPTY` at most.

    >>> tabbed(["", "a", "", "b", ""])
    '\\ta\\t\\tb'
    """
    text = re.sub(f"^\t{{{MOST_EMPTY},}}", "\t" * MOST_EMPTY, "\t".join(row))
    return re.sub(f"\t{{{MOST_EMPTY + 1},}}", "\t" * (MOST_EMPTY + 1), text).rstrip()


def indented(rows: Rows, columns: int = 1) -> Rows:
    """Rows whose first columns are empty."""
    return [[EMPTY] * columns + row for row in rows]


def words_of(text: str) -> list[str]:
    """The words of a text, each of two letters or more, without numbers.

    >>> words_of("Rechnung R-7 vom 3. Mai")
    ['Rechnung', 'vom', 'Mai']
    """
    return re.findall(r"[^\W\d_]{2,}", text)


def without_columns(text: str, gap: str) -> str:
    """The text as one without places has it: no empty columns, `gap` between the others."""
    return re.sub(r"\t+", gap, re.sub(r"(^|[\n\f])\t+", r"\1", text))


def wrapped(rng: Random, text: str, most: int) -> list[str]:
    """The text in up to `most` rows, broken between words."""
    words = text.split(" ")
    count = min(rng.randint(1, most), len(words))
    cuts = sorted(rng.sample(range(1, len(words)), count - 1))
    return [
        " ".join(words[start:end])
        for start, end in zip([0, *cuts], [*cuts, len(words)], strict=True)
    ]


def stacked(rng: Random, headings: list[str]) -> Rows:
    """Headings of columns, the longer ones broken over up to three rows that end at the bottom."""
    cells = [wrapped(rng, _hyphenated(rng, heading), 3) for heading in headings]
    deep = max(map(len, cells))
    rows = []
    for level in range(deep):
        rows.append([([EMPTY] * (deep - len(cell)) + cell)[level] for cell in cells])
    return rows


def _hyphenated(rng: Random, heading: str) -> str:
    if " " not in heading and len(heading) > 8 and chance(rng, 0.5):
        cut = rng.randint(4, len(heading) - 3)
        return f"{heading[:cut]}- {heading[cut:]}"
    return heading
