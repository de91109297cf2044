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
    engine: str

    def __getitem__(self, kind: str) -> Side:
        """The model of that kind; raises UnusableInput where it is not loaded."""
        for side in self.models:
            if side.kind == kind:
                return side
        expected = ", ".join(side.kind for side in self.models)
        raise UnusableInput(
            Problem("no such model is loaded", field="side", found=kind, expected=expected)
        )


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
    name = engine or engine_for(source.base)
    prompting = read_prompting(source.adapter or source.base)
    asked = replace(prompting, system_prompt=None)
    if chat_template is not None:
        asked = replace(asked, chat_template=_template(chat_template))
    models = tuple(
        Side(kind, called, _loaded(part, name, asked))
        for kind, called, part in parts(source, which)
    )
    return Sides(models, prompting.system_prompt, name)


def located(model: str | None, adapter: str | None) -> Source:
    """Where the models lie; raises UnusableInput as `locate` and `on_base` do."""
    if adapter is not None:
        return locate(adapter) if model is None else on_base(model, adapter)
    if model is None:
        cure = "give --model, --adapter or both"
        raise UnusableInput(Problem("no model is named", field="--model", cure=cure))
    return locate(model)


def parts(source: Source, which: Which) -> list[tuple[str, str, Source]]:
    """The models to load: what each is, how it is called, and where it lies.

    Raises UnusableInput for the base or the tuned one where there is no adapter.
    """
    if source.adapter is None:
        if which == "both":
            return [("model", source.base.name, source)]
        cure = "name a run or an adapter"
        what = "there is no adapter: base and tuned model are one"
        raise UnusableInput(Problem(what, file=str(source.base), cure=cure))
    inside_run = source.adapter.name == "adapter"
    tuned = (source.adapter.parent if inside_run else source.adapter).resolve().name
    both = [
        ("base", source.base.name, Source(source.base)),
        ("tuned", tuned, source),
    ]
    return [part for part in both if which in ("both", part[0])]


def engine_for(base: Path) -> str:
    """The engine that answers for such a model: Paddle's for dense ERNIE-4.5, where installed."""
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    dense = config.get("model_type") == "ernie4_5"
    return "paddle" if dense and find_spec("paddle") is not None else "hf"


def _loaded(source: Source, engine: str, prompting: Prompting) -> GreedyReader:
    reader = get_engine(engine).load(source)
    assert isinstance(reader, GreedyReader)
    reader.ask_as(prompting)
    if reader.chat_template is None:
        raise UnusableInput(
            Problem(
                "the model has no chat template: it was not made for conversations",
                file=str(source.adapter or source.base),
                cure="name a file with one (Jinja): --chat-template, and data.chat_template in the "
                "recipe that tunes it",
            )
        )
    return reader


def _template(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(Problem(f"cannot be read: {error}", file=str(file))) from error
