"""Typefaces: those that typst brings along, and those of Debian packages where they are installed.

Only folders of known packages are looked at, so that two machines with the same packages draw the
same bytes, whatever else they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import typst

from erniekit_finetuning.errors import Problem, UnusableInput
from synthetic_invoice_generator.locale import load_locale

Kind = Literal["serif", "sans", "mono", "hand", "japanese", "chinese"]
_ROOT = Path("/usr/share/fonts")


@dataclass(frozen=True)
class Face:
    """A typeface. `em` is the mean width of its small letters and digits.

    `package` is the Debian package that brings it, with its folder; None for those inside typst.
    """

    name: str
    kind: Kind
    em: float
    package: str | None = None
    folder: str = ""


# A face is named here only when its files say rightly which is regular, bold and italic: of those
# that do not (Courier Prime), the order of a folder would decide.
FACES: tuple[Face, ...] = (
    Face("Libertinus Serif", "serif", 0.5),
    Face("New Computer Modern", "serif", 0.5),
    Face("DejaVu Sans Mono", "mono", 0.605),
    Face("Liberation Serif", "serif", 0.5, "fonts-liberation2", "truetype/liberation2"),
    Face("Liberation Sans", "sans", 0.54, "fonts-liberation2", "truetype/liberation2"),
    Face("Liberation Mono", "mono", 0.605, "fonts-liberation2", "truetype/liberation2"),
    Face("Carlito", "sans", 0.5, "fonts-crosextra-carlito", "truetype/crosextra"),
    Face("Caladea", "serif", 0.5, "fonts-crosextra-caladea", "truetype/crosextra"),
    Face("Lato", "sans", 0.56, "fonts-lato", "truetype/lato"),
    Face("Noto Sans", "sans", 0.56, "fonts-noto-core", "truetype/noto"),
    Face("Noto Serif", "serif", 0.56, "fonts-noto-core", "truetype/noto"),
    Face("Courier Prime Code", "mono", 0.605, "fonts-courier-prime", "opentype/courier-prime"),
    Face("Dancing Script", "hand", 0.5, "fonts-dancingscript", "opentype/dancingscript"),
    Face("Noto Sans CJK JP", "japanese", 0.56, "fonts-noto-cjk", "opentype/noto"),
    Face("Noto Serif CJK JP", "japanese", 0.56, "fonts-noto-cjk", "opentype/noto"),
    Face("Noto Sans CJK SC", "chinese", 0.56, "fonts-noto-cjk", "opentype/noto"),
    Face("Noto Serif CJK SC", "chinese", 0.56, "fonts-noto-cjk", "opentype/noto"),
)
ALWAYS = ("Libertinus Serif", "DejaVu Sans Mono")  # inside typst, rich in letters and signs
# What is drawn instead of a face that is not installed. Chinese and Japanese have no substitute.
_INSTEAD: dict[Kind, str] = {
    "serif": "Libertinus Serif",
    "sans": "Libertinus Serif",
    "mono": "DejaVu Sans Mono",
    "hand": "New Computer Modern",
}


@cache
def book(process: int) -> typst.Fonts:
    """The typefaces that can be drawn with; one book a process."""
    folders = dict.fromkeys(_ROOT / face.folder for face in FACES if face.package)
    there = [str(folder) for folder in folders if folder.is_dir()]
    return typst.Fonts(include_system_fonts=False, font_paths=there)


@cache
def installed() -> frozenset[str]:
    """The names of the faces at hand."""
    known = set(book(0).families())
    return frozenset(face.name for face in FACES if face.name in known)


def at_hand(face: Face) -> Face:
    """The face, or the one that is drawn instead of it where it is not installed."""
    if face.name in installed() or face.kind not in _INSTEAD:
        return face
    return next(other for other in FACES if other.name == _INSTEAD[face.kind])


def faces(kinds: Iterable[Kind]) -> tuple[Face, ...]:
    """All faces of these kinds, installed or not."""
    wanted = set(kinds)
    return tuple(face for face in FACES if face.kind in wanted)


def missing_packages() -> tuple[str, ...]:
    """The Debian packages whose faces are not at hand, each once."""
    absent = (face.package for face in FACES if face.name not in installed())
    return tuple(dict.fromkeys(package for package in absent if package))


def drawable(locales: Mapping[str, float]) -> dict[str, float]:
    """Those of the weighted locales for whose script a face is at hand.

    Raises UnusableInput when there is none.
    """
    kinds = {"latin"} | {face.kind for face in FACES if face.name in installed()}
    found = {code: locales[code] for code in locales if load_locale(code).script in kinds}
    if not found:
        raise UnusableInput(
            Problem(
                "no typeface for the script of these locales is installed",
                field="locales",
                found=", ".join(locales),
                cure=f"apt-get install {' '.join(missing_packages())}",
            )
        )
    return found
