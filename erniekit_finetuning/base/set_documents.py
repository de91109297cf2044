"""Invoices set as text pages: no typesetter, so that a training never meets one twice."""

from __future__ import annotations

from random import Random

from erniekit_finetuning.base.corpus import Labelled
from erniekit_finetuning.base.setting import Source
from erniekit_finetuning.base.text_page import text_page
from erniekit_finetuning.base.truth import truthful
from erniekit_finetuning.invoice.response import structured_data
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.draft import Draft, draft
from synthetic_invoice_generator.looks.view import page_view


def set_document(config: GeneratorConfig, seed: int, index: int) -> Labelled | None:
    """Document `index` of a seed, or None where the page lost a value."""
    made, other = draft(config, seed, index), draft(config, seed, index + 1)
    text, data = text_page(Random(f"{seed}/{index}/text"), _source(made), _source(other))
    return truthful(made.invoice, text, data)


def _source(made: Draft) -> Source:
    view, data = page_view(made.invoice, made.style), structured_data(made.invoice)
    labels = {str(key): label for key, label in made.style.labels.items()}
    return Source(view, labels, made.locale[:2], data)
