"""Sheets of paper and rolls: how wide and how high they are, in millimetres."""

from __future__ import annotations

from collections.abc import Mapping

from synthetic_invoice_generator.locale import Paper

MILLIMETRES: Mapping[Paper, tuple[float, float]] = {
    "a4": (210.0, 297.0),
    "a5": (148.0, 210.0),
    "us-letter": (215.9, 279.4),
    "us-legal": (215.9, 355.6),
}
ROLL = 80.0  # the width of a till roll; as long as what it says
ROLL_MARGIN = 5.0
