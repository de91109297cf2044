"""`ernie-invoice answers`: what base and tuned model answer to the same prompts."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

from erniekit_finetuning.chat.answer_table import AnswerTable, Column, write_table
from erniekit_finetuning.chat.prompts import read_prompts
from erniekit_finetuning.chat.sides import Part, asked_as, load_part, located, parts
from erniekit_finetuning.chat_command import (
    MODEL,
    Adapter,
    ChatTemplate,
    Device,
    Engine,
    use_device,
)
from erniekit_finetuning.console import bar, messages
from erniekit_finetuning.engines.protocol import Question
from erniekit_finetuning.errors import Problem, UnusableInput


def answers(
    prompts: Annotated[Path, typer.Option(help="A prompt a line (.txt), or JSONL with messages.")],
    output: Annotated[Path, typer.Option(help="Folder for answers.html, .md and .jsonl.")],
    model: Annotated[str | None, typer.Option(help=MODEL)] = None,
    adapter: Adapter = None,
    baseline: Annotated[
        str | None, typer.Option(help="Another model in the place of the adapter's base.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N prompts.")] = None,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="Longest answer.")] = 512,
    batch_size: Annotated[int, typer.Option(min=1, help="Prompts answered side by side.")] = 16,
    engine: Engine = None,
    device: Device = "cpu",
    chat_template: ChatTemplate = None,
) -> None:
    """Answer prompts with base and tuned model and put the answers side by side.

    Both are asked in the same words and template and answer greedily, so a second run says the
    same.
    """
    if output.suffix:
        raise UnusableInput(Problem("not a folder", field="--output", found=str(output)))
    asked = tuple(read_prompts(prompts)[:limit])
    source = located(model, adapter)
    chosen = parts(source, "both")
    if baseline is not None:
        chosen = [Part("base", Path(baseline).name, located(baseline, None)), chosen[-1]]
    use_device(device)
    columns = []
    for part in chosen:
        messages.print(f"{part.kind} ({part.name}) ..", markup=False)
        # A base is asked as its adapter was trained to be asked, another model in its own way.
        own = source if baseline is None else part.source
        reader = load_part(part, engine, asked_as(own, chat_template), batch_size)
        questions = [Question(prompt.messages) for prompt in asked]
        with bar(part.kind, len(asked)) as step:
            said = reader.generate(questions, max_new_tokens, lambda index, answer: step(1))
        columns.append(Column(f"{part.kind} ({part.name})", tuple(said)))
        del reader
        gc.collect()  # the next model has its memory
    how = f"{len(asked)} prompts of {prompts.name}, greedy, at most {max_new_tokens} tokens each."
    table = AnswerTable(asked, tuple(columns), how)
    for text in table.sentences():
        messages.print(text, markup=False)
    print(write_table(table, output))
