"""The models of a chat: a whole model, or an adapter beside its base, asked the same way."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from erniekit_finetuning.engines.locating import Source, locate, on_base
from erniekit_finetuning.engines.prompting import Prompting, read_prompting
from erniekit_finetuning.engines.reading import GreedyReader
from erniekit_finetuning.engines.registry import get_engine
from erniekit_finetuning.errors import Problem, UnusableInput

Which = Literal["base", "tuned", "both"]


@dataclass(frozen=True)
class Side:
    """One model: what it is (`base`, `tuned`, or `model` where there is one alone), how it is
    called, and what answers."""

    kind: str
    name: str
    reader: GreedyReader


@dataclass(frozen=True)
class Sides:
    """The loaded models, base first, and the system turn that they were trained with, if any."""

    models: tuple[Side, ...]
    system_prompt: str | None

    def __getitem__(self, kind: str) -> Side:
        """The model of that kind; raises UnusableInput where it is not loaded."""
        for side in self.models:
            if side.kind == kind:
                return side
        expected = ", ".join(side.kind for side in self.models)
        raise UnusableInput(
            Problem("no such model is loaded", field="side", found=kind, expected=expected)
        )


@dataclass(frozen=True)
class Part:
    """A model that is not loaded yet: what it is, how it is called, and where it lies."""

    kind: str
    name: str
    source: Source


def open_sides(
    model: str | None,
    adapter: str | None = None,
    which: Which = "both",
    engine: str | None = None,
    chat_template: Path | None = None,
) -> Sides:
    """Load what is asked, base and tuned in the tuned one's template, without a system turn.

    `model`: a model, run or adapter; with `adapter`, the base that it is computed on. `engine`
    left out: the one that runs such models (`engine_for`). `chat_template`: a file in the place of
    the model's own. Raises UnusableInput when there is no template, or when adapter and base do
    not belong together.
    """
    source = located(model, adapter)
    prompting = asked_as(source, chat_template)
    silent = replace(prompting, system_prompt=None)
    models = tuple(
        Side(part.kind, part.name, load_part(part, engine, silent)) for part in parts(source, which)
    )
    return Sides(models, prompting.system_prompt)


def located(model: str | None, adapter: str | None) -> Source:
    """Where the models lie; raises UnusableInput as `locate` and `on_base` do."""
    if adapter is not None:
        return locate(adapter) if model is None else on_base(model, adapter)
    if model is None:
        cure = "give --model, --adapter or both"
        raise UnusableInput(Problem("no model is named", field="--model", cure=cure))
    return locate(model)


def asked_as(source: Source, chat_template: Path | None) -> Prompting:
    """What a model was trained to be asked with, a template from a file in the place of its own."""
    prompting = read_prompting(source.adapter or source.base)
    if chat_template is None:
        return prompting
    try:
        return replace(prompting, chat_template=chat_template.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        file = str(chat_template)
        raise UnusableInput(Problem(f"cannot be read: {error}", file=file)) from error


def parts(source: Source, which: Which) -> list[Part]:
    """The models to load: an adapter and its base, or the one that there is.

    Raises UnusableInput for the base or the tuned one where there is no adapter.
    """
    if source.adapter is None:
        if which == "both":
            return [Part("model", source.base.name, source)]
        cure = "name a run or an adapter"
        what = "there is no adapter: base and tuned model are one"
        raise UnusableInput(Problem(what, file=str(source.base), cure=cure))
    folder = source.adapter.resolve()
    name = folder.parent.name if folder.name == "adapter" else folder.name
    both = [
        Part("base", source.base.name, Source(source.base)),
        Part("tuned", name, source),
    ]
    return [part for part in both if which in ("both", part.kind)]


def load_part(part: Part, engine: str | None, prompting: Prompting, rows: int = 1) -> GreedyReader:
    """A model that answers up to `rows` prompts side by side, asked as `prompting` says.

    Raises UnusableInput where neither it nor the model has a chat template.
    """
    reader = get_engine(engine or engine_for(part.source.base)).load(part.source, rows)
    assert isinstance(reader, GreedyReader)
    reader.ask_as(prompting)
    if reader.chat_template is None:
        raise UnusableInput(
            Problem(
                "the model has no chat template: it was not made for conversations",
                file=str(part.source.adapter or part.source.base),
                cure="name a file with one (Jinja): --chat-template, and data.chat_template in the "
                "recipe that tunes it",
            )
        )
    return reader


def engine_for(base: Path) -> str:
    """The engine that answers for such a model: Paddle's for dense ERNIE-4.5, where installed."""
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    dense = config.get("model_type") == "ernie4_5"
    return "paddle" if dense and find_spec("paddle") is not None else "hf"
