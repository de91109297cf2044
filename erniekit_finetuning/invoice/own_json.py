"""Our own JSON: the Invoice as it is, with prints, readings and places; and its JSON Schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from erniekit_finetuning.faults import unusable
from erniekit_finetuning.invoice.model import Invoice


def to_own(invoice: Invoice) -> dict[str, Any]:
    """JSON values; amounts are exact decimal strings, what is not printed is left out."""
    return invoice.model_dump(mode="json", exclude_none=True)


def from_own(data: Mapping[str, Any]) -> Invoice:
    """Read `to_own`'s shape; raises UnusableInput with every fault and the field it is in."""
    try:
        return Invoice.model_validate(data)
    except ValidationError as error:
        raise unusable(error, shown=True) from error


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of our own JSON, made from the model."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Invoice.model_json_schema(mode="serialization"),
    }


if __name__ == "__main__":  # `make schema`
    print(json.dumps(json_schema(), indent=1))
