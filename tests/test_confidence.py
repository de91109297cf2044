"""Confidence: the calibration error, the fit, evidence, and a calibration from command to use."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged import ANSWER, TRUTH, answered
from PIL import Image
from typer.testing import CliRunner

from app.config.settings import settings_for
from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning.cli import app
from erniekit_finetuning.confidence.calibration import (
    CALIBRATION_FILE,
    Calibration,
    Error,
    calibration_file,
    calibration_of,
    write_calibration,
)
from erniekit_finetuning.confidence.calibration_error import STEPS, binned, expected_error, stepped
from erniekit_finetuning.confidence.evidence import FEATURES, Evidence, features
from erniekit_finetuning.confidence.fields import answer_paths
from erniekit_finetuning.confidence.kinds import Kind
from erniekit_finetuning.confidence.logistic import fit
from erniekit_finetuning.confidence.witness import Witness
from erniekit_finetuning.data.labelling import document_of, make_pair, words_of
from erniekit_finetuning.data.pair import PageWords, compact
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.decoding import Decoding
from erniekit_finetuning.documents.model import Document
from erniekit_finetuning.documents.ocr import read_image
from erniekit_finetuning.documents.pdf import read_pdf
from erniekit_finetuning.documents.text import document_text
from erniekit_finetuning.engines.protocol import Generation, TokenScore
from erniekit_finetuning.errors import UnusableInput
from erniekit_finetuning.evaluation.calibrating import (
    FOLDS,
    Labelled,
    calibrated,
    folds,
    out_of_fold,
)
from erniekit_finetuning.evaluation.claims import Claim, claims_of
from erniekit_finetuning.evaluation.fingerprints import model_fingerprint
from erniekit_finetuning.evaluation.result import Evaluated
from erniekit_finetuning.extraction import flagged
from erniekit_finetuning.invoice.answer import read_answer
from erniekit_finetuning.invoice.response import printed_once, structured_data
from erniekit_finetuning.invoice.rules import check
from erniekit_finetuning.recipes.models import ASSETS
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.dataset.stream import pdf_documents
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import page_pixels, render_pdf

CONFIGS = Path(__file__).parent.parent / "configs" / "generator"
PRETRAIN = load_config(CONFIGS / "pretrain.yaml")
# Layouts and wordings that the shipped model has not learnt: it makes mistakes on these.
NEW = load_config(CONFIGS / "unseen.yaml").model_copy(update={"max_lines": 2})
EASY = PRETRAIN.model_copy(
    update={"locales": {"de-DE": 1.0}, "layouts": {"classic": 1.0}, "max_lines": 2}
)
VALUE = Evidence(-0.4, -0.1, Kind.TEXT, False, False, 8, False, False, 2, 0.9)


def error_of(confidence: list[float], right: list[bool]) -> float:
    return float(expected_error(stepped(np.array(confidence), np.array(right))))


def test_calibration_error_by_hand() -> None:
    # Ten equal confidences share a bin: 0.8 said, 0.5 right.
    assert error_of([0.8] * 10, [True, False] * 5) == pytest.approx(0.3)
    # Two bins, wrong in opposite directions, do not cancel: (5 x 0.1 + 5 x 0.2) / 10.
    said = [0.9] * 5 + [0.2] * 5
    assert error_of(said, [True] * 5 + [False] * 5) == pytest.approx((5 * 0.1 + 5 * 0.2) / 10)
    assert error_of([1.0, 0.0], [True, False]) == 0
    assert np.isnan(expected_error(stepped(np.array([]), np.array([], bool))))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_bins_hold_every_value_and_the_error_is_a_share(values: list[tuple[float, bool]]) -> None:
    confidence, right = (np.array(part) for part in zip(*values, strict=True))
    steps = stepped(confidence, right)
    assert steps.said.shape == (STEPS,)
    bins = binned(steps)
    assert bins.said.sum() == len(values)
    assert bins.right.sum() == right.sum()
    assert 0 <= expected_error(steps) <= 1


def test_confidence_that_is_drawn_from_has_an_error_that_goes_to_nothing() -> None:
    generator = np.random.default_rng(1)
    errors = []
    for count in (100, 1000, 100_000):
        said = generator.beta(2, 0.5, count)  # most of it high, as models have it
        errors.append(float(expected_error(stepped(said, generator.random(count) < said))))
    assert errors[2] < 0.005
    assert errors[2] < errors[1] < errors[0]


@settings(max_examples=20, deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.floats(-2, 2), st.lists(st.floats(-2, 2), min_size=3, max_size=3)
)
def test_the_fit_finds_the_weights_that_values_were_drawn_by(
    seed: int, intercept: float, weights: list[float]
) -> None:
    generator = np.random.default_rng(seed)
    x = generator.normal([0, 5, -1], [1, 3, 0.2], (8000, 3))
    scaled = (x - x.mean(0)) / x.std(0)
    p = 1 / (1 + np.exp(-(intercept + scaled @ np.array(weights))))
    found = fit(x, generator.random(len(x)) < p)
    assert found.weights == pytest.approx(weights, abs=0.3)
    assert found.intercept == pytest.approx(intercept, abs=0.3)
    assert np.abs(found.probability(x) - p).mean() < 0.03


@pytest.mark.parametrize("right", [True, False])
def test_the_fit_stays_finite_where_all_is_right_or_wrong_or_alike(right: bool) -> None:
    x = np.ones((12, 2))
    found = fit(x, np.full(12, right))
    assert found.weights == (0, 0)
    assert (found.probability(x) == pytest.approx(13 / 14 if right else 1 / 14)) is True


@settings(deadline=None)
@given(st.integers(FOLDS, 300))
def test_folds_are_even_and_the_same_again(documents: int) -> None:
    each = folds(documents)
    sizes = np.bincount(each, minlength=FOLDS)
    assert sizes.max() - sizes.min() <= 1
    assert (each == folds(documents)).all()


def test_no_document_is_told_by_a_fit_that_saw_it() -> None:
    """A document's own labels, turned round, change no probability of its own, but of others."""
    generator = np.random.default_rng(2)
    document = np.repeat(np.arange(25), 8)
    x, right = generator.normal(size=(200, 2)), generator.random(200) < 0.5
    fold = folds(25)[document]
    before = out_of_fold(x, right, fold)
    mine = document == 7
    after = out_of_fold(x, right ^ mine, fold)
    assert (before[mine] == after[mine]).all()
    assert (before[fold != fold[mine][0]] != after[fold != fold[mine][0]]).any()


def scale(**more: float) -> Calibration:
    weights = {"log_odds": 1.0, "allowed": 0.5, "rule_passed": 1.0, "ocr_score": 2.0, **more}
    nothing = Error(value=0.1, low=0.05, high=0.2)
    return Calibration(
        model_sha256="a" * 64,
        decoding="strict",
        data_sha256="b" * 64,
        documents=20,
        values=400,
        right=300,
        features=FEATURES,
        weights=tuple(weights.get(name, 0.0) for name in FEATURES),
        means=(0.0,) * len(FEATURES),
        scales=(1.0,) * len(FEATURES),
        intercept=-1.0,
        l2=1.0,
        error_before=nothing,
        error_after=nothing,
    )


@given(st.floats(-30, 0), st.floats(-30, 0), st.floats(0, 1), st.floats(-30, 0), st.floats(0, 1))
def test_more_evidence_is_never_less_confidence_where_weights_are_positive(
    logprob: float, allowed: float, ocr: float, logprob2: float, ocr2: float
) -> None:
    low = replace(VALUE, logprob=min(logprob, logprob2), allowed=allowed, ocr=min(ocr, ocr2))
    high = replace(VALUE, logprob=max(logprob, logprob2), allowed=allowed, ocr=max(ocr, ocr2))
    one, more, passed = scale().probabilities([low, high, replace(high, passed=True)])
    assert 0 <= one <= more <= passed <= 1


def test_features_of_a_value_and_of_a_null() -> None:
    null = replace(VALUE, null=True, places=None, ocr=None, length=4)
    value, nothing = (
        dict(zip(FEATURES, row, strict=True)) for row in features([VALUE, null]).tolist()
    )
    p = np.exp(-0.4)
    assert value["log_odds"] == nothing["null_log_odds"] == pytest.approx(np.log(p / (1 - p)))
    assert (value["ocr_score"], value["unique"], value["null"]) == (0.9, 0, 0)
    assert (nothing["null"], nothing["nowhere"], nothing["length"]) == (1, 0, 0)
    assert replace(VALUE, logprob=0.0).raw == 1


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Document, Document, str]:
    """An invoice by its text layer and by OCR of its picture, and the true answer."""
    made = draft(EASY, seed=2, index=1)
    file = tmp_path_factory.mktemp("drawn") / "invoice.pdf"
    data = render_pdf(made.invoice, made.style)
    file.write_bytes(data)
    picture = Image.fromarray(next(page_pixels(data, 130)))
    ocr = Document((read_image(picture),), "ocr")
    return read_pdf(file), ocr, compact({"structured_data": structured_data(made.invoice)})


def test_evidence_of_a_real_document_by_text_layer_and_by_ocr(
    drawn: tuple[Document, Document, str],
) -> None:
    layer, ocr, text = drawn
    invoice = read_answer(text).invoice
    findings = check(printed_once(invoice))
    tokens = tuple(TokenScore(end, -0.01, -0.002) for end in range(1, len(text) + 1))
    assert invoice.number is not None
    size = len(invoice.number.printed)
    exact = Witness(text, tokens, layer, findings).of_field("number")
    assert exact is not None
    assert exact.logprob == pytest.approx(-0.01 * (size + 2), abs=0.011)
    assert exact.allowed == pytest.approx(exact.logprob / 5)
    assert (exact.kind, exact.null, exact.ocr, exact.length) == ("text", False, 1, size)
    assert exact.places
    seen = Witness(text, tokens, ocr, findings).of_field("number")
    assert seen is not None
    assert seen.places
    assert seen.ocr is not None
    assert 0.5 < seen.ocr < 1
    total = Witness(text, tokens, layer, findings).of_field("totals.tax_inclusive")
    assert total is not None
    assert (total.kind, total.passed, total.failed) == ("amount", True, False)
    # The words keep their scores in a pair.
    assert [w.score for w in document_of(words_of(ocr)).pages[0].words] == pytest.approx(
        [w.score for w in ocr.pages[0].words], abs=1e-4
    )
    assert words_of(layer)[0].scores is None


def test_a_value_under_the_other_of_two_keys_is_found_there() -> None:
    text = '{"structured_data":{"financial_summary":{"grand_total":null,"amount_due":"5.00"}}}'
    witness = Witness(text, [TokenScore(len(text), -0.1)])
    assert witness.path_of("totals.tax_inclusive") == answer_paths("totals.payable")[0]
    assert witness.of_field("seller.name") is None


def test_a_null_is_a_claim_that_is_right_or_wrong() -> None:
    text = compact(ANSWER)
    tokens = tuple(TokenScore(end, -0.01) for end in range(1, len(text) + 1))
    right = claims_of(TRUTH, replace(answered(text), tokens=tokens))
    assert all(claim.right for claim in right)
    nulls = [claim for claim in right if claim.evidence.null]
    assert nulls
    gone = text.replace('"payment_terms":"30 days net"', '"payment_terms":null')
    claims = claims_of(TRUTH, replace(answered(gone), tokens=tokens[: len(gone)]))
    wrong = [claim for claim in claims if not claim.right]
    assert [claim.evidence.null for claim in wrong] == [True]
    assert len([claim for claim in claims if claim.evidence.null]) == len(nulls) + 1


EVALUATED = Evaluated(
    model="m", model_sha256="a" * 64, engine="paddle", decoding="strict", data_file="t.jsonl",
    data_sha256="b" * 64, max_new_tokens=9,
)  # fmt: skip


def labelled(documents: int, seed: int = 3) -> list[Labelled]:
    """A model that is far too sure of itself; rules tell what is right."""
    generator = np.random.default_rng(seed)
    found = []
    for number in range(documents):
        claims = []
        for _ in range(15):
            right = bool(generator.random() < 0.6)
            sure = -float(generator.exponential(0.02 if right else 0.05))
            passed = bool(generator.random() < (0.8 if right else 0.1))
            claims.append(Claim(replace(VALUE, logprob=sure, passed=passed), right))
        found.append(Labelled(str(number), claims))
    return found


def test_calibrating_lowers_the_error_on_unseen_documents_the_same_way_again() -> None:
    once, again = calibrated(labelled(60), EVALUATED), calibrated(labelled(60), EVALUATED)
    assert once.calibration == again.calibration
    before, after = once.calibration.error_before, once.calibration.error_after
    assert before.low > 0.25
    assert after.high < 0.1
    for error in (before, after):
        assert error.low <= error.value <= error.high
    assert once.before.said.sum() == once.after.said.sum() == 60 * 15


def test_too_few_documents_are_refused_and_copies_do_not_count() -> None:
    with pytest.raises(UnusableInput, match=r"too few documents.*found 19.*20 or more"):
        calibrated(labelled(19), EVALUATED)
    copies = [one._replace(key="same") for one in labelled(40)]
    with pytest.raises(UnusableInput, match="found 1 with"):
        calibrated(copies, EVALUATED)
    right = [
        one._replace(claims=[c._replace(right=True) for c in one.claims]) for one in labelled(25)
    ]
    with pytest.raises(UnusableInput, match="too few wrong values"):
        calibrated(right, EVALUATED)


def test_a_calibration_is_refused_for_other_weights_and_unused_for_other_answers(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    (run / "adapter").mkdir(parents=True)
    (run / "run.json").write_text("{}")
    assert calibration_file(run / "adapter") == calibration_file(run) == run / CALIBRATION_FILE
    write_calibration(scale(), run)
    assert calibration_of(run / "adapter", "a" * 64, "strict", None) == scale()
    assert calibration_of(run, "a" * 64, "off", None) is None
    assert calibration_of(run, "a" * 64, "strict", "d" * 64) is None
    assert calibration_of(tmp_path, "a" * 64, "strict", None) is None
    with pytest.raises(UnusableInput, match=r"other weights.*ernie-invoice calibrate"):
        calibration_of(run, "c" * 64, "strict", None)
    (run / CALIBRATION_FILE).write_text(scale().model_dump_json().replace("log_odds", "odds"))
    with pytest.raises(UnusableInput, match="features are not those"):
        calibration_of(run, "a" * 64, "strict", None)


def test_an_extraction_tells_its_confidence_and_which(
    drawn: tuple[Document, Document, str],
) -> None:
    layer, _, text = drawn
    tokens = tuple(TokenScore(end, -0.01) for end in range(1, len(text) + 1))
    said = Generation(text, True, len(tokens), 0.1, tokens=tokens)
    raw = flagged(said, layer, "m", Decoding.STRICT)
    told = flagged(said, layer, "m", Decoding.STRICT, scale())
    assert (raw.calibrated, told.calibrated) == (False, True)
    assert raw.confidence.keys() == told.confidence.keys()
    assert {"number", "lines[0].net_amount", "totals.tax_inclusive"} <= raw.confidence.keys()
    assert all(0 <= one <= 1 for one in told.confidence.values())
    assert raw.confidence["number"] != told.confidence["number"]
    silent = flagged(replace(said, tokens=()), layer, "m", Decoding.STRICT, scale())
    assert (silent.confidence, silent.calibrated) == ({}, False)


def test_from_labelled_documents_to_calibrated_answers(tmp_path: Path) -> None:
    """The whole way on the shipped model: calibrate, evaluate, extract, and other weights."""
    model = tmp_path / "model"
    shutil.copytree(ASSETS / "ernie-4.5-tiny", model)
    rows = []
    for index, (invoice, document) in enumerate(pdf_documents(NEW, 4, 0, 26)):
        rows.append(
            make_pair(
                f"d{index}", ("a.png",), document_text(document), invoice,
                Instruction.EXTRACTION, pages=words_of(document),
            )
        )  # fmt: skip
    data, other = tmp_path / "labelled.jsonl", tmp_path / "other.jsonl"
    data.write_text("".join(compact(row.to_json()) + "\n" for row in rows[:24]))
    other.write_text("".join(compact(row.to_json()) + "\n" for row in rows[24:]))
    runner, name = CliRunner(), str(model)
    few = runner.invoke(app, ["calibrate", "--model", name, "--test-data", str(other)])
    assert isinstance(few.exception, UnusableInput)
    assert "too few documents" in str(few.exception)
    assert not (model / CALIBRATION_FILE).exists()
    by_name = runner.invoke(
        app, ["calibrate", "--model", "ernie-4.5-tiny", "--test-data", str(other)]
    )
    assert "only a model in a folder" in str(by_name.exception)
    done = runner.invoke(app, ["calibrate", "--model", name, "--test-data", str(data)])
    assert done.exit_code == 0, done.output
    found = Calibration.model_validate_json((model / CALIBRATION_FILE).read_bytes())
    assert found.model_sha256 == model_fingerprint(model)
    assert found.documents == 24
    assert "calibration error of values" in done.stderr
    page = (model / "calibration" / "reliability.html").read_text()
    assert page.count('<svg class="reliability"') == 2
    result = tmp_path / "evaluated"
    measured = ["evaluate", "--model", name, "--test-data", str(other), "--output", str(result)]
    assert runner.invoke(app, measured).exit_code == 0
    stored = json.loads((result / "results.json").read_text())
    assert stored["evaluated"]["confidence"] == "calibrated"
    assert stored["scores"]["calibration_error"] is not None
    assert "calibrated" in (result / "report.html").read_text()
    extraction = ErnieVLMService(settings_for(name)).read(document)
    assert extraction.calibrated
    assert extraction.confidence
    stale = found.model_copy(update={"model_sha256": "0" * 64})
    write_calibration(stale, model)
    with pytest.raises(UnusableInput, match="other weights"):
        ErnieVLMService(settings_for(name))
    assert "other weights" in str(runner.invoke(app, measured).exception)


def test_a_page_has_one_score_a_word(drawn: tuple[Document, Document, str]) -> None:
    (page,) = words_of(drawn[1])
    assert page.scores is not None
    with pytest.raises(ValueError, match="scores of"):
        PageWords.model_validate({**page.model_dump(), "scores": page.scores[1:]})
