"""Comparisons say what the documents show, no more: checked on models whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged import evaluation, judged

from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.evaluation.comparison import (
    MIN_DOCUMENTS,
    Outcome,
    Paired,
    corrected,
    holm,
    mcnemar,
)
from erniekit_finetuning.evaluation.counting import Table, tabled
from erniekit_finetuning.evaluation.judging import DocumentResult
from erniekit_finetuning.evaluation.matching import Match, Verdict
from erniekit_finetuning.evaluation.measures import BY_KEY, PRIMARY
from erniekit_finetuning.evaluation.result import Evaluation
from erniekit_finetuning.evaluation.versus import verdict, versus, whole_sentence

GOOD = judged()
BAD = judged(lambda data: data["financial_summary"].update(tax="9.99"))


def documents(results: list[DocumentResult]) -> list[DocumentResult]:
    """The same results, each of a document of its own."""
    return [one.model_copy(update={"id": f"doc-{n}"}) for n, one in enumerate(results)]


def table(results: list[DocumentResult]) -> Table:
    return tabled(documents(results))


def test_a_comparison_speaks_only_where_the_interval_does() -> None:
    assert Paired(table([BAD] * 20), table([GOOD] * 20)).difference().outcome is Outcome.BETTER
    assert Paired(table([GOOD] * 20), table([BAD] * 20)).difference().outcome is Outcome.WORSE
    mixed = Paired(table([GOOD, BAD] * 10), table([BAD, GOOD] * 10)).difference()
    assert (mixed.outcome, mixed.difference, mixed.needed) == (Outcome.NO_DIFFERENCE, 0.0, None)
    few = Paired(table([BAD] * 9), table([GOOD] * 9)).difference()
    assert (few.outcome, few.interval) == (Outcome.NO_DIFFERENCE, None)
    assert few.difference == pytest.approx(1 / 18)


def test_less_is_better_where_it_is() -> None:
    slow = GOOD.model_copy(update={"seconds": 2.0})
    paired = Paired(table([slow] * 20), table([GOOD] * 20))
    assert paired.difference(BY_KEY["seconds"]).outcome is Outcome.BETTER
    assert paired.difference(BY_KEY["tokens"]).outcome is Outcome.NO_DIFFERENCE


def test_the_same_documents_give_the_same_interval() -> None:
    one, other = table([BAD, GOOD] * 9), table([GOOD] * 18)
    assert Paired(one, other).difference() == Paired(one, other).difference()


def test_other_documents_are_refused() -> None:
    with pytest.raises(UnusableInput, match="different documents"):
        Paired(tabled([GOOD]), tabled([GOOD.model_copy(update={"id": "other"})]))


def simulated(rng: np.random.Generator, right: float, fields: int = 12) -> DocumentResult:
    """A document of a model that has a share of fields right; documents are easy or hard."""
    verdicts = rng.random(fields) < right
    matches = tuple(
        Match(f"f{n}", Kind.TEXT, Verdict.CORRECT if good else Verdict.WRONG, "a", "b")
        for n, good in enumerate(verdicts)
    )
    return DocumentResult(id="", matches=matches)


def outcomes(count: int, models: int, better_by: float, seed: int) -> list[Outcome]:
    """Verdicts on many pairs of models; a document's difficulty is shared by both."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(models):
        ease = rng.beta(6, 3, count)
        first = table([simulated(rng, share) for share in ease])
        second = table([simulated(rng, min(1, share + better_by)) for share in ease])
        found.append(Paired(first, second).difference(PRIMARY).outcome)
    return found


def test_equal_models_are_rarely_called_different() -> None:
    found = outcomes(count=60, models=200, better_by=0.0, seed=5)
    # 5 % are expected; more than 9 % of 200 would happen once in a hundred runs.
    assert found.count(Outcome.NO_DIFFERENCE) >= 182


def test_a_true_difference_of_five_points_is_found_on_400_documents() -> None:
    found = outcomes(count=400, models=20, better_by=0.05, seed=6)
    assert found.count(Outcome.BETTER) >= 18
    assert Outcome.WORSE not in found


def test_as_many_documents_as_are_said_to_be_needed_show_it() -> None:
    rng = np.random.default_rng(8)
    ease = rng.beta(6, 3, 60)
    first = table([simulated(rng, share) for share in ease])
    second = table([simulated(rng, min(1, share + 0.03)) for share in ease])
    one = Paired(first, second).difference()
    assert one.detectable is not None
    assert one.needed == pytest.approx(60 * (one.detectable / abs(one.difference or 1)) ** 2, abs=1)
    # at that size a difference of the detectable size is found four times in five
    found = outcomes(count=60, models=60, better_by=one.detectable, seed=9)
    assert 0.6 <= found.count(Outcome.BETTER) / 60 <= 0.97


def test_mcnemar_by_hand() -> None:
    # 1 against 7 of 8: (C(8,0) + C(8,1)) x 2 / 2^8 = 18 / 256
    assert mcnemar(1, 7) == pytest.approx(18 / 256)
    assert (mcnemar(0, 0), mcnemar(3, 3)) == (1.0, 1.0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
@settings(deadline=None)
def test_holm_never_lowers_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [adjusted[i] for i in order] == sorted(adjusted)
    assert min(adjusted) == pytest.approx(min(1, min(p_values) * len(p_values)))


def test_of_many_rows_only_those_count_that_hold_after_correction() -> None:
    row = Paired(table([BAD] * 20), table([GOOD] * 20)).difference()
    rows = [row._replace(p_value=0.04)] * 3
    assert [one.outcome for one in corrected(rows)] == [Outcome.NO_DIFFERENCE] * 3
    assert corrected([row._replace(p_value=0.01)])[0].outcome is Outcome.BETTER
    # rows that could show nothing do not count: 0.02 of two tests is 0.04
    silent = row._replace(p_value=None)
    rows = [row._replace(p_value=0.02), silent, silent, row._replace(p_value=0.9)]
    assert [one.outcome for one in corrected(rows)] == [
        Outcome.BETTER, *[Outcome.NO_DIFFERENCE] * 3,
    ]  # fmt: skip


def tagged(document: DocumentResult, sort: str) -> DocumentResult:
    return document.model_copy(update={"tags": {"layout": sort}})


def test_fields_and_sorts_of_documents_are_told_apart(tmp_path: Path) -> None:
    sorts = ["seen"] * 20 + ["unseen"] * 20
    first = [tagged(BAD, sort) for sort in sorts]
    second = [tagged(GOOD if sort == "unseen" else BAD, sort) for sort in sorts]
    one = versus(
        evaluation(tmp_path / "a", documents(first)), evaluation(tmp_path / "b", documents(second))
    )
    fields = {row.measure.key: row.outcome for row in one.fields}
    assert fields.pop("totals.tax_total") is Outcome.BETTER
    assert set(fields.values()) == {Outcome.NO_DIFFERENCE}
    found = {sort: row.outcome for (_, sort), row in one.slices.items()}
    assert found == {"seen": Outcome.NO_DIFFERENCE, "unseen": Outcome.BETTER}
    assert (one.whole.only_first, one.whole.only_second) == (0, 20)
    assert one.whole.p_value == pytest.approx(2 / 2**20)
    assert "only new has 20 right, only old 0" in whole_sentence(one, "old", "new")


def said(tmp_path: Path, first: list[DocumentResult], second: list[DocumentResult]) -> str:
    one = evaluation(tmp_path / "a", documents(first))
    other = evaluation(tmp_path / "b", documents(second))
    return verdict(versus(one, other), "old", "new")


def test_verdicts_in_plain_words(tmp_path: Path) -> None:
    better = said(tmp_path, [BAD] * 20, [GOOD] * 20)
    assert better.startswith("new is better than old on 20 documents: field accuracy +5.6 points")
    assert said(tmp_path, [GOOD] * 20, [BAD] * 20).startswith("new is worse than old")
    unsure = said(tmp_path, [BAD, BAD, GOOD] + [GOOD] * 17, [BAD, GOOD, GOOD] + [GOOD] * 17)
    assert unsure.startswith("No difference shown between new and old on 20 documents")
    assert "documents would show it" in unsure
    few = said(tmp_path, [BAD] * 3, [GOOD] * 3)
    assert f"an interval needs {MIN_DOCUMENTS} documents or more" in few


def test_documents_of_the_same_name_in_another_file_are_refused(tmp_path: Path) -> None:
    one = evaluation(tmp_path / "a", [GOOD])
    other = evaluation(tmp_path / "b", [GOOD])
    elsewhere = other.evaluated.model_copy(update={"data_sha256": "2" * 64})
    with pytest.raises(UnusableInput, match="the test data are not the same"):
        versus(one, Evaluation(elsewhere, other.table, other.matches))
