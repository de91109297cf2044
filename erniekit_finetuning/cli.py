"""`ernie-invoice`: one verb a job."""

from __future__ import annotations

import typer

from erniekit_finetuning import commands
from erniekit_finetuning.adapter_commands import adapter_app, merge_command
from erniekit_finetuning.answers_command import answers
from erniekit_finetuning.calibrate import calibrate
from erniekit_finetuning.chat_command import chat
from erniekit_finetuning.check import check
from erniekit_finetuning.compare import compare, report
from erniekit_finetuning.console import run
from erniekit_finetuning.curves_command import curves
from erniekit_finetuning.demo import demo
from erniekit_finetuning.doctor import doctor
from erniekit_finetuning.evaluate import evaluate
from erniekit_finetuning.improve import improve, rollback
from erniekit_finetuning.prepare_data import prepare_data
from erniekit_finetuning.recipe_command import recipe
from erniekit_finetuning.train_ernie_lora import train_ernie_lora
from erniekit_finetuning.validate_data import validate_data

app = typer.Typer(
    help="Fine-tune an ERNIE model to read your invoices, measure it, and run it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo)
app.command("doctor")(doctor)
app.command("generate")(commands.generate)
app.command("prepare")(prepare_data)
app.command("validate-data")(validate_data)
app.command("train")(train_ernie_lora)
app.add_typer(recipe, name="recipe")
app.command("curves")(curves)
app.command("evaluate")(evaluate)
app.command("calibrate")(calibrate)
app.command("compare")(compare)
app.command("answers")(answers)
app.command("report")(report)
app.command("merge")(merge_command)
app.add_typer(adapter_app, name="adapter")
app.command("check")(check)
app.command("extract")(commands.extract)
app.command("serve")(commands.serve)
app.command("desk")(commands.desk)
app.command("chat")(chat)
app.command("corrections")(commands.corrections)
app.command("improve")(improve)
app.command("rollback")(rollback)


def main() -> None:
    """Entry point of the `ernie-invoice` command."""
    run(app)


if __name__ == "__main__":
    main()
