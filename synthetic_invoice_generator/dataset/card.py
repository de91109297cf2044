"""What a data set holds, for people: a card with counts, and a sheet of thumbnails."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import yaml
from PIL import Image

from erniekit_finetuning.files import write_bytes
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.manifests import write_if_new
from synthetic_invoice_generator.dataset.members import Member
from synthetic_invoice_generator.dataset.provenance import made_with

CARD, SHEET = "README.md", "contact_sheet.png"
_ACROSS, _DOWN = 8, 5
_THUMBNAIL = (240, 340)


def write_card(output: Path, config: GeneratorConfig, seed: int, members: Sequence[Member]) -> None:
    """Write README.md: counts, how the set was made, and what it is not."""
    tables: dict[str, Counter[str]] = {
        "split": Counter(str(member.split) for member in members),
        "layout": Counter(member.family for member in members),
        "locale": Counter(member.locale for member in members),
        "document": Counter(member.document for member in members),
        "image": Counter(member.tier for member in members),
        "fault": Counter(member.fault or "none" for member in members),
    }
    lines = [member.lines for member in members]
    settings = yaml.safe_dump(
        config.model_dump(mode="json"), allow_unicode=True, sort_keys=False, width=100
    )
    text = [
        "---\npretty_name: Synthetic invoices\ntask_categories: [image-to-text]\n---\n",
        f"# {len(members)} synthetic invoices\n",
        f"{sum(len(member.images) for member in members)} pages, {min(lines)} to {max(lines)} "
        "lines an invoice. Every firm, person and number is invented; identifiers have valid check "
        "digits. The ground truth follows from what is printed and is exact.\n",
        *(_table(name, counts) for name, counts in tables.items()),
        "Layouts of the split `test_unseen` stand in no other split.\n",
        "## How it was made\n",
        f"Seed {seed}, generator {made_with()['generator']} (`generator.json` has all versions). "
        f"Settings:\n\n```yaml\n{settings}```\n",
        "## What it is not\n",
        "Drawn by rules: real invoices vary in ways that these do not. Judge a model on real ones.",
    ]
    write_if_new(output / CARD, "\n".join(text) + "\n")


def _table(name: str, counts: Counter[str]) -> str:
    rows = "\n".join(f"| {value} | {counts[value]} |" for value in sorted(counts))
    return f"| {name} | invoices |\n|---|---|\n{rows}\n"


def write_sheet(output: Path, members: Sequence[Member]) -> None:
    """Write contact_sheet.png: the first pages of the first forty documents."""
    width, height = _THUMBNAIL
    shown = members[: _ACROSS * _DOWN]
    rows = -(-len(shown) // _ACROSS)
    sheet = Image.new("RGB", (width * min(len(shown), _ACROSS), height * rows), "grey")
    for at, member in enumerate(shown):
        with Image.open(output / "images" / member.images[0]) as page:
            page.draft("RGB", (2 * width, 2 * height))
            small = page.convert("RGB").resize((width - 6, height - 6), Image.Resampling.BOX)
        sheet.paste(small, (at % _ACROSS * width + 3, at // _ACROSS * height + 3))
    file = io.BytesIO()
    sheet.save(file, "PNG")
    path = output / SHEET
    if not path.exists() or path.read_bytes() != file.getvalue():
        write_bytes(path, file.getvalue())
