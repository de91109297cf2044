"""The loop: corrections to a candidate, promoted where it is better, rolled back, and followed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from app.config.settings import Settings, load_settings
from app.core.learning.dividing import TEST, TRAIN
from app.core.learning.following import Following, serving
from app.core.learning.improving import LEAST
from app.core.learning.promotion import Figures, mend, promote, promoted, roll_back
from app.core.learning.store import Store
from app.core.models.ernie_vlm_service import ErnieVLMService
from erniekit_finetuning.data.pair import Pair
from erniekit_finetuning.data.pairs_file import read_pairs
from erniekit_finetuning.invoice.model import Invoice
from synthetic_invoice_generator.config import load_config
from synthetic_invoice_generator.draft import draft
from synthetic_invoice_generator.looks.rendering import render_pdf

CONFIGS = Path(__file__).parent.parent / "configs"
EASY = load_config(CONFIGS / "generator" / "pretrain.yaml").model_copy(
    update={"locales": {"de-DE": 1.0}, "layouts": {"classic": 1.0}, "max_lines": 1}
)
SCHEMA = {
    "type": "object",
    "properties": {
        "an": {"type": "string", "maxLength": 60},
        "am": {"type": "string", "maxLength": 40},
        "summe": {"type": "string", "printed": "amount", "maxLength": 16},
    },
    "required": ["an", "am", "summe"],
    "additionalProperties": False,
}
DOCUMENTS = 40
TRAINING = ("training.max_steps=16", "training.save_steps=5", "data.validation_share=0")
BETTER = Figures(
    documents=20,
    before=0.5,
    after=0.6,
    interval=(0.01, 0.2),
    amounts_before=0.5,
    amounts_after=0.5,
)


def invoice(number: int) -> tuple[Invoice, bytes]:
    made = draft(EASY, seed=77, index=number)
    return made.invoice, render_pdf(made.invoice, made.style)


def truth(one: Invoice) -> dict[str, str]:
    values = (one.buyer.name, one.issue_date, one.totals.tax_inclusive or one.totals.payable)
    return {
        key: value.printed
        for key, value in zip(("an", "am", "summe"), values, strict=True)
        if value is not None
    }


class Loop(NamedTuple):
    """A folder in which a service kept documents, and its commands."""

    settings: Settings
    store: Store

    @property
    def models(self) -> Path:
        return self.settings.kept.models

    def keep(self, number: int) -> str:
        """A document that was read wrongly, and corrected."""
        one, pdf = invoice(number)
        read = {"an": "?", "am": "?", "summe": "0"}
        id_ = self.store.keep(f"{number}.pdf", pdf, "m", read, json.dumps(SCHEMA))
        self.store.correct(id_, truth(one))
        return id_

    def start(self, *words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "erniekit_finetuning.cli", *words]
        environment = os.environ | {
            "ERNIE_INVOICE_KEPT__FOLDER": str(self.settings.kept.folder),
            "ERNIE_INVOICE_ERNIE_VL__ANSWER_SCHEMA": str(self.settings.ernie_vl.answer_schema),
            "ERNIE_INVOICE_ERNIE_VL__MAX_NEW_TOKENS": "80",
        }
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        process = self.start(*words)
        out, err = process.communicate()
        return process.returncode, out, err

    def state(self) -> dict[str, str]:
        """Everything that a refusal must leave as it is."""
        log = self.models / "promotions.jsonl"
        link = self.models / "promoted"
        return {
            "log": log.read_text() if log.exists() else "",
            "link": str(link.readlink()) if link.is_symlink() else "",
        }


def loop_in(folder: Path) -> Loop:
    (folder / "own.json").write_text(json.dumps(SCHEMA))
    settings = load_settings(
        {
            "kept": {"folder": str(folder / "kept")},
            "ernie_vl": {"answer_schema": str(folder / "own.json"), "max_new_tokens": 80},
        }
    )
    return Loop(settings, Store(settings.kept.url, settings.kept.folder))


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Loop:
    return loop_in(tmp_path_factory.mktemp("loop"))


class Round(NamedTuple):
    """The first round: its folder, and the document that was corrected while it trained."""

    folder: Path
    late: str
    said: str


@pytest.fixture(scope="module")
def first(loop: Loop) -> Round:
    """A round that is killed in its training, goes on, and promotes its candidate."""
    for number in range(DOCUMENTS):
        loop.keep(number)
    killed = loop.start("improve", "--held-back", "0.4", *TRAINING)
    until = time.monotonic() + 600
    while not list(loop.models.glob("*/run/checkpoints/*5*")):
        assert killed.poll() is None, killed.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.1)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert promoted(loop.models) is None
    late = loop.keep(DOCUMENTS)
    code, out, err = loop.run("improve", "--held-back", "0.4", *TRAINING)
    assert code == 0, err
    return Round(Path(out.strip()).parent, late, err)


def pairs_of(folder: Path, side: str) -> list[Pair]:
    return list(read_pairs(folder / f"{side}.jsonl"))


def ids(folder: Path, side: str) -> set[str]:
    return {str(pair.id) for pair in pairs_of(folder, side)}


def test_a_better_candidate_is_promoted_with_its_figures(loop: Loop, first: Round) -> None:
    assert promoted(loop.models) == first.folder / "run"
    (switch,) = mend(loop.models)
    assert switch.figures is not None
    assert switch.figures.interval[0] > 0
    assert switch.figures.documents == len(ids(first.folder, TEST)) >= LEAST[TEST]
    told = json.loads((first.folder / "comparison" / "comparison.json").read_text())
    assert told["models"]["candidate"]["verdict"] == "better"
    assert json.loads((first.folder / "round.json").read_text())["state"] == "promoted"


def test_a_killed_round_goes_on_and_leaves_later_corrections_to_the_next(
    loop: Loop, first: Round
) -> None:
    assert f"going on with {first.folder}" in first.said
    assert len(list(loop.models.glob("*/round.json"))) == 1
    assert first.late not in ids(first.folder, TRAIN) | ids(first.folder, TEST)
    learnt = ids(first.folder, TRAIN), ids(first.folder, TEST)
    assert min(map(len, learnt)) > 0
    assert not learnt[0] & learnt[1]
    exported = (loop.settings.kept.folder / "active_learning.jsonl").read_text().splitlines()
    assert len(exported) == len({json.loads(line)["document_id"] for line in exported})


@pytest.fixture(scope="module")
def second(loop: Loop, first: Round) -> tuple[int, str, Path, dict[str, str]]:
    """A round of one step with more corrections, some of documents that are known already."""
    for number in range(DOCUMENTS + 1, DOCUMENTS + 7):
        loop.keep(number)
    again = min(ids(first.folder, TEST))
    loop.store.correct(again, {"an": "Somebody else"})
    loop.keep(0)  # the same file under another id
    before = loop.state()
    code, _, err = loop.run("improve", "--held-back", "0.2", "training.max_steps=1", *TRAINING[2:])
    return code, err, max(loop.models.glob("*/round.json")).parent, before


def test_a_candidate_that_is_not_better_is_refused_and_nothing_changes(
    loop: Loop, first: Round, second: tuple[int, str, Path, dict[str, str]]
) -> None:
    code, said, folder, before = second
    assert code == 1
    assert "not promoted: " in said
    assert "interval" in said
    assert folder != first.folder
    assert loop.state() == before
    assert json.loads((folder / "round.json").read_text())["state"] == "refused"
    code, _, said = loop.run("improve", "--held-back", "0.2", "training.max_steps=1", *TRAINING[2:])
    assert code == 1
    assert f"nothing is new since {folder}" in said
    assert loop.state() == before


def test_a_document_stays_on_its_side_in_every_round(
    first: Round, second: tuple[int, str, Path, dict[str, str]]
) -> None:
    folder = second[2]
    files = {
        side: {
            Path(image).read_bytes() for pair in pairs_of(one, side) for image in pair.all_images
        }
        for one, side in ((first.folder, TRAIN), (first.folder, TEST))
    }
    later = {
        side: {
            Path(image).read_bytes() for pair in pairs_of(folder, side) for image in pair.all_images
        }
        for side in (TRAIN, TEST)
    }
    assert files[TRAIN] <= later[TRAIN]
    assert files[TEST] <= later[TEST]
    assert not later[TRAIN] & later[TEST]
    assert first.late in ids(folder, TRAIN) | ids(folder, TEST)


def test_requests_in_flight_are_answered_across_promotion_and_rollback(
    loop: Loop, first: Round, tmp_path: Path
) -> None:
    settings = loop.settings.model_copy(
        update={"kept": loop.settings.kept.model_copy(update={"folder": tmp_path})}
    )
    models = settings.kept.models
    models.mkdir()
    (models / "one").symlink_to(first.folder)
    service = ErnieVLMService(serving(settings))
    following = Following(service, settings, seconds=0.1)
    pdf = tmp_path / "a.pdf"
    pdf.write_bytes(invoice(1)[1])
    names: list[str] = []
    try:
        with ThreadPoolExecutor(3) as clients:
            ended: list[bool] = []

            def ask(_: int) -> int:
                count = 0
                while not ended:
                    names.append(service.extract(pdf).model)
                    count += 1
                return count

            asked = [clients.submit(ask, number) for number in range(3)]
            promote(models, models / "one" / "run", None, BETTER)
            reads(names, str(models / "one" / "run"))
            roll_back(models)
            names.clear()
            reads(names, "ernie-4.5-tiny")
            (models / "broken" / "run").mkdir(parents=True)
            promote(models, models / "broken" / "run", None, BETTER)
            time.sleep(1)
            names.clear()
            reads(names, "ernie-4.5-tiny")  # what cannot be loaded is not used
            ended.append(True)
            assert all(one.result() > 0 for one in asked)  # raises where one was lost
        assert service.model == "ernie-4.5-tiny"
    finally:
        following.close()
        service.close()


def reads(names: list[str], model: str) -> None:
    until = time.monotonic() + 180
    while model not in names[-1:]:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_rolling_back_is_one_command(
    loop: Loop, first: Round, second: tuple[int, str, Path, dict[str, str]]
) -> None:
    assert promoted(loop.models) == first.folder / "run"
    code, out, err = loop.run("rollback")
    assert (code, out.strip()) == (0, "the settings' own model"), err
    assert f"{first.folder.name}/run is not promoted any more" in err
    assert promoted(loop.models) is None
    assert loop.run("rollback")[0] == 2
