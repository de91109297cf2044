"""One document before it is drawn: what it says and how it looks, from (config, seed, index)."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.model import Invoice
from synthetic_invoice_generator.chance import chance, weighted
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.faults.kinds import Fault, FaultKind
from synthetic_invoice_generator.faults.making import with_fault
from synthetic_invoice_generator.locale import Locale, load_locale
from synthetic_invoice_generator.looks.fonts import drawable
from synthetic_invoice_generator.looks.style import Style, draw_style
from synthetic_invoice_generator.scans.tiers import Tier
from synthetic_invoice_generator.scenario.scene import Scene, draw_scene, invoice_of
from synthetic_invoice_generator.settings import DocumentType

_TRIES = 500


class Draft(NamedTuple):
    """An invoice, its style, what it is, how its images are taken, and its error, if any."""

    invoice: Invoice
    style: Style
    document: DocumentType
    locale: str
    tier: Tier
    fault: Fault | None = None


def draft(config: GeneratorConfig, seed: int, index: int) -> Draft:
    """Document `index` of the set: the same arguments give the same document on every machine."""
    rng = Random(f"{seed}/{index}")
    locale = load_locale(weighted(rng, drawable(config.locales)))
    kind = weighted(rng, config.faults) if chance(rng, config.shares.faulty) else None
    scene, invoice, fault = _said(rng, config, locale, kind)
    style = draw_style(
        rng,
        scene,
        family=weighted(rng, config.layouts_for(scene.deal.document)),
        shares=config.shares,
        paper=config.paper,
        wording=config.wordings,
    )
    return Draft(
        invoice=invoice,
        style=style,
        document=scene.deal.document,
        locale=locale.code,
        tier=weighted(rng, config.tiers),
        fault=fault,
    )


def _said(
    rng: Random, config: GeneratorConfig, locale: Locale, kind: FaultKind | None
) -> tuple[Scene, Invoice, Fault | None]:
    """A scene and its invoice; with a `kind` of fault, scenes are drawn until one can have it."""
    documents = {
        kind: share for kind, share in config.documents.items() if config.layouts_for(kind)
    }
    for _ in range(_TRIES):
        scene = draw_scene(
            rng,
            locale,
            shares=config.shares,
            max_lines=config.max_lines,
            document=weighted(rng, documents),
            trade=weighted(rng, config.trades),
        )
        if kind is None:
            return scene, invoice_of(scene), None
        wrong = with_fault(rng, scene, kind)
        if wrong is not None:
            return wrong
    raise UnusableInput(
        Problem(
            "no document of these settings can have this fault",
            field="faults",
            found=str(kind),
            expected=f"one in {_TRIES} drawn",
            cure=f"leave {kind} out of faults, or allow more kinds of documents",
        )
    )
