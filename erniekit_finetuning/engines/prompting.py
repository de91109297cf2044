"""What a model was trained to be asked with, kept beside its adapter for whoever asks it later."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from erniekit_finetuning.errors import Problem, UnusableInput
from erniekit_finetuning.files import write_json
from erniekit_finetuning.recipes.data_section import DataSection

PROMPTING_FILE = "prompting.json"


@dataclass(frozen=True)
class Prompting:
    """A system turn before each conversation, and a template in the place of the model's own."""

    system_prompt: str | None = None
    chat_template: str | None = None


def prompting_of(data: DataSection) -> Prompting:
    """What a recipe asks for; raises UnusableInput when its template cannot be read."""
    if data.chat_template is None:
        return Prompting(data.system_prompt)
    try:
        return Prompting(data.system_prompt, Path(data.chat_template).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        field, found = "data.chat_template", data.chat_template
        what = f"cannot be read: {error}"
        raise UnusableInput(Problem(what, field=field, found=found)) from error


def write_prompting(folder: Path, prompting: Prompting) -> None:
    """Keep it with the adapter or model in `folder`, when there is anything to keep."""
    if prompting != Prompting():
        write_json(folder / PROMPTING_FILE, asdict(prompting))


def read_prompting(folder: Path) -> Prompting:
    """What the adapter or model in `folder` is to be asked with."""
    file = folder / PROMPTING_FILE
    if not file.is_file():
        return Prompting()
    return Prompting(**json.loads(file.read_text(encoding="utf-8")))
