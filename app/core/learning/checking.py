"""A correction is taken only where a training could read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.core.learning.tables import KeptDocument
from erniekit_finetuning.data.schemas.keeping import kept
from erniekit_finetuning.data.schemas.own import OwnSchema
from erniekit_finetuning.data.sources.correcting import merged
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.invoice.shapes import read_invoice
from erniekit_finetuning.invoice.strict_json import exact_number, parse


def check_correction(document: KeptDocument, corrected: Mapping[str, Any]) -> None:
    """Raise UnusableInput where the correction has no place in the reading, or breaks its shape."""
    ours = document.schema is None
    whole = merged(parse(document.reading, exact_number), corrected, ours)
    if document.schema is None:
        unknown = read_invoice(whole).unknown
    else:
        unknown = kept(whole, OwnSchema(document.schema)).unknown
    if unknown:
        what, cure = "a reading has no place for it", "use the keys of the reading"
        raise UnusableInput([Problem(what, field=path, cure=cure) for path in unknown])
