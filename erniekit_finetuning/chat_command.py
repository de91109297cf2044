"""`ernie-invoice chat`: talk with a model, or with base and tuned model side by side."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer

from erniekit_finetuning.chat.sides import Which, open_sides
from erniekit_finetuning.chat.talking import How, Talking
from erniekit_finetuning.chat.terminal import Terminal
from erniekit_finetuning.commands import serve_page
from erniekit_finetuning.console import messages
from erniekit_finetuning.engines.sampling import Sampling
from erniekit_finetuning.errors import Problem, UnusableInput

MODEL = "Model name, or a model, run or adapter folder; with --adapter: its base."

Adapter = Annotated[
    str | None, typer.Option(help="Adapter or run folder; without --model on its own base.")
]
Engine = Annotated[
    str | None, typer.Option(help="paddle or hf; left out: the one that runs such models.")
]
Device = Annotated[Literal["cpu", "gpu"], typer.Option(help="cpu (float32), or gpu (bfloat16).")]
ChatTemplate = Annotated[
    Path | None, typer.Option(help="Jinja file in the place of the model's own template.")
]


def chat(
    model: Annotated[str | None, typer.Option(help=MODEL)] = None,
    adapter: Adapter = None,
    answers: Annotated[
        Which, typer.Option(help="Of an adapter and its base, load: base, tuned or both.")
    ] = "both",
    terminal: Annotated[
        bool, typer.Option("--terminal", help="Here, in place of a page; a message a line.")
    ] = False,
    engine: Engine = None,
    device: Device = "cpu",
    chat_template: ChatTemplate = None,
    system: Annotated[
        str | None, typer.Option(help="System prompt; left out: the one it was tuned with.")
    ] = None,
    temperature: Annotated[
        float, typer.Option(help="At first; 0 always takes the likeliest.")
    ] = 0.7,
    top_p: Annotated[float, typer.Option(help="At first; 1 leaves no token out.")] = 0.95,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="At first: the longest answer.")] = 512,
    seed: Annotated[int, typer.Option(help="At first; the same gives the same answer.")] = 0,
    host: Annotated[str | None, typer.Option(help="Address; 127.0.0.1 when left out.")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 8000 when left out.")] = None,
) -> None:
    """Talk with a model, on a page or in the terminal, its base beside it. See docs/chat.md.

    On addresses that other machines reach only with a key (ERNIE_INVOICE_API__KEY), which is then
    the password.
    """
    sampling = Sampling(temperature, top_p, seed)
    use_device(device)

    def opened() -> tuple[Talking, How]:
        sides = open_sides(model, adapter, answers, engine, chat_template)
        told = (sides.system_prompt or "") if system is None else system
        return Talking(sides), How(told, max_new_tokens, sampling)

    if terminal:
        Terminal(*opened()).run()
        return
    try:
        from app.config.settings import settings_to_serve
        from app.ui.chat import Chat
    except ImportError as error:
        cure = 'pip install "ernie-invoice[app,desk]", or take --terminal'
        raise UnusableInput(Problem("the page is not installed", cure=cure)) from error
    at = settings_to_serve(None, None, host, port).api
    talking, how = opened()
    names = " and ".join(side.name for side in talking.sides.models)
    messages.print(f"{names} on http://{at.host}:{at.port}")
    serve_page(Chat(talking, how, at.key).app, at)


def use_device(device: Literal["cpu", "gpu"]) -> None:
    """Before an engine is imported: one that sees no GPU computes on the CPU, in float32."""
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
