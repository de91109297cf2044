"""The characters that numbers are printed with, to the ASCII ones that stand for the same."""

from __future__ import annotations

MAX_LENGTH = 64  # no printed number is longer; keeps hostile prints cheap
_SPACES = "\u00a0\u2007\u2009\u200a\u202f\u3000"
_ZEROS = (0x0660, 0x06F0, 0x0966)  # Arabic, Persian and Devanagari digits
_PLAIN = str.maketrans(
    {
        **{chr(0xFF01 + offset): chr(0x21 + offset) for offset in range(94)},  # full width
        **dict.fromkeys(_SPACES, " "),
        **dict.fromkeys("’‘ʼ′´`", "'"),
        **dict.fromkeys("−–—‐‑‒﹣", "-"),
        **dict.fromkeys("▲△", "-"),  # Japanese accounting
        **{chr(zero + digit): str(digit) for zero in _ZEROS for digit in range(10)},
        "٫": ".",
        "٬": ",",
        "￥": "¥",
    }
)


def in_ascii(printed: str) -> str:
    """The print with plain digits, spaces, apostrophes and dashes; "" when it is too long.

    >>> in_ascii("\uff11\u2019\uff12\uff13\uff14.\u2013")
    "1'234.-"
    """
    if len(printed) > 2 * MAX_LENGTH:
        return ""
    text = (printed if printed.isascii() else printed.translate(_PLAIN)).strip()
    return text if len(text) <= MAX_LENGTH else ""
