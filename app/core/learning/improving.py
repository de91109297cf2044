"""A round of learning: corrections to a candidate, promoted where it is shown to be better.

Every step is kept in the round's folder, so a killed round goes on with the same command. What is
served changes in one moment, at the end, or not at all.
"""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from app.config.settings import Settings
from app.core.learning.deciding import Decision, decided
from app.core.learning.dividing import (
    TEST,
    TRAIN,
    Divided,
    divided,
    drawn_sides,
    read_known,
    write_down,
    write_sides,
)
from app.core.learning.export import export
from app.core.learning.promotion import mend, promote, promoted
from app.core.learning.rounds import CORRECTIONS, Setup, State, begin, ended, rounds
from app.core.learning.store import Store
from erniekit_finetuning.console import messages
from erniekit_finetuning.data.building import Building
from erniekit_finetuning.data.preparing import prepare, rejected_file
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.data.record import Folders
from erniekit_finetuning.data.schemas.own import read_own_schema
from erniekit_finetuning.data.shards import Plan
from erniekit_finetuning.data.sources.active_learning import Reading
from erniekit_finetuning.data.splitting import GroupBy
from erniekit_finetuning.engines.lock import alone_in
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.comparison import MIN_DOCUMENTS
from erniekit_finetuning.evaluation.contestants import contestant, trained_schema
from erniekit_finetuning.evaluation.report import write_reports
from erniekit_finetuning.evaluation.result import output_files
from erniekit_finetuning.evaluation.running import Options, evaluate_apart, opened_for
from erniekit_finetuning.evaluation.table import compared
from erniekit_finetuning.files import write_text
from erniekit_finetuning.mixing import read_split
from erniekit_finetuning.recipes.loading import load_recipe
from erniekit_finetuning.recipes.model import Recipe
from erniekit_finetuning.training import train

LEAST = {TRAIN: 20, TEST: MIN_DOCUMENTS}  # documents without which nothing is learnt, or shown
_PAIRS, _RUN, _COMPARISON = "pairs.jsonl", "run", "comparison"
_NAMES = ("present", "candidate")


@dataclass(frozen=True)
class Wish:
    """How to learn: the recipe and what is changed of it, and what is held back to measure on."""

    recipe: Path
    overrides: tuple[str, ...] = ()
    held_back: float = 0.3
    whole_vendors: bool = False


class Refused(Exception):
    """Nothing was promoted, for the reason that this says."""


def improve(settings: Settings, wish: Wish) -> Path:
    """Learn from all corrections, and promote what is shown to be better; returns the new model.

    Raises Refused where it is not, or cannot be shown, and UnusableInput; what is served stays as
    it was then.
    """
    kept, models = settings.kept, settings.kept.models
    with alone_in(models):
        _close_promoted(models)
        before = promoted(models)
        spec = settings.ernie_vl.first_model if before is None else str(before)
        served = settings.ernie_vl
        schema = served.answer_schema or trained_schema([spec], served.engine)
        recipe = load_recipe(wish.recipe, [*_schema(models, schema), *wish.overrides])
        setup = Setup(
            recipe=recipe.model_dump(mode="json"),
            before=spec,
            before_sha256=contestant(spec, served.engine).sha256,
            held_back=wish.held_back,
            whole_vendors=wish.whole_vendors,
        )
        store = Store(kept.url, kept.folder)
        file = kept.folder / "active_learning.jsonl"
        messages.print(f"{export(store, file)} new corrections")
        folder = _begun(models, setup, file)
        plan = _plan(store.documents, recipe, wish)
        found = _divide(folder, plan, settings.documents.processes)
        write_down(models, found.sides)
        messages.print(f"{len(found.train)} documents to learn from, {len(found.test)} held back")
        run = folder / _RUN
        train(recipe, read_split(recipe, folder / f"{TRAIN}.jsonl"), run, wish.recipe)
        decision = _compare(folder, spec, run, settings)
        if decision.figures is None:
            ended(folder, State.REFUSED, decision.reason)
            raise Refused(decision.reason)
        promote(models, run, before, decision.figures)
        ended(folder, State.PROMOTED, decision.reason)
        messages.print(decision.reason)
        return run


def _schema(models: Path, file: Path | None) -> list[str]:
    """The override of a recipe that names a schema, kept where it stays from round to round."""
    if file is None:
        return []
    text = file.read_text(encoding="utf-8")
    kept = models / f"{hashlib.sha256(text.encode()).hexdigest()[:8]}.schema.json"
    write_text(kept, text, keep_same=True)
    return [f"data.schema={kept}"]


def _close_promoted(models: Path) -> None:
    """Finish what was killed in the middle of a promotion."""
    known = {switch.after for switch in mend(models)}
    for folder, one in rounds(models):
        if one.state is State.RUNNING and f"{folder.name}/{_RUN}" in known:
            ended(folder, State.PROMOTED, "its promotion was killed, and is done now")


def _begun(models: Path, setup: Setup, file: Path) -> Path:
    """The round whose training was killed, or a new one.

    Raises Refused where there is nothing new to learn. What is learnt from what decides that, not
    what the candidate is compared with: a model that was rolled back does not come by itself.
    """
    data = file.read_bytes()
    corrections = data[: data.rfind(b"\n") + 1]  # another export may be writing
    learnt_from = hashlib.sha256(corrections).hexdigest()
    for folder, one in rounds(models):
        if one.state is State.RUNNING:
            if not any((folder / _RUN / made).exists() for made in ("checkpoints", "adapter")):
                shutil.rmtree(folder)  # nothing was learnt yet, and there may be more corrections
            elif one.setup == setup:
                messages.print(f"going on with {folder}")
                return folder
        elif one.corrections_sha256 == learnt_from and one.setup.learns_as(setup):
            raise Refused(f"nothing is new since {folder}, which was {one.state}: {one.reason}")
    return begin(models, setup, corrections)


def _divide(folder: Path, plan: Plan, workers: int) -> Divided:
    """Make pairs of the corrections and divide them; raises Refused where they are too few."""
    corrections, pairs = folder / CORRECTIONS, folder / _PAIRS
    known = read_known(folder.parent)
    found = divided([], known)
    if corrections.stat().st_size:
        done = Counter[str]()

        def shown(records: int) -> None:
            done["read"] += records
            messages.print(f"{done['read']} corrections read")

        summary = prepare(str(corrections), pairs, plan, workers=workers, progress=shown)
        if summary.rejected:
            messages.print(f"{summary.rejected} corrections are not used: {rejected_file(pairs)}")
        found = divided(drawn_sides(pairs), known)
    if found.twins:
        messages.print(f"{found.twins} documents say nearly what one says that is measured on")
    counts = {TRAIN: len(found.train), TEST: len(found.test)}
    if any(counts[side] < least for side, least in LEAST.items()):
        held_back = dict(plan.splits)[TEST]
        about = max(LEAST[TEST] / held_back, LEAST[TRAIN] / (1 - held_back))
        raise Refused(
            f"too few documents are corrected: {counts[TRAIN]} to learn from and {counts[TEST]} "
            f"to measure on; {LEAST[TRAIN]} and {LEAST[TEST]} are needed, about {about:.0f} in all"
        )
    write_sides(folder, found)
    return found


def _plan(documents: Path, recipe: Recipe, wish: Wish) -> Plan:
    schema = recipe.data.answer_schema
    own = None if schema is None else read_own_schema(Path(schema))
    if own is not None and wish.whole_vendors:
        what = "which key of a schema of your own names the vendor is not known"
        raise UnusableInput(Problem(what, field="--whole-vendors", cure="leave it out"))
    return Plan(
        folders=Folders(documents, documents, documents),
        reading=Reading(typed=False, schema=own),
        building=Building(Instruction.EXTRACTION),
        splits=((TEST, wish.held_back),),
        group_by=GroupBy.VENDOR if wish.whole_vendors else GroupBy.DOCUMENT,
    )


def _compare(folder: Path, before: str, run: Path, settings: Settings) -> Decision:
    """Measure both on what was held back, as they are served."""
    served = settings.ernie_vl
    options = Options(
        max_new_tokens=served.max_new_tokens,
        decoding=served.decoding,
        engine=served.engine,
        schema=served.answer_schema,
        metrics=False,
    )
    output = folder / _COMPARISON
    specs = (before, str(run))
    data, options = opened_for(specs, folder / f"{TEST}.jsonl", output, options)
    found = []
    for spec, name in zip(specs, _NAMES, strict=True):
        messages.print(f"{name}: {spec} ..")
        found.append(evaluate_apart(spec, data, output, options, name))
    files = output_files(output)
    write_reports(compared(found, _NAMES), files, run / "curves.png")
    messages.print(f"report in {files.html}")
    return decided(found[0], found[1], _NAMES)
