"""Small changes to printed strings that keep what they say."""

from __future__ import annotations


def unbroken(text: str) -> str:
    """The text with spaces that do not break a line."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def with_colon(label: str, colon: str) -> str:
    """The label with its colon, unless it has one."""
    return label if label.endswith((":", "：")) else label + colon
