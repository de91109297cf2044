"""What the small base model learns from: texts, truths that stand in them, and drills."""

from __future__ import annotations

import itertools
import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erniekit_finetuning.base import corpus, curriculum, drawing, tokenizer
from erniekit_finetuning.base.batches import Batch, Laying, batches, laid_out, pad
from erniekit_finetuning.base.corpus import FORMS, Labelled, prints
from erniekit_finetuning.base.drills import DRILLS
from erniekit_finetuning.base.lengthening import lengthened
from erniekit_finetuning.base.noise import misread, noisy_words, reread
from erniekit_finetuning.base.own_schemas import own_answer
from erniekit_finetuning.base.relabelling import relabelled
from erniekit_finetuning.base.renaming import renamed
from erniekit_finetuning.base.rows import IGNORED, Encoder, Row
from erniekit_finetuning.base.scanning import scanned
from erniekit_finetuning.data.prompts import DATE_BLANK
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.locale import load_locale

CONFIGS = Path(__file__).parent.parent / "configs" / "generator"
PRETRAIN = load_config(CONFIGS / "pretrain.yaml")
SET = list(drawing.documents(PRETRAIN, 41, 0, 120, "set"))
DRAWN = list(drawing.documents(PRETRAIN, 41, 0, 12, "drawn"))


def stands(row: str, text: str) -> bool:
    return any(row in line for page in text.split("\f") for line in page.split("\n"))


@pytest.mark.parametrize("form", FORMS)
def test_every_value_stands_in_the_text_row_by_row(form: corpus.Form) -> None:
    for document in SET if form == "set" else DRAWN:
        for value in [*prints(document.data), *document.extras.values()]:
            for row in value.split("\n"):
                assert stands(row, document.text), (row, document.text)


def test_few_documents_lose_a_value_on_the_way_to_text() -> None:
    assert len(SET) >= 114
    assert len(DRAWN) >= 11


def test_a_set_is_the_same_every_time_and_no_two_pages_are_alike() -> None:
    again = list(drawing.documents(PRETRAIN, 41, 100, 20, "set"))
    assert again == SET[-len(again) :]
    assert len({document.text for document in SET}) == len(SET)


def test_pages_vary_in_what_makes_reading_hard() -> None:
    texts = [document.text for document in SET]
    assert any("\f" in text for text in texts)
    assert any("\t" not in text for text in texts)
    assert sum(document.data["client_info"]["invoice_number"] in row
               for document, text in zip(SET, texts, strict=True)
               for row in text.split("\n")[:2]
               if document.data["client_info"]["invoice_number"]) > 5  # fmt: skip
    assert any("\n" in item["description"] for one in SET for item in one.data["line_items"])
    assert any(sums_in_one_row(one) for one in SET)


def sums_in_one_row(document: Labelled) -> bool:
    """Three sums or more stand in one row, below a row of nothing but numbers: their parts."""
    keys = ("subtotal", "net_total", "tax", "grand_total", "amount_due")
    sums = {document.data["financial_summary"][key] for key in keys} - {None}
    rows = [row.split("\t") for row in document.text.split("\n")]
    return len(sums) > 2 and any(
        sums <= {*row} and any(above) and all(re.search(r"\d", cell) for cell in above if cell)
        for above, row in itertools.pairwise(rows)
    )


def test_normalised_values_are_those_of_the_prints() -> None:
    dated = [one for one in SET if one.data["client_info"]["invoice_date"]]
    assert len(dated) > 100
    for one in dated:
        assert one.values[one.data["client_info"]["invoice_date"]][:2] in ("19", "20")


@given(st.integers(0, 10**6), st.sampled_from(SET))
@settings(max_examples=60, deadline=None)
def test_what_is_misread_and_what_a_scan_loses_is_so_in_text_and_truth_alike(
    seed: int, document: Labelled
) -> None:
    rng = random.Random(seed)
    for other in (misread(rng, document), scanned(rng, document), scanned(rng, document)):
        for row in rows_of(other):
            assert row in other.text
        assert "\n\n" not in other.text
        assert not re.search(r"\t(\n|\f|$)", other.text)


def test_a_scan_takes_spaces_and_cells_from_page_and_truth() -> None:
    made = [scanned(random.Random(seed), DRAWN[seed % len(DRAWN)]) for seed in range(400)]
    pairs = [(one, DRAWN[seed % len(DRAWN)]) for seed, one in enumerate(made)]
    names = [
        (now.data["client_info"]["name"], before.data["client_info"]["name"])
        for now, before in pairs
        if before.data["client_info"]["name"]
    ]
    glued = [(now, before) for now, before in names if now != before]
    assert glued
    assert all(now == before.replace(" ", "") or " " in before for now, before in glued)
    assert all(now.replace(" ", "") == before.replace(" ", "") for now, before in names)
    lost = [
        (other, now, before)
        for now, before in pairs
        for item, other in zip(now.data["line_items"], before.data["line_items"], strict=True)
        if item["quantity"] is None and other["quantity"] is not None
    ]
    assert lost
    for other, now, before in lost:
        assert cells(now.text).count(other["quantity"]) < cells(before.text).count(
            other["quantity"]
        )


def rows_of(document: Labelled) -> frozenset[str]:
    return frozenset(document.asked())


def cells(text: str) -> list[str]:
    return re.split(r"[\t\n\f]", text)


@given(st.integers(0, 10**6), st.sampled_from([*SET, *DRAWN]))
@settings(max_examples=100, deadline=None)
def test_labels_in_other_words_leave_values_and_places_as_they_are(
    seed: int, document: Labelled
) -> None:
    values = rows_of(document)
    other = relabelled(random.Random(seed), document.text, values)
    assert len(cells(other)) == len(cells(document.text))
    for value in values:
        assert stands(value, other)
    for cell in set(cells(document.text)) & values:
        assert cell in cells(other)


def test_a_share_of_texts_keeps_no_label_and_none_gets_one_of_the_unseen_wordings() -> None:
    known, unseen = set[str](), set[str]()
    for code in PRETRAIN.locales:
        for wordings in load_locale(code).labels.values():
            known |= {wording.rstrip(" :").casefold() for wording in wordings.common}
            unseen |= {wording.rstrip(" :").casefold() for wording in wordings.house}
    kept = []
    for seed in range(60):
        document = DRAWN[seed % len(DRAWN)]
        text = relabelled(random.Random(seed), document.text, rows_of(document))
        said = [cell.rstrip(" :").casefold() for cell in cells(text)]
        before = [cell.rstrip(" :").casefold() for cell in cells(document.text)]
        kept.append(sum(cell in known for cell in said) / sum(cell in known for cell in before))
        assert not (set(said) - set(before)) & (unseen - known)
    assert min(kept) < 0.4
    assert sum(share == 1 for share in kept) > 15


@given(st.integers(0, 10**6), st.sampled_from([*SET, *DRAWN]))
@settings(max_examples=100, deadline=None)
def test_other_names_stand_wherever_the_first_ones_stood(seed: int, document: Labelled) -> None:
    other = renamed(random.Random(seed), document)
    for row in rows_of(other):
        assert stands(row, other.text)
    assert other.text.count("\n") == document.text.count("\n")
    for party in ("vendor_block", "client_info"):
        before, after = document.data[party], other.data[party]
        assert {**before, "name": None} == {**after, "name": None}
        if before["name"] != after["name"]:
            assert not re.search(rf"(?<!\w){re.escape(before['name'])}(?!\w)", other.text)


@given(st.integers(0, 10**6), st.sampled_from([*SET, *DRAWN]))
@settings(max_examples=60, deadline=None)
def test_longer_documents_keep_their_rows_and_part_no_value(seed: int, document: Labelled) -> None:
    before = document.text.split("\n")
    longer = lengthened(random.Random(seed), document.text, document.data)
    left = iter(longer.split("\n"))
    assert all(row in left for row in before)  # each after the one before
    later = [part for value in prints(document.data) for part in value.split("\n")[1:]]
    for above, row in itertools.pairwise(before):
        if any(part in row for part in later):
            assert f"{above}\n{row}" in longer


def test_longer_documents_are_of_two_and_three_times_the_words() -> None:
    sizes = [
        (len(document.text), len(lengthened(random.Random(seed), document.text, document.data)))
        for seed, document in enumerate(DRAWN * 5)
    ]
    assert sum(after > 2 * before for before, after in sizes) > len(sizes) / 4
    assert max(after for _, after in sizes) < 4000


def test_names_are_made_of_labels_too() -> None:
    names = [
        renamed(random.Random(seed), document).data["vendor_block"]["name"]
        for seed, document in enumerate(DRAWN * 10)
    ]
    before = [document.data["vendor_block"]["name"] for document in DRAWN * 10]
    assert 0.5 < sum(map(str.__ne__, names, before)) / len(names) < 0.9
    known = {wording for one in DRAWN for wording in one.text.split()}
    assert sum(any(word in known for word in name.split()) for name in names) > 30


def test_other_words_for_a_label_keep_its_rate_and_its_capitals() -> None:
    text = "MWST. 19 %:\t19,00\nUSt. 7,0%: 7,00\nFÄLLIG AM 3.4.2026\nzu 19 %"
    values = frozenset(["19,00", "7,00", "3.4.2026"])
    seen = {relabelled(random.Random(seed), text, values) for seed in range(60)}
    assert len(seen) > 20
    for other in seen:
        first, second, third, last = other.split("\n")
        assert "19 %" in first
        assert first.endswith(":\t19,00")
        assert "7,0%" in second
        assert second.endswith(": 7,00")
        assert third.isupper()
        assert third.endswith(" 3.4.2026")
        assert last == "zu 19 %"


def test_noise_changes_the_words_it_names_and_no_others() -> None:
    words = {"Total": "Tota1"}
    data = {"a": ["Total", None], "b": {"c": "5 Total"}}
    document = Labelled("Total\t5 Totals\nTotal", data, {}, {"Total": "1"})
    assert reread(words, document) == Labelled(
        "Tota1\t5 Totals\nTota1", {"a": ["Tota1", None], "b": {"c": "5 Tota1"}}, {}, {"Tota1": "1"}
    )
    assert noisy_words(random.Random(1), "some words here", 0.0) == {}


@given(st.integers(0, 10**6), st.sampled_from(SET))
@settings(max_examples=100, deadline=None)
def test_an_answer_in_a_drawn_schema_has_the_shape_that_the_prompt_shows(
    seed: int, document: Labelled
) -> None:
    own = own_answer(random.Random(seed), document.data, document.extras, document.values)
    assert own.blank
    assert_alike(own.blank, own.answer, document)


def assert_alike(blank: Any, answer: Any, document: Labelled) -> None:
    if isinstance(blank, dict):
        assert list(blank) == list(answer)
        for key in blank:
            assert_alike(blank[key], answer[key], document)
    elif isinstance(blank, list):
        for one in answer:
            assert_alike(blank[0], one, document)
    elif answer is not None:
        if blank == "":
            assert answer in [*prints(document.data), *document.extras.values()]
        else:
            assert str(answer) in document.values.values()
            assert (blank == DATE_BLANK) == isinstance(answer, str)


@pytest.mark.parametrize("name", DRILLS)
@given(seed=st.integers(0, 10**6))
@settings(max_examples=50, deadline=None)
def test_a_drill_answers_from_its_text(name: str, seed: int) -> None:
    drill = DRILLS[name](random.Random(seed))
    text, _, _ = drill.prompt.rpartition("\nExtract as JSON: ")
    for value in prints(json.loads(drill.answer)):
        assert value in text


def test_tasks_go_from_drills_to_whole_invoices() -> None:
    for done in (0.0, 0.1, 0.12, 1.0):
        assert sum(vars(curriculum.shares(done)).values()) == pytest.approx(1)
    assert curriculum.shares(0.0).lookup > curriculum.shares(1.0).lookup
    assert curriculum.shares(1.0).whole > curriculum.shares(0.0).whole


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tokens")
    words = tokenizer.frequent_words((one.text for one in SET), 200)
    assert len(words) == 200
    assert words == sorted(words)
    tokenizer.save(tokenizer.build(words), folder, 4096)
    return PreTrainedTokenizerFast.from_pretrained(folder)


@pytest.fixture(scope="module")
def encode(tokens: Any) -> Encoder:
    return Encoder(tokens)


def test_text_and_answers_survive_tokens_spelled_or_not(tokens: Any, encode: Encoder) -> None:
    rng = random.Random(3)
    for task in ("whole", "own", "lines", "lookup", "table"):
        (sample,) = curriculum.samples(rng, [task], lambda: rng.choice(SET))
        rows = encode([sample]), encode([sample], True)
        assert len(rows[1].ids) >= len(rows[0].ids)
        for row in rows:
            assert tokens.decode(answer(row)[:-1]) == sample.answer


def answer(row: Row) -> list[int]:
    return [token for token, trained in zip(row.ids.tolist(), row.trained, strict=True) if trained]


def test_questions_about_one_text_share_its_tokens(tokens: Any, encode: Encoder) -> None:
    asked = curriculum.samples(random.Random(3), ["whole", "own", "lines"], lambda: SET[0])
    row = encode(asked)
    assert len(row.ids) < sum(len(encode([one]).ids) for one in asked) - 2 * 100
    for number, one in enumerate(asked, start=1):
        seen = [
            token
            for token, branch in zip(row.ids, row.branches, strict=True)
            if branch in (0, number)
        ]
        assert seen == encode([one]).ids.tolist()
    said = [token for token in answer(row) if token != tokens.eos_token_id]
    assert tokens.decode(said) == "".join(one.answer for one in asked)


def made(encode: Encoder, laying: Laying, count: int) -> list[Batch]:
    some = batches(lambda rng: rng.choice(SET), encode, "seed", laying, lambda: 0.5)
    return [next(some) for _ in range(count)]


def test_padded_batches_are_full_and_train_answers_only(encode: Encoder) -> None:
    for batch in made(encode, Laying(2048, 1600, packed=False), 20):
        assert batch.ids.size <= 2048 or len(batch.ids) == 1
        assert batch.ids.shape[1] < 1600
        assert (batch.labels == IGNORED).any(1).all()
        assert (batch.labels != IGNORED).any(1).all()
    row = encode([DRILLS["repeat"](random.Random(1))])
    (learnt,) = pad([row]).labels
    assert [label for label in learnt if label != IGNORED] == answer(row)
    assert pad([row]).positions.tolist() == [list(range(len(row.ids) - 1))]


def test_packed_batches_are_of_one_shape_and_nearly_full(encode: Encoder) -> None:
    some = made(encode, Laying(8192, 2048, packed=True), 12)
    assert {batch.ids.shape for batch in some} == {(4, 2048)}
    assert sum((batch.texts > 0).mean() for batch in some) / len(some) > 0.9


def test_packed_rows_are_the_rows_one_after_the_other(encode: Encoder) -> None:
    rng = random.Random(2)
    documents = iter(SET)
    tasks = ["own", "whole"]
    rows = [encode(curriculum.samples(rng, tasks, lambda: next(documents))) for _ in range(6)]
    (batch,) = laid_out(rows, Laying(6 * 4096, 4096, packed=True))
    found = []
    for sequence in range(len(batch.ids)):
        for text in range(1, batch.texts[sequence].max() + 1):
            at = batch.texts[sequence] == text
            (alone,) = (
                pad([row]) for row in rows if row.ids.tolist() == batch.ids[sequence][at].tolist()
            )
            size = alone.ids.shape[1]
            for name in ("ids", "labels", "positions", "branches"):
                packed = getattr(batch, name)[sequence][at]
                assert packed[:size].tolist() == getattr(alone, name)[0].tolist(), name
            assert batch.labels[sequence][at][size:].tolist() == [IGNORED]
            found.append(text)
    assert len(found) == len(rows)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_packing_loses_no_row(sizes: list[int]) -> None:
    rows = [
        Row(*(np.full(size, number) for _ in Row._fields)) for number, size in enumerate(sizes, 1)
    ]
    batches = list(laid_out(rows, Laying(80, 40, packed=True)))
    ids = np.concatenate([batch.ids.reshape(-1) for batch in batches])
    assert {number: int((ids == number).sum()) for number in range(1, len(sizes) + 1)} == dict(
        enumerate(sizes, 1)
    )
