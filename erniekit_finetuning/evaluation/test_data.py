"""Whatever a user has as test data, as a test set: pairs in any format, records, or a folder."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from erniekit_finetuning.data.building import Building
from erniekit_finetuning.data.formats.detecting import format_of
from erniekit_finetuning.data.preparing import Summary, prepare
from erniekit_finetuning.data.prompts import Instruction
from erniekit_finetuning.data.record import Folders
from erniekit_finetuning.data.rows import read_rows
from erniekit_finetuning.data.schemas.own import read_own_schema
from erniekit_finetuning.data.shards import Plan
from erniekit_finetuning.data.sources.active_learning import Reading
from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.evaluation.document_folder import pairs_of_folder
from erniekit_finetuning.evaluation.test_set import TestSet, open_test_set

Step = Callable[[int], None]


def open_test_data(
    source: Path,
    made: Path,
    asked: Instruction | Path,
    limit: int | None = None,
    progress: Step = lambda records: None,
) -> TestSet:
    """Open test data; what is no file of pairs is made into one at `made` first.

    That is a folder of documents with their truth, a manifest, or reviewed records; their documents
    are asked with an instruction of ours, or for answers of the schema in a file, which their
    truths keep. Raises UnusableInput for what cannot be read, and when a record is rejected: a test
    set that lost documents would measure something else.
    """
    if source.is_dir():
        summary = pairs_of_folder(source, made, *_how(asked), progress)
    elif _is_pairs(source):
        return open_test_set(source, limit)
    else:
        folders = Folders(source.parent, source.parent, source.parent)
        plan = Plan(folders, *_how(asked))
        summary = prepare(str(source), made, plan, progress=progress)
    _complete(summary, made)
    return open_test_set(made, limit)


def check_readable(source: Path) -> None:
    """Raise UnusableInput for test data that is not there or cannot be read at all."""
    if not source.is_dir():
        next(read_rows(str(source)), None)


def _how(asked: Instruction | Path) -> tuple[Reading, Building]:
    if isinstance(asked, Instruction):
        return Reading(), Building(asked)
    return Reading(schema=read_own_schema(asked)), Building()


def _is_pairs(source: Path) -> bool:
    row = next(islice(read_rows(str(source)), 1), None)
    if row is None or row.problem is not None:
        return True  # its reader tells what is wrong
    try:
        format_of(row.value)
    except UnusableInput:
        return False
    return True


def _complete(summary: Summary, made: Path) -> None:
    if summary.rejected:
        reason, _ = summary.reasons.most_common(1)[0]
        aside = made.with_name(f"{made.stem}.rejected.jsonl")
        cure = f"mend or remove them, see {aside}"
        found = f"{summary.rejected} of {summary.read}; {reason}"
        raise UnusableInput(Problem("documents without a usable truth", found=found, cure=cure))
