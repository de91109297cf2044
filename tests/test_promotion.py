"""Promotion: shown to be better or refused, whole whenever it is killed, and undone by one word."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from judged import evaluation, judged
from typer.testing import CliRunner

from app.config.settings import settings_for
from app.core.learning.deciding import decided
from app.core.learning.dividing import TEST, TRAIN, divided, read_known, write_down
from app.core.learning.following import serving
from app.core.learning.promotion import Figures, mend, promote, promoted, roll_back
from app.core.learning.rounds import Setup, State, begin, read_round
from erniekit_finetuning.cli import app
from erniekit_finetuning.data.pair import Pair, Turn
from erniekit_finetuning.engines import lock
from erniekit_finetuning.engines.lock import alone_in
from erniekit_finetuning.errors import UnusableInput

FIGURES = Figures(
    documents=20, before=0.5, after=0.6, interval=(0.01, 0.2), amounts_before=0.5, amounts_after=0.5
)
NAMES = ("present", "candidate")
# Does a switch again and again, each time in a process that is killed at one call further on.
KILLING = """
import json, os, signal, sys
from itertools import count
from pathlib import Path
from app.core.learning.promotion import Figures, mend, promote, promoted, roll_back

models, what = Path(sys.argv[1]), sys.argv[2]
figures = Figures.model_validate_json(sys.argv[3])
log = (models / "promotions.jsonl").read_bytes()

def dying(real, at):
    def call(*given, **named):
        if next(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*given, **named)
    return call

def switch():
    if what == "promote":
        promote(models, models / "b" / "run", models / "a" / "run", figures)
    else:
        roll_back(models)

for point in count():
    (models / "promotions.jsonl").write_bytes(log)
    mend(models)
    child = os.fork()
    if child == 0:
        calls = count()
        for name in ("fsync", "replace", "symlink", "unlink", "readlink"):
            setattr(os, name, dying(getattr(os, name), point))
        switch()
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    served = promoted(models)
    last = mend(models)[-1].after
    kept = (models / "promotions.jsonl").read_bytes().startswith(log)
    found = [code, served.parent.name, promoted(models).parent.name, last, kept]
    print(json.dumps(found))
    if code == 0:
        break
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    for name in "abc":
        (tmp_path / name / "run").mkdir(parents=True)
    return tmp_path


def up(models: Path, name: str) -> None:
    promote(models, models / name / "run", promoted(models), FIGURES)


def test_rolling_back_goes_through_what_was_promoted_before(models: Path) -> None:
    assert promoted(models) is None
    with pytest.raises(UnusableInput, match="nothing to roll back"):
        roll_back(models)
    up(models, "a")
    up(models, "b")
    assert promoted(models) == models / "b" / "run"
    assert roll_back(models).after == "a/run"
    up(models, "c")
    assert roll_back(models).after == "a/run"
    assert promoted(models) == models / "a" / "run"
    assert roll_back(models).after is None
    assert promoted(models) is None
    with pytest.raises(UnusableInput, match="nothing to roll back"):
        roll_back(models)
    lines = [json.loads(line) for line in (models / "promotions.jsonl").read_text().splitlines()]
    assert [line["what"] for line in lines].count("rolled back") == 3
    assert lines[1]["before"] == "a/run"
    assert lines[1]["figures"]["interval"] == [0.01, 0.2]


def test_a_model_is_not_promoted_over_one_that_it_was_not_compared_with(models: Path) -> None:
    up(models, "a")
    up(models, "b")
    log = (models / "promotions.jsonl").read_bytes()
    with pytest.raises(UnusableInput, match=r"meanwhile; found b/run; expected a/run"):
        promote(models, models / "c" / "run", models / "a" / "run", FIGURES)
    assert promoted(models) == models / "b" / "run"
    assert (models / "promotions.jsonl").read_bytes() == log


@pytest.mark.parametrize("what", ["promote", "rollback"])
def test_whatever_moment_a_switch_is_killed_at_it_was_done_or_not(models: Path, what: str) -> None:
    up(models, "a")
    if what == "rollback":
        up(models, "b")
    words = [sys.executable, "-c", KILLING, str(models), what, FIGURES.model_dump_json()]
    done = subprocess.run(words, capture_output=True, text=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    before, after = ("a", "b") if what == "promote" else ("b", "a")
    assert [row[0] for row in rows] == [-9] * (len(rows) - 1) + [0], done.stderr
    assert all(mended == last.removesuffix("/run") for _, _, mended, last, _ in rows)
    assert all(log_kept for *_, log_kept in rows)
    # Not begun; written down and then mended; done.
    assert {(served, mended) for _, served, mended, _, _ in rows} == {
        (before, before),
        (before, after),
        (after, after),
    }


def test_a_line_that_was_cut_off_was_never_a_switch(models: Path) -> None:
    up(models, "a")
    log = models / "promotions.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + whole[:-20])
    assert len(mend(models)) == 1
    up(models, "b")
    assert [one.after for one in mend(models)] == ["a/run", "b/run"]
    log.write_bytes(b"no line of ours\n" + whole)
    with pytest.raises(UnusableInput, match=r"promotions\.jsonl:1: is not a line"):
        mend(models)


def test_a_model_that_is_gone_is_told_and_never_switched_to(models: Path) -> None:
    up(models, "a")
    up(models, "b")
    (models / "a" / "run").rmdir()
    with pytest.raises(UnusableInput, match="the model before this one is not there"):
        roll_back(models)
    assert promoted(models) == models / "b" / "run"
    (models / "b" / "run").rmdir()
    with pytest.raises(UnusableInput, match="the promoted model is not there; found b/run"):
        promoted(models)


def test_better_is_promoted_and_amounts_that_are_worse_refuse_it(tmp_path: Path) -> None:
    poor = judged(lambda data: data["client_info"].update(invoice_number="?", invoice_date=None))
    poorer = judged(
        lambda data: (
            data["vendor_block"].update(name="?", address="?"),
            data["client_info"].update(name="?", invoice_number="?", invoice_date=None),
        )
    )
    wrong_tax = judged(lambda data: data["financial_summary"].update(tax="9.99"))

    def of(name: str, result: Any) -> Any:
        rows = [result.model_copy(update={"id": f"d{n}"}) for n in range(20)]
        return evaluation(tmp_path / name, rows)

    good = decided(of("poor", poor), of("good", judged()), NAMES)
    assert good.figures is not None
    assert good.figures.interval[0] > 0
    assert "candidate is better than present" in good.reason
    same = decided(of("one", poor), of("other", poor), NAMES)
    assert (same.figures, "No difference shown" in same.reason) == (None, True)
    worse = decided(of("right", judged()), of("bad", poor), NAMES)
    assert (worse.figures, "is worse than" in worse.reason) == (None, True)
    mixed = decided(of("poorer", poorer), of("tax", wrong_tax), NAMES)
    assert mixed.figures is None
    assert "better than" in mixed.reason
    assert "But amounts are read worse: " in mixed.reason
    assert "totals.tax_total" in mixed.reason


def pair(name: str, folder: Path, text: str) -> Pair:
    image = folder / f"{name}.png"
    image.write_text(text)
    turns = (Turn(role="human", content="<image>"), Turn(role="assistant", content="{}"))
    return Pair(id=name, image=str(image), conversations=turns, text=text)


def says(number: int) -> str:
    return " ".join(f"word{number}x{at}" for at in range(60))


def test_the_first_side_of_a_document_stands_whatever_is_drawn_later(tmp_path: Path) -> None:
    pairs = [pair(str(n), tmp_path, says(n)) for n in range(6)]
    sides = [TRAIN, TEST] * 3
    first = divided(zip(sides, pairs, strict=True), {})
    write_down(tmp_path, first.sides)
    turned = divided(zip(sides[::-1], pairs, strict=True), read_known(tmp_path))
    assert turned.train == first.train == pairs[::2]
    assert turned.test == first.test == pairs[1::2]
    renamed = pair("another name", tmp_path, says(1))
    again = divided([(TRAIN, renamed)], read_known(tmp_path))
    assert (again.train, again.test) == ([], [renamed])
    with (tmp_path / "sides.jsonl").open("ab") as file:
        file.write(b'{"document": "cut o')  # by a process that was killed
    assert read_known(tmp_path) == first.sides
    write_down(tmp_path, {**first.sides, "new": TEST})
    assert read_known(tmp_path) == {**first.sides, "new": TEST}


def test_what_says_nearly_the_same_as_a_held_back_document_is_not_learnt(tmp_path: Path) -> None:
    copy = says(0).replace("word0x59", "stamp")
    drawn = [
        (TEST, pair("held", tmp_path, says(0))),
        (TRAIN, pair("scanned again", tmp_path, copy)),
        (TEST, pair("and again", tmp_path, copy + " seen")),
        (TRAIN, pair("other", tmp_path, says(1))),
    ]
    found = divided(drawn, {})
    assert [one.id for one in found.train] == ["other"]
    assert [one.id for one in found.test] == ["held"]
    assert found.twins == 2


@pytest.mark.parametrize("present", ["ernie-4.5-tiny", "configs/api/vllm.yaml"])
def test_too_few_corrections_are_refused_with_numbers_and_leave_nothing(
    present: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERNIE_INVOICE_KEPT__FOLDER", str(tmp_path))
    monkeypatch.setenv("ERNIE_INVOICE_ERNIE_VL__BASE_MODEL", present)
    told = CliRunner().invoke(app, ["improve"])
    assert told.exit_code == 1
    assert "0 to learn from and 0 to measure on; 20 and 10 are needed, about 33" in told.stderr
    models = tmp_path / "models"
    assert promoted(models) is None
    again = CliRunner().invoke(app, ["improve"])
    assert again.exit_code == 1
    assert len(list(models.glob("*/round.json"))) <= 1
    back = CliRunner().invoke(app, ["rollback"])
    assert isinstance(back.exception, UnusableInput)


def test_two_rounds_at_a_time_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERNIE_INVOICE_KEPT__FOLDER", str(tmp_path))
    monkeypatch.setattr(lock, "PATIENCE", 0.1)
    with alone_in(tmp_path / "models"):
        told = CliRunner().invoke(app, ["improve"])
    assert isinstance(told.exception, UnusableInput)
    assert "another training" in str(told.exception)


def test_the_promoted_model_is_served_unless_another_one_is_named(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = models / "kept"
    run = kept / "models" / "a" / "run"
    run.mkdir(parents=True)
    monkeypatch.setenv("ERNIE_INVOICE_KEPT__FOLDER", str(kept))
    assert serving(settings_for(None)).ernie_vl.first_model == "ernie-4.5-tiny"
    promote(kept / "models", run, None, FIGURES)
    assert serving(settings_for(None)).ernie_vl.first_model == str(run)
    assert serving(settings_for("mine")).ernie_vl.first_model == "mine"
    monkeypatch.setenv("ERNIE_FINETUNED_PATH", "tuned")
    assert serving(settings_for(None)).ernie_vl.first_model == "tuned"
    monkeypatch.setenv("ERNIE_INVOICE_KEPT__FOLLOW_PROMOTED", "true")
    assert serving(settings_for(None)).ernie_vl.first_model == str(run)
    roll_back(kept / "models")
    assert serving(settings_for(None)).ernie_vl.first_model == "tuned"


def test_a_round_that_was_killed_after_its_promotion_counts_as_promoted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERNIE_INVOICE_KEPT__FOLDER", str(tmp_path))
    models = tmp_path / "models"
    setup = Setup(recipe={}, before="m", before_sha256="0", held_back=0.3, whole_vendors=False)
    folder = begin(models, setup, b"")
    (models / ".half a round.99.part").mkdir()
    (folder / "run").mkdir()
    promote(models, folder / "run", None, FIGURES)
    told = CliRunner().invoke(app, ["improve"])
    assert isinstance(told.exception, UnusableInput)  # there is no model in that run
    assert read_round(folder).state is State.PROMOTED
    assert not list(models.glob(".*.part"))
    (folder / "round.json").write_text('{"begun": "yesterday"}')
    told = CliRunner().invoke(app, ["improve"])
    assert "round.json: begun: is not a round of learning" in str(told.exception)
