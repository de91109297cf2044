"""What a data set holds, for people: a card with counts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from erniekit_finetuning.files import write_text
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.members import Member
from synthetic_invoice_generator.dataset.provenance import made_with

CARD = "README.md"


@dataclass
class Tally:
    """What has been counted: documents, pages, lines, and documents by what they are."""

    documents: int = 0
    pages: int = 0
    lines: Counter[int] = field(default_factory=Counter)
    tables: dict[str, Counter[str]] = field(default_factory=dict)

    def count(self, member: Member) -> None:
        """Count one document."""
        self.documents += 1
        self.pages += len(member.images)
        self.lines[member.lines] += 1
        for name, value in (
            ("split", str(member.split)),
            ("layout", member.family),
            ("locale", member.locale),
            ("document", member.document),
            ("image", member.tier),
            ("fault", member.fault or "none"),
            ("pages", str(len(member.images))),
        ):
            self.tables.setdefault(name, Counter())[value] += 1


def write_card(output: Path, config: GeneratorConfig, seed: int, tally: Tally) -> None:
    """Write README.md: counts, how the set was made, and what it is not."""
    settings = yaml.safe_dump(
        config.model_dump(mode="json"), allow_unicode=True, sort_keys=False, width=100
    )
    text = [
        "---\npretty_name: Synthetic invoices\ntask_categories: [image-to-text]\n---\n",
        f"# {tally.documents} synthetic invoices\n",
        f"{tally.pages} pages, {min(tally.lines)} to {max(tally.lines)} lines an invoice. "
        "Every firm, person and number is invented; identifiers have valid check digits. The "
        "ground truth follows from what is printed and is exact.\n",
        *(_table(name, counts) for name, counts in tally.tables.items()),
        "Layouts of the split `test_unseen` stand in no other split.\n",
        "## How it was made\n",
        f"Seed {seed}, generator {made_with()['generator']} (`generator.json` has all versions). "
        f"Settings:\n\n```yaml\n{settings}```\n",
        "## What it is not\n",
        "Drawn by rules: real invoices vary in ways that these do not. Judge a model on real ones.",
    ]
    write_text(output / CARD, "\n".join(text) + "\n", keep_same=True)


def _table(name: str, counts: Counter[str]) -> str:
    rows = "\n".join(f"| {value} | {counts[value]} |" for value in sorted(counts))
    return f"| {name} | invoices |\n|---|---|\n{rows}\n"
