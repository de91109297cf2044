"""The queue: what would teach most stands first, explained, and one reviewer gets a document."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.api.server import create_app
from app.core.learning.doubts import CUT, Doubts, doubts_of, seller_key
from app.core.learning.queue import Candidate, queued
from app.core.learning.store import Store
from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.evaluation.matching import Verdict, match
from erniekit_finetuning.evaluation.said import in_invoice
from erniekit_finetuning.evaluation.truth import read_by_rules
from erniekit_finetuning.extraction import Extraction
from erniekit_finetuning.invoice import rules
from erniekit_finetuning.invoice.model import Invoice, Party, Printed
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.dataset.stream import pdf_documents

READ = {"structured_data": {"vendor_block": {"name": "Acme GmbH"}}}
PRETRAIN = Path(__file__).parent.parent / "configs" / "generator" / "pretrain.yaml"
SURE = Doubts(unsure=0.1, least_sure="number", seller="acme")


def kept(name: str, doubts: Doubts = SURE, corrected: bool = False) -> Candidate:
    return Candidate(name, f"{name}.pdf", doubts, corrected)


def order(documents: Sequence[Candidate]) -> list[str]:
    return [one.id for one in queued(documents)]


def seller(name: str | None, unsure: float = 0.1) -> Doubts:
    return Doubts(unsure=unsure, least_sure="number", seller=name)


def test_doubt_failed_rules_and_new_sellers_each_put_a_document_first() -> None:
    known = [kept(f"old {n}", seller("acme"), corrected=True) for n in range(3)]
    plain = kept("plain")
    unsure = kept("unsure", seller("acme", 1.4))
    failed = kept("failed", Doubts(0.1, "number", ("BR-CO-10",), "acme"))
    new = kept("new", seller("bremo"))
    for better in (unsure, failed, new):
        assert order([*known, plain, better])[0] == better.id
    assert set(order([*known, plain, unsure, failed, new])) == {"plain", "unsure", "failed", "new"}


def test_a_seller_is_new_until_its_documents_were_kept_or_corrected() -> None:
    first = kept("first", seller("acme"))
    (alone,) = queued([first])
    assert alone.score == pytest.approx(0.1 + 1)
    assert "the first of its seller" in alone.reason
    (known,) = queued([kept("corrected", seller("acme"), corrected=True), first])
    assert known.score == pytest.approx(0.1 + 1 / 2)
    assert "1 of its seller before" in known.reason
    nameless = queued([kept("nameless", seller(None))])
    assert nameless[0].score == pytest.approx(0.1)


def test_ten_documents_of_one_seller_do_not_fill_the_top() -> None:
    bad = [
        kept(f"acme {n}", Doubts(0.5, "number", ("BR-CO-10", "BR-CO-13"), "acme"))
        for n in range(10)
    ]
    others = [kept(f"other {n}", seller(f"seller {n}", 0.3)) for n in range(4)]
    top = order([*bad, *others])[:6]
    assert top[0].startswith("acme")
    assert sum(name.startswith("acme") for name in top) == 2


@given(
    st.lists(
        st.tuples(st.floats(0, 40), st.integers(0, 5), st.sampled_from("abc"), st.booleans()),
        max_size=30,
    )
)
def test_every_document_without_a_correction_stands_once_by_falling_scores(
    drawn: list[tuple[float, int, str, bool]],
) -> None:
    documents = [
        kept(str(n), Doubts(unsure, "number", tuple(map(str, range(fails))), name), done)
        for n, (unsure, fails, name, done) in enumerate(drawn)
    ]
    found = queued(documents)
    assert sorted(one.id for one in found) == sorted(
        one.id for one in documents if not one.corrected
    )
    scores = [one.score for one in found]
    assert scores == sorted(scores, reverse=True)
    assert all(score >= 0 for score in scores)


def test_the_reason_says_what_speaks_against_a_reading() -> None:
    doubts = Doubts(2.26, "totals.payable", ("BR-CO-10", "BR-CO-13", "X-1", "X-2"), "acme")
    (one,) = queued([kept("a", doubts)])
    assert one.reason == (
        "BR-CO-10, BR-CO-13, X-1 and 1 more fail; "
        "2.3 fields expected wrong, least sure of totals.payable; "
        "the first of its seller"
    )
    (bare,) = queued([kept("b", Doubts())])
    assert (bare.score, bare.reason) == (0.0, "nothing speaks against its reading")


def extraction(truncated: bool = False) -> Extraction:
    name = Printed(printed="ACME  G.m.b.H.", value="ACME  G.m.b.H.")
    invoice = Invoice(seller=Party(name=name))
    return Extraction(
        invoice=invoice,
        truncated=truncated,
        findings=tuple(rules.check(invoice)),
        not_in_document=(),
        model="m",
        source="text layer",
        decoding=Decoding.STRICT,
        new_tokens=1,
        seconds=0.1,
        confidence={"number": 0.9, "currency": 0.2},
    )


def test_doubts_are_taken_from_an_extraction() -> None:
    found = doubts_of(extraction(truncated=True))
    assert (found.unsure, found.least_sure) == (0.9, "currency")
    assert found.seller == seller_key("Acme GmbH") == "acmegmbh"
    assert found.failed[0] == CUT
    assert len(found.failed) > 1  # an invoice without a number and lines breaks rules
    assert CUT not in doubts_of(extraction()).failed


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'store.db'}", tmp_path)


def keep(store: Store, name: str, unsure: float) -> str:
    return store.keep(name, b"%PDF", "m", READ, doubts=seller(name, unsure))


def test_the_store_gives_the_queue_and_a_correction_or_confirmation_leaves_it(store: Store) -> None:
    ids = [keep(store, f"{n}", 5 - n) for n in range(5)]
    assert [one.id for one in store.queue(9)] == ids
    assert [one.id for one in store.queue(2)] == ids[:2]
    store.correct(ids[0], {"vendor_block": {"name": "Bremo"}})
    store.correct(ids[1], {})  # it was read right
    assert [one.id for one in store.queue(9)] == ids[2:]


def test_a_document_is_lent_to_one_reviewer_at_a_time(store: Store) -> None:
    ids = [keep(store, f"{n}", n) for n in range(6)]
    with ThreadPoolExecutor(4) as reviewers:
        got = list(reviewers.map(lambda _: store.lend(5), range(6)))
    given_out = [one.id for one in got if one is not None]
    assert sorted(given_out) == sorted(ids)
    assert store.queue(9) == []
    assert keep(store, "late", 0.0) == getattr(store.lend(0), "id", None)
    assert len(store.queue(9)) == 1  # it was lent for no time at all


def test_documents_that_are_all_lent_go_round(store: Store) -> None:
    ids = [keep(store, f"{n}", 3 - n) for n in range(3)]
    assert [getattr(store.lend(5), "id", None) for _ in range(5)] == [*ids, *ids[:2]]
    store.correct(ids[2], {})
    assert getattr(store.lend(5), "id", None) == ids[0]
    for one in ids[:2]:
        store.correct(one, {})
    assert store.lend(5) is None


def test_a_database_of_an_earlier_version_is_told(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "old.db") as old:
        old.execute("CREATE TABLE documents (id VARCHAR PRIMARY KEY, name VARCHAR)")
    with pytest.raises(UnusableInput, match=r"documents: .*earlier version.*expected .*seller"):
        Store(f"sqlite:///{tmp_path / 'old.db'}", tmp_path)


def test_the_queue_finds_wrong_readings_earlier_than_chance_and_http_gives_it(
    store: Store, tmp_path: Path
) -> None:
    """Read with the shipped model; all that chance orders are as likely to be first."""
    made = list(pdf_documents(load_config(PRETRAIN), 4712, 0, 20))
    service = ErnieVLMService({"ernie_vl": {"timeout_seconds": 600}})
    client = TestClient(create_app(service, store=store))
    wrong: dict[str, bool] = {}

    def one(job: tuple[Invoice, object]) -> None:
        truth, document = job
        read = service.read(document)  # type: ignore[arg-type]
        id_ = store.keep("a.pdf", b"%PDF", read.model, READ, doubts=doubts_of(read))
        assert isinstance(read, Extraction)
        said = [in_invoice(read_by_rules(each).invoice) for each in (truth, read.invoice)]
        wrong[id_] = any(row.verdict is not Verdict.CORRECT for row in match(*said))

    try:
        with ThreadPoolExecutor(8) as clients:
            list(clients.map(one, made))
        answer = client.get("/v1/queue", params={"limit": 4})
        assert client.get("/v1/queue", params={"limit": 0}).status_code == 422
    finally:
        service.close()
    first = [row["document_id"] for row in answer.json()]
    assert len(first) == 4
    assert answer.json()[0].keys() == {"document_id", "name", "score", "reason"}
    share = sum(wrong[id_] for id_ in first) / 4
    by_chance = sum(wrong.values()) / len(wrong)
    assert 0 < by_chance < 1
    assert share > by_chance
