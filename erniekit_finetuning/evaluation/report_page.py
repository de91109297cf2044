"""The frame of every report: one HTML file that needs nothing else and may load nothing.

Model output is untrusted: who fills the frame escapes all text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from pathlib import Path

from erniekit_finetuning.evaluation.page_images import file_uri
from erniekit_finetuning.evaluation.report_style import STYLE

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
# What Markdown would take for more than text, inside a cell.
_SIGNS = re.compile(r"[\\`*_\[\]<>&|~$]")


def page(title: str, parts: Iterable[str]) -> str:
    """The whole file: its title as text, and parts that are HTML."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f"<style>{STYLE}</style></head>\n<body><main>\n" + "\n".join(filter(None, parts))
    ) + "\n</main></body></html>\n"


def picture(curves: Path) -> str:
    """The curves of a training, as part of the page."""
    uri = file_uri(curves, "image/png")
    return f'<img class="curves" alt="Loss over the training\'s steps" src="{uri}">'


def markdown_cell(text: str) -> str:
    r"""Text as it is, for a cell of a Markdown table.

    >>> markdown_cell("a|b\n<i>")
    'a&#124;b<br>&#60;i&#62;'
    """
    written = _SIGNS.sub(lambda sign: f"&#{ord(sign[0])};", text)
    return "<br>".join(written.splitlines())
