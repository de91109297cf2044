"""A request and its answer, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Any

SENT = {"file": "the bytes of invoice.pdf", "model": "acme"}


def _value(printed: str, value: str, box: list[float]) -> dict[str, Any]:
    return {
        "printed": printed,
        "value": value,
        "readings": [],
        "places": [{"page": 1, "box": box}],
    }


READING: dict[str, Any] = {
    "document_id": "6f1c5a0e8d3b4b7f9a2c1d0e5f6a7b8c",
    "invoice": {
        "kind": "invoice",
        "number": _value("R-4711", "R-4711", [0.68, 0.12, 0.74, 0.13]),
        "issue_date": _value("10. Februar 2026", "2026-02-10", [0.68, 0.14, 0.8, 0.15]),
        "currency": _value("EUR", "EUR", [0.74, 0.82, 0.76, 0.83]),
        "seller": {"name": _value("Acme GmbH", "Acme GmbH", [0.09, 0.07, 0.2, 0.08])},
        "totals": {"payable": _value("119,00", "119.00", [0.78, 0.82, 0.84, 0.83])},
    },
    "truncated": False,
    "findings": [],
    "not_in_document": [],
    "model": "runs/acme",
    "source": "text layer",
    "decoding": "strict",
    "new_tokens": 96,
    "seconds": 1.3,
    "confidence": {"number": 0.98, "totals.payable": 0.94},
    "calibrated": True,
}
