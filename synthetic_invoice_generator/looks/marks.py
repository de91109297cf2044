"""What is put on a page after it is printed, or beside the print: stamp, signature, QR code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Literal

from synthetic_invoice_generator.chance import chance, pick
from synthetic_invoice_generator.looks.qr import CodeKind
from synthetic_invoice_generator.scenario.parties import person
from synthetic_invoice_generator.scenario.scene import Scene
from synthetic_invoice_generator.settings import Shares

_INKS = ("#1d3fa8", "#a81d2b", "#5a2a82", "#2b2b2b", "#0f6b4f")


@dataclass(frozen=True)
class Stamp:
    """A rubber stamp: one or two rows, turned by `degrees`."""

    rows: tuple[str, ...]
    degrees: float
    ink: str
    shape: Literal["box", "round", "double"]


@dataclass(frozen=True)
class Marks:
    """Each is None where the page has none; `signature` is a name in handwriting."""

    stamp: Stamp | None = None
    signature: str | None = None
    code: CodeKind | None = None


def draw_marks(rng: Random, scene: Scene, shares: Shares) -> Marks:
    """Marks that fit the document; most pages have none."""
    return Marks(
        stamp=_stamp(rng, scene) if chance(rng, shares.stamp) else None,
        signature=person(rng, scene.locale) if chance(rng, shares.signature) else None,
        code=pick(rng, ("payment", "payment", "link")) if chance(rng, shares.qr_code) else None,
    )


def _stamp(rng: Random, scene: Scene) -> Stamp:
    text = pick(rng, scene.locale.stamps)
    dated = chance(rng, 0.5)
    later = scene.deal.issued + timedelta(days=rng.randint(1, 30))
    # Two rows turned far would lie in each other's boxes.
    most = 3.0 if dated else 9.0
    return Stamp(
        rows=(text, scene.forms.date(later).printed) if dated else (text,),
        degrees=round(rng.uniform(-most, most), 1),
        ink=pick(rng, _INKS),
        shape=pick(rng, ("box", "round", "double")),
    )
