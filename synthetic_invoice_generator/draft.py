"""One document before it is drawn: what it says and how it looks, from (config, seed, index)."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from erniekit_finetuning.invoice.model import Invoice
from synthetic_invoice_generator.chance import weighted
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.locale import load_locale
from synthetic_invoice_generator.scenario import draw_scene, invoice_of
from synthetic_invoice_generator.style import Style, draw_style


class Draft(NamedTuple):
    """An invoice and its style."""

    invoice: Invoice
    style: Style


def draft(config: GeneratorConfig, seed: int, index: int) -> Draft:
    """Document `index` of the set: the same arguments give the same document on every machine."""
    rng = Random(f"{seed}/{index}")
    locale = load_locale(weighted(rng, config.locales))
    family = weighted(rng, config.layouts)
    scene = draw_scene(
        rng,
        locale,
        shares=config.shares,
        max_lines=config.max_lines,
        document=weighted(rng, config.documents),
        trade=weighted(rng, config.trades),
    )
    style = draw_style(rng, scene, family=family, paper=config.paper, wording=config.wordings)
    return Draft(invoice_of(scene), style)
