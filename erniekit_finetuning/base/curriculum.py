"""What the base model learns from: whole invoices, parts of them, own schemas, and drills.

Drills and parts come first, whole invoices take over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from erniekit_finetuning.base.corpus import Labelled
from erniekit_finetuning.base.drills import DRILLS, Sample
from erniekit_finetuning.base.lengthening import lengthened
from erniekit_finetuning.base.noise import misread
from erniekit_finetuning.base.own_schemas import own_answer
from erniekit_finetuning.base.relabelling import relabelled
from erniekit_finetuning.base.renaming import renamed
from erniekit_finetuning.base.scanning import scanned
from erniekit_finetuning.base.text_rows import invented_words, without_columns
from erniekit_finetuning.data.exact_json import exact_json
from erniekit_finetuning.data.pair import compact
from erniekit_finetuning.data.prompts import Instruction, human_turn, own_words, text_route
from synthetic_invoice_generator.chance import chance, pick


@dataclass(frozen=True)
class Shares:
    """Share of tokens each task has, texts aside; they sum to 1."""

    lookup: float
    table: float
    repeat: float
    header: float
    lines: float
    own: float
    whole: float


RENAMED = 0.4  # of the documents
MISREAD = 0.35
LENGTHENED = 0.35  # to lengths that few drawn ones have
FIRST = Shares(lookup=0.26, table=0.12, repeat=0.14, header=0.14, lines=0.10, own=0.10, whole=0.14)
LATER = Shares(lookup=0.04, table=0.04, repeat=0.01, header=0.03, lines=0.07, own=0.29, whole=0.52)


def shares(done: float) -> Shares:
    """The shares when `done` (0 to 1) of the run is done: FIRST until 0.07, LATER from 0.17."""
    late = min(1.0, max(0.0, (done - 0.07) / 0.10))
    first, later = vars(FIRST), vars(LATER)
    return Shares(**{task: (1 - late) * first[task] + late * later[task] for task in first})


def header(rng: Random, document: Labelled) -> Sample:
    """One block of the answer: seller, buyer and document data, or totals."""
    return _part(document, pick(rng, ("vendor_block", "client_info", "financial_summary")))


def lines(rng: Random, document: Labelled) -> Sample:
    """The line items alone."""
    return _part(document, "line_items")


def own(rng: Random, document: Labelled) -> Sample:
    """An answer in a drawn schema."""
    blank, answer = own_answer(rng, document.data, document.extras, document.values)
    return Sample(f"{document.text}\n{own_words(blank)}", exact_json(answer))


def whole(rng: Random, document: Labelled) -> Sample:
    """The whole answer, in one of the two instructions."""
    data = {"structured_data": document.data}
    instruction = Instruction.EXTRACTION
    if chance(rng, 0.04):
        # The generator's documents are right by construction, so this verdict is true.
        data["validation_summary"] = {"is_valid": True, "math_verified": True, "issues": []}
        instruction = Instruction.FULL_ANALYSIS
    return Sample(text_route(human_turn(instruction), document.text), compact(data))


TASKS: Mapping[str, Callable[[Random, Labelled], Sample]] = {
    "header": header,
    "lines": lines,
    "own": own,
    "whole": whole,
}


def together(tasks: Sequence[str]) -> list[str]:
    """The first task, and those of the others that can be asked of the same text.

    >>> together(["own", "lookup", "whole"]), together(["lookup", "own", "table"])
    (['own', 'whole'], ['lookup'])
    """
    return [tasks[0]] if tasks[0] in DRILLS else [task for task in tasks if task in TASKS]


def samples(rng: Random, tasks: Sequence[str], documents: Callable[[], Labelled]) -> list[Sample]:
    """A sample of each task, drills aside about one document, which comes with noise of its own."""
    if tasks[0] in DRILLS:
        return [DRILLS[tasks[0]](rng)]
    document = disturbed(rng, documents())
    return [TASKS[task](rng, document) for task in tasks]


def disturbed(rng: Random, document: Labelled) -> Labelled:
    """The document with what real ones have more of: other names and labels, rows, errors."""
    document = renamed(rng, document) if chance(rng, RENAMED) else document
    text = relabelled(rng, document.text, frozenset(document.asked()))
    document = replace(document, text=text)
    if chance(rng, MISREAD):
        document = misread(rng, document)
        document = scanned(rng, document) if chance(rng, 0.6) else document
    text = document.text
    kind = rng.random()
    if kind < 0.1:
        text = without_columns(text, " " if kind < 0.06 else "  ")
    elif kind < 0.16:
        text = "\n".join(_tighter(rng, row) for row in text.split("\n"))
    if chance(rng, 0.2):
        rows = text.split("\n")
        for _ in range(rng.randint(1, 3)):
            rows.insert(rng.randint(0, len(rows)), invented_words(rng, 6))
        text = "\n".join(rows)
    if chance(rng, LENGTHENED):
        text = lengthened(rng, text, document.data)
    return replace(document, text=text)


def _tighter(rng: Random, row: str) -> str:
    return re.sub(r"\t+", " ", row).strip() if chance(rng, 0.3) else row


def _part(document: Labelled, block: str) -> Sample:
    return Sample(f"{document.text}\nExtract {block} as JSON.", compact(document.data[block]))
