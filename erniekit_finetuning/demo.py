"""`ernie-invoice demo`: the whole loop, from invoices to a served, fine-tuned model.

The task is a team's own: its JSON has keys that the small base model never saw, its invoices have
layouts and wordings that it never saw. Base and tuned model are asked in the same words and held to
the same schema. Every step is kept under runs/demo, so a second run reuses it and a killed run goes
on.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from erniekit_finetuning.console import messages
from erniekit_finetuning.extraction import UnreadableAnswer
from erniekit_finetuning.files import write_text
from erniekit_finetuning.shipped import shipped

if TYPE_CHECKING:
    from erniekit_finetuning.evaluation.result import Evaluation

T = TypeVar("T")
BASE = "ernie-4.5-tiny"
WORKERS = 2
CONFIG = Path("configs/generator/house.yaml")
RECIPE = Path("configs/ernie-4.5-tiny/invoice.yaml")
SCHEMA = Path("configs/schemas/house.schema.json")
TRAIN_SEED, TEST_SEED = 11, 12


@dataclass(frozen=True)
class Demo:
    """Where the demo works and how many invoices it draws."""

    folder: Path
    train: int
    test: int


def demo(
    output: Annotated[Path, typer.Option(help="Folder to work in or to go on in.")] = Path(
        "runs/demo"
    ),
    train: Annotated[int, typer.Option(help="Invoices to train on.")] = 200,
    test: Annotated[int, typer.Option(help="Invoices to measure on.")] = 40,
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Changes to the recipe.")
    ] = None,
) -> None:
    """Generate invoices, fine-tune the small model on them, measure it, and read one invoice."""
    run_demo(Demo(output, train, test), overrides or [])


def run_demo(plan: Demo, overrides: list[str]) -> Path:
    """Run the loop; returns the path of the HTML report."""
    from erniekit_finetuning.evaluate import tell
    from erniekit_finetuning.evaluation.report import write_reports
    from erniekit_finetuning.evaluation.result import output_files
    from erniekit_finetuning.evaluation.table import compared

    train_pairs = _step("train set", lambda: _pairs(plan, "train", plan.train, TRAIN_SEED))
    test_pairs = _step("test set", lambda: _pairs(plan, "test", plan.test, TEST_SEED))
    run = plan.folder / "run"
    _step("training", lambda: _train(train_pairs, run, overrides))
    base = _step("base model", lambda: _evaluate(BASE, plan.folder / "base", test_pairs))
    tuned = _step("tuned model", lambda: _evaluate(str(run), plan.folder / "tuned", test_pairs))
    models, files = compared([base, tuned], ("base", "tuned")), output_files(plan.folder)
    write_reports(models, files, run / "curves.png")
    invoice = plan.folder / "test" / "pdfs" / "inv-000001.pdf"
    read = plan.folder / "extracted.json"
    _step("one invoice", lambda: _extract(invoice, run, read))
    tell(models)
    print(f"\n{plan.test} invoices of layouts and wordings that the base model never saw, read")
    print(f"into a team's own JSON: {shipped(SCHEMA)}")
    print(f"invoice  {invoice}")
    print(f"read as  {read}")
    print(f"model    {run}    serve it: ernie-invoice serve --model {run}")
    print(f"report   {files.html}")
    return files.html


def _step(name: str, work: Callable[[], T]) -> T:
    start = time.monotonic()
    result = work()
    messages.print(f"{name}: {time.monotonic() - start:.0f} s")
    return result


def _pairs(plan: Demo, name: str, count: int, seed: int) -> Path:
    from erniekit_finetuning.demo_truth import write_house_manifest
    from erniekit_finetuning.evaluation.test_data import open_test_data
    from synthetic_invoice_generator.config import load_config
    from synthetic_invoice_generator.dataset.generate import generate

    folder, pairs = plan.folder / name, plan.folder / f"{name}.jsonl"
    made = generate(load_config(shipped(CONFIG)), count, folder, seed, WORKERS, progress=True)
    if made.made or not pairs.exists():
        # The training set, too: a truth that breaks the schema ends the demo.
        open_test_data(write_house_manifest(folder), pairs, shipped(SCHEMA))
    return pairs


def _train(pairs: Path, run: Path, overrides: list[str]) -> None:
    from erniekit_finetuning.mixing import read_split
    from erniekit_finetuning.recipes.loading import load_recipe
    from erniekit_finetuning.training import train

    file = shipped(RECIPE)
    # The longest of some thousand of these invoices, with the instruction, are beyond 2,048 tokens.
    own = [f"data.schema={shipped(SCHEMA)}", "data.max_seq_len=3072"]
    recipe = load_recipe(file, [*own, *overrides])
    train(recipe, read_split(recipe, pairs), run, file)


def _evaluate(model: str, output: Path, pairs: Path) -> Evaluation:
    from erniekit_finetuning.evaluation.running import Options, evaluate_here, opened

    options = Options(schema=shipped(SCHEMA))
    return evaluate_here(model, opened(pairs, output, options), output, options)


def _extract(invoice: Path, run: Path, output: Path) -> None:
    from app.config.settings import settings_for
    from app.core.models.ernie_vlm_service import ErnieVLMService

    service = ErnieVLMService(settings_for(str(run)))
    try:
        read = service.extract(invoice).json_text(indent=2)
    except UnreadableAnswer as error:
        read = json.dumps({"error": str(error), "answer": error.answer}, indent=2)
    write_text(output, read + "\n")
