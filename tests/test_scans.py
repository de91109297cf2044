"""Scans: every effect acts by its strength, and boxes follow the words they are around."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.documents.text import rows
from erniekit_finetuning.invoice.own_json import from_own
from erniekit_finetuning.invoice.walk import leaves
from synthetic_invoice_generator.config import GeneratorConfig
from synthetic_invoice_generator.dataset.generate import generate
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import page_pixels, render_pdf
from synthetic_invoice_generator.scans.geometry import (
    Pixels,
    moved_box,
    seen_from,
    turned,
    unmoved,
)
from synthetic_invoice_generator.scans.moving import moved_document
from synthetic_invoice_generator.scans.tiers import Effect, Tier, applied, scanned

ON_PIXELS = [effect for effect in Effect if effect not in (Effect.SKEW, Effect.PERSPECTIVE)]


@pytest.fixture(scope="module")
def page() -> Pixels:
    made = draft(GeneratorConfig(locales={"en-US": 1}, layouts={"classic": 1}), 4, 0)
    return next(page_pixels(render_pdf(made.invoice, made.style), 100))


def pixels_of(jpeg: bytes) -> Pixels:
    decoded = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)


def difference(page: Pixels, **effects: float) -> float:
    """How far the image is from the drawn page, in mean steps of brightness."""
    strengths = {Effect(name): strength for name, strength in effects.items()}
    scan = applied(page, strengths, np.random.default_rng(9))
    return float(np.abs(pixels_of(scan.jpeg).astype(int) - page).mean())


@pytest.mark.parametrize("effect", ON_PIXELS)
def test_an_effect_grows_with_its_strength_and_is_nothing_at_zero(
    page: Pixels, effect: Effect
) -> None:
    assert difference(page, **{effect: 0.0}) == difference(page)
    assert difference(page, **{effect: 0.2}) < difference(page, **{effect: 1.0})


@pytest.mark.parametrize(
    "effects", [{Effect.SKEW: 1.0}, {Effect.PERSPECTIVE: 1.0, Effect.SKEW: 0.5}]
)
def test_a_moved_box_still_holds_the_ink_of_its_word(effects: dict[Effect, float]) -> None:
    height, width = 900, 640
    for seed in range(20):
        rng = np.random.default_rng(seed)
        left, top = rng.uniform(0.1, 0.7, 2)
        box = (float(left), float(top), float(left) + 0.15, float(top) + 0.02)
        paper = np.full((height, width, 3), 255, np.uint8)
        ink = [round(side * size) for side, size in zip(box, (width, height) * 2, strict=True)]
        paper[ink[1] : ink[3], ink[0] : ink[2]] = (0, 0, 255)
        scan = applied(paper, effects, rng)
        seen = pixels_of(scan.jpeg).astype(int)
        rows, columns = np.nonzero((seen[..., 2] - seen[..., 0]) > 128)
        moved = moved_box(box, scan.page_map)
        found = (
            columns.min() / width,
            rows.min() / height,
            columns.max() / width,
            rows.max() / height,
        )
        assert np.allclose(found, moved, atol=0.006), (found, moved)


@given(st.floats(-45, 45), st.floats(1, 2), st.tuples(*[st.floats(0.3, 0.7)] * 2))
def test_turning_there_and_back_moves_nothing(
    degrees: float, ratio: float, corner: tuple[float, float]
) -> None:
    there_and_back = turned(-degrees, ratio) @ turned(degrees, ratio)
    assert np.allclose(there_and_back, unmoved(), atol=1e-9)
    point = (*corner, *corner)
    assert np.allclose(moved_box(point, there_and_back), point, atol=1e-5)


def test_the_same_generator_gives_the_same_bytes_and_effects_can_be_lowered(page: Pixels) -> None:
    one, two = (scanned(page, Tier.PHOTO, np.random.default_rng(3)) for _ in range(2))
    assert one.jpeg == two.jpeg
    off = dict.fromkeys(Effect, 0.0)
    still = scanned(page, Tier.PHOTO, np.random.default_rng(3), off)
    assert not any(still.strengths.values())
    assert np.array_equal(still.page_map, unmoved())


def test_words_and_places_of_a_scanned_set_speak_of_its_images(tmp_path: Path) -> None:
    config = GeneratorConfig(tiers={Tier.SCAN: 1, Tier.PHOTO: 1}, locales={"de-DE": 1})
    generate(config, 4, tmp_path, seed=2)
    entries = json.loads((tmp_path / "training_manifest.json").read_text())
    assert all(entry["is_augmented"] for entry in entries)
    for index in range(4):
        name = f"inv-{index + 1:06d}"
        truth = json.loads((tmp_path / "ground_truth" / f"{name}.json").read_text())
        words = json.loads((tmp_path / "words" / f"{name}.json").read_text())
        drawn = read_pdf((tmp_path / "pdfs" / f"{name}.pdf").read_bytes())
        assert truth["made"]["tier"] in ("scan", "photo")
        for page, seen, scan in zip(
            drawn.pages, Document.from_json(words).pages, truth["made"]["scan"], strict=True
        ):
            page_map = np.array(scan["page_map"])
            for one, other in zip(page.words, seen.words, strict=True):
                assert one.text == other.text
                assert np.allclose(moved_box(one.box, page_map), other.box, atol=1e-4)
        stands = {
            tuple(round(side, 2) for side in word.box)
            for page in Document.from_json(words).pages
            for word in page.words
        }
        single = [
            value
            for _, value in leaves(from_own(truth["invoice"]))
            if value.places and " " not in value.printed and "\n" not in value.printed
        ]
        assert len(single) > 5
        near = [
            any(np.allclose(place.box, box, atol=0.02) for box in stands)
            for value in single
            for place in value.places
        ]
        assert all(near)


def test_words_are_read_in_the_same_rows_however_a_page_lies() -> None:
    """Turned by up to 2.5 degrees, or seen from a side; where rows of columns nearly meet, a few
    may differ."""
    config = GeneratorConfig(locales={"en-US": 1, "fr-FR": 1})
    rng = np.random.default_rng(1)
    kept = of = 0
    for index in range(10):
        made = draft(config, 5, index)
        page = read_pdf(render_pdf(made.invoice, made.style)).pages[0]
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * 0.92 + 0.04
        maps = [turned(rng.uniform(-2.5, 2.5), page.height / page.width) for _ in range(3)]
        maps.append(seen_from(corners + rng.uniform(-0.04, 0.04, (4, 2))))
        drawn = [[word.text for word in row] for row in rows(page)]
        for page_map in maps:
            (moved,) = moved_document(Document((page,)), [page_map]).pages
            seen = [[word.text for word in row] for row in rows(moved)]
            kept += sum(row in seen for row in drawn)
            of += len(drawn)
    assert kept / of > 0.97
