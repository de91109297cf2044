"""Seller and buyer under other names: it is the place that makes a name, not how it sounds.

Real firms are called after what stands on every invoice (Lieferant GmbH, Le Client, Date Ltd.), in
capitals, in one word, without a legal form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random

from erniekit_finetuning.base.corpus import Labelled
from erniekit_finetuning.base.text_rows import invented_words, words_of
from synthetic_invoice_generator.chance import chance, pick, weighted

_PARTIES = ("vendor_block", "client_info")
_FORMS = (
    *("GmbH", "AG", "KG", "OHG", "GmbH & Co. KG", "e.K.", "e.V.", "Ltd.", "Ltd", "LLC", "Inc."),
    *("SARL", "SAS", "S.A.", "S.A.S.", "EURL", "S.r.l.", "S.p.A.", "B.V.", "BV", "N.V.", "S.L."),
    *("Sp. z o.o.", "Lda", "LTDA", "& Co.", "& Cie", "& Söhne", "et Fils", "Group"),
)
_ARTICLES = ("Der", "Die", "Das", "Le", "La", "Les", "Au", "The", "El", "Il", "De", "Ma", "Bei")


def renamed(rng: Random, document: Labelled) -> Labelled:
    """The document with other names of seller, buyer or both, at all their places."""
    text, data = document.text, {**document.data}
    words = words_of(text)
    for party in _PARTIES:
        name = data[party]["name"]
        if name is None or "\n" in name or not words or chance(rng, 0.3):
            continue
        other = _name(rng, words)
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", other, text)
        data[party] = {**data[party], "name": other}
    # A name that stands within another value took a part of it along; such a text stays whole.
    made = replace(document, text=text, data=data)
    return made if made.complete() else document


def _name(rng: Random, words: Sequence[str]) -> str:
    kind = weighted(rng, {"page": 4, "invented": 3, "article": 2, "letters": 1})
    if kind == "letters":
        name = invented_words(rng, 1)[: rng.randint(1, 4)].upper()
    elif kind == "invented":
        name = invented_words(rng, 3)
    else:
        name = " ".join(pick(rng, words) for _ in range(rng.randint(1, 3)))
        name = f"{pick(rng, _ARTICLES)} {name}" if kind == "article" else name
    name = f"{name} {pick(rng, _FORMS)}" if chance(rng, 0.6) else name
    if chance(rng, 0.1):
        name = f"{name} {invented_words(rng, 1)}"  # a place behind it, a department
    return pick(rng, (name, name, name.title(), name.upper()))
